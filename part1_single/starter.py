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
    # unwritten: H26
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind)
    listener.bind(address)
    listener.listen()
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
    # unwritten: H24
    incoming = Incoming(connection)
    with connection:
        serve_request(incoming)
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
    # unwritten: H06, H25
    return b"Hello, world!\n"


def send_response(connection: socket.socket, status: str, content: bytes, to_head: bool) -> None:
    """Send a complete response; to_head leaves its content out. RFC 9110 §9.3.2."""
    # unwritten: H06, H05
    head = format_head(status, [("Content-Type", "text/plain")])
    connection.sendall(head + content)


def format_head(status: str, response_headers: list[tuple[str, str]]) -> bytes:
    """Return the status-line, the field lines and the empty line. RFC 9112 §2.1."""
    # unwritten: H02
    lines = [f"{name}: {value}" for name, value in response_headers]
    return "\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


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
    pass  # unwritten: H23, H16, H17


class Incoming:
    """A connection, the octets that have come in on it, and how far they are understood."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.octets = bytearray()
        self.begin = 0  # where the request begins, after empty lines
        self.place = 0  # everything before it is understood

    def more(self) -> None:
        """Wait until octets come, and keep them. Refuses the end of input with 400."""
        # unwritten: H07, H23. And if no more comes?
        self.octets += self.connection.recv(RECV_SIZE)

    def line(self, limit: int, too_long: str) -> bytes:
        """Return the next line, of at most limit octets, without its CRLF. RFC 9112 §2.2.

        Refuses a longer one with the status too_long, and with 400 one that ends in LF alone.
        """
        # unwritten: H07. The line may not have come yet.
        line = bytes(self.octets[self.place :].partition(b"\r\n")[0])
        self.place += len(line) + len(b"\r\n")
        return line

    def take(self, count: int) -> bytes:
        """Return the next count octets, however long they take to come."""
        # unwritten: H08, H10. What has come by now need not be all, nor all of it ours.
        taken = bytes(self.octets[self.place :])
        self.place = len(self.octets)
        return taken

    def is_unread(self) -> bool:
        """Return whether more has come than has been understood; does not wait."""
        # unwritten: H10
        return False

    def drop(self) -> None:
        """Announce the end, then drop what the client still sends, until it closes too.

        Closing with input unread resets the connection, and the reset can destroy an
        answer that the client has not read yet. RFC 9112 §9.6.
        """
        pass  # unwritten: H22


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
    # unwritten: H11
    incoming.more()
    return incoming.line(MAX_REQUEST_LINE, "414 URI Too Long")


def read_field_section(incoming: Incoming) -> Fields:
    """Return the fields, to the empty line that ends them. Refuses with 400, 431."""
    # unwritten: H08, H20. The fields are passed over.
    while incoming.line(MAX_FIELD_SECTION, "431 Request Header Fields Too Large"):
        pass
    return []


# ---- content: how much, and who waits for what -----------------------------------

# Content-Length = 1*DIGIT                                         RFC 9110 §8.6
DIGITS = re.compile(rb"[0-9]+")


def parse_content_length(fields: Fields) -> int:
    """Return the octets of content that fields announce; refuse with 400, 413."""
    # unwritten: H20
    length = dict(fields).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


def parse_list(fields: Fields, name: bytes) -> list[bytes]:
    """Return the members of all fields of that name, in lower case. RFC 9110 §5.6.1.

    Empty ones do not count, §5.6.1.2.
    """
    # unwritten: H15
    return []


def send_continue(connection: socket.socket, version: bytes, fields: Fields) -> None:
    """Send 100 Continue to a client that waits for it. RFC 9110 §10.1.1."""
    pass  # unwritten: H15


# ---- refuse: what is not HTTP/1.1 ------------------------------------------------

# token = 1*tchar                                                  RFC 9110 §5.6.2
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# HTTP-version = "HTTP" "/" DIGIT "." DIGIT                        RFC 9112 §2.3
VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")


def parse_request_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    """Return (method, target, version); refuse with 400, 501, 505. RFC 9112 §3."""
    # unwritten: H16, H17
    method, _, rest = line.partition(b" ")
    target, _, version = rest.rpartition(b" ")
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
    pass  # unwritten: H16


# field-value: VCHAR, obs-text, SP and HTAB, no other control      RFC 9110 §5.5
FIELD_VALUE = rb"[\t -~\x80-\xff]*"
# field-line = field-name ":" OWS field-value OWS                  RFC 9112 §5
FIELD_LINE = re.compile(rb"(%b):(%b)" % (TOKEN.pattern, FIELD_VALUE))


def parse_field_line(line: bytes) -> tuple[bytes, bytes]:
    """Return (name in lower case, value) of a line without its CRLF. RFC 9112 §5.

    Refuses with 400: no colon, white space around the name, a folded line, a control.
    """
    # unwritten: H19
    name, _, value = line.partition(b":")
    return name.lower(), value.strip()


def check_transfer_encoding(version: bytes, fields: Fields) -> None:
    """Refuse Transfer-Encoding: a malformed one with 400, any other with 501.

    Part 1 departs from RFC 9112 §7.1: it does not decode chunked. Never ignored, §6.1.
    """
    pass  # unwritten: H21


# ---- survive: what a client can do to the terminal -------------------------------

# What stands for an octet in print: itself, or \r, \x1b, \xff; after \n a new line.
VISIBLE = {octet: ascii(chr(octet))[1:-1] for octet in range(256)} | {0x0A: "\\n\n"}


def print_visible(octets: bytes) -> None:
    """Print octets so that they can't do anything to the terminal."""
    # unwritten: H27
    try:
        print(format_visible(octets), flush=True)
    except OSError:
        pass


def format_visible(octets: bytes) -> str:
    r"""Return octets in printable ASCII, as VISIBLE has them: controls as \r, \x1b."""
    # unwritten: H27
    return octets.decode("latin-1")


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
    pass  # unwritten: H13, H18


def check_host(version: bytes, fields: Fields) -> None:
    """Refuse with 400: no Host (except in HTTP/1.0), two, a malformed one. RFC 9112 §3.2."""
    pass  # unwritten: H18


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
