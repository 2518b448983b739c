"""Part 3: the server of part 2 forks a process for each connection, and reaps every one.

The parent: main > serve_forever > accept, fork, close its copy; reap_children on SIGCHLD.
The child, one for each connection, and the route of its one request:

    serve_in_child > serve_connection > serve_request
        read_request                  octets, until the request is complete
            read_request_line         > parse_request_line > parse_target
            read_field_section        > parse_field_line
            parse_host, parse_transfer_encoding, parse_content_length
            read_content or read_chunks
        format_environ                > parse_path, format_variables
        serve_application             calls the application
            start_response            > parse_status, parse_response_headers
            serve_iterable            > send_chunk > format_answer_head

Whatever breaks the standard is raised as HTTPError and answered in one place.
Not here: timeouts and backpressure (a silent client, or one that stops reading, holds
a process, and nothing bounds their number); keep-alive; graceful shutdown;
wsgi.file_wrapper.
"""

import _signal
import argparse
import gc
import importlib
import io
import os
import re
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

# ---- limits ----------------------------------------------------------------------

BACKLOG = 128  # connections the kernel queues until accept() takes them
RECV_SIZE = 64 * 1024  # octets that one recv() may return
MAX_REQUEST_LINE = 16 * 1024  # octets, then 414; RFC 9112 §3 asks for at least 8000
MAX_FIELD_SECTION = 64 * 1024  # octets, then 431; policy
MAX_CONTENT = 10 * 1024 * 1024  # octets, then 413; policy
MAX_CHUNK_LINES = 128 * 1024  # octets of all that chunks have beside content, then 400; policy
LINGER_OCTETS = 16 * 1024 * 1024  # octets dropped after a refusal, then close; policy
LINGER_SECONDS = 2.0  # seconds that this may take; policy
ACCEPT_SECONDS = 1.0  # seconds, then accept() is called anew; see serve_forever
BROKEN = b"500 Internal Server Error\nThe application failed; its log says why.\n"

# ---- errors and values -----------------------------------------------------------

Fields = list[tuple[bytes, bytes]]  # (name in lower case, value), in the order received
Application = Callable  # application(environ, start_response) -> iterable of bytes; PEP 3333


class HTTPError(Exception):
    """A refusal: status as in "400 Bad Request", reason a sentence for the client."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(status, reason)
        self.status, self.reason = status, reason


class Disconnected(Exception):
    """The client has gone while an answer was sent; no error of the application's."""


class Request(NamedTuple):
    """One complete request; size counts the octets that it took on the wire."""

    method: bytes
    target: bytes
    version: bytes
    fields: Fields
    content: bytes
    size: int


# ---- grammar ---------------------------------------------------------------------

