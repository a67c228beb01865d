"""What a scenario is: takes, and the rules that must speak on them."""

from dataclasses import dataclass

from tests.diagnosis.staging import Take

GOOD, BAD, NEARLY = "good", "bad", "nearly bad"


@dataclass(frozen=True, slots=True)
class Scenario:
    """``name`` is also its file's. ``rules`` are all that must find something; on what is good or nearly bad, none for
    which it was made. ``why`` says in a few words what was changed.
    """

    name: str
    label: str
    takes: tuple[Take, ...]
    rules: tuple[str, ...] = ()
    why: str = ""


def good(name: str, *takes: Take, why: str = "") -> Scenario:
    return Scenario(name, GOOD, takes, (), why)


def nearly(name: str, *takes: Take, rules: tuple[str, ...] = (), why: str) -> Scenario:
    """Close to what a rule looks for. ``rules`` are others that speak all the same."""
    return Scenario(name, NEARLY, takes, rules, why)


def bad(name: str, *takes: Take, rules: tuple[str, ...], why: str = "") -> Scenario:
    return Scenario(name, BAD, takes, rules, why)
