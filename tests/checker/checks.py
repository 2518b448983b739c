"""Check one answer against H01 to H05; each check raises Red with its reason."""

import re
import time
from email.utils import parsedate_to_datetime

import h11

from tests.checker.conversation import HOST, Conversation, Response
from tests.checker.verdict import Red

SECOND = b"GET /second HTTP/1.1\r\n" + HOST + b"\r\n"


def is_http_1_1(talk: Conversation) -> bool:
    """Return whether the request that was sent has the version HTTP/1.1."""
    return b" HTTP/1.1\r\n" in b"".join(talk.sent)


# status-line = HTTP-version SP status-code SP [ reason-phrase ]    RFC 9112 §4
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) [1-5][0-9]{2} [\t -~\x80-\xff]*")


def check_status_line(talk: Conversation, response: Response) -> None:
    """Raise Red unless the first line is a status-line of a version that is permitted here."""
    line = re.split(rb"\r?\n", response.head)[0]
    match = STATUS_LINE.fullmatch(line)
    place = (response.start, response.start + len(line))
    if not match:
        likely = "The three parts are divided by one space each: HTTP/1.1, 200, OK."
        if re.fullmatch(rb"HTTP/1\.[01] [1-5][0-9]{2}", line):
            likely = (
                "The space after the status code is part of the line, even where no reason follows."
            )
        elif not line.startswith(b"HTTP/"):
            likely = "The first line of an answer is the status-line; the fields follow it."
        raise Red("This is not a status-line.", talk, "HTTP/1.1 200 OK", likely, got_mark=place)
    if match[1] == b"0" and is_http_1_1(talk):
        raise Red(
            "The answer says HTTP/1.0 to a client that speaks HTTP/1.1.",
            talk,
            "HTTP/1.1 (RFC 9110 §2.5: the highest version that the server conforms to)",
            "A version was copied from an old text, or from http.server's default.",
            got_mark=place,
        )


# field-line = field-name ":" OWS field-value OWS                   RFC 9112 §5
FIELD_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*")
ONCE = ("content-length", "transfer-encoding", "date", "content-type")


def check_head(talk: Conversation, response: Response) -> None:
    """Raise Red unless the head is lines with CRLF, well-formed, and an empty line."""
    end = talk.received.find(b"\r\n\r\n", response.start)
    loose = re.compile(rb"(?<!\r)\n|\r(?!\n)").search(talk.received, response.start)
    head_end = response.start + len(response.head)
    permitted = "status-line CRLF, then name: value CRLF for each field, then CRLF"
    if loose and (loose.start() < head_end or end < 0):
        likely = (
            "A line of the head ends in LF alone: a triple-quoted string has the line ends "
            "of your editor. Write \\r\\n, and join the lines with it."
        )
        raise Red("Not every line ends in CRLF.", talk, permitted, likely, got_mark=loose.span())
    if end < 0:
        likely = "The empty line, a CRLF of its own, says that the head is complete."
        place = (len(talk.received) - 1, len(talk.received))
        raise Red("The head has no empty line at its end.", talk, permitted, likely, b"", place)
    check_field_lines(talk, response, permitted)


def check_field_lines(talk: Conversation, response: Response, permitted: str) -> None:
    """Raise Red for a field line that is malformed, or a field that may not stand twice."""
    at = response.start + response.head.index(b"\n") + 1
    for line in response.head.split(b"\r\n")[1:-2]:
        if not FIELD_LINE.fullmatch(line):
            likely = "A field line is a name without white space, a colon at once, and a value."
            place = (at, at + len(line))
            raise Red("This is not a field line.", talk, permitted, likely, got_mark=place)
        at += len(line) + 2
    for name in ONCE:
        if len(response.values(name)) > 1:
            raise Red(
                f"{name} is there {len(response.values(name))} times.",
                talk,
                f"one {name} at the most",
                "Two places in the code add this field to the same answer.",
                got_mark=next(re.finditer(rb"(?i)\n%b" % name.encode(), response.head)).span(),
            )


