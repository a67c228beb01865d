"""Static files: vendored code is what it says it is, colours stand in one place, and text can be read on them."""

import gzip
import os
import re
from hashlib import sha256
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from diamond_viewer.web.assets import BUNDLES, Assets

STATIC = Path(__file__).parents[2] / "static"
AA_TEXT, AA_GRAPHIC = 4.5, 3.0

GROUNDS = ("ground", "panel", "panel-head", "hover", "selected")
READ_ON = {
    "text": (*GROUNDS, "control", "plain-soft"),
    "text-muted": (*GROUNDS, "control", "plain-soft"),
    "accent": ("ground", "panel", "hover", "selected"),
    "on-accent": ("accent-strong",),
    "error": ("error-soft", "panel", "hover", "selected"),
    "auth": ("auth-soft", "panel", "hover", "selected"),
    "slow": ("slow-soft", "panel", "hover", "selected"),
    "good": ("good-soft", "panel"),
}
SEEN_ON = {f"edge-{tone}": ("panel",) for tone in ("error", "auth", "slow")} | {
    "dot-live": ("panel",),
    "focus": ("panel",),
}


def tokens(theme: int) -> dict[str, tuple[int, ...]]:
    """``theme`` 0 is light, 1 is dark."""
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", (STATIC / "tokens.css").read_text())
    return {pair[0]: tuple(bytes.fromhex(pair[1 + theme][1:])) for pair in pairs}


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """WCAG 2.2, 1.4.3.

    >>> contrast((0, 0, 0), (255, 255, 255))
    21.0
    """
    shades = sorted((_luminance(one), _luminance(other)))
    return round((shades[1] + 0.05) / (shades[0] + 0.05), 2)


def _luminance(colour: tuple[int, ...]) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(READ_ON, AA_TEXT), (SEEN_ON, AA_GRAPHIC)], ids=["text", "graphics"])
def test_contrast_passes_wcag_aa(theme: int, pairs: dict[str, tuple[str, ...]], least: float) -> None:
    colours = tokens(theme)
    weak = {
        f"{name} on {ground}": contrast(colours[name], colours[ground])
        for name, grounds in pairs.items()
        for ground in grounds
        if contrast(colours[name], colours[ground]) < least
    }
    assert weak == {}


