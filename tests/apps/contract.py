"""The application that the suite hosts on a server under test.

/w/NAME runs a route of this file, /v/NAME the same under wsgiref.validate, /flask/... a
Flask application; anything else is echoed. What a route has to tell beside its answer it
writes to wsgi.errors, with the token that the query brings.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from urllib.parse import parse_qs
from wsgiref.validate import validator

from tests.apps import echo

WAIT_SECONDS = 15.0
HANG_SECONDS = 60.0  # longer than any test waits
TEXT = [("Content-Type", "text/plain")]


def application(environ, start_response):
    """Find the route by the first parts of the path."""
    kind, _, name = environ["PATH_INFO"].lstrip("/").partition("/")
    name = name.partition("/")[0]
    if kind == "flask":
        from tests.apps.flask_routes import flask_application

        environ["SCRIPT_NAME"], environ["PATH_INFO"] = "/flask", environ["PATH_INFO"][6:]
        return flask_application(environ, start_response)
    if kind not in ("w", "v") or name not in ROUTES:
        return echo.application(environ, start_response)
    route = validator(ROUTES[name]) if kind == "v" else ROUTES[name]
    return route(environ, start_response)


def query(environ, key, default=""):
    """Return a value of the query."""
    values = parse_qs(environ.get("QUERY_STRING", ""), encoding="latin-1", keep_blank_values=True)
    return values.get(key, [default])[0]


def wait_for(environ):
    """Return once the file that the query names exists: the test made it. Bounded."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not os.path.exists(query(environ, "until")) and time.monotonic() < deadline:
        time.sleep(0.005)


def say(environ, text):
    """Write a line that the test will look for on stderr."""
    environ["wsgi.errors"].write(f"<{query(environ, 'token')} {text}>\n")
    environ["wsgi.errors"].flush()


class Closing:
    """An iterable that says when it is closed."""

    def __init__(self, environ, chunks):
        self.environ, self.chunks = environ, iter(chunks)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.chunks)

    def close(self):
        say(self.environ, "closed")


def show_environ(environ, start_response):
    """The type and the value of each key, as JSON."""
    report = {"its type": [type(environ).__name__, ""]}
    for key, value in environ.items():
        plain = value if isinstance(value, (str, int)) else repr(value)
        report[key] = [type(value).__name__, plain]
    content = json.dumps(report).encode()
    start_response("200 OK", [*TEXT, ("Content-Length", str(len(content)))])
    return [content]


def read_input(environ, start_response):
    """The content as it comes out of wsgi.input, read as ?how= says, and what comes after it."""
    source, length = environ["wsgi.input"], int(environ.get("CONTENT_LENGTH") or 0)
    ways = {
        "read": lambda: [source.read()],
        "read-length": lambda: [source.read(length)],
        "read-some": lambda: list(iter(lambda: source.read(3), b"")),
        "readline": lambda: list(iter(source.readline, b"")),
        "readline-some": lambda: list(iter(lambda: source.readline(2), b"")),
        "readlines": lambda: source.readlines(),
        "iterate": lambda: list(source),
    }
    pieces = ways[query(environ, "how", "read-length")]()
    after = b"" if query(environ, "how") == "read-length" else source.read(1)
    report = [[piece.decode("latin-1") for piece in pieces], type(after).__name__, len(after)]
    start_response("200 OK", TEXT)
    return [json.dumps(report).encode()]


def write_errors(environ, start_response):
    """Write to wsgi.errors half a line, and wait for the test to have seen it."""
    environ["wsgi.errors"].write(f"<{query(environ, 'token')} half a line")
    if query(environ, "flush"):
        environ["wsgi.errors"].flush()
    if query(environ, "end"):
        environ["wsgi.errors"].write(", and its end>\n")
    wait_for(environ)
    start_response("200 OK", TEXT)
    return [b"written"]


def replace_late(environ, start_response):
    """Say 200, yield nothing yet, wait, and then say 404 in its place."""
    start_response("200 OK", [*TEXT, ("X-Old", "1")])
    yield b""
    wait_for(environ)
    try:
        raise ValueError("changed my mind")
    except ValueError:
        start_response("404 Not Found", [*TEXT, ("X-New", "1")], sys.exc_info())
    yield b"replaced"


def start_twice(environ, start_response):
    """Call start_response again without exc_info, and tell what happened."""
    start_response("200 OK", TEXT)
    try:
        start_response("404 Not Found", TEXT)
    except Exception:
        return [b"raised"]
    return [b"ignored"]


