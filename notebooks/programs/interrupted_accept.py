"""Block in accept() for a second at the most, and get a signal meanwhile.

    python -m notebooks.programs.interrupted_accept

Prints the exception that ended accept(), and two times in seconds: until the handler ran, and
until accept() ended.
"""

import signal
import socket
import time

SIGNAL_SECONDS = 0.3
ACCEPT_SECONDS = 1.0


def main() -> None:
    """Wait for a client that never comes, interrupted by an alarm."""
    handled: list[float] = []
    signal.signal(signal.SIGALRM, lambda *_: handled.append(time.monotonic()))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(ACCEPT_SECONDS)
        begun = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, SIGNAL_SECONDS)
        try:
            listener.accept()
        except OSError as error:
            ended = time.monotonic()
            print(type(error).__name__, handled[0] - begun, ended - begun)


if __name__ == "__main__":
    main()
