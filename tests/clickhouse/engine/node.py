"""ClickHouse as a process of its own: the server that the library beside this file contains, until it is killed.

Run as ``python node.py FOLDER HTTP_PORT TCP_PORT [CONFIG_FILE]``. The library is ``clickhouse local``, which listens when it is
asked to, for as long as a query of it runs: so the last statement is one that takes three years. No import of the project,
so that it can start at once.
"""

import ctypes
import sys
from pathlib import Path

LIBRARY = Path(__file__).parent / "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"
PR_SET_PDEATHSIG, SIGKILL = 1, 9  # of Linux
LISTEN = (
    "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; "
    "SELECT sleepEachRow(1) FROM numbers(100000000) "
    "SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0 FORMAT Null"
)


def main() -> int:
    folder, http_port, tcp_port, *config_file = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)  # whoever kills the tests kills this too
    library = ctypes.CDLL(str(LIBRARY))
    library.chdb_query_cmdline.restype = ctypes.c_void_p
    library.chdb_result_error.restype = ctypes.c_char_p
    library.chdb_result_error.argtypes = [ctypes.c_void_p]
    words = [
        "clickhouse",
        "--path",
        folder,
        "--http_port",
        http_port,
        "--tcp_port",
        tcp_port,
        "--listen_host",
        "127.0.0.1",
    ]
    words += [word for path in config_file for word in ("--config-file", path)]
    words += ["--query", LISTEN]
    arguments = (ctypes.c_char_p * len(words))(*(word.encode() for word in words))
    result = library.chdb_query_cmdline(len(words), arguments)
    error = library.chdb_result_error(result) if result else b"no result"
    sys.stderr.write(f"ClickHouse ended: {(error or b'').decode(errors='replace')}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
