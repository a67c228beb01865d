"""Settings: what is accepted, what is refused and in which words."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from diamond_viewer.diagnosis.diagnose import DEFAULTS
from diamond_viewer.settings.settings import Settings, SettingsError, default_memory_bytes
from diamond_viewer.telemetry.own_secrets import Redaction

MIB = 1024**2


def test_without_flags_and_variables_the_defaults_hold() -> None:
    assert Settings.from_arguments([], {}) == Settings(
        patterns=(),
        host="127.0.0.1",
        port=8000,
        memory_bytes=default_memory_bytes(),
        demo=False,
        allowed_hosts=(),
        max_line_bytes=67_108_864,
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        pytest.param(
            "a.json --port 9000 b.json", {}, Settings(("a.json", "b.json"), port=9000), id="flags among patterns"
        ),
        pytest.param("--port 9000", {"DIAMOND_PORT": "9001"}, Settings(port=9000), id="a flag beats its variable"),
        pytest.param("", {"DIAMOND_PORT": " 9001 "}, Settings(port=9001), id="a variable beats the default"),
        pytest.param("", {"DIAMOND_PORT": ""}, Settings(), id="an empty variable is none"),
        pytest.param("", {"DIAMOND_DISTRICT_URL": "x", "PORT": "1"}, Settings(), id="other programs' variables"),
        pytest.param("--port 0", {}, Settings(port=0), id="any free port"),
        pytest.param("--memory 512MiB", {}, Settings(memory_bytes=536_870_912), id="binary size"),
        pytest.param("", {"DIAMOND_MEMORY": "2GB"}, Settings(memory_bytes=2_000_000_000), id="decimal size"),
        pytest.param(
            "--memory 256MiB",
            {},
            Settings(memory_bytes=268_435_456, max_line_bytes=33_554_432),
            id="little memory has shorter lines",
        ),
        pytest.param("--max-line 1.5mib", {}, Settings(max_line_bytes=1_572_864), id="size with decimals"),
        pytest.param("", {"DIAMOND_MAX_LINE": "4096"}, Settings(max_line_bytes=4096), id="size in bytes"),
        pytest.param("--demo", {}, Settings(demo=True), id="demo"),
        pytest.param("", {"DIAMOND_DEMO": "yes"}, Settings(demo=True), id="demo by variable"),
        pytest.param("--demo", {"DIAMOND_DEMO": "0"}, Settings(demo=True), id="a switch beats its variable"),
        pytest.param("x.json", {"DIAMOND_DEMO": "1"}, Settings(("x.json",)), id="a pattern beats the demo variable"),
        pytest.param("--prefix viewer/of/traces/", {}, Settings(prefix="/viewer/of/traces"), id="below a path"),
        pytest.param(
            "--proxy ::1",
            {"DIAMOND_PREFIX": "/v"},
            Settings(prefix="/v", proxies=("::1",)),
            id="a proxy that is only believed about addresses",
        ),
        pytest.param("--access-log", {}, Settings(access_log=True), id="requests are logged"),
        pytest.param("--no-redact", {}, Settings(no_redact=True), id="secrets on this machine"),
        pytest.param("--otlp 4318", {}, Settings(otlp=("127.0.0.1", 4318)), id="receive on this machine"),
        pytest.param("", {"DIAMOND_OTLP": "4318"}, Settings(otlp=("127.0.0.1", 4318)), id="receive by variable"),
        pytest.param("--otlp 0.0.0.0:4318", {}, Settings(otlp=("0.0.0.0", 4318)), id="receive from everywhere"),
        pytest.param("--otlp [::1]:0", {}, Settings(otlp=("::1", 0)), id="receive on any port of IPv6"),
        pytest.param(
            "--otlp localhost:4318 --otlp-store console *.json",
            {},
            Settings(("*.json",), otlp=("localhost", 4318), otlp_store="console"),
            id="print what is received",
        ),
        pytest.param(
            "--otlp-allow-origin http://LOCALHOST:3000 --otlp-allow-origin https://a.example,http://[::1]:80",
            {},
            Settings(otlp_origins=("http://localhost:3000", "https://a.example", "http://[::1]:80")),
            id="origins",
        ),
        pytest.param("--host localhost", {}, Settings(host="localhost"), id="loopback by name"),
        pytest.param("--host ::1", {}, Settings(host="::1"), id="loopback of IPv6"),
        pytest.param("--host [0:0:0:0:0:0:0:1]", {}, Settings(host="::1"), id="one spelling of an address"),
        pytest.param("--host 127.8.9.10", {}, Settings(host="127.8.9.10"), id="another loopback address"),
        pytest.param(
            "--allowed-host One.example --allowed-host two.example,[fe80::1]",
            {"DIAMOND_ALLOWED_HOST": "three.example"},
            Settings(allowed_hosts=("one.example", "two.example", "fe80::1")),
            id="names by flag",
        ),
        pytest.param(
            "--host 0.0.0.0 --trust-proxy-user X-User --proxy 10.0.0.2,::0001",
            {"DIAMOND_ALLOWED_HOST": "one.example, two.example"},
            Settings(
                host="0.0.0.0",
                allowed_hosts=("one.example", "two.example"),
                trust_proxy_user="X-User",
                proxies=("10.0.0.2", "::1"),
            ),
            id="a proxy that lets readers in opens other addresses",
        ),
    ],
)
def test_settings_are_read(arguments: str, environment: dict[str, str], expected: Settings) -> None:
    assert Settings.from_arguments(arguments.split(), environment) == expected


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--port", "http"], {}, "--port 'http' is not a port."),
        (["--port", "65536"], {}, "--port '65536' is not a port."),
        (["--port", "-1"], {}, "--port '-1' is not a port."),
        (["--port", "٣"], {}, "--port '٣' is not a port."),
        (["--port", ""], {}, "--port '' is not a port."),
        (["--port"], {}, "Argument --port: expected one argument."),
        ([], {"DIAMOND_PORT": "80x"}, "DIAMOND_PORT='80x' is not a port."),
        (["--memory", "lots"], {}, "--memory 'lots' is not a size. Write for example 512MiB or 2GB."),
        (["--memory", "1KiB"], {}, "--memory '1KiB' is out of range. The least is 1,048,576 bytes"),
        (["--memory", "999999TiB"], {}, "--memory '999999TiB' is out of range."),
        (["--memory", "9" * 400], {}, "is not a size."),
        ([], {"DIAMOND_MEMORY": "-1"}, "DIAMOND_MEMORY='-1' is not a size."),
        (["--max-line", "0"], {}, "--max-line '0' is out of range. The least is 1,024 bytes"),
        (["--max-line", "2GiB"], {}, "--max-line '2GiB' is out of range."),
        ([], {"DIAMOND_DEMO": "perhaps"}, "DIAMOND_DEMO='perhaps' is not a switch. Write 1 or 0."),
        (["--demo", "x.json"], {}, "--demo shows traffic of its own: leave out the PATTERN"),
        (["--demo=1"], {}, "Argument --demo: ignored explicit argument '1'."),
        (["--host", ""], {}, "--host '' is not an address or a host name."),
        (["--host", "http://localhost"], {}, "--host 'http://localhost' is not an address or a host name."),
        (["--host", "127.0.0.1:80"], {}, "--host '127.0.0.1:80' is not an address or a host name."),
        (["--host", "0.0.0.0"], {}, "--host 0.0.0.0 can be reached from other machines, and traces hold personal data"),
        (["--host", "::"], {}, "--host :: can be reached from other machines"),
        (["--host", "192.168.1.5"], {}, "traces hold personal data: let readers in by a token"),
        ([], {"DIAMOND_HOST": "viewer.example"}, "--host viewer.example can be reached from other machines"),
        (
            ["--host", "10.1.2.3", "--allowed-host", "a.example"],
            {},
            "--host 10.1.2.3 can be reached from other machines",
        ),
        (
            ["--host", "::", "--trust-proxy-user", "X-User", "--proxy", "10.0.0.2"],
            {},
            "--host :: is every address of this machine: say under which names readers come with --allowed-host NAME.",
        ),
        (
            ["--no-redact", "--proxy", "127.0.0.1"],
            {},
            "--no-redact shows passwords and tokens: it stays on this",
        ),
        *(
            (["--trust-proxy-user", name, "--proxy", "127.0.0.1"], {}, "is a header that is there whoever asks")
            for name in ("Host", "cookie", "X-Forwarded-For", "Authorization")
        ),
        (
            ["--no-redact", "--allowed-host", "a.example"],
            {},
            "--no-redact shows passwords and tokens: it stays on this",
        ),
        (
            ["--host", "10.1.2.3", "--trust-proxy-user", "X-User", "--proxy", "10.0.0.2"],
            {"DIAMOND_NO_REDACT": "1"},
            "--no-redact shows passwords and tokens: it stays on this machine.",
        ),
        (["--trust-proxy-user", "X-User"], {}, "--trust-proxy-user HEADER and --proxy ADDRESS belong together"),
        (["--prefix", "/a b"], {}, "--prefix '/a b' is no path. Write for example /viewer."),
        (["--prefix", "/../x"], {}, "is no path."),
        (["--prefix", "/"], {}, "is no path."),
        (["--prefix", "/traces"], {}, "--prefix '/traces' begins like an address of the viewer's own pages."),
        (["--trust-proxy-user", "X User"], {}, "--trust-proxy-user 'X User' is no name of a header."),
        (["--proxy", "nginx"], {}, "--proxy 'nginx' is no address."),
        (["--auth-token-file", "/nowhere/tokens"], {}, "--auth-token-file '/nowhere/tokens' cannot be read"),
        (["--allowed-host", "*"], {}, "--allowed-host '*' holds '*', which is not a host name."),
        (["--allowed-host", "https://a.example"], {}, "which is not a host name. Leave out scheme, port and wildcards"),
        (["--allowed-host", "a.example:443"], {}, "holds 'a.example:443', which is not a host name."),
        (["--allowed-host", "a" * 64], {}, "which is not a host name."),
        ([], {"DIAMOND_ALLOWED_HOST": "a.example,,"}, "DIAMOND_ALLOWED_HOST='a.example,,' holds '', which is not"),
        ([""], {}, "A PATTERN is empty or holds a NUL."),
        (["a\0b"], {}, "A PATTERN is empty or holds a NUL."),
        (["--prot", "9000"], {}, "Unrecognized arguments: --prot"),
        (["--mem", "1GiB"], {}, "Unrecognized arguments: --mem"),
        (["--otlp", "http"], {}, "--otlp 'http' is not a port."),
        (["--otlp", "a b:4318"], {}, "--otlp 'a b:4318' is not [HOST:]PORT. Write for example 4318"),
        (["--otlp", "::1:4318"], {}, "--otlp '::1:4318' is not [HOST:]PORT."),
        (["--otlp", ":4318"], {}, "--otlp ':4318' is not [HOST:]PORT."),
        (["--otlp", "4318", "--demo"], {}, "--demo writes traffic of its own: leave it out, or leave out --otlp."),
        (["--otlp", "4318", "*.json"], {}, "--otlp stores what comes in a file, and a glob is none"),
        (
            ["--otlp", "4318", "a.json.gz"],
            {},
            "--otlp stores what comes in plain lines, and 'a.json.gz' is compressed.",
        ),
        (["--otlp-store", "s3"], {}, "--otlp-store 's3' is not a store. Write file or console."),
        (["--otlp-allow-origin", "*"], {}, "--otlp-allow-origin '*' holds '*', which is no origin."),
        (["--otlp-allow-origin", "http://a/b"], {}, "which is no origin. Write scheme, host and port"),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence(
    arguments: list[str], environment: dict[str, str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)) as refusal:
        Settings.from_arguments(arguments, environment)
    assert "\n" not in str(refusal.value)
    assert capsys.readouterr() == ("", "")


def test_memory_is_by_default_a_quarter_of_the_machine() -> None:
    machine_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 256 * MIB <= default_memory_bytes() <= max(256 * MIB, machine_bytes // 4)


@pytest.mark.parametrize(
    ("memory_bytes", "reserve_bytes", "most_workers"),
    [
        (256 * MIB, 64 * MIB, 0),
        (512 * MIB, 128 * MIB, 1),
        (2048 * MIB, 128 * MIB, 2),
        (8192 * MIB, 128 * MIB, 10),
        (MIB, MIB // 4, 0),
    ],
)
def test_little_memory_keeps_room_for_a_line_and_does_without_workers(
    memory_bytes: int, reserve_bytes: int, most_workers: int
) -> None:
    settings = Settings.from_arguments(["--memory", str(memory_bytes)], {})
    assert settings.reserve_bytes == reserve_bytes
    assert settings.worker_count <= most_workers
    assert (settings.worker_count > 0) == (most_workers > 0)


def test_help_names_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        Settings.from_arguments(["--help"], {})
    text = capsys.readouterr().out
    flags = (
        "PATTERN",
        "--host",
        "--port",
        "--memory",
        "--demo",
        "--allowed-host",
        "--max-line",
        "--otlp",
        "--otlp-store",
        "--auth-token-file",
        "--trust-proxy-user",
        "--proxy",
        "--no-redact",
        "--access-log",
        "--prefix",
    )
    assert [flag for flag in (*flags, "--otlp-allow-origin") if flag not in text] == []


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (Settings(), ("localhost", "127.0.0.1", "::1")),
        (Settings(host="127.8.9.10"), ("localhost", "127.0.0.1", "::1", "127.8.9.10")),
        (Settings(host="::", allowed_hosts=("a.example",)), ("localhost", "127.0.0.1", "::1", "a.example")),
    ],
)
def test_requests_may_name_loopback_the_bound_host_and_what_was_allowed(
    settings: Settings, names: tuple[str, ...]
) -> None:
    assert settings.trusted_hosts == names


def test_a_configuration_file_sets_limits_of_the_rules(tmp_path: Path) -> None:
    (tmp_path / "viewer.toml").write_text("[thresholds]\nslow_span_ms = 250\nredirect_loop_count = 4\n")
    flag = Settings.from_arguments(["--config", str(tmp_path / "viewer.toml")], {}).configuration.thresholds
    variable = Settings.from_arguments([], {"DIAMOND_CONFIG": str(tmp_path / "viewer.toml")}).configuration.thresholds
    assert flag == variable == replace(DEFAULTS, slow_span_ms=250, redirect_loop_count=4)
    assert Settings.from_arguments([], {}).configuration.thresholds == DEFAULTS


def test_a_configuration_file_says_what_else_is_secret(tmp_path: Path) -> None:
    (tmp_path / "viewer.toml").write_text("[redaction]\nkeys = ['iban']\npatterns = ['CH[0-9]{19}']\nemails = true\n")
    settings = Settings.from_arguments(["--config", str(tmp_path / "viewer.toml")], {})
    assert settings.redaction == Redaction(("iban",), ("CH[0-9]{19}",), emails=True)
    assert replace(settings, no_redact=True).redaction.is_on is False


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"[thresholds]\nslow_spam_ms = 1", 'No rule knows the threshold "slow_spam_ms"'),
        (b"[thresholds]\nslow_span_ms = 'long'", "must be a number from 0 on"),
        (b"[thresholds]\nslow_span_ms = nan", "must be a number from 0 on"),
        (b"thresholds = 3", "thresholds must be a table"),
        (b"[limits]\nslow_span_ms = 1", "viewer.toml': 'limits' is not known."),
        (b"[redaction]\nkey = ['iban']", "redaction has no 'key'. There are: keys, patterns, emails."),
        (b"[redaction]\nkeys = 'iban'", "keys must be a list of texts, for example keys = \\['iban'\\]"),
        (b"[redaction]\nkeys = ['user_id']", "keys holds 'user_id', and traces are found by"),
        (b"[redaction]\nkeys = ['name']", "keys holds 'name', and traces are found by"),
        (b"[redaction]\nkeys = ['--']", "keys holds '--', which has no letter of ASCII and no digit."),
        (b"[redaction]\npatterns = ['(?=a)']", "which is no pattern of RE2: invalid perl operator"),
        (b"[redaction]\npatterns = ['a*']", "which also matches nothing at all, and so everywhere."),
        (b"[redaction]\nemails = 'yes'", "emails is 'yes'. It must be true or false."),
        (b"slow_span_ms: 1", "is not TOML"),
        (b"\xff", "is not TOML"),
        (None, "cannot be read"),
    ],
)
def test_a_configuration_file_that_cannot_be_used_is_refused(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / "viewer.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=complaint):
        Settings.from_arguments(["--config", str(tmp_path / "viewer.toml")], {})


@pytest.mark.parametrize(
    ("patterns", "path"),
    [
        ((), "/var/log/otel-collector/traces.json"),
        (("/data/*.json", "live.json", "other.json"), "live.json"),
        (("/data/*.json",), ""),
    ],
)
def test_the_live_file_is_the_first_pattern_that_is_no_glob(patterns: tuple[str, ...], path: str) -> None:
    assert Settings(patterns).live_path == path


def test_a_token_file_opens_other_addresses(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("a-token-of-the-team\n")
    settings = Settings.from_arguments(["--host", "10.1.2.3", "--auth-token-file", str(tmp_path / "tokens")], {})
    assert (settings.host, settings.auth_token_file) == ("10.1.2.3", str(tmp_path / "tokens"))
    (tmp_path / "tokens").write_text("hunter2\n")
    with pytest.raises(SettingsError, match="holds a token that has not 16 to 512 characters") as refusal:
        Settings.from_arguments(["--auth-token-file", str(tmp_path / "tokens")], {})
    assert "hunter2" not in str(refusal.value)
