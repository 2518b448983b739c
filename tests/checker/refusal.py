"""Judge a refusal: a complete response of a permitted status that keeps H01 to H05."""

import re
import time
from collections.abc import Callable, Mapping

from tests.checker.checks import check_date, check_framing, check_head, check_status_line
from tests.checker.conversation import Conversation, Response, ask
from tests.checker.evidence import Likely, Word
from tests.checker.expect import expect
from tests.checker.server import Server
from tests.checker.verdict import Red


def refuse(
    server: Server,
    request: bytes | list[bytes],
    permitted: set[int],
    *,
    mark: bytes = b"",
    likely: Likely = "",
    words: str = "",
    half_close: bool = False,
    may_close: bool = False,
    accepted: Callable[[Conversation, Response], None] | None = None,
    says: str = "",
) -> None:
    """Send request, whole or in pieces, and raise Red unless the server refuses it.

    mark is the offending place in what is sent. may_close permits the end without an
    answer. accepted judges a 2xx, where the standard permits to accept what is sent. says is
    a pattern for the sentence that a server of the course answers with.
    """
    pieces = [request] if isinstance(request, bytes) else request
    before = time.time()
    with ask(server, *pieces, half_close=half_close) as talk:
        if may_close and closed_unanswered(talk):
            return
        words = words or " or ".join(map(str, sorted(permitted)))
        response = expect(
            talk,
            permitted,
            likely=likely_by_symptom(likely),
            sent_mark=mark,
            words=f"{words}, a complete answer",
        )
        if 200 <= (response.status or 0) < 300:
            if accepted:
                accepted(talk, response)
            return
        check_refusal(talk, response, before)
        if says and server.is_ours() and not re.search(says.encode(), response.content, re.I):
            raise Red(
                "The refusal does not say what is wrong.",
                talk,
                f"{words}, with a sentence about it ({says.replace('|', ' or ')})",
                "Someone sits there and wonders why nothing works. Tell them in the content.",
            )


def closed_unanswered(talk: Conversation) -> bool:
    """Return whether the server ended the connection without an answer; 1xx are none."""
    if response := talk.response():
        talk.read_to = response.start
        return False
    return bool(talk.ended) and not talk.received[talk.read_to :]


def likely_by_symptom(likely: Likely) -> Mapping[str, Word]:
    """Return likely for each symptom; the general ones for crash and silence."""
    if isinstance(likely, Mapping):
        return likely
    return {"accepted": likely or "", "other": likely or ""}


def check_refusal(talk: Conversation, response: Response, before: float) -> None:
    """Raise Red unless a refusal keeps H01 to H05 itself."""
    check_status_line(talk, response)
    check_head(talk, response)
    check_framing(talk, response)
    if (response.status or 0) < 500:
        check_date(talk, response, before)
    if response.closes and not talk.reads_end():
        raise Red(
            "The refusal says that the connection ends, and it stays open.",
            talk,
            "the end of the connection after Connection: close",
            "After a refusal, too, the socket must be closed.",
        )
