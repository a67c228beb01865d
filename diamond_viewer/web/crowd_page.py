"""The page of an overloaded viewer: made once, and whole in one answer, because what it asked for would have to wait too."""

from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from diamond_viewer.web.assets import TOP
from diamond_viewer.web.trimming import trimmed_style

STYLES = ("tokens.css", "crowd.css")


@dataclass(frozen=True, slots=True)
class CrowdPage:
    """``policy`` is its Content-Security-Policy: its own style and nothing else."""

    policy: str
    body: bytes


@lru_cache(maxsize=1)
def crowd_page(sentence: str) -> CrowdPage:
    style = trimmed_style("\n".join((TOP / "static" / name).read_text("utf-8") for name in STYLES))
    loader = FileSystemLoader(TOP / "templates")
    templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    words = templates.get_template("crowd.html").render(sentence=sentence)
    body = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Busy · Diamond Viewer</title>\n<style>{style}</style>\n</head>\n{words}</html>\n"
    )
    return CrowdPage(
        f"default-src 'none'; style-src {policy_hash(style)}; base-uri 'none'; frame-ancestors 'none'", body.encode()
    )


def policy_hash(text: str) -> str:
    """A style or a script as a policy names what it allows."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
