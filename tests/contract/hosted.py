"""Ask the application that the suite hosts on the server under test (tests/apps/contract.py)."""

import contextlib
import itertools
import json
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from tests.checker.conversation import HOST, Conversation, Response, ask
from tests.checker.expect import expect
from tests.checker.patience import ANSWER_SECONDS
from tests.checker.server import Server
from tests.checker.verdict import Red

FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
NUMBERS = itertools.count(1)


def token() -> str:
    """Return a word that no other test uses, to be found on stderr."""
    return f"token-{next(NUMBERS)}"


def request(
    route: str, fields: bytes = b"", content: bytes = b"", /, method: str = "GET", **query: str
) -> bytes:
    """Return a request for /w/route, or for route itself if it begins with a slash."""
    path = route if route.startswith("/") else f"/w/{route}"
    target = f"{path}?{urlencode(query)}" if query else path
    length = b"Content-Length: %d\r\n" % len(content) if content else b""
    head = f"{method} {target} HTTP/1.1\r\n".encode("latin-1") + HOST + fields + length
    return head + b"\r\n" + content


@contextlib.contextmanager
def gate() -> Iterator[Path]:
    """Hand out a path for ?until=; touch() it, and the application goes on."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "gate")
        try:
            yield path
        finally:
            path.touch()  # whoever still waits goes on
            time.sleep(0.02)


def answer(
    server: Server, octets: bytes, likely: str | dict[str, str] | None = None, method: str = "GET"
) -> tuple[Conversation, Response]:
    """Return the ended conversation and its answer of 200. Raises Red."""
    with contextlib.ExitStack() as stack:
        try:
            talk = stack.enter_context(ask(server, octets))
        except ConnectionError as error:
            if not isinstance(likely, str):
                raise
            # The words for a server that does not answer hold for one that is gone already.
            problem = f"No connection could be made: {error.strerror or error}."
            raise Red(problem, None, "a connection, as before", likely) from None
        response = expect(talk, {200}, method=method, likely=likely)
        if response.closes:
            talk.reads_end()
        return talk, response


def wait_for_words(server: Server, word: str, count: int = 1) -> list[str]:
    """Return what the application said with that token: count times, or fewer at the deadline."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        found = re.findall(f"<{word} ([^>]*)>", server.errors())
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.005)


def json_of(talk: Conversation, response: Response):
    """Return what the application told as JSON. Raises Red if it was not the application."""
    try:
        return json.loads(response.content)
    except ValueError:
        likely = (
            "Does the server call the application that it was given (the first argument, "
            "MODULE:CALLABLE), and send what the application returns, as it is?"
        )
        raise Red(
            "The content is not what the application sent.", talk, "its JSON", likely
        ) from None
