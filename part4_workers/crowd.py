"""Clients of one kind, and how they fare: python3 part4_workers/crowd.py KIND COUNT SECONDS

ask       each connects, asks, reads to the end, and begins again
keep      each asks once, and keeps its connection without a word
silent    each connects, and says nothing
dribble   each sends one octet of a head a second, and never ends it
"""

import os
import socket
import sys
import threading
import time
from collections import Counter

PORT = int(os.environ.get("PORT", "8888"))
PATH = os.environ.get("TARGET", "/who")
HEAD = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def ask(deadline):
    """Ask on one connection after the other, and yield each fate."""
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", PORT), 30) as client:
                client.sendall(f"{HEAD}Connection: close\r\n\r\n".encode("ascii"))
                octets = b""
                while more := client.recv(65536):
                    octets += more
            yield octets[9:12].decode("ascii") or "closed without an answer"
        except ConnectionRefusedError:
            yield "refused"
            time.sleep(0.1)
        except OSError as error:
            yield error.strerror or "no answer within 30 s"


def keep(deadline):
    """Ask once, keep the connection, and yield the fate of the question."""
    with socket.create_connection(
        ("127.0.0.1", PORT), max(0.1, deadline - time.monotonic())
    ) as client:
        client.sendall(f"{HEAD}\r\n".encode("ascii"))
        try:
            yield client.recv(65536)[9:12].decode("ascii")
        except TimeoutError:
            yield "no answer"
        time.sleep(max(0, deadline - time.monotonic()))


def silent(deadline):
    """Say nothing, and yield how that ended."""
    with socket.create_connection(("127.0.0.1", PORT)) as client:
        yield from wait(client, deadline)


def dribble(deadline):
    """Send an octet a second, and yield how that ended."""
    with socket.create_connection(("127.0.0.1", PORT)) as client:
        for octet in f"{HEAD}X-Long: {'a' * 3600}".encode("ascii"):
            client.sendall(bytes([octet]))
            fate = next(wait(client, min(deadline, time.monotonic() + 1)))
            if fate != "still there" or time.monotonic() >= deadline:
                yield fate
                return


def wait(client, deadline):
    """Yield what the server says until the deadline."""
    begun = time.monotonic()
    client.settimeout(max(0.1, deadline - begun))
    try:
        status = client.recv(65536)[9:12].decode("ascii")
        yield status or f"closed after {time.monotonic() - begun:.0f} s"
    except TimeoutError:
        yield "still there"
    except OSError as error:
        yield error.strerror


KINDS = {"ask": ask, "keep": keep, "silent": silent, "dribble": dribble}


def main():
    """Let the crowd in, and print how often each fate occurred."""
    kind, count, seconds = KINDS[sys.argv[1]], int(sys.argv[2]), float(sys.argv[3])
    fates, deadline = Counter(), time.monotonic() + seconds
    threads = [threading.Thread(target=lambda: fates.update(kind(deadline))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for fate, times in fates.most_common():
        print(f"{times:6} {fate}")


if __name__ == "__main__":
    main()
