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
    raise NotImplementedError("Next, write parse_request_line: H07 needs it.")


def parse_target(method: bytes, target: bytes) -> bytes:
    """Return target if its form goes with method; else 400, or 501. RFC 9112 §3.2."""
    # unwritten: H13, H16
    return target


def parse_authority(authority: bytes) -> bytes:
    """Return authority, a host with or without a port; refuse others with 400."""
    # unwritten: H18, H13
    return authority


def parse_field_line(line: bytes) -> tuple[bytes, bytes]:
    """Return (name in lower case, value) of a line without its CRLF. RFC 9112 §5.

    Refuses with 400: no colon, white space around the name, a folded line, a control.
    """
    raise NotImplementedError("Next, write parse_field_line: H07 needs it.")


def parse_host(version: bytes, fields: Fields) -> None:
    """Refuse with 400 no Host (HTTP/1.0 may), two, a malformed one. RFC 9112 §3.2."""
    pass  # unwritten: H18


def parse_list(fields: Fields, name: bytes) -> list[bytes]:
    """Return the members of all fields of that name, in lower case. RFC 9110 §5.6.1.

    Empty ones are none, §5.6.1.2.
    """
    raise NotImplementedError("Next, write parse_list: H15 needs it.")


def parse_transfer_encoding(version: bytes, fields: Fields) -> None:
    """Refuse Transfer-Encoding: malformed ones with 400, all others with 501.

    Part 1 departs from RFC 9112 §7.1: it does not decode chunked. Never ignored, §6.1.
    """
    pass  # unwritten: H21


def parse_content_length(fields: Fields) -> int:
    """Return the octets of content that fields announce; refuse with 400, 413."""
    # unwritten: H08, H10, H20, H22, H23
    return 0


# ---- read: from the socket into received, as far as needed -----------------------


def read_more(connection: socket.socket, received: bytearray) -> None:
    """Wait until octets arrive and append them; refuse the end of input with 400."""
    raise NotImplementedError("Next, write read_more: H07 needs it.")


def read_line(
    connection: socket.socket, received: bytearray, start: int, end: int, too_long: str
) -> bytes:
    """Return the line at received[start:] without its CRLF. RFC 9112 §2.2.

    Refuses with the status too_long if the CRLF is not before end, and with 400 a
    line that ends in LF alone.
    """
    raise NotImplementedError("Next, write read_line: H07 needs it.")


def read_request_line(connection: socket.socket, received: bytearray) -> bytes:
    """Return the request-line, without its CRLF; received then begins with it.

    Drops empty lines before it, RFC 9112 §2.2. Refuses with 400, 414.
    """
    raise NotImplementedError("Next, write read_request_line: H07 needs it.")


def read_field_section(
    connection: socket.socket, received: bytearray, start: int
) -> tuple[Fields, int]:
    """Return the fields and where the content begins. Refuses with 400, 431."""
    raise NotImplementedError("Next, write read_field_section: H07 needs it.")


def read_content(connection: socket.socket, received: bytearray, start: int, length: int) -> bytes:
    """Return the length octets that begin at received[start:]."""
    raise NotImplementedError("Next, write read_content: H08 needs it.")


def read_request(connection: socket.socket, received: bytearray) -> Request:
    """Return the request. received begins with it; what follows is not part of it.

    Raises HTTPError with the status to answer, OSError if the client has gone.
    """
    # unwritten: H07, H10, H14, H16, H17, H19. One recv() is not a request.
    received += connection.recv(RECV_SIZE)
    return Request(bytes(received.partition(b" ")[0]), b"", b"", [], b"", len(received))


def read_is_due(connection: socket.socket) -> bool:
    """Return whether octets have arrived that nobody has read; does not wait."""
    # unwritten: H22, H10
    return False


def read_and_drop(connection: socket.socket) -> None:
    """Announce the end, then drop what the client still sends, until it closes too.

    Closing with input unread resets the connection, and the reset can destroy an
    answer that the client has not read yet. RFC 9112 §9.6.
    """
    pass  # unwritten: H10, H16, H19, H22


# ---- format and send -------------------------------------------------------------

# RFC 9110 §5.6.7 wants these names, whatever the locale.
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
# What stands for an octet in print: itself, or \r, \x1b, \xff; after \n a new line.
VISIBLE = {octet: ascii(chr(octet))[1:-1] for octet in range(256)} | {0x0A: "\\n\n"}


def format_visible(octets: bytes | bytearray) -> str:
    r"""Return octets in printable ASCII, as VISIBLE has them: controls as \r, \x1b."""
    # unwritten: H27
    return octets.decode("latin-1")


def format_echo(octets: bytes) -> bytes:
    """Return a request as it was received; for HEAD, as if the method read GET."""
    raise NotImplementedError("Next, write format_echo: H01 needs it.")


def format_date(seconds: float) -> str:
    """Return seconds since 1970 as in "Sun, 06 Nov 1994 08:49:37 GMT". RFC 9110 §5.6.7."""
    year, month, day, hour, minute, second, weekday, *_ = time.gmtime(seconds)
    clock = f"{hour:02}:{minute:02}:{second:02}"
    return f"{DAYS[weekday]}, {day:02} {MONTHS[month - 1]} {year} {clock} GMT"


def format_head(status: str, response_headers: list[tuple[str, str]]) -> bytes:
    """Return the status-line, the field lines and the empty line. RFC 9112 §2.1."""
    raise NotImplementedError("Next, write format_head: H01 needs it.")


def send_continue(connection: socket.socket, version: bytes, fields: Fields) -> None:
    """Send 100 Continue to a client that waits for it. RFC 9110 §10.1.1."""
    pass  # unwritten: H15


def send_response(connection: socket.socket, status: str, content: bytes, to_head: bool) -> None:
    """Send a complete response; to_head leaves its content out. RFC 9110 §9.3.2."""
    raise NotImplementedError("Next, write send_response: H01 needs it.")


# ---- serve -----------------------------------------------------------------------


def serve_request(connection: socket.socket, received: bytearray) -> bool:
    """Answer or refuse one request; return whether input may be unread."""
    raise NotImplementedError("Next, write serve_request: H01 needs it.")


def serve_connection(connection: socket.socket) -> None:
    """Serve one connection and close it, then print what was received on it."""
    raise NotImplementedError("Next, write serve_connection: H01 needs it.")


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
