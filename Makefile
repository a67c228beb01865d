# `make` alone lists the targets. Everything lives in .venv; a stamp file per requirements file makes the second run start at once.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
TRACES ?=
ARGS ?=
STORIES ?= 100000
export TRACES
unexport PYTHONDONTWRITEBYTECODE # the tests start hundreds of Pythons: each would compile the viewer again

VENV := .venv
PEERS := .venv-peers
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
TOOLS := $(VENV)/.tools-installed
JAVASCRIPT := tests/receive/javascript
SDK := $(JAVASCRIPT)/node_modules/.sdk-installed
SCHEMATHESIS := .venv-schemathesis
JSON_SDK := .venv-json-sdk
PROMTOOL := .promtool/usr/bin/promtool
NGINX := .nginx/usr/sbin/nginx
ENGINE_FOLDER := tests/clickhouse/engine
ENGINE := $(ENGINE_FOLDER)/node_modules/.engine-installed
SOURCES := app.py diamond_viewer tests
PIP_INSTALL := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --no-deps

# $(call debian,PACKAGE,WHY): install a Debian package as root or with sudo that asks nothing; else say what is missing
define debian
	as_root=; test "$$(id -u)" = 0 || as_root='sudo -n'; \
	if command -v apt-get >/dev/null && $$as_root true 2>/dev/null; then \
		echo "Installing Debian's $(1): $(2)."; \
		{ $$as_root apt-get update -qq && \
		  $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1); } </dev/null >/dev/null \
		|| { echo "Debian's $(1) could not be installed; the lines above say why." >&2; exit 1; }; \
	else \
		echo "$(2): install it first, on Debian with: sudo apt-get install $(1)" >&2; exit 1; \
	fi
endef

.PHONY: help run demo test test-cluster check format lint types bench bench-peers bench-search load soak-load soak fuzz pictures newcomer setup setup-cluster browser promtool nginx jq openssl units bench-cluster

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUNTIME) ## show TRACES=/path/traces.json, else this machine's collector file, else the demo (ARGS="--port 9000")
	@exec $(BIN)/python app.py $(ARGS) $${TRACES:+-- "$$TRACES"}

demo: $(RUNTIME) ## show realistic traffic that is written while you look
	@exec $(BIN)/python app.py --demo $(ARGS)

test: $(TOOLS) $(SDK) $(SCHEMATHESIS)/.installed $(JSON_SDK)/.installed browser promtool nginx jq units ## run all tests (ARGS="-k sizes" for some)
	@$(BIN)/python -m pytest $(ARGS)

test-cluster: $(TOOLS) $(ENGINE) nginx openssl ## run the tests that need a real ClickHouse, which it installs (180 MB)
	@$(BIN)/python -m pytest tests/cluster $(ARGS)

check: lint types test ## format, lint, types and tests: what CI runs

format: $(TOOLS) ## set the code
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

lint: $(TOOLS) ## is the code set, and free of likely bugs
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)

types: $(TOOLS) ## do the types fit
	@$(BIN)/mypy

bench: $(TOOLS) ## how fast, and in how much memory; writes docs/benchmarks.md (ARGS="living" for one group)
	@$(BIN)/python -m tests.bench $(ARGS)

bench-peers: $(TOOLS) $(PEERS)/.installed ## how fast DuckDB, chdb, SQLite, jq and Arize Phoenix are on the same bytes
	@$(BIN)/python -m tests.bench.peers --python $(PEERS)/bin/python $(ARGS)

bench-search: $(TOOLS) ## how fast searches are
	@$(BIN)/python -m tests.bench.searching $(ARGS)

bench-cluster: $(TOOLS) $(ENGINE) ## how fast a cluster's pages are; writes docs/benchmarks-cluster.md
	@$(BIN)/python -m tests.bench.clustering $(ARGS)

load: $(TOOLS) ## 100 readers and 5,000 spans/s for 60 s; writes its chapter of docs/benchmarks.md
	@$(BIN)/python -m tests.bench.loading $(ARGS)

soak-load: $(TOOLS) ## the same for MINUTES=30, with memory that fills up
	@$(BIN)/python -m tests.bench.loading --seconds $$(($(or $(MINUTES),30) * 60)) --memory 256MiB --chapter Soak $(ARGS)

fuzz: $(TOOLS) ## what strangers send, against atheris for MINUTES=10, which it installs (ARGS=redaction for one target)
	@$(BIN)/python -c 'import atheris' 2>/dev/null || { echo "Installing atheris into $(VENV) ..."; $(PIP_INSTALL) atheris==3.0.0; }
	@$(BIN)/python -m tests.fuzz $(ARGS) -max_total_time=$$(($(or $(MINUTES),10) * 60 / $(if $(ARGS),1,6)))

soak: $(TOOLS) ## follow files through STORIES=100000 random stories
	@STORIES=$(STORIES) $(BIN)/python -m pytest --timeout=0 -k stories tests/feed $(ARGS)

pictures: $(TOOLS) browser ## take the pictures of README.md anew
	@$(BIN)/python -m tests.pictures

newcomer: ## how long it takes from a fresh clone to the first trace on the page, with nothing cached
	@$(PYTHON) tests/newcomer.py $(ARGS)

