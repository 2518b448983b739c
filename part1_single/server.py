"""Part 1: one socket, one request at a time; the answer is the request itself.

The route of one request:

    main > serve_forever > serve_connection > serve_request
        read_request                  octets, until the request is complete
            read_request_line         > parse_request_line > parse_target
            read_field_section        > parse_field_line
            parse_host, parse_transfer_encoding, parse_content_length
            read_content
        format_echo, send_response

Whatever breaks the standard is raised as HTTPError and answered in one place.
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
    """A refusal: status as in "400 Bad Request", reason a sentence for the client."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(status, reason)
        self.status, self.reason = status, reason


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


def parse_transfer_encoding(version: bytes, fields: Fields) -> None:
    """Refuse Transfer-Encoding: malformed ones with 400, all others with 501.

    Part 1 departs from RFC 9112 §7.1: it does not decode chunked. Never ignored, §6.1.
    """
    if b"transfer-encoding" not in dict(fields):
        return
    codings = parse_list(fields, b"transfer-encoding")
    if codings[-1:] != [b"chunked"] or codings.count(b"chunked") > 1:
        raise HTTPError("400 Bad Request", "The last transfer coding is not chunked.")
    if version == b"HTTP/1.0" or b"content-length" in dict(fields):
        raise HTTPError("400 Bad Request", "Here Transfer-Encoding is not allowed.")
    raise HTTPError("501 Not Implemented", "Part 1 does not decode chunked; part 2 does.")


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


def read_request(connection: socket.socket, received: bytearray) -> Request:
    """Return the request. received begins with it; what follows is not part of it.

    Raises HTTPError with the status to answer, OSError if the client has gone.
    """
    request_line = read_request_line(connection, received)
    method, target, version = parse_request_line(request_line)
    fields, start = read_field_section(connection, received, len(request_line) + 2)
    parse_host(version, fields)
    parse_transfer_encoding(version, fields)
    length = parse_content_length(fields)
    if len(received) == start and length > 0:
        send_continue(connection, version, fields)
    content = read_content(connection, received, start, length)
    return Request(method, target, version, fields, content, start + length)


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
# What stands for an octet in print: itself, or \r, \x1b, \xff; after \n a new line.
VISIBLE = {octet: ascii(chr(octet))[1:-1] for octet in range(256)} | {0x0A: "\\n\n"}


def format_visible(octets: bytes | bytearray) -> str:
    r"""Return octets in printable ASCII, as VISIBLE has them: controls as \r, \x1b."""
    return octets.decode("latin-1").translate(VISIBLE)


def format_echo(octets: bytes) -> bytes:
    """Return a request as it was received; for HEAD, as if the method read GET."""
    return octets.replace(b"HEAD ", b"GET ", 1) if octets.startswith(b"HEAD ") else octets


def format_date(seconds: float) -> str:
    """Return seconds since 1970 as in "Sun, 06 Nov 1994 08:49:37 GMT". RFC 9110 §5.6.7."""
    year, month, day, hour, minute, second, weekday, *_ = time.gmtime(seconds)
    clock = f"{hour:02}:{minute:02}:{second:02}"
    return f"{DAYS[weekday]}, {day:02} {MONTHS[month - 1]} {year} {clock} GMT"


def format_head(status: str, response_headers: list[tuple[str, str]]) -> bytes:
    """Return the status-line, the field lines and the empty line. RFC 9112 §2.1."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in response_headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


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


# ---- serve -----------------------------------------------------------------------


def serve_request(connection: socket.socket, received: bytearray) -> bool:
    """Answer or refuse one request; return whether input may be unread."""
    try:
        request = read_request(connection, received)
    except HTTPError as error:
        if not received:
            return False  # opened and closed without an octet: nobody asked
        content = f"{error.status}\n{error.reason}\n".encode("ascii")
        to_head = received.lstrip(b"\r\n").startswith(b"HEAD ")  # or after empty lines
        send_response(connection, error.status, content, to_head)
        return True
    echo = format_echo(bytes(received[: request.size]))
    send_response(connection, "200 OK", echo, request.method == b"HEAD")
    return len(received) > request.size or read_is_due(connection)


def serve_connection(connection: socket.socket) -> None:
    """Serve one connection and close it, then print what was received on it."""
    received = bytearray()
    try:
        with connection:
            if serve_request(connection, received):
                read_and_drop(connection)
    except OSError:
        pass  # reset, broken pipe, not connected, out of time: the client has gone
    try:
        print(format_visible(received), flush=True)
    except OSError:
        pass  # nobody reads it any more (a pipe), or the disk is full: serve on


def serve_forever(listener: socket.socket) -> None:
    """Accept one connection after the other; each is served before the next."""
    while True:
        try:
            connection, _ = listener.accept()
        except ConnectionError:
            continue  # BSD and macOS: the client left before it was accepted
        serve_connection(connection)


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
