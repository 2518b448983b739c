"""The library's server of part 3's design, for tests/measure/cost.py.

python -m tests.measure.forking_mixin MODULE:CALLABLE PORT
"""

import importlib
import socketserver
import sys
from wsgiref.simple_server import WSGIServer, make_server


class Forking(socketserver.ForkingMixIn, WSGIServer):
    """A child for each connection."""

    request_queue_size = 128


def main() -> None:
    """Serve the application on the port, for ever."""
    module, _, name = sys.argv[1].partition(":")
    application = getattr(importlib.import_module(module), name)
    make_server("127.0.0.1", int(sys.argv[2]), application, Forking).serve_forever()


if __name__ == "__main__":
    main()