# token = 1*tchar                                                  RFC 9110 §5.6.2
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# HTTP-version = "HTTP" "/" DIGIT "." DIGIT                        RFC 9112 §2.3
VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
# origin-form = absolute-path [ "?" query ]                        RFC 9112 §3.2.1
# Any of 0x21-0x7E but "#": policy, since browsers send "|" and "{" as they are.
ORIGIN_FORM = re.compile(rb"/[!-\"$-~]*")
# absolute-form = scheme "://" [ userinfo "@" ] host [ ":" port ] path [ "?" query ]
ABSOLUTE_FORM = re.compile(
    rb"[A-Za-z][A-Za-z0-9+.-]*://(?:[!-\"$-.0->A-~]*@)?(?P<authority>[^/?@:][^/?@]*)"
    rb"(?:[/?][!-\"$-~]*)?"
)
# Host = uri-host [ ":" port ]                                     RFC 9110 §7.2
# uri-host = IP-literal / IPv4address / reg-name                   RFC 3986 §3.2.2
HOST = re.compile(
    rb"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|\[[vV][0-9A-Fa-f]+\.[!$&-.0-;=A-Z_a-z~]+\]"
    rb"|(?:[!$&-.0-9;=A-Z_a-z~]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)
# field-line = field-name ":" OWS field-value OWS                  RFC 9112 §5
# field-value: VCHAR, obs-text, SP and HTAB, no other control      RFC 9110 §5.5
FIELD_LINE = re.compile(rb"(%b):([\t -~\x80-\xff]*)" % TOKEN.pattern)
# Content-Length = 1*DIGIT                                         RFC 9110 §8.6
DIGITS = re.compile(rb"[0-9]+")
# quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE          RFC 9110 §5.6.4
QUOTED_STRING = re.compile(rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"')
# chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS value ] )          RFC 9112 §7.1.1
# name: token; value: token / quoted-string; BWS = *( SP / HTAB )
CHUNK_EXT = re.compile(
    rb"(?:[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|%b))?)*"
    % (TOKEN.pattern, TOKEN.pattern, QUOTED_STRING.pattern)
)
# chunk-size [ chunk-ext ] = 1*HEXDIG [ chunk-ext ]                RFC 9112 §7.1
CHUNK_LINE = re.compile(rb"0*([1-9A-Fa-f][0-9A-Fa-f]{0,15}|0)%b" % CHUNK_EXT.pattern)
# status-code SP reason-phrase, of a final response              RFC 9112 §4, PEP 3333
STATUS = re.compile(r"[2-5][0-9]{2} [\t -~\x80-\xff]*")
# The same grammar as for the request's fields, on native strings.
RESPONSE_NAME = re.compile(TOKEN.pattern.decode("ascii"))
RESPONSE_VALUE = re.compile(r"[\t -~\x80-\xff]*")
RESPONSE_LENGTH = re.compile(r"[0-9]{1,18}")
# What concerns this connection is the server's to say.            RFC 9110 §7.6.1, PEP 3333
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te"}
HOP_BY_HOP |= {"trailer", "trailers", "transfer-encoding", "upgrade", "proxy-connection"}

# ---- parse: octets in, values out, no sockets ------------------------------------


def parse_request_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    """Return (method, target, version); refuse with 400, 501, 505. RFC 9112 §3."""
    parts = line.split(b" ")
    if len(parts) != 3:
        raise HTTPError("400 Bad Request", "A request-line is METHOD target HTTP/1.1.")
    method, target, version = parts
    if not TOKEN.fullmatch(method):
        raise HTTPError("400 Bad Request", "The method is not a token.")
    if not VERSION.fullmatch(version):
        raise HTTPError("400 Bad Request", "The version does not read HTTP/1.1.")
    if not version.startswith(b"HTTP/1."):
        raise HTTPError("505 HTTP Version Not Supported", "This server speaks HTTP/1.1.")
    return method, parse_target(method, target), version


def parse_target(method: bytes, target: bytes) -> bytes:
    """Return target if its form goes with method; else 400, or 501. RFC 9112 §3.2."""
    if method == b"CONNECT":
        raise HTTPError("501 Not Implemented", "This server is not a proxy.")
    if absolute := ABSOLUTE_FORM.fullmatch(target):
        parse_authority(absolute["authority"])
    elif not ORIGIN_FORM.fullmatch(target) and (method, target) != (b"OPTIONS", b"*"):
        raise HTTPError("400 Bad Request", "The target is neither /path nor http://host.")
    return target


def parse_authority(authority: bytes) -> bytes:
    """Return authority, a host with or without a port; refuse others with 400."""
    match = HOST.fullmatch(authority)
    try:
        if match and match["ipv6"]:
            socket.inet_pton(socket.AF_INET6, match["ipv6"].decode("ascii"))
    except OSError:
        match = None
    if not match:
        raise HTTPError("400 Bad Request", "The host is malformed.")
    return authority


def parse_field_line(line: bytes) -> tuple[bytes, bytes]:
    """Return (name in lower case, value) of a line without its CRLF. RFC 9112 §5.

    Refuses with 400: no colon, white space around the name, a folded line, a control.
    """
    match = FIELD_LINE.fullmatch(line)
    if not match:
        raise HTTPError("400 Bad Request", "A field line is a name, a colon, a value.")
    return match[1].lower(), match[2].strip(b" \t")


def parse_host(version: bytes, fields: Fields) -> None:
    """Refuse with 400 no Host (HTTP/1.0 may), two, a malformed one. RFC 9112 §3.2."""
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or (not hosts and version != b"HTTP/1.0"):
        raise HTTPError("400 Bad Request", "A request has exactly one Host field.")
    for host in hosts:
        parse_authority(host)


def parse_list(fields: Fields, name: bytes) -> list[bytes]:
    """Return the members of all fields of that name, in lower case. RFC 9110 §5.6.1.

    Empty ones are none, §5.6.1.2.
    """
    values = [value for key, value in fields if key == name]
    members = [member.strip(b" \t").lower() for member in b",".join(values).split(b",")]
    return [member for member in members if member]


def parse_transfer_encoding(version: bytes, fields: Fields) -> bool:
    """Return whether the content is chunked; refuse with 400, 501. RFC 9112 §6.1, §6.3."""
    if b"transfer-encoding" not in dict(fields):
        return False
    codings = parse_list(fields, b"transfer-encoding")
    if codings[-1:] != [b"chunked"] or codings.count(b"chunked") > 1:
        raise HTTPError("400 Bad Request", "The last transfer coding is not chunked.")
    if version == b"HTTP/1.0" or b"content-length" in dict(fields):
        raise HTTPError("400 Bad Request", "Here Transfer-Encoding is not allowed.")
    if len(codings) > 1:
        raise HTTPError("501 Not Implemented", "The only transfer coding here is chunked.")
    return True


def parse_content_length(fields: Fields) -> int:
    """Return the octets of content that fields announce; refuse with 400, 413."""
    lengths = [value for name, value in fields if name == b"content-length"]
    if not lengths:
        return 0
    if len(lengths) > 1 or not DIGITS.fullmatch(lengths[0]):
        raise HTTPError("400 Bad Request", "Content-Length is one number, digits alone.")
    digits = lengths[0].lstrip(b"0") or b"0"
    # The number of digits first: int() fails above 4,300 of them.
    if len(digits) > len(str(MAX_CONTENT)) or int(digits) > MAX_CONTENT:
        raise HTTPError("413 Content Too Large", f"The limit is {MAX_CONTENT} octets.")
    return int(digits)


def parse_chunk_size(line: bytes, limit: int) -> int:
    """Return the octets of a chunk from its first line; refuse with 400, 413. RFC 9112 §7.1."""
    match = CHUNK_LINE.fullmatch(line)
    if not match:
        raise HTTPError("400 Bad Request", "A chunk begins with a hex size, then any ;name=value.")
    size = int(match[1], 16)
    if size > limit:
        raise HTTPError("413 Content Too Large", f"The limit is {MAX_CONTENT} octets.")
    return size


def parse_path(target: bytes) -> tuple[bytes, bytes, bytes]:
    """Return (authority or b"", path, query) of a target that parse_target has passed."""
    if target == b"*":
        return b"", b"", b""
    authority = b""
    if absolute := ABSOLUTE_FORM.fullmatch(target):
        authority = absolute["authority"]
        target = target[absolute.end("authority") :]
    path, _, query = target.partition(b"?")
    return authority, path or b"/", query


def parse_status(status: str) -> str:
    """Return status if an application may send it; else raise ValueError, TypeError."""
    if type(status) is not str:
        raise TypeError(f"the status is no str: {status!r}")
    if not STATUS.fullmatch(status):
        raise ValueError(f'the status does not read like "200 OK": {status!r}')
    return status


def parse_response_headers(response_headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return a copy if an application may send them; else raise ValueError, TypeError."""
    if type(response_headers) is not list:
        raise TypeError(f"the response headers are no list: {response_headers!r}")
    lengths = 0
    for name, value in response_headers:
        if type(name) is not str or type(value) is not str:
            raise TypeError(f"a response header is no pair of str: {(name, value)!r}")
        if not RESPONSE_NAME.fullmatch(name) or not RESPONSE_VALUE.fullmatch(value):
            raise ValueError(f"a response header would break the head: {(name, value)!r}")
        if name.lower() in HOP_BY_HOP:
            raise ValueError(f"the server says this, not the application: {name}")
        if name.lower() == "content-length":
            lengths += 1
            if lengths > 1 or not RESPONSE_LENGTH.fullmatch(value):
                raise ValueError(f"Content-Length is one number, digits alone: {value!r}")
    return list(response_headers)


# ---- read: from the socket into received, as far as needed -----------------------


def read_more(connection: socket.socket, received: bytearray) -> None:
    """Wait until octets arrive and append them; refuse the end of input with 400."""
    octets = connection.recv(RECV_SIZE)
    if not octets:
        raise HTTPError("400 Bad Request", "The request ended before it was complete.")
    received += octets


def read_line(
    connection: socket.socket, received: bytearray, start: int, end: int, too_long: str
) -> bytes:
    """Return the line at received[start:] without its CRLF. RFC 9112 §2.2.

    Refuses with the status too_long if the CRLF is not before end, and with 400 a
    line that ends in LF alone.
    """
    while (newline := received.find(b"\n", start, end)) < 0:
        if len(received) >= end:
            raise HTTPError(too_long, f"The limit is {end - start} octets from here.")
        read_more(connection, received)
    if received[start:newline][-1:] != b"\r":
        raise HTTPError("400 Bad Request", "This line ends in LF; HTTP wants CRLF.")
    return bytes(received[start : newline - 1])


def read_request_line(connection: socket.socket, received: bytearray) -> bytes:
    """Return the request-line, without its CRLF; received then begins with it.

    Drops empty lines before it, RFC 9112 §2.2. Refuses with 400, 414.
    """
    read_more(connection, received)
    if received.startswith(b"\x16"):
        raise HTTPError("400 Bad Request", "This looks like TLS: use http://, not https://.")
    start, end = 0, MAX_REQUEST_LINE + 2
    while not (line := read_line(connection, received, start, end, "414 URI Too Long")):
        start += 2
    del received[:start]
    return line


def read_field_section(
    connection: socket.socket, received: bytearray, start: int
) -> tuple[Fields, int]:
    """Return the fields and where the content begins. Refuses with 400, 431."""
    fields = []
    end = start + MAX_FIELD_SECTION + 2
    too_long = "431 Request Header Fields Too Large"
    while line := read_line(connection, received, start, end, too_long):
        fields.append(parse_field_line(line))
        start += len(line) + 2
    return fields, start + 2


def read_content(connection: socket.socket, received: bytearray, start: int, length: int) -> bytes:
    """Return the length octets that begin at received[start:]."""
    while len(received) < start + length:
        read_more(connection, received)
    return bytes(received[start : start + length])


def read_chunks(connection: socket.socket, received: bytearray, head_end: int) -> tuple[bytes, int]:
    """Return the decoded content, and where what follows it begins. RFC 9112 §7.1.

    Takes chunk after chunk out of received, and drops extensions and trailer fields.
    Refuses with 400, 413, 431.
    """
    content, start, room = bytearray(), head_end, MAX_CHUNK_LINES
    while True:
        line = read_line(connection, received, start, start + room, "400 Bad Request")
        start += len(line) + 2
        room = max(0, room - len(line) - 4)  # less its CRLF, and the one after its content
        size = parse_chunk_size(line, MAX_CONTENT - len(content))
        if size == 0:
            _, start = read_field_section(connection, received, start)
            return bytes(content), start
        content += read_content(connection, received, start, size)
        start += size
        if read_content(connection, received, start, 2) != b"\r\n":
            raise HTTPError("400 Bad Request", "A chunk ends in CRLF.")
        start += 2
        del received[head_end:start]  # else a chunk's extensions would pile up
        start = head_end


def read_request(connection: socket.socket, received: bytearray) -> Request:
    """Return the request. received begins with it; what follows is not part of it.

    Raises HTTPError with the status to answer, OSError if the client has gone.
    """
    request_line = read_request_line(connection, received)
    method, target, version = parse_request_line(request_line)
    fields, start = read_field_section(connection, received, len(request_line) + 2)
    parse_host(version, fields)
    chunked = parse_transfer_encoding(version, fields)
    length = parse_content_length(fields)
    if len(received) == start and (chunked or length > 0):
        send_continue(connection, version, fields)
    if chunked:
        content, end = read_chunks(connection, received, start)
    else:
        content, end = read_content(connection, received, start, length), start + length
    return Request(method, target, version, fields, content, end)


def read_is_due(connection: socket.socket) -> bool:
    """Return whether octets have arrived that nobody has read; does not wait."""
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def read_and_drop(connection: socket.socket) -> None:
    """Announce the end, then drop what the client still sends, until it closes too.

    Closing with input unread resets the connection, and the reset can destroy an
    answer that the client has not read yet. RFC 9112 §9.6.
    """
    connection.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + LINGER_SECONDS
    dropped = 0
    while dropped < LINGER_OCTETS and (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        octets = connection.recv(RECV_SIZE)
        if not octets:
            return
        dropped += len(octets)


# ---- format and send -------------------------------------------------------------

# RFC 9110 §5.6.7 wants these names, whatever the locale.
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
# What stands for an octet in print: itself, or \r, \n, \x1b, \xff; nothing begins a new line.
VISIBLE = {octet: ascii(chr(octet))[1:-1] for octet in range(256)}
# The same for what an application says, where line ends and tabs stay.
CONTROLS = {code: VISIBLE[code] for code in [*range(9), *range(11, 32), *range(127, 160)]}


def format_visible(octets: bytes | bytearray) -> str:
    r"""Return octets in printable ASCII, as VISIBLE has them: controls as \r, \x1b."""
    return octets.decode("latin-1").translate(VISIBLE)


class Errors(io.TextIOWrapper):
    """stderr, and so wsgi.errors: text without controls, to whoever reads it, or to nobody."""

    def write(self, text: str) -> int:
        """Write text; what an application quotes came from a client, escape sequences too."""
        try:
            super().write(text.translate(CONTROLS))
        except OSError:
            pass  # nobody reads it any more (a pipe), or the disk is full: serve on
        return len(text)


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


def format_environ(request: Request, server: tuple, client: tuple) -> dict:
    """Return what the application is told about request. PEP 3333, environ Variables.

    server and client are socket addresses: (host, port, ...).
    """
    # unwritten: W05. Who else runs the application?
    authority, path, query = parse_path(request.target)
    environ: dict = format_variables(request.fields)
    if environ.pop("HTTP_TRANSFER_ENCODING", "") or "CONTENT_LENGTH" in environ:
        environ["CONTENT_LENGTH"] = str(len(request.content))
    if authority:  # the target's own says more than Host, RFC 9112 §3.2.2
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


def format_date(seconds: float) -> str:
    """Return seconds since 1970 as in "Sun, 06 Nov 1994 08:49:37 GMT". RFC 9110 §5.6.7."""
    year, month, day, hour, minute, second, weekday, *_ = time.gmtime(seconds)
    clock = f"{hour:02}:{minute:02}:{second:02}"
    return f"{DAYS[weekday]}, {day:02} {MONTHS[month - 1]} {year} {clock} GMT"


def format_head(status: str, response_headers: list[tuple[str, str]]) -> bytes:
    """Return the status-line, the field lines and the empty line. RFC 9112 §2.1."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in response_headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def format_answer_head(answer: dict, length: int | None) -> bytes:
    """Return the head of answer; note in it how much content may follow.

    RFC 9110 §6.4.1: none after HEAD, 204 and 304. §8.6: no Content-Length in a 204.
    """
    fields = {name.lower(): value for name, value in answer["response_headers"]}
    no_content = answer["status"].startswith("204 ")
    answer["bare"] = answer["to_head"] or no_content or answer["status"].startswith("304 ")
    added = [] if "date" in fields else [("Date", format_date(time.time()))]
    added.append(("Connection", "close"))
    if length is not None and not answer["bare"] and "content-length" not in fields:
        added.append(("Content-Length", str(length)))
    announced = fields.get("content-length", length)
    answer["room"] = None if announced is None else int(announced)
    kept = [
        (name, value)
        for name, value in answer["response_headers"]
        if not (no_content and name.lower() == "content-length")
    ]
    return format_head(answer["status"], [*added, *kept])


def send_continue(connection: socket.socket, version: bytes, fields: Fields) -> None:
    """Send 100 Continue to a client that waits for it. RFC 9110 §10.1.1."""
    if b"100-continue" in parse_list(fields, b"expect") and version != b"HTTP/1.0":
        connection.sendall(format_head("100 Continue", []))


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


def send_unavailable(connection: socket.socket) -> None:
    """Answer 503 and close, without waiting for anything: the request, or room to send.

    Without content, since nobody has read whether this is HEAD.
    """
    raise NotImplementedError("Next, write send_unavailable: P08 needs it.")


def send_octets(connection: socket.socket, octets: bytes) -> None:
    """Send all octets, however long it takes. Raises Disconnected."""
    try:
        connection.sendall(octets)
    except OSError as error:
        raise Disconnected from error


def send_chunk(connection: socket.socket, answer: dict, chunk: bytes, length: int | None) -> None:
    """Send a chunk of the answer's content, before the first one the head.

    length is the whole content's, if it is known. Raises Disconnected, TypeError.
    """
    if type(chunk) is not bytes:
        raise TypeError(f"a chunk of the content is no bytes: {chunk!r:.80}")
    if not answer["status"]:
        raise RuntimeError("start_response was not called before the content")
    head = b""
    if not answer["head_sent"]:
        if not chunk and length is None:
            return  # nothing to say yet: the application may still replace the head
        head = format_answer_head(answer, length)
        answer["head_sent"] = True
    chunk = b"" if answer["bare"] else chunk[: answer["room"]]
    send_octets(connection, head + chunk)
    answer["octets"] += len(chunk)
    if answer["room"] is not None:
        answer["room"] -= len(chunk)


# ---- serve -----------------------------------------------------------------------


def serve_application(
    connection: socket.socket, application: Application, environ: dict
) -> tuple[str, int]:
    """Call application and send its answer; return (status, octets of content sent).

    What it raises goes to stderr, and to the client as a 500 if no head has left yet.
    PEP 3333, The Server/Gateway Side.
    """
    answer: dict  # what start_response was told, and what has left
    answer = {"status": "", "response_headers": [], "head_sent": False, "octets": 0, "room": None}
    answer["to_head"] = environ["REQUEST_METHOD"] == "HEAD"

    def write(chunk):
        send_chunk(connection, answer, chunk, None)

    def start_response(status, response_headers, exc_info=None):
        try:
            if exc_info and answer["head_sent"]:
                raise exc_info[1].with_traceback(exc_info[2])
            if answer["status"] and not exc_info:
                raise RuntimeError("start_response was called twice, without exc_info")
        finally:
            exc_info = None  # no circle of references through the traceback
        fields = parse_response_headers(response_headers)  # both are right, or neither counts
        answer["status"], answer["response_headers"] = parse_status(status), fields
        return write

    try:
        serve_iterable(connection, answer, application(environ, start_response))
    except Disconnected:
        pass  # close() has been called, and nobody is there to be told
    except BaseException:  # SystemExit and KeyboardInterrupt too: signals end us without Python
        traceback.print_exc()
        if not answer["head_sent"]:
            answer["status"] = "500 Internal Server Error"
            answer["octets"] = 0 if answer["to_head"] else len(BROKEN)
            send_response(connection, answer["status"], BROKEN, answer["to_head"])
    return answer["status"], answer["octets"]


def serve_iterable(connection: socket.socket, answer: dict, iterable) -> None:
    """Send each chunk while the application waits, then close() the iterable, once."""
    try:
        known = isinstance(iterable, (list, tuple)) and len(iterable) == 1
        for chunk in iterable:
            send_chunk(connection, answer, chunk, len(chunk) if known else None)
            if answer["head_sent"] and answer["bare"]:
                break  # the client asked for no content, and it may have no end
        send_chunk(connection, answer, b"", 0)
        if answer["room"] and not answer["bare"]:
            print(f"The application sent {answer['room']} octets too few.", file=sys.stderr)
    finally:
        if hasattr(iterable, "close"):
            iterable.close()


def serve_request(
    connection: socket.socket, client: tuple, received: bytearray, application: Application
) -> tuple[str, int, bool]:
    """Answer or refuse one request; return (status, octets, whether input may be unread)."""
    try:
        request = read_request(connection, received)
    except HTTPError as error:
        if not received:
            return "", 0, False  # opened and closed without an octet: nobody asked
        content = f"{error.status}\n{error.reason}\n".encode("ascii")
        to_head = received.lstrip(b"\r\n").startswith(b"HEAD ")  # or after empty lines
        send_response(connection, error.status, content, to_head)
        return error.status, len(content), True
    environ = format_environ(request, connection.getsockname(), client)
    status, octets = serve_application(connection, application, environ)
    return status, octets, len(received) > request.size or read_is_due(connection)


def serve_connection(connection: socket.socket, client: tuple, application: Application) -> None:
    """Serve one connection and close it, then write a line to the access log."""
    received, status, octets, begun = bytearray(), "", 0, time.monotonic()
    try:
        with connection:
            status, octets, unread = serve_request(connection, client, received, application)
            if unread:
                read_and_drop(connection)
    except OSError:
        pass  # reset, broken pipe, not connected, out of time: the client has gone
    if received:
        line = format_visible(received.partition(b"\r\n")[0])
        seconds = time.monotonic() - begun
        text = f'{client[0]} "{line}" {status[:3] or "-"} {octets} {seconds * 1000:.0f} ms'
        sys.stderr.write(f"{text}\n")  # in one piece


def flush_output() -> None:
    """Write out what was printed: a fork copies a buffer, and os._exit() forgets it."""
    raise NotImplementedError("Next, write flush_output: P10 needs it.")


def reap_children(signum: int, frame: object) -> None:
    """Collect the status of every child that has ended. POSIX waitpid().

    SIGCHLD is not queued: one can stand for many, and some find nobody left.
    """
    raise NotImplementedError("Next, write reap_children: P03 needs it.")


def serve_in_child(
    listener: socket.socket, connection: socket.socket, client: tuple, application: Application
) -> None:
    """Serve one connection, and end the process, whatever happens; never returns."""
    raise NotImplementedError("Next, write serve_in_child: P01 needs it.")


def serve_rehearsal() -> None:
    """Serve a request to ourselves, so that no child does anything for the first time."""
    pass  # unwritten: no clause; it saves CPU time, see make cost


def serve_forever(listener: socket.socket, application: Application) -> None:
    """Accept one connection after the other, and fork a child to serve it."""
    # unwritten: P01 to P12. Part 2's: one after the other.
    while True:
        try:
            connection, client = listener.accept()
        except ConnectionError:
            continue
        serve_connection(connection, client, application)


# ---- main ------------------------------------------------------------------------


def open_listener(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises OSError, UnicodeError."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind)
    # Without it, connections in TIME_WAIT keep the port for a minute after a restart.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(BACKLOG)
    return listener


def format_url(listener: socket.socket) -> str:
    """Return http://HOST:PORT as bound; an IPv6 address stands in brackets."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def default_application(environ: dict, start_response: Callable) -> list[bytes]:
    """Answer with environ, one line a key: what runs where no application was named."""
    lines = [f"{key} = {value!r}" for key, value in sorted(environ.items())]
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return ["\n".join(lines).encode("utf-8") + b"\n"]


def load_application(name: str) -> Application:
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
        raise ValueError(f"{name} is no application: it can't be called.")
    return application


def main() -> None:
    """Read the command line, listen, say where, and serve until a signal comes."""
    if not hasattr(os, "fork"):
        sys.exit("Part 3 needs os.fork, which Windows does not have: run it in WSL.")
    # The default action ends the process at once; the kernel closes what it held.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parser = argparse.ArgumentParser(description="Host a WSGI application.")
    parser.add_argument("application", nargs="?", metavar="MODULE:CALLABLE", help="or factory()")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", default="8888", help="the port; 0 takes a free one")
    arguments = parser.parse_args()
    if not re.fullmatch("[0-9]{1,5}", arguments.port) or int(arguments.port) > 65535:
        sys.exit(f"--port takes a number from 0 to 65535, not {arguments.port!r}.")
    # wsgi.errors: no buffer between it and the system, so that what is written is there.
    unbuffered = getattr(sys.stderr.buffer, "raw", sys.stderr.buffer)  # python -u has none
    sys.stderr = Errors(unbuffered, "utf-8", "backslashreplace", write_through=True)
    sys.excepthook = traceback.print_exception  # Python 3.13's own would send colours
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
