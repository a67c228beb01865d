"""What the fuzzer holds the language to, on texts that hypothesis makes up."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.query.fuzzing import ask
from tests.query.test_language import searches


@settings(max_examples=400, deadline=None)
@given(text=searches, cursor=st.integers(0, 400))
def test_whatever_is_typed_is_answered(text: str, cursor: int) -> None:
    ask(text, cursor)
