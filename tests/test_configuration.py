"""The file of ``--config``: what each table does, and how a mistake is said."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.index.workers import worker_maker
from diamond_viewer.settings.configuration import TABLES, UNCONFIGURED, Configuration, read_configuration
from diamond_viewer.settings.configuration_check import checked
from diamond_viewer.settings.in_force import put_in_force
from diamond_viewer.settings.presentation import FACET_NAMES
from diamond_viewer.settings.settings import Settings
from diamond_viewer.settings.values import SettingsError
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.own_secrets import BUILT_IN
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.plain_store import PlainStore
from tests.web.conftest import TRACES
from tests.writing import event, line, span, trace_id

DOCS = Path(__file__).parents[1] / "docs" / "configuration.md"
EXAMPLE = re.search(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def example() -> Iterator[Configuration]:
    """That of the docs, in force for one test."""
    assert EXAMPLE
    configuration = Configuration.from_tables(tomllib.loads(EXAMPLE[1]))
    put_in_force(configuration.attributes, BUILT_IN)
    yield configuration
    put_in_force(UNCONFIGURED.attributes, BUILT_IN)


def client_over(store: MemoryStore, configuration: Configuration) -> FlaskClient:
    return create_app(store, clock=lambda: NOW_NS, configuration=configuration).test_client()


@pytest.fixture
def client(example: Configuration) -> FlaskClient:
    lines = (
        line(span(1, trace=1, attributes={"tenant.id": "t-1", "user.id": "nobody", "course.id": "c/1"})),
        line(span(2, trace=2, events=[event("tick", NOW_NS, **{"enduser.id": "t-2"})])),
        line(span(3, trace=3, attributes={"user.id": "nobody", "lesson.id": "none"})),
    )
    store = filled([lines])
    return client_over(store, example)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("user=t-1", [1]),
        ("lesson=c/1", [1]),
        ("user=t-2", [2]),
        ("q=user:t-*", [2, 1]),
        ('q="tenant.id":t-1', [1]),
        ("user=nobody", []),
        ("lesson=none", []),
        ("q=user.id:nobody", [3, 1]),  # an attribute like any other
    ],
)
def test_users_and_lessons_have_the_keys_that_were_said(client: FlaskClient, asked: str, numbers: list[int]) -> None:
    found = client.get(f"/api/traces?{asked}").get_json()
    assert sorted(trace["trace_id"] for trace in found["traces"]) == sorted(map(trace_id, numbers))


def test_workers_of_the_backlog_are_told(example: Configuration) -> None:
    worker = worker_maker()
    put_in_force(UNCONFIGURED.attributes, BUILT_IN)  # as in a process that knows nothing yet
    worker()
    assert semconv.carried_keys().user == ("tenant.id", "enduser.id")


def test_pages_carry_the_title_and_lead_elsewhere(client: FlaskClient) -> None:
    page = client.get("/trace-viewer.html").get_data(as_text=True)
    assert "· Course traces</title>" in page
    assert "Diamond Viewer" not in page
    opened = client.get(f"/traces/{trace_id(1)}").get_data(as_text=True)
    assert f'href="https://grafana.example/explore?trace={trace_id(1)}"' in opened
    assert "Open in Grafana" in opened
    lesson = client.get("/lessons/c%2F1").get_data(as_text=True)
    assert 'href="https://learn.example/courses/c%2F1"' in lesson


def test_facets_are_chosen_and_put_in_order() -> None:
    real_store = PlainStore.from_files([TRACES])
    configuration = Configuration.from_tables({"facets": {"shown": ["user", "service"]}})
    app = create_app(real_store, clock=lambda: NOW_NS, configuration=configuration)
    page = app.test_client().get("/trace-viewer.html").get_data(as_text=True)
    assert re.findall(r'id="facet-([\w-]+)"', page) == ["user", "service"]


def test_without_a_file_nothing_changes() -> None:
    assert (
        Configuration.from_tables({})
        == UNCONFIGURED
        == Configuration.from_tables({"facets": {}, "page": {}, "links": {}})
    )
    assert UNCONFIGURED.facets.shown == FACET_NAMES


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[page]\ntitel = 'x'", "2: page has no 'titel'. There is: title."),
        ("[page]\ntitle = 5", "2: title is '5'. It must be a text of 1 to 60 characters."),
        (
            "# first\n\n[attributes]\nuser = 7",
            "4: user must be a key or a list of keys, for example user = ['tenant.id'].",
        ),
        ("[links]\nlesson = 'https://{id}.example/'", "2: lesson is 'https://{id}.example/'. Write an address"),
        ("[links]\nlesson = 'https://a.example/'", "2: lesson is 'https://a.example/'. Write an address"),
        (
            "[links]\ntrace = {url = 'https://a.example/{id}', title = 'x'}",
            "2: trace has 'title'. A link has url and label.",
        ),
        ("[facets]\nshown = ['colour']", "2: shown holds 'colour', which is no facet."),
        ("[thresholds]\nslow_spam_ms = 1", '2: No rule knows the threshold "slow_spam_ms".'),
        ("[colours]\nx = 1", "1: 'colours' is not known. There are the tables:"),
        ("page = 1", "1: page must be a table. Write [page], and below it title = 'Our traces'."),
        ("[page\n", "is not TOML:"),
    ],
)
def test_a_mistake_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "viewer.toml"
    path.write_text(text)
    (problem,) = checked(str(path))
    assert said in problem
    with pytest.raises(SettingsError):
        read_configuration(str(path), "--config")


def test_each_table_says_what_is_wrong_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "viewer.toml"
    path.write_text("[page]\ntitle = ''\n[facets]\nshown = 1\n[links]\n")
    with pytest.raises(SystemExit) as stopped:
        Settings.from_arguments(["--check-config", str(path)], {})
    assert stopped.value.code == 2
    assert [sentence.partition(": ")[0] for sentence in capsys.readouterr().err.splitlines()] == [
        f"{path}:2",
        f"{path}:4",
    ]
    path.write_text("[page]\ntitle = 'x'\n")
    with pytest.raises(SystemExit) as stopped:
        Settings.from_arguments(["--check-config"], {"DIAMOND_CONFIG": str(path)})
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"{path} can be used. It sets [page].\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[redaction]\nkeys = ['iban']\n[attributes]\nlesson = ['a.b']\nuser = ['customer.iban']",
            "5: user holds 'customer.iban'",
        ),
        ("[attributes]\nuser = ['tenant.id']\nlesson = ['user.auth.token']", "3: lesson holds 'user.auth.token'"),
        ("[attributes]\nuser = ['customerIban']\n[redaction]\nkeys = ['iban']", "2: user holds 'customerIban'"),
    ],
)
def test_what_is_secret_cannot_name_users_or_lessons(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "viewer.toml"
    path.write_text(text)
    (problem,) = checked(str(path))
    assert f":{said}, which " in problem
    with pytest.raises(SettingsError, match=said.partition(": ")[2]):
        read_configuration(str(path), "--config")


def test_each_key_that_is_secret_is_told() -> None:
    tables = {
        "attributes": {"user": ["auth.token", "tenant.id"], "lesson": ["my.iban"]},
        "redaction": {"keys": ["iban"]},
    }
    with pytest.raises(ValueError, match=r"user holds 'auth\.token'.* lesson holds 'my\.iban'") as told:
        Configuration.from_tables(tables)
    assert "tenant.id" not in str(told.value)


def test_every_table_is_in_the_docs() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert [name for name in TABLES if f"| `[{name}]` |" not in text] == []
