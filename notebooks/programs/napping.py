"""An application that waits, as one waits for a database, and tells who waited, and when.

"/?0.3" waits 0.3 s; "/?until=41.5" waits until the machine's monotonic clock says 41.5.
"""

import json
import os
import time
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment


def nap(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Wait as long as the query says; answer with the process that did, and its times."""
    begin = time.monotonic()
    time.sleep(seconds_to_wait(environ["QUERY_STRING"]))
    content = format_report(begin)
    fields = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
    start_response("200 OK", fields)
    return [content]


def seconds_to_wait(query: str) -> float:
    """Return the seconds that the query asks for, counted from now; 0 for an empty one."""
    name, _, moment = query.partition("=")
    if name == "until":
        return max(0.0, float(moment) - time.monotonic())
    return float(query or 0)


def format_report(begin: float) -> bytes:
    """Return which process has waited from begin until now, as JSON."""
    report = {"pid": os.getpid(), "begin": begin, "end": time.monotonic()}
    return json.dumps(report).encode()
