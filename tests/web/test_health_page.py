"""The health page: every counter says what it counts."""

from dataclasses import replace

from flask.testing import FlaskClient

from diamond_viewer.feed import ingest
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.web.health_page import COUNTERS
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.web.html_outline import Outline

COUNTED = {*ingest.COUNTERS, *MemoryStore(2**20).health().counters}


def counters_of(client: FlaskClient) -> dict[str, str]:
    """Title -> meaning, as the page shows them."""
    page = Outline(client.get("/health").get_data(as_text=True))
    titles = [element.words() for element in page.find(class_="counter__title")]
    return dict(zip(titles, [element.words() for element in page.find(class_="counter__meaning")], strict=True))


def test_the_page_knows_the_counters_of_feed_and_index_and_no_others() -> None:
    assert set(COUNTERS) == COUNTED


def test_every_counter_explains_itself(client_of: MakeClient) -> None:
    store = PlainStore()
    store.report(replace(LIVE, counters=dict.fromkeys(sorted(COUNTED), 1)))
    shown = counters_of(client_of(store))
    assert len(shown) > len(COUNTED)
    assert [title for title, meaning in shown.items() if not meaning] == []
