"""Part 2: the server of part 1 learns WSGI (PEP 3333), and hosts any application.

Who calls whom, in the order of this file:

    main > open_listener, serve_forever > serve_connection > serve_request
        read_request                  octets, until the request is complete (part 1)
            Incoming.take or read_chunks > parse_chunk_size
        format_environ                > parse_path, format_variables
        serve_application             calls the application
            Answer.start              > check_status, check_response_headers
            Answer.send               > Answer.open, send_octets

Incoming is a connection and what has come in on it; Answer is what start_response() was given
and what has left. Whatever breaks the standard is raised as HTTPError and answered in one place.
Not here: a second client while one is served; timeouts and backpressure (a silent
client, or one that stops reading, holds the server); keep-alive; graceful shutdown;
wsgi.file_wrapper.
"""

import argparse
import importlib
import io
import os
import re
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# ---- limits ----------------------------------------------------------------------

BACKLOG = 128  # connections the kernel queues until accept() takes them
RECV_SIZE = 64 * 1024  # octets that one recv() may return
MAX_REQUEST_LINE = 16 * 1024  # octets, then 414; RFC 9112 §3 asks for at least 8000
MAX_FIELD_SECTION = 64 * 1024  # octets, then 431; policy
MAX_CONTENT = 10 * 1024 * 1024  # octets, then 413; policy
MAX_CHUNK_LINES = 128 * 1024  # octets of chunks beside their content, then 400; policy
LINGER_OCTETS = 16 * 1024 * 1024  # octets dropped after a refusal, then close; policy
LINGER_SECONDS = 2.0  # seconds that this may take; policy

# ---- errors and values -----------------------------------------------------------

Fields = list[tuple[bytes, bytes]]  # (name in lower case, value), in the order received


Address = tuple[str, int] | tuple[str, int, int, int]  # of a socket: host and port first
ExcInfo = tuple[type[BaseException], BaseException, TracebackType]
FAILED = b"500 Internal Server Error\nThe application failed; its log says why.\n"


class HTTPError(Exception):
    """A refusal: reason is a sentence for the client, status as in "400 Bad Request"."""

    def __init__(self, reason: str, status: str = "400 Bad Request") -> None:
        super().__init__(reason, status)
        self.reason, self.status = reason, status


class Disconnected(Exception):
    """The client has gone while an answer was sent; not the application's error."""


class Request(NamedTuple):
    """One complete request, parsed."""

    method: bytes
    target: bytes
    version: bytes
    fields: Fields
    content: bytes


# ---- answer: listen, accept, send ------------------------------------------------


