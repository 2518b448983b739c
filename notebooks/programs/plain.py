"""An application without manners, which shows those of the server that hosts it."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment


def plain(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer whatever was asked, HEAD too, with five octets."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"plain"]
