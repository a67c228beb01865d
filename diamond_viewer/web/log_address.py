"""Addresses of the logs page: a question as a link."""

from diamond_viewer.query.log_query import LogQuery

LOGS_PATH = "/logs"
API_LOGS_PATH = "/api/logs"


def logs_href(query: LogQuery, path: str = LOGS_PATH) -> str:
    """
    >>> logs_href(LogQuery(user="usr 7", severity="warn")), logs_href(LogQuery())
    ('/logs?severity=warn&user=usr+7', '/logs')
    """
    arguments = query.to_args()
    return f"{path}?{arguments}" if arguments else path
