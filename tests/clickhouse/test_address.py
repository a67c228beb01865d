"""The address of a cluster: what may stand in it, and that its password stands nowhere else."""

from contextlib import closing
from pathlib import Path

import pytest

from diamond_viewer.clickhouse.address import Address, AddressError
from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.faults import ClusterError, fault_of, unreachable
from diamond_viewer.clickhouse.layout import source_of
from diamond_viewer.settings.settings import Settings, SettingsError

SECRET = "s3cr:t@/?#"
WRITTEN = "s3cr%3At%40%2F%3F%23"


def test_everything_that_may_stand_in_it_is_read() -> None:
    text = (
        f"clickhouses://me:{WRITTEN}@a.test,[::1]:9440/otel?table=x.spans&cluster=two&ca=/a&cert=/b&key=/c&longest=10m"
    )
    address = Address.parse(f"{text}&timeout=5s&memory=512MiB")
    assert address.hosts == (("a.test", 8443), ("::1", 9440))
    assert (address.user, address.password, address.database) == ("me", SECRET, "otel")
    assert (address.table, address.cluster, address.is_secure) == ("x.spans", "two", True)
    assert (address.ca, address.certificate, address.key) == ("/a", "/b", "/c")
    assert (address.longest_s, address.timeout_s, address.memory_bytes) == (600, 5, 512 * 1024**2)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("http://a/otel", "must begin with clickhouse://"),
        ("clickhouse:///otel", "names no host"),
        ("clickhouse://a:99999/otel", "names no host"),
        (f"clickhouse://me:{SECRET}@a/otel", "@ is %40"),
        # what stands before the sign that should have been escaped could be a host and a port
        ("clickhouse://me:12/s3cr@a:8123/otel", "@ is %40"),
        ("clickhouse://me:12?s3cr=t@a:8123/otel", "@ is %40"),
        ("clickhouse://me:12#s3cr@a:8123/otel", "@ is %40"),
        ("clickhouse://me:12#s3cr", "@ is %40"),
        ("clickhouse://me:s3cr[t@a:8123/otel", "@ is %40"),
        ("clickhouse://a/otel?password-file=/nowhere/at-all", "cannot be read: No such file"),
        ("clickhouse://me:s3cr@a/otel?password-file=/dev/null", "leave out either"),
        ("clickhouse://a/otel?tabel=x", "'tabel', which is unknown"),
        ("clickhouse://a/otel?table=a%0Ab", "no name for table"),
        ("clickhouse://a/otel?table=otel.", "no name for table"),
        ("clickhouse://a/otel?logs=", "no name for logs"),
        (f"clickhouse://a/{'o' * 201}", "no name for database"),
        ("clickhouse://a/otel?timeout=soon", "is no time"),
        ("clickhouse://a/otel?memory=much", "is no size"),
        ("clickhouse://a/otel?rows=many", "is no number of rows"),
        ("clickhouse://a/otel?rows=0M", "is no number of rows"),
        ("clickhouse://a/otel?ca=/x", "write clickhouses://"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(text: str, complaint: str) -> None:
    with pytest.raises(AddressError, match=complaint):
        Address.parse(text)
    with pytest.raises(SettingsError) as refused:
        Settings.from_arguments(["--store", text], {})
    assert "s3cr" not in str(refused.value)


def test_the_password_is_in_no_text_that_is_made_of_it() -> None:
    settings = Settings.from_arguments([], {"DIAMOND_STORE": f"clickhouse://me:{WRITTEN}@a.test/otel"})
    address = settings.store
    assert address is not None
    assert address.password == SECRET
    errors = [OSError(f"refused {SECRET}"), TimeoutError("read timed out"), ValueError(WRITTEN)]
    texts = [repr(settings), repr(address), str(address), *(str(unreachable(error, address)) for error in errors)]
    texts += [str(fault_of(error, address)) for error in errors]
    assert [text for text in texts if "s3cr" in text] == []


@pytest.mark.parametrize("beside", [["a.json"], ["--demo"], ["--otlp", "4318"]])
def test_a_cluster_is_shown_instead_of_files(beside: list[str]) -> None:
    with pytest.raises(SettingsError, match="--store shows what a cluster holds and reads no files"):
        Settings.from_arguments(["--store", "clickhouse://a.test/otel", *beside], {})


def test_memory_is_the_store_of_files() -> None:
    assert Settings.from_arguments(["--store", "memory", "a.json"], {}).store is None


def test_names_of_a_cluster_are_of_any_kind() -> None:
    address = Address.parse("clickhouse://[::1]:9440/my%20d%C3%A4t%60a?table=odd.t%27able.v2&cluster=a%22b")
    assert (address.database, address.table, address.cluster) == ("my dät`a", "odd.t'able.v2", 'a"b')
    assert address.split(address.table) == ("odd", "t'able.v2")
    assert str(address) == "clickhouse://[::1]:9440/my dät`a"
    assert source_of(address, address.table) == r"""cluster('a"b', `odd`.`t'able.v2`)"""
    assert source_of(Address((), database="a`\\b"), "c'd") == r"`a\`\\b`.`c'd`"


def test_a_password_may_stand_in_a_file_and_change(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    address = Address.parse(f"clickhouse://me@a.test/otel?password-file={secret}")
    assert address.current_password() == SECRET
    secret.write_text("another wörd")
    assert address.current_password() == "another wörd"
    secret.write_bytes(b"\xff")
    with pytest.raises(AddressError, match="it is no UTF-8 text"):
        address.current_password()


def test_readers_are_not_told_where_the_password_would_be(tmp_path: Path) -> None:
    secret = tmp_path / "cluster-password"
    secret.write_text("x", encoding="utf-8")
    with closing(Connection(Address.parse(f"clickhouse://me@127.0.0.1:9/otel?password-file={secret}"))) as connection:
        secret.unlink()
        with pytest.raises(ClusterError, match=r"cannot be read: check \?password-file= in --store") as raised:
            connection.rows("SELECT 1")
    assert secret.name not in str(raised.value)