def check_framing(talk: Conversation, response: Response) -> None:
    """Raise Red unless the end of the content is known, and is where it is said to be."""
    lengths, codings = response.values("content-length"), response.values("transfer-encoding")
    permitted = (
        "Content-Length with the number of octets that follow; chunked to HTTP/1.1; "
        "or neither, and the close as the end"
    )
    likely = ""
    if codings and not is_http_1_1(talk):
        problem, likely = (
            "chunked was sent to a client of HTTP/1.0.",
            "HTTP/1.0 does not know chunked.",
        )
    elif codings and lengths:
        problem = "Content-Length and Transfer-Encoding contradict each other."
        likely = "RFC 9112 §6.2: a sender MUST NOT send both."
    elif lengths and not re.fullmatch("[0-9]+", lengths[0]):
        problem, likely = "Content-Length is not digits alone.", "Is it str() of a number?"
    elif not response.whole and response.framing == "length":
        said, came = lengths[0], len(response.content)
        problem = f"Content-Length says {said}, and {came} octets came."
        likely = (
            "The length was counted before the content was complete, or counts what was "
            "not sent. Count len() of the very bytes that you send."
        )
    elif not response.whole and response.framing == "chunked":
        problem, likely = "The last chunk never came.", "Chunked content ends in 0 CRLF CRLF."
    elif response.framing == "close" and not talk.reads_end():
        problem = "Neither a length nor a close tells where the content ends."
        likely = "Send Content-Length: without it a client can't know that it has everything."
    elif octets_follow(talk, response):
        problem = "Octets follow after the end of the content."
        likely = (
            "Content-Length counts octets, not characters: take len() after encode(), "
            "not before. Or is something sent after the content?"
        )
        place = (response.end, len(talk.received))
        raise Red(problem, talk, permitted, likely, got_mark=place)
    else:
        return
    mark = b"Content-Length" if lengths else b""
    raise Red(problem, talk, permitted, likely, got_mark=mark)


def octets_follow(talk: Conversation, response: Response) -> bool:
    """Return whether octets follow the response that no request asked for."""
    if response.framing == "close":
        return False
    if response.closes:
        talk.reads_end()
    else:  # it keeps the connection: what comes first must be the answer to the next request
        talk.send(SECOND)
        talk.wait(lambda: len(talk.received) > response.end)
        return bytes(talk.received[response.end : response.end + 5]) not in (b"HTTP/", b"")
    return len(talk.received) > response.end


def check_with_h11(talk: Conversation, response: Response) -> None:
    """Raise Red if h11 refuses the answer, or reads another content than we did."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    content = b""
    try:
        client.receive_data(bytes(talk.received[response.start : response.end]))
        if response.framing == "close":
            client.receive_data(b"")
        while (event := client.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Data):
                content += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
        why = "" if content == response.content else "h11 reads another content."
    except h11.RemoteProtocolError as error:
        why = f"The library h11 refuses it: {error}."
    if why:
        raise Red(why, talk, "an answer that a strict client can read", "See H01 to H03.")


DAYS, MONTHS = "Mon Tue Wed Thu Fri Sat Sun", "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
# IMF-fixdate = day-name "," SP date1 SP time-of-day SP GMT         RFC 9110 §5.6.7
IMF_FIXDATE = re.compile(
    rf"({DAYS.replace(' ', '|')}), [0-9]{{2}} ({MONTHS.replace(' ', '|')}) [0-9]{{4}} "
    r"[0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT"
)
SLACK_SECONDS = 2.0  # Date has whole seconds, and a server may refresh it once a second


def check_date(talk: Conversation, response: Response, before: float) -> str:
    """Return the Date; raise Red unless it is one, in the right form, and is now."""
    permitted = f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime())}"
    dates = response.values("date")
    if not dates:
        where = "this refusal" if (response.status or 0) >= 400 else "the answer"
        likely = (
            f"Nothing adds Date to {where}. email.utils.formatdate(usegmt=True) writes it; "
            "build every answer in one place."
        )
        raise Red("There is no Date.", talk, permitted, likely)
    place = dates[0].encode("latin-1")
    if not IMF_FIXDATE.fullmatch(dates[0]):
        likely = (
            "The form is fixed: day name, two digits, month, year, time, GMT. "
            "email.utils.formatdate(usegmt=True) writes it."
        )
        raise Red("Date is not an IMF-fixdate.", talk, permitted, likely, got_mark=place)
    date = parsedate_to_datetime(dates[0])
    off = date.timestamp() - time.time()
    if not before - SLACK_SECONDS <= date.timestamp() <= time.time() + SLACK_SECONDS:
        likely = "Is it a constant, or was it computed once, at the start?"
        if abs(off) > 1800 and abs(off) < 86400:
            likely = (
                "It is local time and calls itself GMT (this check runs your server in a "
                "time zone of its own, to see that)."
            )
        problem = f"Date is not now: it is off by {off:.0f} s."
        raise Red(problem, talk, permitted, likely, got_mark=place)
    if date.strftime("%a") != dates[0][:3] and DAYS.split()[date.weekday()] != dates[0][:3]:
        raise Red("The day of the week is wrong.", talk, permitted, "", got_mark=place)
    return dates[0]
