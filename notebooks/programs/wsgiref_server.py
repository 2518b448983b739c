"""The standard library's own WSGI server, on one application.

python -m notebooks.programs.wsgiref_server MODULE:CALLABLE PORT
"""

import importlib
import sys
from wsgiref.simple_server import make_server


def main(application: str, port: str) -> None:
    """Import the application, say where it is served, and serve it."""
    module, _, name = application.partition(":")
    server = make_server("127.0.0.1", int(port), getattr(importlib.import_module(module), name))
    print(f"Serving HTTP on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
