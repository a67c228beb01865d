"""A server whose users may do little, and TLS before a server: certificates of an authority of our own, and a real nginx."""

import http.client
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.clickhouse.server import DATABASE, MAX_STARTS, Node, free_ports, pongs, server
from tests.receive.viewing import wait_until

TOP = Path(__file__).parents[2]
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:{TOP / '.nginx/usr/sbin'}")
PASSWORD = "s3cret@w:ord/1"
IN_AN_ADDRESS = "s3cret%40w%3Aord%2F1"
_USER = (
    "<{name}><password>{password}</password><networks><ip>::/0</ip></networks><profile>{profile}</profile>"
    "<quota>default</quota>{grants}</{name}>"
)
READERS = {  # name -> profile
    "strict": "<readonly>1</readonly><max_execution_time>30</max_execution_time>",
    "lenient": "<readonly>2</readonly>",
    "bounded": "<readonly>2</readonly><constraints><max_memory_usage><max>6000000000</max></max_memory_usage></constraints>",
}

STOPPER = "stopper"  # strict, but may see what runs


@contextmanager
def server_with_readers(folder: Path) -> Iterator[Node]:
    """One node with ``READERS``, who may select from ``otel`` and do nothing else, ``STOPPER``, and ``nobody``, who may
    not even that."""
    folder.mkdir(parents=True, exist_ok=True)
    may_select = f"<grants><query>GRANT SELECT ON {DATABASE}.*</query></grants>"
    may_nothing = "<grants><query>GRANT SELECT ON elsewhere.*</query></grants>"
    users = [_USER.format(name=name, password=PASSWORD, profile=name, grants=may_select) for name in READERS]
    see_what_runs = "<query>GRANT SELECT ON system.processes</query></grants>"
    may_stop = may_select.replace("</grants>", see_what_runs)
    users.append(_USER.format(name=STOPPER, password=PASSWORD, profile="strict", grants=may_stop))
    users.append(_USER.format(name="nobody", password=PASSWORD, profile="lenient", grants=may_nothing))
    users.append(_USER.format(name="default", password="", profile="default", grants=""))
    profiles = "".join(f"<{name}>{settings}</{name}>" for name, settings in READERS.items())
    (folder / "users.xml").write_text(
        f"<clickhouse><profiles><default/>{profiles}</profiles><quotas><default/></quotas>"
        f"<users>{''.join(users)}</users></clickhouse>"
    )
    config = folder / "config.xml"
    config.write_text(f"<clickhouse><users_config>{folder / 'users.xml'}</users_config></clickhouse>")
    with server(folder / "node", config) as node:
        yield node


def certify(folder: Path, name: str) -> tuple[Path, Path]:
    """The certificate of an authority called so, and one of 127.0.0.1 that it has signed; beside it lies the ``.key``."""
    authority, key, request, signed = (folder / f"{name}.{end}" for end in ("ca.pem", "key", "csr", "pem"))
    authority_key = folder / f"{name}.ca.key"
    (folder / "names.ext").write_text("subjectAltName = IP:127.0.0.1\nextendedKeyUsage = serverAuth, clientAuth\n")
    kind: list[str | Path] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    usage: list[str | Path] = ["-addext", "keyUsage=critical,keyCertSign"]
    _openssl(
        "req", "-x509", *kind, "-keyout", authority_key, "-out", authority, "-subj", f"/CN={name}", "-days", "2", *usage
    )
    _openssl("req", *kind, "-keyout", key, "-out", request, "-subj", "/CN=127.0.0.1")
    signing: list[str | Path] = [
        "-CA",
        authority,
        "-CAkey",
        authority_key,
        "-CAcreateserial",
        "-extfile",
        folder / "names.ext",
    ]
    _openssl("x509", "-req", "-in", request, *signing, "-out", signed, "-days", "2")
    return authority, signed


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)


@contextmanager
def tls_before(node: Node, folder: Path, certificate: Path, asks_for: Path | None = None) -> Iterator[int]:
    """Where nginx speaks TLS for the node; ``asks_for``: only with those who show a certificate of this authority."""
    for _ in range(MAX_STARTS):
        (port,) = free_ports(1)
        process = _nginx(node, folder, certificate, port, asks_for)
        try:
            wait_until(partial(_is_up_or_gone, process, port, certificate))
            if process.poll() is None:
                yield port
                return
        except Exception as error:  # what a viewer says of a proxy's 502 does not tell why it came
            log = (folder / "error.log").read_text(errors="replace")[-2_000:]
            error.add_note(f"nginx ended: {process.poll()}; ClickHouse answers: {node.answers()}; error.log:\n{log}")
            raise
        finally:
            process.kill()
            process.wait()
    raise AssertionError(f"nginx does not run: {(folder / 'error.log').read_text(errors='replace')[-2_000:]}")


def _nginx(node: Node, folder: Path, certificate: Path, port: int, asks_for: Path | None) -> subprocess.Popen[bytes]:
    mutual = f"ssl_verify_client on; ssl_client_certificate {asks_for};" if asks_for else ""
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; "
        f"uwsgi_temp_path {folder}; scgi_temp_path {folder};\n"
        f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; "
        f"ssl_certificate_key {certificate.with_suffix('.key')}; {mutual}\n"
        f"location / {{ proxy_pass http://127.0.0.1:{node.http_port}; proxy_http_version 1.1; }} }} }}\n"
    )
    assert NGINX, "nginx is missing: make setup-cluster installs it"
    return subprocess.Popen([NGINX, "-c", folder / "nginx.conf", "-p", folder], stderr=subprocess.DEVNULL)


def _is_up_or_gone(process: subprocess.Popen[bytes], port: int, certificate: Path) -> bool:
    return process.poll() is not None or _pongs(port, certificate)


def _pongs(port: int, certificate: Path) -> bool:
    """Whether ClickHouse answers by TLS there, behind exactly this certificate: that a port is open says neither that it is
    ours nor that anything stands behind it."""
    trusting = ssl.create_default_context(cafile=str(certificate))
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trusting.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return pongs(http.client.HTTPSConnection("127.0.0.1", port, timeout=2, context=trusting))
