"""What an operator says is secret: in every place a name or a text can stand, in time that grows with the text alone."""

import pickle
import time
from collections.abc import Iterator

import pytest

from diamond_viewer.index.workers import worker_maker
from diamond_viewer.telemetry.model import Attributes
from diamond_viewer.telemetry.own_secrets import BUILT_IN, Redaction, rules
from diamond_viewer.telemetry.redact import enforce, redact_attributes, redact_span, redact_text
from diamond_viewer.telemetry.redactions import COUNTS, FURTHER, RedactionCounts
from tests.builders import event, span


@pytest.fixture(autouse=True)
def back_to_what_is_built_in() -> Iterator[None]:
    COUNTS.forget()
    yield
    enforce(BUILT_IN)
    COUNTS.forget()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/pay?iban=DE02120300000000202051&x=1", "/pay?iban=REDACTED&x=1"),
        ("/pay?customer%5BIBAN%5D=DE02&x=1", "/pay?customer%5BIBAN%5D=REDACTED&x=1"),
        ('sent {"customerIban":"DE02","amount":3}', 'sent {"customerIban":"REDACTED","amount":3}'),
        ("Iban: DE02", "Iban: REDACTED"),
        ("ibans=3", "ibans=3"),
        ("seen by ticket TCK-20511 today", "seen by ticket REDACTED today"),
        ("no secret at all", "no secret at all"),
    ],
)
def test_own_names_and_patterns_are_taken_out_of_texts(text: str, shown: str) -> None:
    enforce(Redaction(keys=("iban",), patterns=(r"TCK-\d+",)))
    assert redact_text(text) == shown
    assert redact_text(shown) == shown
    enforce(BUILT_IN)
    assert redact_text(text) == text


def test_own_names_are_taken_out_of_attributes_at_any_depth_also_numbers() -> None:
    enforce(Redaction(keys=("iban", "card-number")))
    attributes: Attributes = {
        "customer.iban": "DE02",
        "form": [{"cardNumber": 4111, "ok": True}],
        "number": 7,
        "iban.ok": True,
    }
    assert redact_attributes(attributes) == {
        "customer.iban": "REDACTED",
        "form": [{"cardNumber": "REDACTED", "ok": True}],
        "number": 7,
        "iban.ok": True,
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail to ada@example.org.", "mail to REDACTED."),
        ("/u?mail=ada%40example.org&x=1", "/u?mail=REDACTED&x=1"),
        ("ada@@example.org", "ada@@example.org"),
        ("ssh://git@host/x and @decorator", "ssh://REDACTED@host/x and @decorator"),
        ("\ud800 ada@example.org", "\ud800 REDACTED"),
    ],
)
def test_addresses_of_people_are_taken_out_on_request(text: str, shown: str) -> None:
    built_in = redact_text(text)
    assert "ada" in built_in or "ada" not in text
    enforce(Redaction(emails=True))
    assert redact_text(text) == shown


def test_with_redaction_off_everything_is_as_it_was_recorded() -> None:
    told = span("a", attributes={"password": "p"}, events=(event("login", 5, {"token": "t"}),))
    assert redact_span(told) is not told
    enforce(Redaction(is_on=False))
    assert redact_span(told) is told
    assert redact_text("/x?token=abc") == "/x?token=abc"


def taken_s(text: str) -> float:
    began_s = time.process_time()
    redact_text(text)
    return time.process_time() - began_s


def test_no_pattern_takes_longer_than_the_text_is_long() -> None:
    """In Python's re the first of these takes 2**30 steps for 30 characters."""
    enforce(Redaction(patterns=(r"(a+)+$", r"(?:a|a)*b", r"(?:x?){40}x{40}y"), emails=True))
    for seed in ("a", "x", "a@", "@", "a@a.", "a%40"):
        taken_s(seed * 1000)
        short_s, long_s = (min(taken_s(seed * count + "!") for _ in range(3)) for count in (20_000, 80_000))
        assert long_s < 4 * 4 * short_s + 0.01, seed


def test_what_another_process_takes_out_is_what_this_one_does() -> None:
    enforce(Redaction(keys=("iban",)))
    sent = pickle.dumps(worker_maker())
    enforce(BUILT_IN)
    pickle.loads(sent)()  # noqa: S301  as a worker of the backlog does
    assert rules().names == (("iban",),)


def test_what_is_taken_out_is_counted_under_its_key_and_never_quoted() -> None:
    redact_attributes({"password": "hunter2", "note": "?token=abc", "plain": 1, "?token=xyz": "Bearer abc.def"})
    told = span("GET /x?token=abc", attributes={"password": "p"}, events=(event("Bearer abc.def"),))
    redact_span(told)
    counted = COUNTS.now()
    assert counted.by_key == {
        "password": 2,
        "(event name)": 1,
        "(span name)": 1,
        "?token=REDACTED": 1,
        "note": 1,
    }
    assert counted.count == 6


def test_as_many_keys_as_a_producer_likes_take_no_more_memory() -> None:
    counts = RedactionCounts()
    for number in range(10_000):
        counts.add([f"password.{number}" + "x" * 1000])
    counted = counts.now()
    assert (counted.count, len(counted.by_key)) == (10_000, 201)
    assert counted.by_key[FURTHER] == 9_800
    assert max(map(len, counted.by_key)) == 100