def open_listener(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises OSError, UnicodeError."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind)
    # Without it, connections in TIME_WAIT keep the port for a minute after a restart.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(BACKLOG)
    return listener


def serve_forever(listener: socket.socket, application: WSGIApplication) -> None:
    """Accept one connection after the other; each is served before the next."""
    while True:
        try:
            connection, client = listener.accept()
        except ConnectionError:
            continue  # BSD and macOS: the client left before it was accepted
        serve_connection(connection, client, application)


def serve_connection(
    connection: socket.socket, client: Address, application: WSGIApplication
) -> None:
    """Serve one connection and close it, then write a line to the access log."""
    incoming, answer, begun = Incoming(connection), Answer(connection), time.monotonic()
    try:
        with connection:
            serve_request(incoming, answer, client, application)
    except OSError:
        pass  # reset, broken pipe, not connected, timed out: the client has gone
    if incoming.octets:
        seconds = time.monotonic() - begun
        line = format_visible(bytes(incoming.octets[incoming.begin :].partition(b"\r\n")[0]))
        how = f"{answer.status[:3] or '-'} {answer.octets} {seconds * 1000:.0f} ms"
        sys.stderr.write(f'{client[0]} "{line}" {how}\n')  # in one piece


def serve_request(
    incoming: "Incoming", answer: "Answer", client: Address, application: WSGIApplication
) -> None:
    """Let the application answer one request, or refuse it."""
    try:
        request = read_request(incoming)
    except HTTPError as error:
        if incoming.octets:  # else it was opened and closed without an octet: nobody asked
            send_refusal(incoming, answer, error)
        return
    answer.to_head = request.method == b"HEAD"
    environ = format_environ(request, incoming.connection.getsockname(), client)
    serve_application(application, environ, answer)
    if incoming.is_unread():
        incoming.drop()


def send_response(connection: socket.socket, status: str, content: bytes, to_head: bool) -> None:
    """Send a complete response; to_head leaves its content out. RFC 9110 §9.3.2."""
    response_headers = [
        ("Date", format_date(time.time())),
        ("Connection", "close"),
        ("Content-Type", "text/plain; charset=iso-8859-1"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Length", str(len(content))),
    ]
    head = format_head(status, response_headers)
    connection.sendall(head if to_head else head + content)


def format_head(status: str, response_headers: list[tuple[str, str]]) -> bytes:
    """Return the status-line, the field lines and the empty line. RFC 9112 §2.1."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in response_headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


# RFC 9110 §5.6.7 wants these names, whatever the locale.
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def format_date(seconds: float) -> str:
    """Return seconds since 1970 as in "Sun, 06 Nov 1994 08:49:37 GMT". RFC 9110 §5.6.7."""
    year, month, day, hour, minute, second, weekday, *_ = time.gmtime(seconds)
    clock = f"{hour:02}:{minute:02}:{second:02}"
    return f"{DAYS[weekday]}, {day:02} {MONTHS[month - 1]} {year} {clock} GMT"


# ---- tell: the request, as the application sees it -------------------------------


def format_variables(fields: Fields) -> dict[str, str]:
    """Return the fields as CGI variables: HTTP_NAME, repeated ones joined. RFC 3875 §4.1.18.

    Names with an underscore are dropped: X_User would pose as X-User.
    """
    variables: dict[str, str] = {}
    for name, value in fields:
        if b"_" in name:
            continue
        key = name.decode("ascii").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        between = "; " if key == "HTTP_COOKIE" else ", "
        variables[key] = f"{variables[key]}{between}{text}" if key in variables else text
    return variables


def parse_path(target: bytes) -> tuple[bytes, bytes, bytes]:
    """Return (authority or b"", path, query) of a target that check_target has passed."""
    if target == b"*":
        return b"", b"", b""
    authority = b""
    if absolute := ABSOLUTE_FORM.fullmatch(target):
        authority = absolute["authority"]
        target = target[absolute.end("authority") :]
    path, _, query = target.partition(b"?")
    return authority, path or b"/", query


def format_environ(request: Request, server: Address, client: Address) -> WSGIEnvironment:
    """Return what the application is told about request. PEP 3333, environ Variables.

    server and client are socket addresses: (host, port, ...).
    """
    authority, path, query = parse_path(request.target)
    environ: WSGIEnvironment = dict(format_variables(request.fields))
    if environ.pop("HTTP_TRANSFER_ENCODING", "") or "CONTENT_LENGTH" in environ:
        environ["CONTENT_LENGTH"] = str(len(request.content))
    if authority:  # it overrides Host, RFC 9112 §3.2.2
        environ["HTTP_HOST"] = authority.decode("ascii")
    environ["REQUEST_METHOD"] = request.method.decode("ascii")
    environ["SCRIPT_NAME"] = ""
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
    environ["QUERY_STRING"] = query.decode("ascii")
    environ["SERVER_PROTOCOL"] = request.version.decode("ascii")
    environ["SERVER_NAME"] = f"[{server[0]}]" if ":" in server[0] else server[0]
    environ["SERVER_PORT"] = str(server[1])
    environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = client[0], str(client[1])
    environ["wsgi.version"] = (1, 0)
    environ["wsgi.url_scheme"] = "http"
    environ["wsgi.input"] = io.BytesIO(request.content)
    environ["wsgi.input_terminated"] = True
    environ["wsgi.errors"] = sys.stderr
    environ["wsgi.multithread"] = environ["wsgi.multiprocess"] = environ["wsgi.run_once"] = False
    return environ


# ---- call: the application -------------------------------------------------------


def serve_application(
    application: WSGIApplication, environ: WSGIEnvironment, answer: "Answer"
) -> None:
    """Call application and send what it answers. PEP 3333, The Server/Gateway Side.

    What it raises goes to stderr, and to the client as a 500 if no head has left yet.
    """
    try:
        send_iterable(answer, application(environ, answer.start))
    except Disconnected:
        pass  # close() has been called, and nobody is there to be told
    except BaseException:  # SystemExit and KeyboardInterrupt too: signals end us without Python
        traceback.print_exc()
        if not answer.head_sent:
            answer.send_instead("500 Internal Server Error", FAILED)


def send_iterable(answer: "Answer", iterable: Iterable[bytes]) -> None:
    """Send each chunk while the application waits, then close() the iterable, once."""
    try:
        known = isinstance(iterable, (list, tuple)) and len(iterable) == 1
        for chunk in iterable:
            answer.send(chunk, len(chunk) if known else None)
            if answer.head_sent and answer.is_bare:
                break  # the client asked for no content, and it may have no end
        answer.finish()
    finally:
        if hasattr(iterable, "close"):
            iterable.close()


# ---- stream: what has been said, and what has left -------------------------------


class Answer:
    """What an application told start_response(), and how much of its answer has left."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.to_head = False  # whether the request's method is HEAD
        self.status = ""  # as in "200 OK", once it is known
        self.response_headers: list[tuple[str, str]] = []
        self.head_sent = False
        self.octets = 0  # of content that have left
        self.room: int | None = None  # octets of content that may follow; None: any number

    def start(
        self,
        status: str,
        response_headers: list[tuple[str, str]],
        exc_info: ExcInfo | tuple[None, None, None] | None = None,
    ) -> Any:
        """Keep the head until there is content, and return write(). PEP 3333, start_response()."""
        try:
            if exc_info and exc_info[1] and self.head_sent:
                raise exc_info[1].with_traceback(exc_info[2])
            if self.status and not exc_info:
                raise RuntimeError("start_response was called twice, without exc_info")
        finally:
            exc_info = None  # no reference cycle through the traceback
        check_status(status)
        check_response_headers(response_headers)  # keep both, or neither
        self.status, self.response_headers = status, list(response_headers)
        return self.write

    def write(self, chunk: bytes) -> None:
        """Send a chunk before the iterable's. PEP 3333, The write() Callable."""
        self.send(chunk, None)

    @property
    def is_bare(self) -> bool:
        """Whether no content follows the head. RFC 9110 §6.4.1."""
        return self.to_head or self.status.startswith(("204 ", "304 "))

    def open(self, length: int | None) -> bytes:
        """Return the head, which then counts as sent, and note how much content may follow.

        RFC 9110 §8.6: no Content-Length in a 204.
        """
        fields = {name.lower(): value for name, value in self.response_headers}
        announced = fields.get("content-length", length)
        self.room = None if announced is None else int(announced)
        self.head_sent = True
        added = [] if "date" in fields else [("Date", format_date(time.time()))]
        added.append(("Connection", "close"))
        if length is not None and not self.is_bare and "content-length" not in fields:
            added.append(("Content-Length", str(length)))
        no_content = self.status.startswith("204 ")
        kept = [
            (name, value)
            for name, value in self.response_headers
            if not (no_content and name.lower() == "content-length")
        ]
        return format_head(self.status, [*added, *kept])

    def send(self, chunk: bytes, length: int | None) -> None:
        """Send a chunk of the content; the head goes before the first one.

        length is that of the whole content, if it is known. Raises Disconnected, TypeError.
        """
        if type(chunk) is not bytes:
            raise TypeError(f"a chunk of the content is not bytes: {chunk!r:.80}")
        if not self.status:
            raise RuntimeError("start_response was not called before the content")
        head = b""
        if not self.head_sent:
            if not chunk and length is None:
                return  # nothing to say yet: the application may still replace the head
            head = self.open(length)
        chunk = b"" if self.is_bare else chunk[: self.room]
        send_octets(self.connection, head + chunk)
        self.octets += len(chunk)
        if self.room is not None:
            self.room -= len(chunk)

    def finish(self) -> None:
        """Send the head if it has not left; say so if content is missing."""
        self.send(b"", 0)
        if self.room and not self.is_bare:
            sys.stderr.write(f"The application sent {self.room} octets too few.\n")

    def send_instead(self, status: str, content: bytes) -> None:
        """Send a complete answer of the server's own, while no head has left."""
        self.status, self.head_sent = status, True
        self.octets = 0 if self.to_head else len(content)
        send_response(self.connection, status, content, self.to_head)


def send_octets(connection: socket.socket, octets: bytes) -> None:
    """Send all octets, however long it takes. Raises Disconnected."""
    try:
        connection.sendall(octets)
    except OSError as error:
        raise Disconnected from error


# ---- refuse: what may not leave --------------------------------------------------

# status-code SP reason-phrase, of a final response              RFC 9112 §4, PEP 3333
STATUS = re.compile(r"[2-5][0-9]{2} [\t -~\x80-\xff]*")


def check_status(status: str) -> None:
    """Refuse a status that an application may not send: raises ValueError, TypeError."""
    if type(status) is not str:
        raise TypeError(f"the status is not a str: {status!r}")
    if not STATUS.fullmatch(status):
        raise ValueError(f'the status does not read like "200 OK": {status!r}')


# The same grammar as for the request's fields, on native strings.
RESPONSE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
RESPONSE_VALUE = re.compile(r"[\t -~\x80-\xff]*")
RESPONSE_LENGTH = re.compile(r"[0-9]{1,18}")
# Only the server may set what concerns this connection.           RFC 9110 §7.6.1, PEP 3333
HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
    *("te", "trailer", "trailers", "transfer-encoding", "upgrade"),
}


def check_response_headers(response_headers: list[tuple[str, str]]) -> None:
    """Refuse fields that an application may not send: raises ValueError, TypeError."""
    if type(response_headers) is not list:
        raise TypeError(f"the response headers are not a list: {response_headers!r}")
    lengths = 0
    for name, value in response_headers:
        if type(name) is not str or type(value) is not str:
            raise TypeError(f"a response header is not a pair of str: {(name, value)!r}")
        if not RESPONSE_NAME.fullmatch(name) or not RESPONSE_VALUE.fullmatch(value):
            raise ValueError(f"a response header would break the head: {(name, value)!r}")
        if name.lower() in HOP_BY_HOP:
            raise ValueError(f"the server says this, not the application: {name}")
        if name.lower() == "content-length":
            lengths += 1
            if lengths > 1 or not RESPONSE_LENGTH.fullmatch(value):
                raise ValueError(f"Content-Length is one number, digits alone: {value!r}")


# ---- read: from the connection, as far as needed ---------------------------------


def send_refusal(incoming: "Incoming", answer: "Answer", error: HTTPError) -> None:
    """Send what was wrong, so that a client that is still sending can read it."""
    content = f"{error.status}\n{error.reason}\n".encode("ascii")
    answer.to_head = incoming.octets.startswith(b"HEAD ", incoming.begin)
    answer.send_instead(error.status, content)
    incoming.drop()


class Incoming:
    """A connection, the octets that have come in on it, and how far they are understood."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.octets = bytearray()
        self.begin = 0  # where the request begins, after empty lines
        self.place = 0  # everything before it is understood

    def more(self) -> None:
        """Wait until octets come, and keep them. Refuses the end of input with 400."""
        octets = self.connection.recv(RECV_SIZE)
        if not octets:
            raise HTTPError("The request ended before it was complete.")
        self.octets += octets

    def line(self, limit: int, too_long: str) -> bytes:
        """Return the next line, of at most limit octets, without its CRLF. RFC 9112 §2.2.

        Refuses a longer one with the status too_long, and with 400 one that ends in LF alone.
        """
        end = self.place + limit + len(b"\r\n")
        while (newline := self.octets.find(b"\n", self.place, end)) < 0:
            if len(self.octets) >= end:
                raise HTTPError(f"The limit is {limit} octets from here.", too_long)
            self.more()
        line = bytes(self.octets[self.place : newline])
        if not line.endswith(b"\r"):
            raise HTTPError("This line ends in LF; HTTP wants CRLF.")
        self.place = newline + 1
        return line[:-1]

    def take(self, count: int) -> bytes:
        """Return the next count octets, however long they take to come."""
        while len(self.octets) < self.place + count:
            self.more()
        taken = bytes(self.octets[self.place : self.place + count])
        self.place += count
        return taken

    def is_unread(self) -> bool:
        """Return whether more has come than has been understood; does not wait."""
        if len(self.octets) > self.place:
            return True
        timeout = self.connection.gettimeout()
        self.connection.setblocking(False)
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False
        finally:
            self.connection.settimeout(timeout)

    def drop(self) -> None:
        """Announce the end, then drop what the client still sends, until it closes too.

        Closing with input unread resets the connection, and the reset can destroy an
        answer that the client has not read yet. RFC 9112 §9.6.
        """
        self.connection.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + LINGER_SECONDS
        dropped = 0
        while dropped < LINGER_OCTETS and (left := deadline - time.monotonic()) > 0:
            self.connection.settimeout(left)
            octets = self.connection.recv(RECV_SIZE)
            if not octets:
                return
            dropped += len(octets)


def read_request(incoming: Incoming) -> Request:
    """Return the request; incoming.octets[begin:place] are then its octets.

    Raises HTTPError with the status to answer, OSError if the client has gone.
    """
    method, target, version = parse_request_line(read_request_line(incoming))
    fields = read_field_section(incoming)
    check_host(version, fields)
    check_transfer_encoding(version, fields)
    length = parse_content_length(fields)
    chunked = is_chunked(fields)
    if (chunked or length > 0) and not incoming.is_unread():
        send_continue(incoming.connection, version, fields)
    content = read_chunks(incoming) if chunked else incoming.take(length)
    return Request(method, target, version, fields, content)


def read_request_line(incoming: Incoming) -> bytes:
    """Return the request-line without its CRLF. Refuses with 400, 414.

    Drops empty lines before it, RFC 9112 §2.2.
    """
    incoming.more()
    if incoming.octets.startswith(b"\x16"):
        raise HTTPError("This looks like TLS: use http://, not https://.")
    room = MAX_REQUEST_LINE
    while not (line := incoming.line(room, "414 URI Too Long")):
        incoming.begin = incoming.place
        room -= len(b"\r\n")
    return line


def read_field_section(incoming: Incoming) -> Fields:
    """Return the fields, to the empty line that ends them. Refuses with 400, 431."""
    fields, room = [], MAX_FIELD_SECTION
    while line := incoming.line(room, "431 Request Header Fields Too Large"):
        fields.append(parse_field_line(line))
        room -= len(line) + len(b"\r\n")
    return fields


# ---- content: how much, and who waits for what -----------------------------------

# Content-Length = 1*DIGIT                                         RFC 9110 §8.6
DIGITS = re.compile(rb"[0-9]+")


def parse_content_length(fields: Fields) -> int:
    """Return the octets of content that fields announce; refuse with 400, 413."""
    lengths = [value for name, value in fields if name == b"content-length"]
    if not lengths:
        return 0
    if len(lengths) > 1 or not DIGITS.fullmatch(lengths[0]):
        raise HTTPError("Content-Length is one number, digits alone.")
    digits = lengths[0].lstrip(b"0") or b"0"
    # The number of digits first: int() fails above 4,300 of them.
    if len(digits) > len(str(MAX_CONTENT)) or int(digits) > MAX_CONTENT:
        raise HTTPError(f"The limit is {MAX_CONTENT} octets.", "413 Content Too Large")
    return int(digits)


def parse_list(fields: Fields, name: bytes) -> list[bytes]:
    """Return the members of all fields of that name, in lower case. RFC 9110 §5.6.1.

    Empty ones do not count, §5.6.1.2.
    """
    values = [value for key, value in fields if key == name]
    members = [member.strip(b" \t").lower() for member in b",".join(values).split(b",")]
    return [member for member in members if member]


def send_continue(connection: socket.socket, version: bytes, fields: Fields) -> None:
    """Send 100 Continue to a client that waits for it. RFC 9110 §10.1.1."""
    if b"100-continue" in parse_list(fields, b"expect") and version != b"HTTP/1.0":
        connection.sendall(format_head("100 Continue", []))


def check_transfer_encoding(version: bytes, fields: Fields) -> None:
    """Refuse codings other than chunked alone, with 400 or 501. RFC 9112 §6.1, §6.3."""
    if not is_chunked(fields):
        return
    codings = parse_list(fields, b"transfer-encoding")
    if codings[-1:] != [b"chunked"] or codings.count(b"chunked") > 1:
        raise HTTPError("The last transfer coding is not chunked.")
    if version == b"HTTP/1.0" or b"content-length" in dict(fields):
        raise HTTPError("Transfer-Encoding is not allowed here.")
    if len(codings) > 1:
        raise HTTPError("The only transfer coding here is chunked.", "501 Not Implemented")


def is_chunked(fields: Fields) -> bool:
    """Return whether the content comes in chunks, if check_transfer_encoding passes it."""
    return b"transfer-encoding" in dict(fields)


def read_chunks(incoming: Incoming) -> bytes:
    """Return the decoded content; drop extensions and trailer fields. RFC 9112 §7.1.

    Refuses with 400, 413, 431.
    """
    content, room = bytearray(), MAX_CHUNK_LINES
    while size := parse_chunk_size(
        line := incoming.line(room, "400 Bad Request"), MAX_CONTENT - len(content)
    ):
        content += incoming.take(size)
        if incoming.take(2) != b"\r\n":
            raise HTTPError("A chunk ends in CRLF.")
        room = max(0, room - len(line) - 4)  # less its CRLF, and the one after its content
    read_field_section(incoming)
    return bytes(content)


# token = 1*tchar                                                  RFC 9110 §5.6.2
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE          RFC 9110 §5.6.4
QUOTED_STRING = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
# chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS value ] )          RFC 9112 §7.1.1
# name: token; value: token / quoted-string; BWS = *( SP / HTAB )
CHUNK_EXT = rb"(?:[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|%b))?)*" % (
    TOKEN.pattern,
    TOKEN.pattern,
    QUOTED_STRING,
)
# chunk-size [ chunk-ext ] = 1*HEXDIG [ chunk-ext ]                RFC 9112 §7.1
CHUNK_LINE = re.compile(rb"0*([1-9A-Fa-f][0-9A-Fa-f]{0,15}|0)%b" % CHUNK_EXT)


def parse_chunk_size(line: bytes, room: int) -> int:
    """Return the octets of a chunk from its first line; refuse with 400, 413. RFC 9112 §7.1."""
    match = CHUNK_LINE.fullmatch(line)
    if not match:
        raise HTTPError("A chunk begins with a hex size, then any ;name=value.")
    size = int(match[1], 16)
    if size > room:
        raise HTTPError(f"The limit is {MAX_CONTENT} octets.", "413 Content Too Large")
    return size


# ---- refuse: what is not HTTP/1.1 ------------------------------------------------

# HTTP-version = "HTTP" "/" DIGIT "." DIGIT                        RFC 9112 §2.3
VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")


def parse_request_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    """Return (method, target, version); refuse with 400, 501, 505. RFC 9112 §3."""
    parts = line.split(b" ")
    if len(parts) != 3:
        raise HTTPError("A request-line is METHOD target HTTP/1.1.")
    method, target, version = parts
    if not TOKEN.fullmatch(method):
        raise HTTPError("The method is not a token.")
    if not VERSION.fullmatch(version):
        raise HTTPError("The version does not read HTTP/1.1.")
    if not version.startswith(b"HTTP/1."):
        raise HTTPError("This server speaks HTTP/1.1.", "505 HTTP Version Not Supported")
    check_target(method, target)
    return method, target, version


# origin-form = absolute-path [ "?" query ]                        RFC 9112 §3.2.1
# Any of 0x21-0x7E but "#": policy, since browsers send "|" and "{" as they are.
ORIGIN_FORM = re.compile(rb"/[!-\"$-~]*")
# scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )              RFC 3986 §3.1
SCHEME = rb"[A-Za-z][A-Za-z0-9+.-]*"
# userinfo, and what follows the authority: the characters of ORIGIN_FORM.
USERINFO = rb"[!-\"$-.0->A-~]*"
# absolute-form = scheme "://" [ userinfo "@" ] host [ ":" port ] path [ "?" query ]
ABSOLUTE_FORM = re.compile(
    rb"%b://(?:%b@)?(?P<authority>[^/?@:][^/?@]*)(?:[/?][!-\"$-~]*)?" % (SCHEME, USERINFO)
)


def check_target(method: bytes, target: bytes) -> None:
    """Refuse a target whose form does not go with method, with 400 or 501. RFC 9112 §3.2."""
    if method == b"CONNECT":
        raise HTTPError("This server is not a proxy.", "501 Not Implemented")
    if absolute := ABSOLUTE_FORM.fullmatch(target):
        check_authority(absolute["authority"])
    elif not ORIGIN_FORM.fullmatch(target) and (method, target) != (b"OPTIONS", b"*"):
        raise HTTPError("The target is neither /path nor http://host.")


# field-value: VCHAR, obs-text, SP and HTAB, no other control      RFC 9110 §5.5
FIELD_VALUE = rb"[\t -~\x80-\xff]*"
# field-line = field-name ":" OWS field-value OWS                  RFC 9112 §5
FIELD_LINE = re.compile(rb"(%b):(%b)" % (TOKEN.pattern, FIELD_VALUE))


def parse_field_line(line: bytes) -> tuple[bytes, bytes]:
    """Return (name in lower case, value) of a line without its CRLF. RFC 9112 §5.

    Refuses with 400: no colon, white space around the name, a folded line, a control.
    """
    match = FIELD_LINE.fullmatch(line)
    if not match:
        raise HTTPError("A field line is a name, a colon, a value.")
    return match[1].lower(), match[2].strip(b" \t")


# ---- survive: what a client can do to the terminal -------------------------------

# What stands for an octet in print: itself, or \r, \n, \x1b, \xff; nothing begins a new line.
VISIBLE = {octet: ascii(chr(octet))[1:-1] for octet in range(256)}


def format_visible(octets: bytes) -> str:
    r"""Return octets in printable ASCII, as VISIBLE has them: controls as \r, \x1b."""
    return octets.decode("latin-1").translate(VISIBLE)


# The same for what an application says, where line ends and tabs stay.
CONTROLS = {code: VISIBLE[code] for code in [*range(9), *range(11, 32), *range(127, 160)]}


class Errors(io.TextIOWrapper):
    """stderr, and so wsgi.errors: text without controls, whether or not anyone reads it."""

    def write(self, text: str) -> int:
        """Write text, controls made visible: an application may quote what a client sent."""
        try:
            super().write(text.translate(CONTROLS))
        except OSError:
            pass  # nobody reads it any more (a pipe), or the disk is full: go on serving
        return len(text)


# ---- to the letter: which site is meant ------------------------------------------

# IP-literal = "[" ( IPv6address / IPvFuture ) "]"                 RFC 3986 §3.2.2
IPV6 = rb"\[(?P<ipv6>[0-9A-Fa-f:.]+)\]"  # inet_pton() knows the rest
IPV_FUTURE = rb"\[[vV][0-9A-Fa-f]+\.[!$&-.0-;=A-Z_a-z~]+\]"
# reg-name = *( unreserved / pct-encoded / sub-delims ); an IPv4address looks like one
REG_NAME = rb"(?:[!$&-.0-9;=A-Z_a-z~]|%[0-9A-Fa-f]{2})*"
# Host = uri-host [ ":" port ]                                     RFC 9110 §7.2
HOST = re.compile(rb"(?:%b|%b|%b)(?::[0-9]*)?" % (IPV6, IPV_FUTURE, REG_NAME))


def check_authority(authority: bytes) -> None:
    """Refuse with 400 what is not a host, with or without a port."""
    match = HOST.fullmatch(authority)
    try:
        if match and match["ipv6"]:
            socket.inet_pton(socket.AF_INET6, match["ipv6"].decode("ascii"))
    except OSError:
        match = None
    if not match:
        raise HTTPError("The host is malformed.")


def check_host(version: bytes, fields: Fields) -> None:
    """Refuse with 400: no Host (except in HTTP/1.0), two, a malformed one. RFC 9112 §3.2."""
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or (not hosts and version != b"HTTP/1.0"):
        raise HTTPError("A request has exactly one Host field.")
    for host in hosts:
        check_authority(host)


# ---- main ------------------------------------------------------------------------


def format_url(listener: socket.socket) -> str:
    """Return http://HOST:PORT as bound; an IPv6 address is in brackets."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def default_application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answer with environ, one line for each key; served if no application is named."""
    lines = [f"{key} = {value!r}" for key, value in sorted(environ.items())]
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return ["\n".join(lines).encode("utf-8") + b"\n"]


def load_application(name: str) -> Any:
    """Return what MODULE:CALLABLE or MODULE:factory() names. Raises ValueError with a sentence."""
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ValueError(f"Name the application as MODULE:CALLABLE, not {name!r}.")
    sys.path[:0] = [os.getcwd(), os.path.dirname(os.path.abspath(__file__))]
    try:
        application = getattr(importlib.import_module(module_name), attribute.removesuffix("()"))
        if attribute.endswith("()"):
            application = application()
    except ModuleNotFoundError as error:
        if error.name != module_name.partition(".")[0]:
            traceback.print_exc()
        where = f"in {sys.path[0]} or {sys.path[1]}"
        raise ValueError(f"There is no module {error.name} {where}.") from None
    except AttributeError as error:
        if error.name != attribute.removesuffix("()"):
            traceback.print_exc()
        raise ValueError(f"{name} is not there: {error}.") from None
    except BaseException as error:
        traceback.print_exc()
        raise ValueError(f"{name} raised {type(error).__name__} before it served.") from None
    if not callable(application):
        raise ValueError(f"{name} is not an application: it can't be called.")
    return application


def main() -> None:
    """Read the command line, listen, say where, and serve until a signal comes."""
    # The default action ends the process at once; the kernel closes what it held.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parser = argparse.ArgumentParser(description="Host a WSGI application.")
    parser.add_argument("application", nargs="?", metavar="MODULE:CALLABLE", help="or factory()")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", default="8888", help="the port; 0 takes a free one")
    arguments = parser.parse_args()
    if not re.fullmatch("[0-9]{1,5}", arguments.port) or int(arguments.port) > 65535:
        sys.exit(f"--port takes a number from 0 to 65535, not {arguments.port!r}.")
    # wsgi.errors has no buffer, so that what is written to it appears at once.
    unbuffered = getattr(sys.stderr.buffer, "raw", sys.stderr.buffer)  # python -u has none
    sys.stderr = Errors(unbuffered, "utf-8", "backslashreplace", write_through=True)
    sys.excepthook = traceback.print_exception  # Python 3.13's own prints colours
    try:
        named = arguments.application
        application = load_application(named) if named else default_application
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    try:
        listener = open_listener(arguments.host, int(arguments.port))
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        sys.exit(f"Cannot listen on {arguments.host} port {arguments.port}: {why}.")
    print(f"Serving HTTP on {format_url(listener)}", flush=True)
    serve_forever(listener, application)


if __name__ == "__main__":
    main()
