"""Part 1: one socket, one request at a time; the answer is the request itself.

Who calls whom, in the order of this file:

    main > open_listener, serve_forever > serve_connection > serve_request
        read_request
            read_request_line         > parse_request_line > check_target
            read_field_section        > parse_field_line
            check_host, check_transfer_encoding, parse_content_length
            send_continue, Incoming.take
        format_echo, send_response    > format_head
        Incoming.is_unread, Incoming.drop

Incoming is a connection and what has come in on it. Whatever breaks the standard is raised as
HTTPError and answered in one place, serve_request.
Not here: chunked requests (501); a second client while one is served; timeouts
(a silent client holds the server); keep-alive; graceful shutdown.
"""

import argparse
import re
import signal
import socket
import sys
import time
from typing import NamedTuple

# ---- limits ----------------------------------------------------------------------

BACKLOG = 128  # connections the kernel queues until accept() takes them
RECV_SIZE = 64 * 1024  # octets that one recv() may return
MAX_REQUEST_LINE = 16 * 1024  # octets, then 414; RFC 9112 §3 asks for at least 8000
MAX_FIELD_SECTION = 64 * 1024  # octets, then 431; policy
MAX_CONTENT = 10 * 1024 * 1024  # octets, then 413; policy
LINGER_OCTETS = 16 * 1024 * 1024  # octets dropped after a refusal, then close; policy
LINGER_SECONDS = 2.0  # seconds that this may take; policy

# ---- errors and values -----------------------------------------------------------

Fields = list[tuple[bytes, bytes]]  # (name in lower case, value), in the order received


class HTTPError(Exception):
    """A refusal: reason is a sentence for the client, status as in "400 Bad Request"."""

    def __init__(self, reason: str, status: str = "400 Bad Request") -> None:
        super().__init__(reason, status)
        self.reason, self.status = reason, status


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


def serve_forever(listener: socket.socket) -> None:
    """Accept one connection after the other; each is served before the next."""
    while True:
        try:
            connection, _ = listener.accept()
        except ConnectionError:
            continue  # BSD and macOS: the client left before it was accepted
        serve_connection(connection)


def serve_connection(connection: socket.socket) -> None:
    """Serve one connection and close it, then print what was received on it."""
    incoming = Incoming(connection)
    try:
        with connection:
            serve_request(incoming)
    except OSError:
        pass  # reset, broken pipe, not connected, timed out: the client has gone
    print_visible(bytes(incoming.octets))


def serve_request(incoming: "Incoming") -> None:
    """Answer one request with itself, or refuse it."""
    try:
        request = read_request(incoming)
    except HTTPError as error:
        if incoming.octets:  # else it was opened and closed without an octet: nobody asked
            send_refusal(incoming, error)
        return
    echo = format_echo(bytes(incoming.octets[incoming.begin : incoming.place]))
    send_response(incoming.connection, "200 OK", echo, request.method == b"HEAD")
    if incoming.is_unread():
        incoming.drop()


def format_echo(octets: bytes) -> bytes:
    """Return a request as it was received; for HEAD, as if the method read GET."""
    return octets.replace(b"HEAD ", b"GET ", 1) if octets.startswith(b"HEAD ") else octets


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


# ---- read: from the connection, as far as needed ---------------------------------


def send_refusal(incoming: "Incoming", error: HTTPError) -> None:
    """Send what was wrong, so that a client that is still sending can read it."""
    content = f"{error.status}\n{error.reason}\n".encode("ascii")
    to_head = incoming.octets.startswith(b"HEAD ", incoming.begin)
    send_response(incoming.connection, error.status, content, to_head)
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
    if length > 0 and not incoming.is_unread():
        send_continue(incoming.connection, version, fields)
    return Request(method, target, version, fields, incoming.take(length))


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


# ---- refuse: what is not HTTP/1.1 ------------------------------------------------

# token = 1*tchar                                                  RFC 9110 §5.6.2
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
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


def check_transfer_encoding(version: bytes, fields: Fields) -> None:
    """Refuse Transfer-Encoding: a malformed one with 400, any other with 501.

    Part 1 departs from RFC 9112 §7.1: it does not decode chunked. Never ignored, §6.1.
    """
    if b"transfer-encoding" not in dict(fields):
        return
    codings = parse_list(fields, b"transfer-encoding")
    if codings[-1:] != [b"chunked"] or codings.count(b"chunked") > 1:
        raise HTTPError("The last transfer coding is not chunked.")
    if version == b"HTTP/1.0" or b"content-length" in dict(fields):
        raise HTTPError("Transfer-Encoding is not allowed here.")
    raise HTTPError("Part 1 does not decode chunked; part 2 does.", "501 Not Implemented")


# ---- survive: what a client can do to the terminal -------------------------------

# What stands for an octet in print: itself, or \r, \x1b, \xff; after \n a new line.
VISIBLE = {octet: ascii(chr(octet))[1:-1] for octet in range(256)} | {0x0A: "\\n\n"}


def print_visible(octets: bytes) -> None:
    """Print octets so that they can't do anything to the terminal."""
    try:
        print(format_visible(octets), flush=True)
    except OSError:
        pass  # nobody reads it any more (a pipe), or the disk is full: go on serving


def format_visible(octets: bytes) -> str:
    r"""Return octets in printable ASCII, as VISIBLE has them: controls as \r, \x1b."""
    return octets.decode("latin-1").translate(VISIBLE)


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


def main() -> None:
    """Read the command line, listen, say where, and serve until a signal comes."""
    # The default action ends the process at once; the kernel closes what it held.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parser = argparse.ArgumentParser(description="Answer each request with itself.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", default="8888", help="the port; 0 takes a free one")
    arguments = parser.parse_args()
    if not re.fullmatch("[0-9]{1,5}", arguments.port) or int(arguments.port) > 65535:
        sys.exit(f"--port takes a number from 0 to 65535, not {arguments.port!r}.")
    try:
        listener = open_listener(arguments.host, int(arguments.port))
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        sys.exit(f"Cannot listen on {arguments.host} port {arguments.port}: {why}.")
    print(f"Serving HTTP on {format_url(listener)}", flush=True)
    serve_forever(listener)


if __name__ == "__main__":
    main()