setup: $(TOOLS) $(SDK) $(SCHEMATHESIS)/.installed $(JSON_SDK)/.installed browser promtool nginx jq units ## only install what the other targets need

setup-cluster: $(TOOLS) $(ENGINE) nginx openssl ## likewise for test-cluster

browser: # the shell is Chromium without a window: the same pages in a third of the processor time
	@command -v chromium-headless-shell >/dev/null \
		|| ( $(call debian,chromium-headless-shell,The browser tests are quickest in Chromium's headless shell) ) \
		|| command -v chromium >/dev/null || { $(call debian,chromium,The browser tests need Chromium); }

openssl:
	@command -v openssl >/dev/null || { $(call debian,openssl,The tests of a cluster ask one by TLS); }

jq:
	@command -v jq >/dev/null || { $(call debian,jq,The tests hold the command line against recipes for jq); }

promtool: # Debian's package also starts a Prometheus: only the one program is taken out of it
	@command -v promtool >/dev/null || test -x $(PROMTOOL) || { \
		command -v apt-get >/dev/null || { echo "The alert rules are checked by promtool: install Prometheus first." >&2; exit 1; }; \
		echo "Taking promtool out of Debian's prometheus into .promtool ..."; \
		mkdir -p .promtool && cd .promtool && rm -f *.deb; \
		apt-get download -qq prometheus >/dev/null 2>&1 || { $(call debian,dpkg,Debian's lists of packages are missing); \
			apt-get download -qq prometheus >/dev/null; }; \
		dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool && rm -f *.deb; \
	}

units:
	@command -v systemd-analyze >/dev/null || { $(call debian,systemd,The tests check the unit of docs/install.md); }

nginx: # likewise: the package starts a web server on port 80
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || test -x $(NGINX) || { \
		command -v apt-get >/dev/null || { echo "The tests put a real nginx before the viewer: install it first." >&2; exit 1; }; \
		echo "Taking nginx out of Debian's package into .nginx ..."; \
		mkdir -p .nginx && cd .nginx && rm -f *.deb; \
		apt-get download -qq nginx >/dev/null 2>&1 || { $(call debian,dpkg,Debian's lists of packages are missing); \
			apt-get download -qq nginx >/dev/null; }; \
		dpkg-deb --fsys-tarfile nginx_*.deb | tar -x ./usr/sbin/nginx && rm -f *.deb; \
	}

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "Diamond Viewer needs Python 3.11 or newer as '$(PYTHON)'; name another with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(call debian,python3-venv,Python's venv module is missing); }
	@$(PYTHON) -m venv $(VENV)

$(SDK): $(JAVASCRIPT)/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null \
		|| { $(call debian,nodejs npm,The tests let OpenTelemetry's JavaScript SDK send and need Node with npm); }
	@echo "Installing OpenTelemetry's JavaScript SDK into $(JAVASCRIPT)/node_modules ..."
	@cd $(JAVASCRIPT) && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null
	@touch $@

$(ENGINE): $(ENGINE_FOLDER)/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null \
		|| { $(call debian,nodejs npm,The ClickHouse of the tests comes from npm); }
	@echo "Installing ClickHouse for the tests into $(ENGINE_FOLDER)/node_modules ..."
	@cd $(ENGINE_FOLDER) && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null
	@touch $@

$(PEERS)/.installed: tests/bench/peers/requirements.txt | $(BIN)/python
	@echo "Installing what make bench-peers races against into $(PEERS) ..."
	@$(PYTHON) -m venv $(PEERS)
	@grep -v '^#' tests/bench/peers/requirements.txt | while read -r peer; do \
		$(PEERS)/bin/python -m pip install --quiet --no-input --disable-pip-version-check "$$peer" \
			|| echo "$$peer cannot be installed here; its row will say so." >&2; \
	done
	@touch $@

$(RUNTIME): requirements.txt | $(BIN)/python
	@echo "Installing what the viewer needs into $(VENV) ..."
	@$(PIP_INSTALL) --require-hashes -r requirements.txt
	@touch $@

$(SCHEMATHESIS)/.installed: tests/web/schemathesis/requirements.txt | $(BIN)/python
	@echo "Installing what the tests check the API with into $(SCHEMATHESIS) ..."
	@$(PYTHON) -m venv $(SCHEMATHESIS)
	@$(SCHEMATHESIS)/bin/python -m pip install --quiet --no-input --disable-pip-version-check --no-deps -r $<
	@touch $@

$(TOOLS): requirements-dev.txt $(RUNTIME)
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP_INSTALL) -r requirements-dev.txt
	@$(BIN)/python -m pip check --disable-pip-version-check >/dev/null \
		|| { $(BIN)/python -m pip check; echo "A pinned requirement lacks what it needs: pin that too." >&2; exit 1; }
	@touch $@

$(JSON_SDK)/.installed: tests/receive/json_sdk/requirements.txt | $(BIN)/python
	@echo "Installing OpenTelemetry's Python SDK with its JSON exporter into $(JSON_SDK) ..."
	@$(PYTHON) -m venv $(JSON_SDK)
	@$(JSON_SDK)/bin/python -m pip install --quiet --no-input --disable-pip-version-check --no-deps -r $<
	@touch $@
