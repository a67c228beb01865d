"""The commands of docs/integrations.md do what they say, on the sample that the tests have."""

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled

TOP = Path(__file__).parents[1]
DOCUMENT = (TOP / "docs" / "integrations.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
COMMANDS = [line for language, block in BLOCKS if not language for line in block.replace("\\\n", " ").splitlines()]
CURLS = [command for command in COMMANDS if command.startswith("curl ")]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    lines = (TOP / "tests" / "data" / "diamond-district" / "traces.json").read_bytes().splitlines()
    return create_app(filled([lines]), clock=lambda: NOW_NS).test_client()


@pytest.mark.parametrize("command", CURLS)
def test_a_command_is_answered(client: FlaskClient, command: str) -> None:
    headers, pairs, address = {}, [], ""
    words = iter(shlex.split(command, comments=True)[1:])
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "--data-urlencode":
            name, _, value = next(words).partition("=")
            pairs.append((name, value))
        elif word == "-o":
            next(words)
        elif word != "-G":
            assert not address, f"{word!r} is no option that this test knows"
            address = word
    target = urlsplit(address)
    assert (target.scheme, target.netloc) == ("http", "127.0.0.1:8000")
    path = f"{target.path}?{target.query}" if target.query else target.path
    response = client.get(path, headers=headers, query_string=pairs or None)
    assert response.status_code == 200, response.text
    assert response.data.strip(b" \n") not in (b"", b"[]", b"{}")
    answer = response.get_json(silent=True)
    if isinstance(answer, dict):  # on the sample each of them finds something
        assert answer.get("data", answer.get("traces", answer.get("tagValues", True)))


def test_there_are_commands_for_every_part() -> None:
    named = " ".join(CURLS)
    assert len(CURLS) >= 14
    assert all(part in named for part in ("/metrics", "/jaeger/api/", "/tempo/api/"))
