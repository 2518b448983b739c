"""The bench of notebooks 2 and 3: servers as subprocesses, clients, what is seen of them.

Nothing here forks: a server is started with subprocess, in a session of its own, on a port that
the kernel chooses, and end_all() ends what was started, and nothing else.
"""

import atexit
import contextlib
import inspect
import io
import json
import os
import re
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "notebooks")]
import show  # noqa: E402

from tests.tools.patches import apply

START_SECONDS = 30.0  # for a server to say where it listens
END_SECONDS = 5.0  # for a process group to be gone
TALK_SECONDS = 20.0  # for all clients of one trial together
LOOK_SECONDS = 0.02  # between two looks at the processes of a server

# ---- servers ---------------------------------------------------------------------

PART2 = ROOT / "part2_wsgi" / "server.py"
PART3 = ROOT / "part3_forking" / "server.py"
WRONG = {  # each is part 3 with one patch
    "nobody reaps": "P03_nobody_reaps",
    "one wait for each signal": "P03_reap_once",
    "parent keeps its copy": "P04_parent_keeps",
    "parent keeps all": "P04_parent_keeps_list",
    "a thread for each": "P12_threads",
}

# Runs a server unchanged, and notes in the file named first when os.fork, os._exit and
# os.waitpid did what they do: one line for each, written in one piece.
PROBE = """
import os, runpy, sys, time
path = sys.argv[1]
notes = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def note(what, pid):
    os.write(notes, f"{what} {pid} {time.monotonic()}\\n".encode())
fork, end, wait = os.fork, os._exit, os.waitpid
def noted_fork():
    begun = time.monotonic()
    pid = fork()
    if pid:
        os.write(notes, f"fork {pid} {begun}\\n".encode())
    return pid
def noted_exit(status):
    note("exit", os.getpid())
    end(status)
def noted_wait(pid, options):
    found = wait(pid, options)
    if found[0]:
        note("reap", found[0])
    return found
os.fork, os._exit, os.waitpid = noted_fork, noted_exit, noted_wait
sys.argv = sys.argv[2:]
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""

WSGIREF = """
import importlib, sys
from wsgiref.simple_server import make_server
sys.path.insert(0, "")
module, _, name = sys.argv[1].partition(":")
server = make_server("127.0.0.1", 0, getattr(importlib.import_module(module), name))
print(f"Serving HTTP on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""

# One process, one thread, and a callback for each connection that has something to say.
LOOP = """
import asyncio
async def serve(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    query = head.split()[1].partition(b"?")[2]
    await asyncio.sleep(float(query or 0))
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nhi")
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=128)
    port = server.sockets[0].getsockname()[1]
    print(f"Serving HTTP on http://127.0.0.1:{port}", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


class Server(NamedTuple):
    """A server that runs: its first process, and the port it listens on."""

    name: str
    process: subprocess.Popen
    port: int
    notes: Path

    @property
    def pid(self) -> int:
        """The pid of the first process, which is also its session's and its group's."""
        return self.process.pid


FOLDER = Path(tempfile.mkdtemp(prefix="bench-"))  # where the servers run
started: list[Server] = []


def nap(environ, start_response):
    """Wait as many seconds as the query says, or until then; tell who did it, and when."""
    begin = time.monotonic()
    word, _, number = environ["QUERY_STRING"].partition("=")
    seconds = float(number or word or 0) - (begin if word == "until" else 0)
    time.sleep(max(0, seconds))
    text = json.dumps({"pid": os.getpid(), "begin": begin, "end": time.monotonic()})
    fields = [("Content-Type", "application/json"), ("Content-Length", str(len(text)))]
    start_response("200 OK", fields)
    return [text.encode()]


def put(name: str, source: str) -> str:
    """Write a module that the servers can import; return its name without .py."""
    (FOLDER / name).write_text(source, encoding="utf-8")
    return name.removesuffix(".py")


def variant(name: str) -> Path:
    """Return a copy of part 3's server with the patch of that name, or of exercise 5, applied."""
    path = FOLDER / f"{name.replace(' ', '_').replace('-', '_')}.py"
    if name == "pre-forked":
        page = (ROOT / "part3_forking" / "SOLUTIONS.md").read_text(encoding="utf-8")
        diff = page.partition("<summary>5. Fork first")[2].partition("```diff\n")[2]
        diff = diff.partition("```")[0]
    else:
        patch = ROOT / "part3_forking" / "mistakes" / f"{WRONG[name]}.patch"
        diff = patch.read_text(encoding="utf-8").partition("\n--- ")[2]
    path.write_text(apply(diff, PART3.read_text(encoding="utf-8")), encoding="utf-8")
    return path


def command(name: str, application: str) -> list[str]:
    """Return the words that start the server of that name."""
    python, end = sys.executable, ["--port", "0"]
    if name == "part 1":
        return [python, str(ROOT / "part1_single" / "server.py"), *end]
    if name in ("wsgiref", "loop"):
        return [python, "-c", {"wsgiref": WSGIREF, "loop": LOOP}[name], application]
    if name == "gunicorn":
        return [python, "-m", "gunicorn", "--bind", "127.0.0.1:0", application]
    if name == "waitress":
        return [python, "-m", "waitress", "--listen=127.0.0.1:0", application]
    path = {"part 2": PART2, "part 3": PART3}.get(name) or variant(name)
    return [python, str(path), application, *end]


def serve(name: str, application: str = "napping:nap", probe: bool = False) -> Server:
    """Start the server of that name, and return it once it has said where it listens."""
    if not (FOLDER / "napping.py").exists():
        put("napping.py", f"import json, os, time\n\n\n{inspect.getsource(nap)}")
    words, number = command(name, application), len(started)
    notes, log = FOLDER / f"notes-{number}", FOLDER / f"log-{number}"
    if probe:
        words = [words[0], "-c", PROBE, str(notes), *words[1:]]
    with open(log, "wb") as file:
        process = subprocess.Popen(
            words, cwd=FOLDER, stdout=file, stderr=file, start_new_session=True
        )
    deadline = time.monotonic() + START_SECONDS
    while not (found := re.search(r"http://127\.0\.0\.1:([0-9]+)", log.read_text("utf-8"))):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{name} did not start:\n{log.read_text('utf-8')}")
        time.sleep(0.01)
    started.append(Server(name, process, int(found[1]), notes))
    wait_until_served(started[-1])
    return started[-1]


def wait_until_served(server: Server) -> None:
    """Return once a connection is taken: gunicorn listens before a worker is there."""
    if server.name in ("gunicorn", "waitress"):
        ask(server.port, "/")


def end(server: Server) -> None:
    """End the server's whole process group, and wait for its first process."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.process.wait(END_SECONDS)


def left(server: Server) -> list[int]:
    """Return the pids of the server's session that still live; zombies do not."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == server.pid and process.status() != "zombie":
                found.append(process.pid)
    return found


def end_all() -> int:
    """End all servers that were started; return how many processes of theirs still live."""
    for server in started:
        end(server)
    deadline = time.monotonic() + END_SECONDS
    while (rest := sum(len(left(server)) for server in started)) and time.monotonic() < deadline:
        time.sleep(0.05)
    started.clear()
    shutil.rmtree(FOLDER, ignore_errors=True)
    return rest


atexit.register(end_all)

# ---- clients ---------------------------------------------------------------------


class Exchange(NamedTuple):
    """One request: when it began, was sent, had its whole answer, and saw the end; None: never."""

    connect: float
    sent: float
    answer: float | None
    end: float | None
    octets: bytes

    @property
    def told(self) -> dict:
        """What nap() said."""
        return json.loads(self.octets.partition(b"\r\n\r\n")[2])


class Talk:
    """A client in the middle of an exchange; targets are the requests it has yet to send."""

    def __init__(self, port: int, targets: list[str]) -> None:
        self.port, self.targets = port, targets[1:]
        self.connect, self.sent, self.answer = time.monotonic(), 0.0, None
        self.octets = b""
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", port))
        self.request = f"GET {targets[0]} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()

    def read(self) -> bool:
        """Take what has come; return whether the end has."""
        try:
            octets = self.socket.recv(65536)
        except ConnectionError:
            octets = b""
        self.octets += octets
        if self.answer is None and complete(self.octets):
            self.answer = time.monotonic()
        return not octets

    def ended(self, end: float | None) -> Exchange:
        """Close, and return what is known."""
        self.socket.close()
        return Exchange(self.connect, self.sent, self.answer, end, self.octets)


def complete(octets: bytes) -> bool:
    """Return whether octets hold all the content that Content-Length announces."""
    head, _, content = octets.partition(b"\r\n\r\n")
    announced = re.search(rb"(?i)\ncontent-length: *([0-9]+)", head)
    return bool(announced) and len(content) >= int(announced[1])


def converse(
    port: int, queues: list[list[str]], every: float = 0.0, patience: float = TALK_SECONDS
) -> list[Exchange]:
    """Let each client send its requests one after the other, all clients at once.

    The clients begin every seconds apart. Returns the exchanges in the order of their
    beginnings; those too that had an answer, and then for patience seconds no end.
    """
    done, begin = [], time.monotonic()
    last = begin  # when something came
    waiting = [(begin + number * every, list(queue)) for number, queue in enumerate(queues)]
    with selectors.DefaultSelector() as selector:
        while (waiting or selector.get_map()) and time.monotonic() < begin + TALK_SECONDS:
            while waiting and waiting[0][0] <= time.monotonic():
                talk = Talk(port, waiting.pop(0)[1])
                selector.register(talk.socket, selectors.EVENT_WRITE, talk)
            for key, _ in selector.select(0.005 if waiting else 0.2):
                advance(selector, key.data, done)
                last = time.monotonic()
            talks = [key.data for key in selector.get_map().values()]
            if time.monotonic() > last + patience and all(talk.answer for talk in talks):
                break
        done += [key.data.ended(None) for key in selector.get_map().values()]
    return sorted(done, key=lambda one: one.connect)


def advance(selector: selectors.BaseSelector, talk: Talk, done: list[Exchange]) -> None:
    """Take one client's next step: send, read, or begin with its next request."""
    if talk.request:
        talk.socket.sendall(talk.request)
        talk.request, talk.sent = b"", time.monotonic()
        selector.modify(talk.socket, selectors.EVENT_READ, talk)
    elif talk.read():
        selector.unregister(talk.socket)
        done.append(talk.ended(time.monotonic()))
        if talk.targets:
            after = Talk(talk.port, talk.targets)
            selector.register(after.socket, selectors.EVENT_WRITE, after)


def say(port: int, octets: bytes, seconds: float = TALK_SECONDS) -> bytes:
    """Send octets, and return all that comes back until the end. Raises TimeoutError."""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        connection.sendall(octets)
        received = b""
        while more := connection.recv(65536):
            received += more
    return received


def ask(port: int, target: str = "/", method: str = "GET", seconds: float = TALK_SECONDS) -> bytes:
    """Return all octets that come back for one request, until the end. Raises TimeoutError."""
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    return say(port, head.encode(), seconds)


def answers(server: Server, seconds: float = 1.0) -> bool:
    """Return whether a request is answered within seconds."""
    try:
        return ask(server.port, seconds=seconds).startswith(b"HTTP/1.1 200")
    except TimeoutError:
        return False


@contextlib.contextmanager
def silent(port: int, count: int = 1, seconds: float | None = None) -> Iterator[None]:
    """Hold so many connections open, for so many seconds or the whole block, and say nothing."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            address = ("127.0.0.1", port)
            stack.enter_context(socket.create_connection(address, TALK_SECONDS))
        if seconds is not None:
            timer = threading.Timer(seconds, stack.pop_all().close)
            timer.start()
        yield
        if seconds is not None:
            timer.join()


# ---- what is seen ----------------------------------------------------------------


class Look(NamedTuple):
    """What was seen of a server at one moment: its children's states, its descriptors."""

    seconds: float
    states: dict[int, str]
    descriptors: int

    @property
    def zombies(self) -> int:
        """How many children have ended, and nobody has asked."""
        return list(self.states.values()).count("zombie")


def look(server: Server) -> Look:
    """Look at the first process of a server, and at its children."""
    states = {}
    parent = psutil.Process(server.pid)
    for child in parent.children():
        with contextlib.suppress(psutil.Error):  # it went while we looked
            states[child.pid] = child.status()
    return Look(time.monotonic(), states, parent.num_fds())


@contextlib.contextmanager
def watching(server: Server) -> Iterator[list[Look]]:
    """Look at a server again and again, until the block ends; the list grows."""
    looks, over = [look(server)], threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            looks.append(look(server))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield looks
    finally:
        over.set()
        thread.join()


def settled(
    condition: Callable[[], object], seconds: float = END_SECONDS, pause: float = 0.01
) -> bool:
    """Return whether condition() becomes true within seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def noted(server: Server) -> dict[int, dict[str, float]]:
    """Return {pid: {"fork": ..., "exit": ..., "reap": ...}} of a server started with probe."""
    found: dict[int, dict[str, float]] = {}
    if server.notes.exists():
        for line in server.notes.read_text("ascii").splitlines():
            what, pid, moment = line.split()
            found.setdefault(int(pid), {})[what] = float(moment)
    return found


def rows(server: Server, exchanges: list[Exchange], make: Callable, names: str = "") -> list:
    """Return a timeline's row for each exchange; make(label, marks) makes one, 0 is the first.

    names are those of the probe's marks that are wanted.
    """
    events, begin, made = noted(server), exchanges[0].connect, []
    for number, one in enumerate(exchanges, 1):
        marks = {"connect": one.connect, "handle": one.told["begin"], "answer": one.answer}
        for name, moment in events.get(one.told["pid"], {}).items():
            if name in names.split():
                marks[name] = moment
        made.append(make(f"{number}", {name: max(0.0, marks[name] - begin) for name in marks}))
    return made


def held(server: Server) -> int:
    """Return how many processes, threads and descriptors a server has, in one number."""
    first = psutil.Process(server.pid)
    return len(first.children(recursive=True)) + first.num_threads() + first.num_fds()


def wait_until_steady(server: Server) -> None:
    """Return once three looks have seen the same: whatever will be accepted has been."""
    known = [-1, -2, -3]

    def steady() -> bool:
        known.append(held(server))
        return len(set(known[-3:])) == 1

    settled(steady, pause=0.05)


def memory_of(name: str, counts: list[int]) -> list[tuple[int, float, float | None]]:
    """Return (silent connections, MiB resident added up, MiB of their own) for each count."""
    server, found = serve(name), []
    for count in counts:
        with silent(server.port, count):
            wait_until_steady(server)
            found.append((count, *memory(server)))
            if count == counts[-1]:
                answering[name] = answers(server)
    end(server)
    return found


answering: dict[str, bool] = {}  # whether a server answered beside the silent ones


def memory(server: Server) -> tuple[float, float | None]:
    """Return MiB of all the server's processes: resident sizes added up, and what is their own.

    The second is None where the system does not tell, as macOS to anyone but root.
    """
    first = psutil.Process(server.pid)
    resident, own = 0, 0
    for process in [first, *first.children(recursive=True)]:
        try:
            resident += process.memory_info().rss
            own = None if own is None else own + process.memory_full_info().uss
        except psutil.AccessDenied:
            own = None
        except psutil.NoSuchProcess:
            pass  # it went while we looked
    return resident / 2**20, None if own is None else own / 2**20


FORK_COSTS = """
import json, os, statistics, sys
import psutil, fork_cost
found = []
for millions in map(float, sys.argv[1:]):
    ballast = [str(number) for number in range(int(millions * 1_000_000))]
    times = sorted(fork_cost.fork_and_wait() for _ in range(20))
    size = psutil.Process().memory_info().rss / 2**20
    idle = busy = None
    if os.path.exists("/proc/self/smaps_rollup"):
        idle = fork_cost.child_memory(lambda: None)
        busy = fork_cost.child_memory(lambda: [one for one in ballast if not one])
    found.append([size, times[0], times[10], idle, busy])
print(json.dumps(found))
"""


class Cost(NamedTuple):
    """What it takes a process of size MiB to fork, and to wait for the child's end, in ms.

    Of 20 forks the least counts: what disturbs a measurement only adds to it.
    idle, busy: (shared, own) MiB of a child that does nothing, and that looks at each object.
    """

    size: float
    least: float
    median: float
    idle: tuple[float, float] | None
    busy: tuple[float, float] | None


def fork_costs(millions: list[float]) -> list[Cost]:
    """Run part 3's fork_cost in a process of its own, with so many million objects."""
    words = [sys.executable, "-c", FORK_COSTS, *map(str, millions)]
    folder = ROOT / "part3_forking"
    done = subprocess.run(words, cwd=folder, capture_output=True, check=True, timeout=50)
    return [Cost(*one) for one in json.loads(done.stdout)]


INTERRUPTED = """
import signal, socket, time
handled = []
signal.signal(signal.SIGALRM, lambda *_: handled.append(time.monotonic()))
listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(1)
signal.setitimer(signal.ITIMER_REAL, 0.3)
begun = time.monotonic()
try:
    listener.accept()
except OSError as error:
    print(type(error).__name__, handled[0] - begun, time.monotonic() - begun)
"""


def run_alone(source: str) -> str:
    """Run Python source in a process of its own, and return what it printed."""
    words = [sys.executable, "-c", source]
    return subprocess.run(words, capture_output=True, check=True, timeout=30, text=True).stdout


def median_latency(exchanges: list[Exchange]) -> float:
    """Return the median of milliseconds from the connect to the end of the answer."""
    ends = [one.end or one.connect + TALK_SECONDS for one in exchanges]
    pairs = zip(ends, exchanges, strict=True)
    return statistics.median(end - one.connect for end, one in pairs) * 1000


def latency_of(name: str, counts: list[int], target: str, each: int) -> list[tuple[int, float]]:
    """Return (clients, median ms) of a server, each client asking for target so many times."""
    server, found = serve(name), []
    ask(server.port, target)  # what is done once
    for count in counts:
        found.append((count, median_latency(converse(server.port, [[target] * each] * count))))
    end(server)
    return found


# ---- notebook 2 ------------------------------------------------------------------


def catch(serve_it: Callable, *arguments) -> tuple[object, bytes, str]:
    """Call serve_it(connection, ...) at one end of a connection, for an answer of some kilobytes.

    Returns (what it returned, the octets that came out at the other end, the last line it
    wrote to stderr).
    """
    client, connection = socket.socketpair()
    with client, contextlib.redirect_stderr(io.StringIO()) as errors:
        with connection:
            returned = serve_it(connection, *arguments)
        octets = b"".join(iter(lambda: client.recv(65536), b""))
    return returned, octets, (errors.getvalue().splitlines() or [""])[-1]


def waiting_at(client: socket.socket) -> bytes:
    """Return the octets that have come to client and are not yet read; b"" if none have."""
    client.setblocking(False)
    try:
        return client.recv(65536)
    except BlockingIOError:
        return b""


ELSEWHERE = {  # keys that no octet of the request explains
    "SCRIPT_NAME": "where the application is mounted: the server says so",
    "SERVER_NAME": "the server's end of the connection",
    "SERVER_PORT": "the server's end of the connection",
    "REMOTE_ADDR": "the client's end of the connection",
    "REMOTE_PORT": "the client's end of the connection",
    "wsgi.errors": "the server's stderr",
}


def origins(view) -> dict[str, list[tuple[int, int]]]:
    """Return, for each key of environ that comes from a request, (start, end) of its octets.

    view is what show.wire() returns for it.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    plain = {"method": "REQUEST_METHOD", "HTTP-version": "SERVER_PROTOCOL", "content": "wsgi.input"}
    key = ""
    for start, stop, name in view.spans:
        if name in plain:
            found[plain[name]] = [(start, stop)]
        elif name == "request-target":
            cut = start + len(view.octets[start:stop].partition(b"?")[0])
            found["PATH_INFO"] = [(start, cut)]
            found["QUERY_STRING"] = [(min(cut + 1, stop), stop)]
        elif name == "field-name":
            key = view.octets[start:stop].decode("ascii").upper()
        elif name == "field-value" and "_" not in key:
            plain_key = key.replace("-", "_")
            prefix = "" if plain_key in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_"
            found.setdefault(prefix + plain_key, []).append((start, stop))
    return found


def line_with(octets: bytes, start: int, stop: int) -> str:
    """Return the line of octets that has octets[start:stop] in it, these in ⟦brackets⟧."""
    first = octets.rfind(b"\n", 0, start) + 1
    last = octets.find(b"\n", stop - 1) + 1 or len(octets)
    parts = octets[first:start], octets[start:stop], octets[stop:last]
    before, inside, after = (show.visible(part) for part in parts)
    return f"{before}⟦{inside}⟧{after}"


def origin_table(view, environ: dict) -> show.Table:
    """Return each key of environ, its value, and the octets that it comes from, in their line."""
    found, lines = origins(view), []
    for key in sorted(environ, key=lambda key: (found.get(key, [(1 << 30, 0)]), key)):
        where = "\n".join(line_with(view.octets, *span) for span in found.get(key, []))
        value = "a file" if key == "wsgi.input" else repr(environ[key])
        value = "a stream" if key == "wsgi.errors" else value
        lines.append([key, value, where or ELSEWHERE.get(key, "the server says so about itself")])
    return show.table(["key", "value", "where it comes from"], lines)
