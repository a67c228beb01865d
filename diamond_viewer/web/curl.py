"""The HTTP request that a span recorded, as a command to try it again."""

import shlex

from diamond_viewer.telemetry.model import Attributes
from diamond_viewer.telemetry.semconv import request_facts, request_url


def curl_command(attributes: Attributes) -> str:
    """Method and address only: bodies and headers are not recorded, secrets in the address are redacted. "" for no request.

    >>> curl_command({"http.request.method": "POST", "url.full": "https://a.test/b?c=1"})
    "curl -i -X POST 'https://a.test/b?c=1'"
    >>> curl_command({"db.system": "redis"})
    ''
    """
    method, url = request_facts(attributes).method, request_url(attributes)
    if not method or not url or not method.isalpha():
        return ""
    return f"curl -i{'' if method == 'GET' else f' -X {method}'} {shlex.quote(url)}"
