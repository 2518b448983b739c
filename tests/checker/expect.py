"""Wait for an answer and judge it by its status and its content; raise Red if it is wrong."""

import re
from typing import NamedTuple, TypedDict, Unpack

from tests.checker.conversation import ANSWER_SECONDS, Conversation, Response
from tests.checker.verdict import Red

# What a symptom means where the test knows no better: no failure comes without a likely mistake.
LIKELY = {
    "silent": "The server waits for something that will not come. What does its recv() wait "
    "for, and how would it know that the request is complete?",
    "closed": "An exception in your code ended the connection before the answer was sent, or "
    "nothing was sent on this path. Catch it in one place, and answer there.",
    "short": "The connection ended in the middle of the answer. Was it sent with send(), "
    "which may take a part only, instead of sendall()? Was it closed with input unread?",
    "garbled": "What came back does not begin with a status-line.",
    "refused": "A check is stricter than the standard, or reads something else than it thinks.",
    "accepted": "Nothing in the code looks at this, so it passes as if it were right.",
    "other": "A refusal has its own status for each reason; this one was given another.",
}


def choose_likely(likely: str | dict[str, str] | None, symptom: str) -> str:
    """Return the likely mistake: the test's own word for the symptom, or the general one."""
    if isinstance(likely, str):
        return likely
    return (likely or {}).get(symptom) or LIKELY[symptom]


def expect(
    talk: Conversation,
    permitted: set[int],
    *,
    method: str = "GET",
    likely: str | dict[str, str] | None = None,
    sent_mark: bytes = b"",
    words: str = "",
    why: str = "",
) -> Response:
    """Return the next response, whole and with a permitted status; raise Red if it is not.

    likely may name a sentence for each symptom: silent, closed, short, garbled, refused
    (where 2xx is due), accepted (where it is not), other. words replace the list of statuses.
    """
    response = talk.response(method)
    symptom, problem = diagnose(talk, response, permitted)
    if symptom:
        words = words or " or ".join(str(status) for status in sorted(permitted))
        mark = status_range(response) if response else (-1, -1)
        problem = f"{problem} {why}".strip() if symptom in ("accepted", "other") else problem
        raise Red(problem, talk, words, choose_likely(likely, symptom), sent_mark, mark)
    assert response is not None
    return response


def diagnose(talk: Conversation, response: Response | None, permitted: set[int]) -> tuple[str, str]:
    """Return (symptom, what is wrong); empty strings where nothing is."""
    if response is None:
        if talk.received[talk.read_to :]:
            return "silent", "The head of the answer never ended in an empty line."
        if talk.ended:
            return "closed", "No answer came; the connection ended."
        return "silent", f"No answer came within {talk.waited or ANSWER_SECONDS:.0f} s."
    if response.status is None:
        return "garbled", "The first line has no status code of three digits."
    if response.status not in permitted:
        due = any(200 <= status < 300 for status in permitted)
        accepted = 200 <= response.status < 300
        symptom = "refused" if due else "accepted" if accepted else "other"
        how = "It was accepted" if symptom == "accepted" else "It was answered"
        return symptom, f"{how} with {response.status}."
    if not response.whole and response.framing != "close":
        return "short", "The answer is not whole."
    return "", ""


def status_range(response: Response) -> tuple[int, int]:
    """Return where the status code stands in what was received."""
    digits = re.search(rb"(?:^|[ \t])([0-9]{3})(?:[ \t\r\n]|$)", response.head)
    if not digits:
        return response.start, response.start + 1
    return response.start + digits.start(1), response.start + digits.end(1)


class Echo(NamedTuple):
    """What an echo says it saw: its first line, the field lines, and the content."""

    first: bytes
    fields: bytes
    content: bytes


def read_echo(talk: Conversation, response: Response, permitted: str = "200") -> Echo:
    """Return the parts of an echo. Raises Red if the content does not look like one."""
    head, gap, content = response.content.partition(b"\r\n\r\n")
    if not gap:  # a raw echo of what may be taken leniently: LF for CRLF, HTAB for SP
        head, gap, content = response.content.partition(b"\n\n")
    first, _, fields = head.partition(b"\n")
    if not gap or (len(first.split()) < 3 and first.count(b" ") < 2):
        raise Red(
            "The content is not an echo of the request.",
            talk,
            f"{permitted}, and as content the request as it was received",
            "The answer's content must be what was read: the request-line, the field lines, "
            "the empty line, the content.",
        )
    return Echo(first.rstrip(b"\r"), fields, content)


class Seen(TypedDict, total=False):
    """What an echo must show, see check_echo()."""

    targets: tuple[str, ...]
    field: bytes
    content: bytes


def expect_echo(
    talk: Conversation,
    *,
    method: str = "GET",
    statuses: set[int] | None = None,
    words: str = "200, and the echo of the whole request",
    likely: str | dict[str, str] | None = None,
    **seen: Unpack[Seen],
) -> Response:
    """Return the next response: 200 with an echo of what was sent, see check_echo().

    statuses permits others beside 200, which then need no echo.
    """
    permitted = {200} | (statuses or set())
    response = expect(talk, permitted, method=method, likely=likely, words=words)
    if response.status == 200:
        check_echo(talk, response, method=method, words=words, likely=likely, **seen)
    return response


def check_echo(
    talk: Conversation,
    response: Response,
    *,
    method: str = "GET",
    targets: tuple[str, ...] = (),
    field: bytes = b"",
    content: bytes = b"",
    words: str = "200, and the echo of the whole request",
    likely: str | dict[str, str] | None = None,
) -> None:
    """Raise Red unless response echoes method, target, a field value and the content.

    targets are spellings of the target that are all right, none for any; field is a value
    that must occur. Besides the symptoms of expect(), likely may name target, field, content.
    """
    echo = read_echo(talk, response)
    likely = likely if isinstance(likely, dict) else dict.fromkeys(WRONG_ECHO, likely or "")
    seen_method, *seen_target = echo.first.decode("latin-1").split()[:-1]
    if seen_method != method or (targets and " ".join(seen_target) not in targets):
        raise red_echo("target", talk, words, likely, echo.first)
    if field and field not in echo.fields:
        raise red_echo("field", talk, words, likely)
    if echo.content != content:
        raise red_echo("content", talk, words, likely, b"", echo.content, content)


WRONG_ECHO = {
    "target": "The method or the target that was seen is not the one that was sent.",
    "field": "A field value that was sent does not occur in the echo.",
    "content": "The content that was seen is not the one that was sent.",
}


def red_echo(
    part: str,
    talk: Conversation,
    words: str,
    likely: dict[str, str],
    mark: bytes = b"",
    seen: bytes = b"",
    due: bytes = b"",
) -> Red:
    """Return the verdict on an echo that differs in part."""
    problem = WRONG_ECHO[part]
    if part == "content":
        same = next(
            (at for at, pair in enumerate(zip(seen, due, strict=False)) if pair[0] != pair[1]), None
        )
        differs = "" if same is None else f", and differs from octet {same + 1} on"
        problem = f"{problem} It has {len(seen)} octets instead of {len(due)}{differs}."
    general = "Is what was parsed the same as what was received, octet for octet?"
    return Red(problem, talk, words, likely.get(part) or general, got_mark=mark)