def test_only_tokens_name_a_colour() -> None:
    for path in STATIC.glob("*.css"):
        if path.name != "tokens.css":
            found = re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(", path.read_text())
            assert found == [], path.name


def test_every_token_that_is_used_is_defined_and_the_other_way_round() -> None:
    styles = {path.name: path.read_text() for path in STATIC.glob("*.css")}
    defined = set(re.findall(r"(?<![\w-])(--[\w-]+):", "".join(styles.values())))
    used = set(re.findall(r"var\((--[\w-]+)", "".join(styles.values())))
    assert used == defined


def test_vendored_code_is_what_its_author_published() -> None:
    said = dict(re.findall(r"^(\w+): (.+)$", (STATIC / "VENDOR.txt").read_text(), re.MULTILINE))
    assert sha256((STATIC / said["file"]).read_bytes()).hexdigest() == said["sha256"]
    assert said["version"] in said["file"]
    assert f'"{said["version"]}"' in (STATIC / said["file"]).read_text()
    assert (STATIC / "htmx-LICENSE.txt").exists()


def test_static_files_are_kept_forever_under_the_name_of_their_content(client: FlaskClient) -> None:
    html = client.get("/trace-viewer.html").text
    urls = re.findall(r'(?:href|src)="(/static/[^"]+)"', html)
    assert {url.partition("?")[0] for url in urls} >= {
        f"/static/{name}" for name in (*BUNDLES, "theme.js", "diamond.svg")
    }
    for url in urls:
        with client.get(url) as response:
            assert response.status_code == 200
            assert "immutable" in response.headers["Cache-Control"]
        assert re.search(r"\?v=[0-9a-f]{12}$", url)


def test_every_style_sheet_and_every_script_is_sent_once() -> None:
    beside = {
        "htmx-4.0.1.min.js",
        "theme.js",
        "import.js",
        "map.js",
        "offline.js",
        "crowd.css",
    }  # vendored, early, where imports are, on the map, offline file, in the page of a crowd
    parts = [part for parts in BUNDLES.values() for part in parts]
    assert len(parts) == len(set(parts))
    assert {*parts, *beside} == {path.name for pattern in ("*.css", "*.js") for path in STATIC.glob(pattern)}
    assert not any((STATIC / name).exists() for name in BUNDLES)


def test_scripts_of_a_bundle_share_no_names() -> None:
    for name in BUNDLES["pages.js"]:
        text = re.sub(r"^//.*\n", "", (STATIC / name).read_text(), flags=re.MULTILINE)
        assert text.startswith('"use strict";\n\n(() => {\n'), name
        assert text.endswith("\n})();\n"), name


@pytest.mark.parametrize("name", list(BUNDLES))
def test_a_bundle_is_its_files_one_after_the_other_and_asked_again_only_when_it_changed(
    client: FlaskClient, name: str
) -> None:
    response = client.get(f"/static/{name}")
    words = [re.findall(r"\w+", text) for text in (response.text, sources(name))]
    assert words[0] == words[1]
    assert response.mimetype in ("text/css", "text/javascript")
    assert client.get(f"/static/{name}", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304
    packed = client.get(f"/static/{name}", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.data) == response.data
    assert packed.headers["Vary"] == "Accept-Encoding"


def test_no_file_stays_open_behind_an_answer_that_nobody_closes(client: FlaskClient) -> None:
    content = (STATIC / "diamond.svg").read_bytes()
    whole = client.get("/static/diamond.svg")
    part = client.get("/static/diamond.svg", headers={"Range": "bytes=2-9"})
    known = client.get("/static/diamond.svg", headers={"If-None-Match": whole.headers["ETag"]})
    head = client.head("/static/diamond.svg")
    opened = {os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()}
    assert [path for path in opened if path.startswith(str(STATIC))] == []
    assert (whole.data, whole.mimetype, whole.content_length) == (content, "image/svg+xml", len(content))
    assert (part.status_code, part.data) == (206, content[2:10])
    assert (known.status_code, known.data) == (304, b"")
    assert (head.status_code, head.data) == (200, b"")
    assert client.get("/static/nothing.svg").status_code == 404


def sources(name: str) -> str:
    """The files of a bundle without comments, by other means than those that send it: with a look at each sign."""
    text, kept, at = "\n".join((STATIC / part).read_text() for part in BUNDLES[name]), "", 0
    while at < len(text):
        if name.endswith(".css") and text.startswith("/*", at):
            at = text.index("*/", at) + 2
        elif name.endswith(".js") and text.startswith("//", at) and not kept.rpartition("\n")[2].strip():
            at = text.index("\n", at)
        else:
            kept += text[at]
            at += 1
    return kept


def test_comments_can_be_told_from_texts_line_by_line() -> None:
    """What ``trimming`` relies on: no text of a script spans lines, no text of a style sheet looks like a comment."""
    for part in BUNDLES["pages.js"]:
        for number, written in enumerate((STATIC / part).read_text().splitlines(), 1):
            assert written.count("`") % 2 == 0, f"{part}:{number}"
            assert not written.endswith("\\"), f"{part}:{number}"
            assert "/*" not in written, f"{part}:{number}: write comments with //"
    for part in BUNDLES["pages.css"]:
        texts = re.findall(
            r"""[^\n"']*("[^"\n]*"|'[^'\n]*')""", re.sub(r"/\*.*?\*/", "", (STATIC / part).read_text(), flags=re.DOTALL)
        )
        assert not any("/*" in text for text in texts), part


def test_a_first_visit_weighs_less_than_60_kb(client: FlaskClient) -> None:
    """The page of 50 real traces and all that it loads, as it comes over the wire. Headroom is for what is added today."""
    page = client.get("/trace-viewer.html").text
    urls = {"/trace-viewer.html", *re.findall(r'(?:src|href)="(/static/[^"]+)"', page)}
    weights = {}
    for url in urls:
        with client.get(url, headers={"Accept-Encoding": "gzip"}) as response:
            weights[url] = len(response.data)
    assert sum(weights.values()) < 60_000, weights


def test_a_bundle_has_another_url_when_one_of_its_files_changed(tmp_path: Path) -> None:
    for part in BUNDLES["pages.css"]:
        (tmp_path / part).write_text("a {}\n")
    assets = Assets(tmp_path)
    before = assets.url("pages.css")
    assert assets.url("pages.css") == before
    (tmp_path / BUNDLES["pages.css"][-1]).write_text("b {}\n")
    assert assets.url("pages.css") != before
    assert assets.asset("pages.css").content.endswith(b"b {}\n")
