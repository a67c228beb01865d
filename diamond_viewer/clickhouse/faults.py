"""What a cluster's errors mean, each in one sentence that says what to do. Nothing that a sentence shows comes from SQL."""

import re

from clickhouse_connect.driver.exceptions import OperationalError, StreamFailureError

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.store import StoreError

MEMORY, TIMEOUT, LEFT, PASSWORD = "memory", "timeout", "left", "password"
ROWS = "rows"
METRIC_SUFFIXES = ("gauge", "sum", "histogram", "exponential_histogram", "exp_histogram", "summary")
DOUBTFUL = ("table", "layout")  # kinds that say that the tables are not what they were taken for
ELSEWHERE = ("stranger", "busy", "shard")  # kinds that are one host's: another may do better

_KINDS = {  # codes of ClickHouse's ErrorCodes.cpp
    PASSWORD: (516, 193, 192, 194),
    "rights": (497,),
    "table": (60,),
    "database": (81,),
    TIMEOUT: (159, 160, 209, 735),
    MEMORY: (241,),
    ROWS: (158, 307, 396),
    LEFT: (394,),
    "busy": (202,),
    "shard": (210, 279, 519, 533),
    "layout": (8, 10, 16, 36, 43, 46, 47, 53, 386),
    "cluster": (170, 701),
    "keeper": (139, 225, 999, 392),
    "disk": (243,),
    "parts": (252,),
    "reading": (164,),
    "replica": (242,),
    "quota": (201,),
}
_KIND_OF_CODE = {code: kind for kind, codes in _KINDS.items() for code in codes}

_SENTENCES = {
    PASSWORD: "{address} refuses the user {user}: check name and password in --store.",
    "rights": "The user {user} may not read or change a table of {address}: GRANT SELECT on {database}.* to this user, for "
    "import INSERT and CREATE TABLE too, for clickhouse-setup ALTER.",
    "reading": "The user {user} may only read at {address}: name one in --store who may write.",
    "table": "{address} has no table {table}: check ?table= in --store, and whether the collector's exporter has made it.",
    "database": "{address} has no database {database}: check the end of --store's address.",
    TIMEOUT: "{address} did not answer within {timeout} s: ask for less time or for more precise things, or give it more "
    "time with ?timeout= in --store.",
    MEMORY: "The question needs more memory than {address} gives it: ask for less time or for more precise things, or give "
    "it more with ?memory= in --store.",
    ROWS: "The question reads more rows than {address} allows: ask for less time or for more precise things, or allow more "
    "with ?rows= in --store.",
    LEFT: "The question was stopped at {address}: ask again.",
    "busy": "{address} has too many questions at once: it is asked again by itself.",
    "shard": "A part of the cluster behind {address} cannot be reached: it is asked again by itself.",
    "layout": "{table} of {address} lacks a column that the collector's exporter makes, or has another type there (code "
    "{code}): compare it with the exporter's table.",
    "cluster": "{address} knows no cluster {cluster}: check ?cluster= in --store.",
    "keeper": "{address} cannot run statements ON CLUSTER, which takes ClickHouse Keeper: run them on each server, "
    "without these words.",
    "disk": "A disk of {address} is full: what was sent since the last batch is not there. Make room, then go on.",
    "parts": "{address} has too many small parts and takes no rows until it has merged some.",
    "replica": "A table of {address} takes no rows: its replica has lost ClickHouse Keeper. Name another host, or wait.",
    "quota": "The user {user} has asked {address} more than a quota allows: ask later, or raise the quota.",
    "stranger": "{address} answers, but not as ClickHouse does: check host and port in --store, and what a proxy between asks "
    "for.",
    "other": "{address} cannot answer (code {code} of ClickHouse): its log says more.",
}


class ClusterError(StoreError):
    """``kind`` is a key of the sentences above, unreachable or broken."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def fault_of(error: Exception, address: Address) -> ClusterError:
    code = getattr(error, "code", None)
    unknown = "stranger" if "HTTP status" in str(error) else "other"
    kind = _KIND_OF_CODE.get(code, "other") if isinstance(code, int) else unknown
    return ClusterError(
        kind,
        _SENTENCES[kind].format(
            address=address,
            user=address.user,
            table=_missing(str(error), address),
            database=address.database,
            cluster=address.cluster,
            timeout=address.timeout_s,
            code=code or "unknown",
        ),
    )


def _missing(said: str, address: Address) -> str:
    """Which of our tables the words of an error are about; the words themselves are not shown."""
    names = (address.table, address.logs, *(f"{address.metrics}_{kind}" for kind in METRIC_SUFFIXES))
    return next((name for name in names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", said)), address.table)


def is_of_the_way(error: Exception) -> bool:
    """Whether no answer of the server came, rather than an error that it told or that a proxy before it did."""
    is_told = getattr(error, "code", None) is not None or "HTTP status" in str(error)
    return isinstance(error, (OperationalError, StreamFailureError)) and not is_told


def took_too_long(error: Exception) -> bool:
    """Of the network: whether the server was reached and then said nothing for too long.

    >>> took_too_long(OSError("HTTPConnectionPool(host='a', port=1): Read timed out. (read timeout=5)"))
    True
    >>> took_too_long(OSError("Connection to a timed out. (connect timeout=3)"))
    False
    """
    return "read timed out" in str(error).lower()


def unreachable(error: Exception, address: Address) -> ClusterError:
    """Of the network: the words of the error tell which way it failed; they are not shown."""
    said = str(error).lower()
    if took_too_long(error):
        return ClusterError(TIMEOUT, _SENTENCES[TIMEOUT].format(address=address, timeout=address.timeout_s))
    if "timed out" in said or "timeout" in said:
        reason = "no answer comes: check the host, the port and the firewall"
    elif "certificate" in said or "ssl" in said:
        reason = "TLS fails: check ca=, cert= and key= in --store, and whether this port speaks TLS"
    elif "resolve" in said or "name or service" in said:
        reason = "its name is not known: check the host in --store"
    elif "refused" in said:
        reason = "nothing listens there: check the port in --store, and whether the server runs"
    else:
        reason = "the connection breaks: check the network between"
    return ClusterError("unreachable", f"{address} cannot be reached, {reason}. It is asked again by itself.")


def busy(address: Address) -> ClusterError:
    return ClusterError("busy", _SENTENCES["busy"].format(address=address))


def broken_off(address: Address) -> ClusterError:
    """An answer that began and did not end: the server says no reason then."""
    return ClusterError("broken", f"{address} broke off its answer: ask for less time or for more precise things.")


def left_fault() -> ClusterError:
    return ClusterError(LEFT, "The reader has gone away; the question was stopped.")
