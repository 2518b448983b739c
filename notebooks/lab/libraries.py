"""For notebooks 1a and 1b: clients that we did not write, and what they make of an answer."""

import http.client
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import h11
import requests

from notebooks.programs.naive_answerer import target_for
from tests.checker.conversation import Address

CURL = ["curl", "-q", "--silent", "--noproxy", "*"]
CURL_EXITS = {1: "unsupported", 8: "weird reply", 18: "partial", 28: "timeout", 56: "reset"}
CLIENT_SECONDS = 20  # a deadline for what is answered at once
JUDGE_SECONDS = 3  # how long a client waits for an answer that may never be complete


def url_of(server: Address, target: str) -> str:
    """Return the URL of target on a server."""
    return f"http://{server.host}:{server.port}{target}"


# ---- clients ---------------------------------------------------------------------


def http_client(server: Address, target: str) -> bytes:
    """Return the content that http.client gets."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=CLIENT_SECONDS)
    connection.request("GET", target)
    content = connection.getresponse().read()
    connection.close()
    return content


def new_session() -> requests.Session:
    """Return a session of requests that uses no proxy, whatever the environment says."""
    session = requests.Session()
    session.trust_env = False
    return session


def fetch(
    server: Address, target: str, method: str = "GET", timeout: float = CLIENT_SECONDS, **more: Any
) -> requests.Response:
    """Return the response that requests gets, over a connection of its own."""
    with new_session() as session:
        return session.request(method, url_of(server, target), timeout=timeout, **more)


def curl(server: Address, target: str, *options: str) -> tuple[bytes, int] | None:
    """Return what curl wrote, and its exit status; None if there is no curl here."""
    if not shutil.which(CURL[0]):
        return None
    words = [*CURL, *options, url_of(server, target)]
    done = subprocess.run(words, capture_output=True, timeout=CLIENT_SECONDS)
    return done.stdout, done.returncode


def new_h11_client() -> h11.Connection:
    """Return an h11 client that has sent a GET and waits for the answer."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "127.0.0.1")]))
    client.send(h11.EndOfMessage())
    return client


def feed(client: h11.Connection, octets: bytes) -> list[str]:
    """Give octets to an h11 client; return the names of what it has understood from them."""
    client.receive_data(octets)
    names = []
    while (event := client.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
        names.append(type(event).__name__)
    return names


# ---- judges ----------------------------------------------------------------------


def judge_by_requests(server: Address, octets: bytes, how: str) -> str:
    """Return what requests makes of the answer: the content, or the name of its error."""
    try:
        answer = fetch(server, target_for(octets, how), timeout=JUDGE_SECONDS)
    except requests.RequestException as error:
        return type(error).__name__
    return f"{answer.status_code} {answer.content!r}"


def judge_by_curl(server: Address, octets: bytes, how: str) -> str:
    """Return what curl writes, and its exit status if that is not 0."""
    done = curl(server, target_for(octets, how), "--max-time", str(JUDGE_SECONDS))
    if done is None:
        return "no curl here"
    written, status = done
    why = f" exit {status}: {CURL_EXITS.get(status, '?')}" if status else ""
    return f"{written!r}{why}"


def judge_by_h11(server: Address, octets: bytes, how: str) -> str:
    """Return what h11 makes of the octets: the content, or the name of its error."""
    client, status, content = new_h11_client(), "", b""
    client.receive_data(octets)
    if how == "close":
        client.receive_data(b"")  # that is how it hears of the connection's end
    try:
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                return f"{status} {content!r} and waits"
            status = str(getattr(event, "status_code", status))
            content = content + bytes(getattr(event, "data", b""))
    except h11.RemoteProtocolError as error:
        return type(error).__name__
    return f"{status} {content!r}"


JUDGES: dict[str, Callable[[Address, bytes, str], str]] = {
    "requests": judge_by_requests,
    "curl": judge_by_curl,
    "h11": judge_by_h11,
}


def judge(server: Address, octets: bytes, how: str = "close") -> dict[str, str]:
    """Return what each client makes of octets that the naive answerer sends."""
    return {name: ask(server, octets, how) for name, ask in JUDGES.items()}
