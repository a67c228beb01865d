"""What the subcommands that write to a cluster have in common: its address, patience, and its errors as those of a command."""

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from diamond_viewer.cli.output import Output
from diamond_viewer.cli.reading import chosen
from diamond_viewer.cli.subcommand import CommandError
from diamond_viewer.clickhouse.address import EXAMPLE, Address, AddressError
from diamond_viewer.clickhouse.connection import ClusterError, Connection

PASSING = ("unreachable", "busy", "shard", "timeout", "parts", "replica")  # kinds of errors that go away by themselves
WAITS_S = (1, 2, 4, 8, 15)


def add_store(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        metavar="ADDRESS",
        help=f"{EXAMPLE}; ?table= and ?cluster= as for the server. A password in DIAMOND_STORE, or in the "
        "file of ?password-file=, is seen by fewer",
    )


def address_of(namespace: Namespace) -> Address:
    """Raises ``CommandError``."""
    text, _ = chosen(namespace, "store", os.environ)
    if not text:
        raise CommandError(f"Say which cluster: --store {EXAMPLE}.")
    try:
        return Address.parse(text)
    except AddressError as error:
        raise CommandError(str(error)) from None


@contextmanager
def connected(address: Address) -> Iterator[Connection]:
    """Errors of the cluster become ``CommandError``."""
    connection = Connection(address)
    try:
        yield connection
    except ClusterError as error:
        raise CommandError(str(error)) from None
    finally:
        connection.close()


def patient(output: Output, pause: Callable[[float], None] = time.sleep) -> Callable[[Callable[[], None]], None]:
    """Does something, and again after a while when the cluster had no time for it; raises ``ClusterError`` when that was in
    vain."""

    def attempt(action: Callable[[], None]) -> None:
        for wait_s in WAITS_S:
            try:
                return action()
            except ClusterError as error:
                if error.kind not in PASSING:
                    raise
                output.say(f"{error} Trying again in {wait_s} s.")
                pause(wait_s)
        return action()

    return attempt
