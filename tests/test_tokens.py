from hashlib import sha256
from pathlib import Path

import pytest

from diamond_viewer.tokens import TokenFile, TokensError, read_tokens

OLD, NEW = "old-token-of-the-team", "new-token-of-the-team"


def test_comments_and_blank_lines_are_no_tokens(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"# the team\n\n  {OLD}  \r\n{NEW}\n{OLD}\n")
    assert read_tokens(str(tmp_path / "tokens")) == tuple(sha256(t.encode()).hexdigest() for t in (OLD, NEW))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "holds no token"),
        (b"# only a comment\n", "holds no token"),
        (b"hunter2\n", "holds a token that has not 16 to 512 characters"),
        (b"x" * 513, "holds a token that has not"),
        (b"\xff" * 20, "is no text"),
        (b"x" * 30 + b"\n" * 70_000, "has more than 65,536 bytes"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_lets_nobody_in_is_refused_and_not_quoted(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / "tokens").write_bytes(content)
    with pytest.raises(TokensError, match=complaint) as refusal:
        read_tokens(str(tmp_path / "tokens"))
    assert "hunter2" not in str(refusal.value)


def test_editing_the_file_lets_in_and_shuts_out(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(OLD)
    tokens = TokenFile(str(path))
    digest = tokens.match(OLD)
    assert digest
    assert digest in tokens.digests()
    assert not tokens.match(NEW)
    (tmp_path / "next").write_text(f"{NEW} ")
    (tmp_path / "next").rename(path)
    assert tokens.match(NEW)
    assert not tokens.match(OLD)
    assert digest not in tokens.digests()
    path.write_text("short")
    assert not tokens.match(NEW)
    path.unlink()
    assert not tokens.match(NEW)


@pytest.mark.parametrize("token", ["", OLD[:-1], f"{OLD}x", OLD.upper(), "\ud800", "x" * 100_000])
def test_what_is_none_of_them_lets_nobody_in(tmp_path: Path, token: str) -> None:
    (tmp_path / "tokens").write_text(OLD)
    assert TokenFile(str(tmp_path / "tokens")).match(token) is None
