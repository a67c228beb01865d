"""A trace id in whatever spelling it was found leads to its trace: in the search box, in addresses, in the API."""

from base64 import b64encode

import pytest
from flask.testing import FlaskClient

from diamond_viewer.query.language import parse
from diamond_viewer.query.terms import TraceIs
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.writing import line, log, logs_line, span

ID = "0af7651916cd43dd8448eb211c80319c"
SPELLINGS = {
    "hex": ID,
    "upper case": ID.upper(),
    "traceparent": f"00-{ID}-b7ad6b7169203331-01",
    "traceparent in upper case": f"00-{ID}-b7ad6b7169203331-01".upper(),
    "header": f"traceparent: 00-{ID}-b7ad6b7169203331-00",
    "b3": f"{ID}-b7ad6b7169203331-1",
    "x-ray": f"1-{ID[:8]}-{ID[8:]}",
    "base64": b64encode(bytes.fromhex(ID)).decode(),
}


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    wires = line({**span(1, name="here it is"), "traceId": ID}), line(span(1, trace=2))
    records = logs_line({**log("a record"), "traceId": ID})
    return create_app(filled([[*wires, records]]), clock=lambda: NOW_NS).test_client()


@pytest.mark.parametrize("spelt", SPELLINGS.values(), ids=SPELLINGS)
def test_every_way_to_a_trace_takes_every_spelling(client: FlaskClient, spelt: str) -> None:
    listed = client.get("/api/traces", query_string={"q": spelt}).get_json()
    assert [row["trace_id"] for row in listed["traces"]] == [ID]
    assert "here it is" in client.get("/trace-viewer.html", query_string={"trace": spelt}).text
    if "/" not in spelt:
        assert "here it is" in client.get(f"/traces/{spelt}").text
        assert client.get(f"/api/traces/{spelt}").status_code == 200


@pytest.mark.parametrize("spelt", [SPELLINGS["traceparent"], SPELLINGS["b3"], SPELLINGS["upper case"]])
def test_a_condition_among_others_takes_them_as_well(spelt: str) -> None:
    assert TraceIs(ID) in getattr(parse(f"status:ok trace:{spelt}"), "terms", ())
    assert TraceIs(ID) in getattr(parse(f"status:ok {spelt}"), "terms", ())


def test_what_may_be_the_id_of_something_else_stays_a_word() -> None:
    assert not isinstance(parse("0af76519-16cd-43dd-8448-eb211c80319c"), TraceIs)
    assert not isinstance(parse("internationalization12"), TraceIs)


def test_a_uuid_is_taken_where_only_a_trace_can_be_meant(client: FlaskClient) -> None:
    assert client.get("/api/traces/0af76519-16cd-43dd-8448-eb211c80319c").status_code == 200


@pytest.mark.parametrize(
    "spelt", ["0" * 32, f"ff-{ID}-b7ad6b7169203331-01", f"00-{'0' * 32}-b7ad6b7169203331-01", ID[:16]]
)
def test_what_is_no_trace_id_is_refused(client: FlaskClient, spelt: str) -> None:
    assert client.get(f"/api/traces/{spelt}").status_code == 404