def start_after_content(environ, start_response):
    """Call start_response with exc_info when the head has left."""
    start_response("200 OK", TEXT)
    yield b"first"
    try:
        try:
            raise ValueError("original")
        except ValueError:
            start_response("500 Internal Server Error", TEXT, sys.exc_info())
    except ValueError as error:
        say(environ, f"raised {error}")
    yield b"second"


def stream(environ, start_response):
    """Two chunks, the second once the test has seen the first."""
    start_response("200 OK", TEXT)
    yield b"first "
    wait_for(environ)
    yield b"second"


def send_large(environ, start_response):
    """32 MiB, in as many chunks as the query says."""
    count = int(query(environ, "chunks", "512"))
    start_response("200 OK", TEXT)
    for number in range(count):
        yield bytes([number % 251]) * ((32 << 20) // count)


def write_nothing(environ, start_response):
    """write() no octets, and fail then: the head has not left."""
    start_response("200 OK", TEXT)(b"")
    raise ValueError("on purpose")


def change_late(environ, start_response):
    """Add to the list of fields that start_response was given."""
    late = [*TEXT]
    start_response("200 OK", late)
    late.append(("X-Late", "a\r\nX-Injected: 1"))
    return [b"late"]


def write_content(environ, start_response):
    """Content through write(), in part while the test waits for it."""
    write = start_response("200 OK", TEXT)
    write(b"one ")
    wait_for(environ)
    write(b"two ")
    return [b"three"]


def close(environ, start_response):
    """An iterable with close(), which ends as ?how= says."""

    def chunks():
        start_response("200 OK", TEXT)
        yield b"first "
        if query(environ, "how") == "raise":
            raise ValueError("on purpose")
        if query(environ, "how") == "endless":
            wait_for(environ)
            for _ in range(4096):  # 256 MiB, not for ever: some servers collect it all
                yield bytes(1 << 16)
        yield b"second"

    if query(environ, "how") == "raise-early":
        return Closing(environ, (1 / 0 for _ in "x"))
    return Closing(environ, chunks())


def length(environ, start_response):
    """Content-Length as ?announced= says, and the chunks of ?sent=, divided by commas."""
    chunks = [chunk.encode() for chunk in query(environ, "sent").split(",")]
    announced = query(environ, "announced")
    fields = [("Content-Length", announced)] if announced else []
    start_response("200 OK", [*TEXT, *fields])
    return chunks if query(environ, "as") == "list" else iter(chunks)


def status(environ, start_response):
    """The status of ?status=, and content whether or not it may have any."""
    fields = [("Content-Length", "5")] if query(environ, "length") else []
    start_response(query(environ, "status"), fields)
    return [b"hello"]


def head(environ, start_response):
    """Content for GET, none for HEAD: what some applications do."""
    start_response("200 OK", TEXT)
    return [b""] if environ["REQUEST_METHOD"] == "HEAD" else [b"x" * 1000]


BAD = {
    "connection": ("200 OK", [("Connection", "x-app")]),
    "keep-alive": ("200 OK", [("Keep-Alive", "timeout=77")]),
    "transfer-encoding": ("200 OK", [("Transfer-Encoding", "x-app")]),
    "upgrade": ("200 OK", [("Upgrade", "x-app")]),
    "te": ("200 OK", [("TE", "x-app")]),
    "trailer": ("200 OK", [("Trailer", "x-app")]),
    "proxy-authenticate": ("200 OK", [("Proxy-Authenticate", "x-app")]),
    "length-no-digits": ("200 OK", [("Content-Length", "x-app")]),
    "length-plus": ("200 OK", [("Content-Length", "+5")]),
    "length-negative": ("200 OK", [("Content-Length", "-5")]),
    "length-twice": ("200 OK", [("Content-Length", "5"), ("content-length", "6")]),
    "length-twice-the-same": ("200 OK", [("Content-Length", "5"), ("Content-Length", "5")]),
    "length-underscore": ("200 OK", [("Content-Length", "1_0")]),
    "length-space": ("200 OK", [("Content-Length", " 5")]),
    "proxy-authorization": ("200 OK", [("Proxy-Authorization", "x-app")]),
    "status-100": ("100 Continue", []),
    "status-101": ("101 Switching Protocols", []),
    "crlf-in-a-value": ("200 OK", [("X-App", "a\r\nX-Injected: 1")]),
    "lf-in-a-value": ("200 OK", [("X-App", "a\nX-Injected: 1")]),
    "cr-in-a-value": ("200 OK", [("X-App", "a\rX-Injected: 1")]),
    "nul-in-a-value": ("200 OK", [("X-App", "a\0b")]),
    "del-in-a-value": ("200 OK", [("X-App", "a\x7fb")]),
    "escape-in-a-value": ("200 OK", [("X-App", "a\x1bb")]),
    "not-latin-1": ("200 OK", [("X-App", "€")]),
    "lf-at-the-end-of-a-value": ("200 OK", [("X-App", "a\n")]),
    "crlf-at-the-end-of-a-value": ("200 OK", [("X-App", "a\r\n")]),
    "lf-at-the-end-of-a-name": ("200 OK", [("X-App\n", "a")]),
    "lf-at-the-end-of-the-status": ("200 OK\n", []),
    "crlf-at-the-end-of-the-status": ("200 OK\r\n", []),
    "crlf-in-a-name": ("200 OK", [("X-App: a\r\nX-Injected", "1")]),
    "space-in-a-name": ("200 OK", [("X App", "1")]),
    "empty-name": ("200 OK", [("", "x-app")]),
    "crlf-in-the-status": ("200 OK\r\nX-Injected: 1", []),
    "lf-in-the-status": ("200 OK\nX-Injected: 1", []),
    "status-without-reason-or-space": ("200", []),
    "status-without-code": ("OK", []),
    "status-with-four-digits": ("2000 OK", []),
    "status-not-latin-1": ("200 €", []),
    "status-as-bytes": (b"200 OK", []),
    "status-as-int": (200, []),
    "value-as-int": ("200 OK", [("X-App", 1)]),
    "value-as-bytes": ("200 OK", [("X-App", b"1")]),
    "name-as-bytes": ("200 OK", [(b"X-App", "1")]),
    "fields-as-dict": ("200 OK", {"X-App": "1"}),
}
# What a server may refuse, drop or pass on: PEP 3333 does not name it.
DOUBTFUL = {"proxy-connection": ("200 OK", [("Proxy-Connection", "x-app")])}


def start_badly(environ, start_response):
    """A status and fields that must not reach the wire, or need not."""
    new_status, fields = (BAD | DOUBTFUL)[query(environ, "which")]
    if query(environ, "replaces"):
        start_response("200 OK", TEXT)
        try:
            raise ValueError("on purpose")
        except ValueError:
            start_response(new_status, fields, sys.exc_info())
    else:
        start_response(new_status, fields)
    return [b"hello"]


def fail(environ, start_response):
    """Fail before the head has left, as ?how= says."""
    how, secret = query(environ, "how"), query(environ, "token")
    kinds = {"exit": SystemExit, "interrupt": KeyboardInterrupt, "os-error": ConnectionResetError}
    kinds |= {"generator-exit": GeneratorExit, "stop-iteration": StopIteration}
    if how in ("raise", *kinds):
        raise kinds.get(how, ValueError)(f"<{secret} secret>")
    if how == "never-starts":
        return [b"hello"]
    if how == "never-starts-and-is-empty":
        return []
    start_response("200 OK", TEXT)
    if how == "raise-after-start":
        raise ValueError(f"<{secret} secret>")
    if how == "raise-while-iterated":
        return (int(f"<{secret} secret>") for _ in "x")
    wrong = {
        "none": None,
        "number": 5,
        "bare-octets": b"hello",
        "text": "hello",
        "list-of-text": ["hello"],
        "octets": [1, 2],
    }
    return wrong[how]


def fail_late(environ, start_response):
    """Send a chunk, and fail then."""
    announced = query(environ, "announced")
    start_response("200 OK", [*TEXT, *([("Content-Length", announced)] if announced else [])])
    yield b"first"
    raise ValueError("on purpose")


def fields(environ, start_response):
    """Fields that a server must keep, and one that it may not join."""
    own = [("date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("SERVER", "mine/1.0")]
    cookies = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Latin", "é")]
    own += [("Link", "</b>; rel=next"), ("Link", "</a>; rel=prev"), ("X-Same", "1")]
    own += [("X-Same", "1")]
    start_response("200 OK", [*TEXT, *own, *cookies])
    return [b"fields"]


def wait(environ, start_response):
    """Say that it runs, and then wait."""
    say(environ, "runs")
    wait_for(environ)
    start_response("200 OK", TEXT)
    return [b"waited"]


SERVED: list[int] = []  # a process that serves one request alone never sees a second one in here
VERSION = ["0"]  # of the application: a module that is loaded anew may set it


def process(environ, start_response):
    """Who serves this, and how many requests it has served."""
    SERVED.append(1)
    report = {"pid": os.getpid(), "parent": os.getppid(), "served": len(SERVED)}
    report["version"] = VERSION[0]
    start_response("200 OK", TEXT)
    return [json.dumps(report).encode()]


def die(environ, start_response):
    """Tell the pid, wait if asked to, and end the process as ?how= says."""
    how = query(environ, "how")
    say(environ, f"pid {os.getpid()}")
    if query(environ, "late"):
        start_response("200 OK", [*TEXT, ("Content-Length", "100")])(b"first")
    wait_for(environ)
    if how == "os-exit":
        os._exit(3)
    os.kill(os.getpid(), getattr(signal, how))
    time.sleep(WAIT_SECONDS)
    return []


def stand_still(how):
    """Make no progress any more, in one of several ways; bounded, but for one."""
    if how == "loop":
        deadline = time.monotonic() + HANG_SECONDS
        while time.monotonic() < deadline:
            pass
    elif how == "sleep":
        time.sleep(HANG_SECONDS)
    elif how == "lock":
        lock = threading.Lock()
        lock.acquire()
        lock.acquire(timeout=HANG_SECONDS)
    elif how == "read":
        silent, _ = os.pipe()
        os.read(silent, 1)
    elif how == "loop-in-c":
        sum(itertools.repeat(0, 3_000_000_000))  # no step of Python in between
    else:
        os.kill(os.getpid(), signal.SIGSTOP)


def hang(environ, start_response):
    """Stand still as ?how= says, before the head, after the first chunk or in close()."""
    how, where = query(environ, "how"), query(environ, "where", "head")
    say(environ, f"pid {os.getpid()}")

    class Hanging(Closing):
        def close(self):
            if where == "close":
                stand_still(how)

    def chunks():
        yield b"first "
        if where == "chunk":
            stand_still(how)
        yield b"second"

    if where == "head":
        stand_still(how)
    start_response("200 OK", TEXT)
    return Hanging(environ, chunks())


def drip(environ, start_response):
    """?count= chunks, ?pause= seconds apart."""
    pause, count = float(query(environ, "pause")), int(query(environ, "count"))
    say(environ, f"pid {os.getpid()}")
    how = start_response("200 OK", TEXT)
    for _ in range(count):
        time.sleep(pause)
        if query(environ, "write"):
            how(b"drop ")
        else:
            yield b"drop "


def tell_identity(environ, start_response):
    """Who this process is for the system: uids, gids (real, effective, saved) and groups."""
    identity = {"pid": os.getpid(), "uids": os.getresuid(), "gids": os.getresgid()}
    start_response("200 OK", TEXT)
    return [json.dumps(identity | {"groups": os.getgroups()}).encode()]


def raise_in_close(environ, start_response):
    """An iterable whose close() raises SystemExit, when all has been sent."""

    class Raising(Closing):
        def close(self):
            raise SystemExit("on purpose")

    start_response("200 OK", TEXT)
    return Raising(environ, [b"sent"])


def run_children(environ, start_response):
    """Run children of its own as ?how= says, and tell how they ended: 7 is due."""
    how, script = query(environ, "how"), "exit 7"
    if how == "run":
        ended = subprocess.run(["sh", "-c", script]).returncode
    elif how == "system":
        ended = os.waitstatus_to_exitcode(os.system(script))
    elif how == "fork":
        pid = os.fork()
        if pid == 0:
            os._exit(7)
        let_it_end(pid)
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    else:  # the child is long gone when somebody asks
        child = subprocess.Popen(["sh", "-c", script])
        let_it_end(child.pid)
        ended = child.wait()
    start_response("200 OK", TEXT)
    return [str(ended).encode()]


def tell_mask(environ, start_response):
    """The signals that are blocked in this process."""
    start_response("200 OK", TEXT)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return [" ".join(sorted(signal.Signals(one).name for one in blocked)).encode()]


def let_it_end(pid):
    """Return when that child has ended, without taking its status."""
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    time.sleep(0.1)  # a handler, if there is one, runs now


def print_words(environ, start_response):
    """Print a line and half a line, and flush nothing."""
    print(f"<{query(environ, 'token')} line>")
    sys.stdout.write(f"<{query(environ, 'token')} half>")
    start_response("200 OK", TEXT)
    yield b"printed"
    if query(environ, "fails"):
        raise ValueError("on purpose")


ROUTES = {
    "process": process,
    "die": die,
    "hang": hang,
    "drip": drip,
    "identity": tell_identity,
    "raise-in-close": raise_in_close,
    "children": run_children,
    "mask": tell_mask,
    "print": print_words,
    "environ": show_environ,
    "input": read_input,
    "errors": write_errors,
    "late": replace_late,
    "twice": start_twice,
    "after": start_after_content,
    "stream": stream,
    "large": send_large,
    "write": write_content,
    "write-nothing": write_nothing,
    "change-late": change_late,
    "close": close,
    "length": length,
    "status": status,
    "head": head,
    "bad": start_badly,
    "fail": fail,
    "fail-late": fail_late,
    "fields": fields,
    "wait": wait,
}
