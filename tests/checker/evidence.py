"""What was really seen decides what is likely: a status, a content, the end of the server.

A test knows what is usually wrong where it is red. It is a guess; what is here looks at the
evidence first.
"""

import builtins
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.checker.conversation import Conversation
from tests.checker.server import Server
from tests.checker.stderr import gist_of
from tests.checker.verdict import Red
from tests.parts import CONTRACT_APPLICATION, PARTS


class Evidence(NamedTuple):
    """What a likely mistake may be judged by; seen and due are the content, where it is wrong."""

    talk: Conversation
    status: int | None = None
    seen: bytes = b""
    due: bytes = b""


Word = str | Callable[[Evidence], str]  # a sentence, or what finds one
Likely = Word | Mapping[str, Word] | None  # for every symptom, or by symptom

WHICH = (
    "Your server refused what the standard allows: which of your conditions raised this, "
    "and on which octets?"
)
OTHER_STATUS = (
    "A refusal is permitted here, but with another status: which of your conditions raised "
    "this one, and on which octets?"
)
# What a status says of where it came from, when it was not due.
BY_STATUS = {
    408: "408 says that the request took too long: is a timeout too short?",
    411: "411 asks for a Content-Length: which of your conditions missed one?",
    413: "413 is for content that is too long: how long did your server take it to be?",
    414: "414 is for a request-line that is too long: what was counted, up to which limit?",
    431: "431 is for fields that are too long: what was counted, up to which limit?",
    500: "500 says that something failed in your server: stderr tells what and where.",
    501: "501 says that something is not implemented: which of your conditions raised it?",
    503: "503 says that the server has no room: which limit was reached?",
    505: "505 refuses the version of HTTP: which versions does your condition accept?",
}


def find_word(word: Word | None, evidence: Evidence) -> str:
    """Return the sentence that word is or finds; "" for None."""
    return (word(evidence) if callable(word) else word) or ""


def say_of_status(evidence: Evidence, word: str) -> str:
    """Return what an unexpected status says, before word, the likely mistake."""
    of_status = BY_STATUS.get(evidence.status or 0, "")
    if not of_status or str(evidence.status) in word:
        return word
    return f"{of_status} {word.removeprefix(WHICH).lstrip()}".strip()


def say_of_content(evidence: Evidence) -> str:
    """Return what is likely where the content that was seen is not the one that was sent."""
    seen, due = evidence.seen, evidence.due
    if due and not seen:
        return (
            "Nothing of the content was read. Content-Length announces it: after the empty "
            "line read so many octets, whatever the method is."
        )
    if due.startswith(seen):
        return (
            "Too little was read: what came with the head was taken for the whole content. "
            "Count: read until Content-Length octets are there."
        )
    if seen.startswith(due):
        return "Too much was read: after Content-Length octets the content is complete."
    return "The content is octets. Decoding, strip() or splitlines() changes them."


# The last line of a traceback, and where it was raised, as tests/checker/stderr.py puts it.
EXCEPTION = re.compile(
    r"(?P<name>[\w.]+)(?:: .*)? \((?P<where>[^()]+, line [0-9]+(?:, in [^()]+)?)\)"
)


def say_of_exception(
    gist: str, likely: str, ended: bool, application: str = CONTRACT_APPLICATION
) -> str:
    """Return what is likely where stderr has an exception: that comes first.

    likely is kept where it speaks of such an exception, or where application, which the check
    lets the server host, has raised it. "" if gist, of stderr, has none.
    """
    found = EXCEPTION.fullmatch(gist)
    kind = getattr(builtins, found["name"], None) if found else None
    is_exception = isinstance(kind, type) and issubclass(kind, BaseException)
    if not found or not (is_exception or "." in found["name"] or "Error" in found["name"]):
        return ""
    kinds = kind.__mro__ if is_exception and isinstance(kind, type) else ()
    names = {one.__name__ for one in kinds} - {"Exception", "BaseException", "object"}
    end = "and nothing caught it: that ended the server" if ended else "before anything was sent"
    words = f"{found['name']} was raised ({found['where']}), {end}."
    told = any(re.search(rf"\b{name}\b", likely) for name in {*names, found["name"]})
    module = application.partition(":")[0].rpartition(".")[2]
    if found["where"].startswith(f"{module}.py,"):  # it fails because the test asks for it
        return f"{words} {likely}" if ended else likely
    return f"{words} {likely}" if told else words


BUSY = (
    "Your server is busy, not waiting. Does a loop go round on recv() == b'', which says that no "
    "more will come? See Incoming.more: the end of the input is an error there."
)
ABOUT_MORE = f"{PARTS[1].folder}/README.md#tcp-is-a-stream"


def see_busy(red: Red) -> None:
    """Let it be likely that a loop does not end, where the server worked and no answer came.

    A test that has said itself what recv() returned is right.
    """
    if red.talks and red.talks[-1].busy and "b''" not in red.likely:
        red.likely, red.read = BUSY, ABOUT_MORE


SWALLOWED = (
    "Or an OSError was swallowed in serve_connection: print it. BlockingIOError means that the "
    "socket was left non-blocking."
)


def hear_stderr(red: Red, server: Server, begun: int) -> None:
    """Let the server's own words, since position begun, say first what is likely.

    A test that has looked at them itself is right, and so is one to which an answer came. The
    server of a test's own is heard first, and then no other: nothing was asked there.
    """
    if red.stderr or red.is_heard:
        return
    red.is_heard = True
    red.stderr = gist_of(server.errors(begun))
    silent = bool(red.talks) and not red.talks[-1].received
    ended = server.process is not None and (server.ends_soon() if silent else not server.is_alive())
    failed = ended and server.process is not None and server.process.returncode > 0
    if failed and not red.stderr:
        red.stderr = gist_of(server.errors())  # it said so a moment before this test began
    if failed or silent:
        application = server.target.app or CONTRACT_APPLICATION
        said = say_of_exception(red.stderr, red.likely, failed, application)
        answered = red.talks and not silent  # then the verdict is on the answer
        red.likely = f"{red.likely} {said}".strip() if answered else said or red.likely
    if silent and red.talks[-1].ended and not ended and not red.stderr:
        red.likely = f"{red.likely} {SWALLOWED}"
