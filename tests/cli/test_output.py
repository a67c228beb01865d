"""Where answers, remarks and colours go: a terminal, a pipe, a file."""

from collections.abc import Mapping
from io import StringIO

import pytest

from diamond_viewer.cli.output import Output


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("is_terminal", "environment", "colour", "is_coloured"),
    [
        (True, {}, "auto", True),
        (False, {}, "auto", False),
        (True, {"NO_COLOR": "1"}, "auto", False),
        (True, {"NO_COLOR": ""}, "auto", True),  # no-color.org: when it is not empty
        (True, {"TERM": "dumb"}, "auto", False),
        (True, {}, "never", False),
        (False, {}, "always", True),
        (False, {"NO_COLOR": "1"}, "always", True),
    ],
)
def test_colours_are_for_terminals_and_for_who_asks(
    is_terminal: bool, environment: Mapping[str, str], colour: str, is_coloured: bool
) -> None:
    output = Output(Terminal() if is_terminal else StringIO(), StringIO(), environment, colour)
    assert (output.paint("x", "red") == "x") is not is_coloured
    assert output.plain().paint("x", "red") == "x"


def test_progress_is_drawn_on_standard_error_and_only_where_that_is_a_terminal() -> None:
    for err, shown in ((Terminal(), True), (StringIO(), False)):
        out = StringIO()
        output = Output(out, err, {})
        output.progress("43 %")
        output.line("an answer")
        assert out.getvalue() == "an answer\n"
        assert ("43 %" in err.getvalue()) is shown
        assert err.getvalue().endswith("\r\x1b[2K") is shown  # nothing of it stays


def test_a_remark_is_for_somebody_who_sits_there() -> None:
    for out, err, is_said in (
        (Terminal(), Terminal(), True),
        (StringIO(), Terminal(), False),
        (Terminal(), StringIO(), False),
    ):
        Output(out, err, {}).remark("More: --limit.")
        assert (err.getvalue() == "More: --limit.\n") is is_said


def test_what_telemetry_says_stays_on_its_line_and_moves_no_cursor() -> None:
    out = StringIO()
    output = Output(out, StringIO(), {}, "always")
    output.line(output.paint("a\x1b[2J\nb\r", "red"))
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().count("\x1b") == 2  # ours
    assert "\r" not in out.getvalue()
