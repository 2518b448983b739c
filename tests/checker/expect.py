"""Wait for an answer and judge it by its status and its content; raise Red if it is wrong."""

import re
from collections.abc import Mapping
from typing import NamedTuple, TypedDict, Unpack

from tests.checker.conversation import Conversation, Response
from tests.checker.evidence import (
    OTHER_STATUS,
    WHICH,
    Evidence,
    Likely,
    Word,
    find_word,
    say_of_content,
    say_of_status,
)
from tests.checker.patience import ANSWER_SECONDS
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
    "refused": WHICH,
    "accepted": "Nothing in the code looks at this, so it passes as if it were right.",
    "other": "A refusal has its own status for each reason; this one was given another.",
}


def choose_likely(likely: Likely, symptom: str, evidence: Evidence, permitted: set[int]) -> str:
    """Return the likely mistake: the test's own word for the symptom, or the general one.

    Before it stands what a status says that was not due.
    """
    own = find_word(likely.get(symptom) if isinstance(likely, Mapping) else likely, evidence)
    if symptom not in ("refused", "other"):
        return own or LIKELY[symptom]
    if of_status := say_of_status(evidence, own):
        return of_status
    if symptom == "refused" and any(status >= 400 for status in permitted):
        return OTHER_STATUS
    return LIKELY[symptom]


def expect(
    talk: Conversation,
    permitted: set[int],
    *,
    method: str = "GET",
    likely: Likely = None,
    sent_mark: bytes = b"",
    words: str = "",
    why: str = "",
) -> Response:
    """Return the next response, whole and with a permitted status; raise Red if it is not.

    likely may name a sentence, or what finds one, for each symptom: silent, closed, short,
    garbled, refused (where 2xx is due), accepted (where it is not), other. words replace the list
    of statuses.
    """
    response = talk.response(method)
    symptom, problem = diagnose(talk, response, permitted)
    if symptom:
        words = words or " or ".join(str(status) for status in sorted(permitted))
        mark = status_range(response) if response else (-1, -1)
        problem = f"{problem} {why}".strip() if symptom in ("accepted", "other") else problem
        evidence = Evidence(talk, response.status if response else None)
        chosen = choose_likely(likely, symptom, evidence, permitted)
        raise Red(problem, talk, words, chosen, sent_mark, mark)
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
    likely: Likely = None,
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
    likely: Likely = None,
) -> None:
    """Raise Red unless response echoes method, target, a field value and the content.

    targets are spellings of the target that are all right, none for any; field is a value
    that must occur. Besides the symptoms of expect(), likely may name target, field, content.
    """
    echo = read_echo(talk, response)
    by_part = likely if isinstance(likely, Mapping) else dict.fromkeys(WRONG_ECHO, likely or "")
    seen_method, *seen_target = echo.first.decode("latin-1").split()[:-1]
    if seen_method != method or (targets and " ".join(seen_target) not in targets):
        raise red_echo("target", talk, words, by_part, echo.first)
    if field and field not in echo.fields:
        raise red_echo("field", talk, words, by_part)
    if echo.content != content:
        raise red_echo("content", talk, words, by_part, b"", echo.content, content)


WRONG_ECHO = {
    "target": "The method or the target that was seen is not the one that was sent.",
    "field": "A field value that was sent does not occur in the echo.",
    "content": "The content that was seen is not the one that was sent.",
}


GENERAL = "Is what was parsed the same as what was received, octet for octet?"


def red_echo(
    part: str,
    talk: Conversation,
    words: str,
    likely: Mapping[str, Word],
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
    evidence = Evidence(talk, 200, seen, due)
    general = say_of_content(evidence) if part == "content" else GENERAL
    return Red(
        problem, talk, words, find_word(likely.get(part), evidence) or general, got_mark=mark
    )
