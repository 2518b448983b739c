"""Send mutated requests to a server, and see that it goes on serving.

    make fuzz COUNT=100000 SEED=1 [PART=2] [SERVER=my.py]

Each request is one of a few plausible ones with some octets changed, cut out, doubled or
put elsewhere. An answer must begin as one; where a request is answered with 200, the echo
must be the octets that were sent. A plain request in between must get its own echo.
"""

import argparse
import random
import re
import socket
import sys
from collections import Counter

from tests.checker.conversation import HOST
from tests.checker.server import Server, StartFailed
from tests.checker.target import Target, UsageError, choose_target
from tests.parts import PARTS

EVERY = 500  # requests between two plain ones
SECONDS = 10.0  # until an answer has ended
SEEDS = [
    b"GET /hello?x=1 HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET http://user@[::1]:80/a%20b?c#d HTTP/1.1\r\nHost: [::1]:80\r\nAccept: */*\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n",
    b"HEAD / HTTP/1.0\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"X-Empty:\r\nX-Tab:\ta\t\r\n\r\n",
    b"\r\nPUT //a/b HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n",
    b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
]
WORDS = [
    b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b"\x00", b"\x1b", b"\x7f", b"\xff", b"%",
    b"/", b"#", b"*", b"@", b"[", b"HTTP/1.1", b"HTTP/2.0", b"Content-Length: 1\r\n", b"+",
    b"Content-Length: 0005\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n", b" \r\n",
    b"\r\n\r\n", b"0" * 20, b"9" * 30, b"a" * 9000, b"\x16\x03\x01", b"\xc2\xb2", b"_",
]  # fmt: skip
ANSWER = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2}) ")


class Found(Exception):
    """The server did what it must not; str() says what."""


def mutate(chance: random.Random) -> bytes:
    """Return one of SEEDS with a few changes."""
    request = bytearray(chance.choice(SEEDS))
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        at = chance.randrange(len(request) + 1)
        to = min(len(request), at + chance.choice((1, 1, 2, 10, 60)))
        change = chance.randrange(5)
        if change == 0 and at < len(request):
            request[at] = chance.randrange(256)
        elif change == 1:
            request[at:at] = chance.choice(WORDS)
        elif change == 2:
            del request[at:to]
        elif change == 3:
            request[at:at] = request[at:to]
        else:
            part = request[at:to]
            del request[at:to]
            where = chance.randrange(len(request) + 1)
            request[where:where] = part
    return bytes(request)


def exchange(server: Server, request: bytes) -> bytes:
    """Return all that comes back for request, after which no more will be sent."""
    answer = b""
    with socket.create_connection((server.host, server.port), SECONDS) as talk:
        try:
            talk.sendall(request)
            talk.shutdown(socket.SHUT_WR)
            while octets := talk.recv(1 << 16):
                answer += octets
        except ConnectionError:
            pass  # a reset is an end as well
    return answer


def judge(request: bytes, answer: bytes, echoes: bool) -> str:
    """Return the status, or "no answer". Raises Found for what can't be right."""
    if not answer:
        return "no answer"
    if not (first := ANSWER.match(answer)):
        raise Found("the answer does not begin with a status-line")
    final = answer
    while first[1].startswith(b"1"):
        final = final.partition(b"\r\n\r\n")[2]
        if not (first := ANSWER.match(final)):
            raise Found("no final answer after an interim one")
    content = final.partition(b"\r\n\r\n")[2]
    begins = re.sub(rb"\A(\r\n)+", b"", request).startswith(content)
    if echoes and first[1] == b"200" and not begins:
        raise Found("the echo is not what was sent")
    return first[1].decode()


def run(target: Target, count: int, seed: int, echoes: bool) -> Counter[str]:
    """Return how often each status came for count requests. Raises Found, StartFailed."""
    chance = random.Random(seed)
    statuses: Counter[str] = Counter()
    with Server(target) as server:
        for number in range(1, count + 1):
            request = mutate(chance)
            try:
                statuses[judge(request, exchange(server, request), echoes)] += 1
                if number % EVERY == 0 or number == count:
                    check_alive(server, number)
            except (Found, OSError) as error:
                raise Found(
                    f"request {number}: {error or type(error).__name__}\n{request!r}"
                ) from None
            if number % EVERY == 0 and sys.stderr.isatty():
                print(f"\r{number} of {count}", end="", file=sys.stderr, flush=True)
        if "Traceback" in server.errors():
            raise Found(f"a traceback on stderr:\n{server.errors()[-2000:]}")
    return statuses


def check_alive(server: Server, number: int) -> None:
    """Raise Found unless a plain request gets its own echo."""
    plain = b"GET /number-%d HTTP/1.1\r\n%s\r\n" % (number, HOST)
    if b"/number-%d " % number not in exchange(server, plain):
        raise Found("afterwards a plain request was not answered with its echo")


def main() -> int:
    """Run the mutated requests that the command line asks for, and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", type=int, default=1, choices=list(PARTS))
    parser.add_argument("--server", default="")
    asked = parser.parse_args()
    try:
        target = choose_target(asked.part, asked.server, finished=True)
        name = asked.server or PARTS[asked.part].folder
        print(f"{asked.count} mutated requests (seed {asked.seed}) to {name}")
        raw = asked.part == 1 and not asked.server  # part 1 answers with the very octets
        statuses = run(target, asked.count, asked.seed, raw)
    except (UsageError, StartFailed, Found) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    for status, times in sorted(statuses.items()):
        print(f"  {status:9} {times}")
    print("The server serves on.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
