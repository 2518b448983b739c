"""Judge what came back. A verdict against the server is raised as Red, with its reasons."""

import re
from typing import NamedTuple

from tests.conversation import ANSWER_SECONDS, Conversation, Response
from tests.harness import Server
from tests.visible import rows, show, wrap

WIDTH = 66  # columns for the text of a diagnosis, after its labels

# What a symptom means where the test knows no better. LEARNERS: never a bare assertion.
LIKELY = {
    "silent": "The server waits for something that will not come. What does its recv() wait "
    "for, and how would it know that the request is complete?",
    "closed": "An exception in your code ended the connection before the answer was sent, or "
    "nothing was sent on this path. Catch it in one place, and answer there.",
    "short": "The connection ended in the middle of the answer. Was it sent with send(), "
    "which may take a part only, in place of sendall()? Was it closed with input unread?",
    "garbled": "What came back does not begin with a status-line.",
    "refused": "A check is stricter than the standard, or reads something else than it thinks.",
    "accepted": "Nothing in the code looks at this, so it passes as if it were right.",
    "other": "A refusal has its own status for each reason; this one was given another.",
}


class Red(AssertionError):
    """A verdict: what was sent and came back, what is permitted, what was likely done."""

    def __init__(
        self,
        problem: str,
        talks: Conversation | list[Conversation] | None = None,
        permitted: str = "",
        likely: str = "",
        sent_mark: bytes = b"",
        got_mark: tuple[int, int] | bytes = b"",
    ) -> None:
        """problem says what is wrong with what came back; the marks are shown with ^^^.

        got_mark is a range of offsets in what was received, or octets to look for.
        """
        super().__init__(problem)
        self.problem, self.permitted, self.likely = problem, permitted, likely
        self.talks = talks if isinstance(talks, list) else [talks] if talks else []
        self.sent_mark, self.got_mark = sent_mark, got_mark
        self.stderr = ""  # filled in by the runner
        self.read = ""  # a section to read in place of the clause's

    def lines(self) -> list[str]:
        """Return the diagnosis, 80 columns wide, without its heading."""
        lines = []
        for number, talk in enumerate(self.talks):
            last = number == len(self.talks) - 1
            mark = find(b"".join(talk.sent), self.sent_mark) if last else (-1, -1)
            lines += rows("sent", show_sent(talk, mark))
            if not last:
                lines += rows("got", show_received(talk, (-1, -1), most=3))
        lines += rows("permitted", wrap(self.permitted, WIDTH))
        if self.talks:
            lines += rows("got", show_received(self.talks[-1], self.got_mark))
            lines += rows("", wrap(self.problem, WIDTH))
        else:
            lines += rows("got", wrap(self.problem, WIDTH))
        if self.stderr:
            words = [shorter(word) for word in self.stderr.split(" ")]
            lines += rows("stderr", wrap(" ".join(words), WIDTH))
        if self.likely:
            lines += rows("likely", wrap(self.likely, WIDTH))
        return lines


def shorter(word: str) -> str:
    """Return word with its middle left out if it is longer than a line."""
    return word if len(word) <= WIDTH else f"{word[:30]}…{word[-20:]}"


def find(octets: bytes, wanted: bytes) -> tuple[int, int]:
    """Return the range of wanted in octets; an impossible one if it is not there."""
    at = octets.find(wanted) if wanted else -1
    return (at, at + len(wanted)) if at >= 0 else (-1, -1)


def show_sent(talk: Conversation, mark: tuple[int, int]) -> list[str]:
    """Return what was sent, piece by piece where there were few, with its length."""
    after = ["then the write side was shut down"] if talk.half_closed else []
    if not talk.sent:
        return ["nothing: a connection was opened", *after]
    if len(talk.sent) == 1 or mark[0] >= 0 or len(talk.sent) > 4:
        octets = b"".join(talk.sent)
        count = [f"in {len(talk.sent)} pieces, each read by the server before the next:"]
        size = [f"({len(octets)} octets)"] if len(octets) > 400 else []
        return [*(count if len(talk.sent) > 1 else []), *show(octets, WIDTH, mark), *size, *after]
    lines = [f"in {len(talk.sent)} pieces, each read by the server before the next:"]
    for number, piece in enumerate(talk.sent, 1):
        shown = show(piece, WIDTH - 3, most=4)
        if len(piece) > 400:
            shown.append(f"({len(piece)} octets)")
        lines += [f"{number if not at else ' '}  {line}" for at, line in enumerate(shown)]
    return lines + after


def show_received(talk: Conversation, mark: tuple[int, int] | bytes, most: int = 6) -> list[str]:
    """Return what came back, and how it ended."""
    octets = bytes(talk.received)
    if isinstance(mark, bytes):
        mark = find(octets, mark)
    lines = show(octets, WIDTH, mark, most) if octets else []
    end = {"closed": "then the connection was closed", "reset": "then the connection was reset"}
    if not octets:
        how = end.get(talk.ended, "").replace("then ", "nothing: ")
        waited = f"nothing within {talk.waited:.0f} s, the connection still open"
        lines.append(how or (waited if talk.waited else "nothing"))
    elif talk.ended:
        lines.append(end[talk.ended])
    elif talk.waited:
        lines.append(f"then nothing more within {talk.waited:.0f} s, the connection still open")
    return lines


def choose(likely: str | dict[str, str] | None, symptom: str) -> str:
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
        raise Red(problem, talk, words, choose(likely, symptom), sent_mark, mark)
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


def expect_echo(
    talk: Conversation,
    *,
    method: str = "GET",
    statuses: set[int] | None = None,
    words: str = "200, and the echo of the whole request",
    likely: str | dict[str, str] | None = None,
    **seen,
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


def red_echo(part, talk, words, likely, mark=b"", seen=b"", due=b"") -> Red:
    """Return the verdict on an echo that differs in part."""
    problem = WRONG_ECHO[part]
    if part == "content":
        problem += f" It has {len(seen)} octets in place of {len(due)}"
        same = next(
            (at for at, pair in enumerate(zip(seen, due, strict=False)) if pair[0] != pair[1]), None
        )
        problem += "." if same is None else f", and differs from octet {same + 1} on."
    general = "Is what was parsed the same as what was received, octet for octet?"
    return Red(problem, talk, words, likely.get(part) or general, got_mark=mark)


def ask(
    server: Server, *pieces: bytes, half_close: bool = False, interim: bytes = b""
) -> Conversation:
    """Return a connection on which the pieces were sent; close it after use (it is a context)."""
    talk = Conversation(server.host, server.port)
    talk.send(*pieces)
    if half_close:
        talk.half_close()
    return talk
