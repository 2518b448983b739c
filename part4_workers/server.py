"""Part 4: a master that only watches, and workers that stay.

The master: main > Master.run > take one signal after the other, and look after the workers.
A worker, one of a few:

    start_worker > give_up_power, load_application, serve_clients
        Waiting.wait                  whoever has something to say; silence holds nobody
        serve_connection > serve_request
            read_request > Incoming.more > Patience.wait, with a deadline
            serve_application > Answer.send > send_octets > Patience.wait

Between them stand two things: a pipe whose end of file means "leave", and an octet that
the worker sets whenever it gets on, and the master clears at each tick.
Not here: threads or an event loop for the application (a slow one holds its worker's other
clients back), chunked answers, TLS, wsgi.file_wrapper.
"""

import argparse
import errno
import faulthandler
import functools
import gc
import importlib
import io
import mmap
import os
import re
import select
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# ---- limits ----------------------------------------------------------------------

BACKLOG = 1024  # connections the kernel queues until a worker takes them
RECV_SIZE = 64 * 1024  # octets that one recv() may return
MAX_REQUEST_LINE = 16 * 1024  # octets, then 414; RFC 9112 §3 asks for at least 8000
MAX_FIELD_SECTION = 64 * 1024  # octets, then 431; policy
MAX_CONTENT = 10 * 1024 * 1024  # octets, then 413; policy
MAX_CHUNK_LINES = 128 * 1024  # octets of chunks beside their content, then 400; policy
LINGER_OCTETS = 16 * 1024 * 1024  # octets dropped after a refusal, then close; policy
LINGER_SECONDS = 2.0  # seconds that this may take; policy
TICK = 0.1  # seconds from one look of the master at its workers to the next
SOON_SECONDS = 0.002  # seconds that who connects may take to ask, while they hold the worker
LEAVE_SECONDS = 1.0  # seconds that an idle connection is kept to hear that we leave; policy
OCTETS_A_SECOND = 1024  # of content or answer, at least, from a client who is waited for; policy
YOUNG = 10  # ticks: a worker that dies before is replaced later, not at once; policy
LAST_WORDS = 10  # ticks that a hung worker has to say where it stands, then SIGKILL; policy
PAUSE, LONGEST_PAUSE = 5, 40  # ticks before young dead are replaced: doubled each time; policy

# ---- errors and values -----------------------------------------------------------

Fields = list[tuple[bytes, bytes]]  # (name in lower case, value), in the order received


Address = tuple[str, int] | tuple[str, int, int, int]  # of a socket: host and port first
ExcInfo = tuple[type[BaseException], BaseException, TracebackType]
FAILED = b"500 Internal Server Error\nThe application failed; its log says why.\n"


class HTTPError(Exception):
    """A refusal: reason is a sentence for the client, status as in "400 Bad Request"."""

    def __init__(self, reason: str, status: str = "400 Bad Request") -> None:
        super().__init__(reason, status)
        self.reason, self.status = reason, status


class Disconnected(Exception):
    """The client has gone while an answer was sent; not the application's error."""


class Request(NamedTuple):
    """One complete request, parsed."""

    method: bytes
    target: bytes
    version: bytes
    fields: Fields
    content: bytes


class Settings(NamedTuple):
    """What the command line says; times in seconds."""

    application: str  # MODULE:CALLABLE, "" for the default one
    workers: int
    client_timeout: float  # that a silent client, a head, or a standstill may take
    keep_alive: float  # that a connection is kept idle; 0 keeps none
    timeout: float  # that a worker may take without getting on
    graceful_timeout: float  # from SIGTERM until who has not finished is killed
    user: str  # whose rights the workers have; "" for those of the master
    access_log: bool


# ---- stay: a master and its workers ----------------------------------------------

READY = 1


class Life:
    """What ties a worker to its master: a pipe that says stay, and octets that say alive."""

    def __init__(self, stay: int) -> None:
        self.stay = stay  # the end of a pipe that nobody writes to: end of file says leave
        self.octets = mmap.mmap(-1, 2)  # shared: whether it got on, whether it is READY
        self.poll = select.poll()
        self.poll.register(stay, select.POLLIN)

    def beat(self) -> None:
        """Note that the worker gets on."""
        self.octets[0] = 1

    def is_over(self) -> bool:
        """Return whether the worker is to leave: the master said so, or is no more."""
        return bool(self.poll.poll(0))


class Worker:
    """A worker as its master sees it."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.age = 0  # ticks since it was ready
        self.still = 0  # ticks without getting on

    @property
    def is_ready(self) -> bool:
        """Whether it has loaded the application, and takes clients."""
        return self.life.octets[1] == READY

    def tick(self) -> None:
        """Note whether the worker got on since the last tick."""
        self.age += self.is_ready
        self.still = 0 if self.life.octets[0] else self.still + 1
        self.life.octets[0] = 0


class Generation:
    """Workers with one version of the application, and the two ends of their pipe."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.stay, self.hold = os.pipe()
        self.workers: dict[int, Worker] = {}  # by pid
        self.leaving = 0  # ticks since it was told to leave

    @property
    def is_proven(self) -> bool:
        """Whether the application has loaded in one worker."""
        return any(worker.is_ready for worker in self.workers.values())

    def leave(self) -> None:
        """Tell the workers to leave: they see the end of the pipe."""
        os.close(self.hold)
        os.close(self.stay)

    def kill(self) -> None:
        """End the workers at once."""
        for pid in self.workers:
            os.kill(pid, signal.SIGKILL)


class Master:
    """Who starts the workers, watches them and replaces them, and never serves a client."""

    def __init__(self, listener: socket.socket, settings: Settings) -> None:
        self.listener, self.settings = listener, settings
        self.generations = 0  # that there have been
        self.current: Generation | None = None  # serves
        self.coming: Generation | None = None  # is to replace it
        self.leaving: list[Generation] = []  # finish what they have begun
        self.pause = self.next_pause = 0  # ticks until workers are started again
        self.is_stopping = False
        self.is_stale = False  # whether the application changed while the first workers started
        self.status = 0  # to exit with

    def run(self) -> int:
        """Take one signal after the other until no worker is left; return the exit status.

        The signals are blocked: nothing happens between two lines, and none is lost.
        """
        signals = [
            *(signal.SIGCHLD, signal.SIGALRM),
            *(signal.SIGHUP, signal.SIGTERM, signal.SIGINT),
        ]
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
        self.reload()
        while self.current or self.coming or self.leaving:
            signum = signal.sigwait(signals)
            self.reap()  # what the workers have said and done comes first
            self.promote()
            if signum == signal.SIGALRM:
                self.tick()
            elif signum == signal.SIGHUP and not self.is_stopping:
                self.reload()
            elif signum == signal.SIGTERM and not self.is_stopping:
                self.stop()
            elif signum in (signal.SIGTERM, signal.SIGINT):
                self.end(128 + signum)
        return self.status

    def generations_alive(self) -> list[Generation]:
        """Return all generations that have, or are to have, workers."""
        return [one for one in (self.current, self.coming, *self.leaving) if one]

    def fill(self) -> None:
        """Start the workers that are missing; only one until that one is ready."""
        for generation in (self.current, self.coming):
            if not generation:
                continue
            wanted = self.settings.workers if generation.is_proven else 1
            while not self.pause and len(generation.workers) < wanted:
                self.fork(generation)

    def fork(self, generation: Generation) -> None:
        """Start one worker; where the system refuses, try again later."""
        flush_output()
        life = Life(generation.stay)
        try:
            pid = os.fork()
        except OSError as error:
            say(f"no process for a worker: {error.strerror or error}")
            self.pause = YOUNG
            return
        if pid == 0:  # child
            holds = [one.hold for one in (self.current, self.coming) if one]
            start_worker(self.listener, life, holds, self.settings)
        generation.workers[pid] = Worker(life)  # parent

    def reap(self) -> None:
        """Collect the status of every worker that has ended. POSIX waitpid()."""
        try:
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                self.bury(*ended)
        except ChildProcessError:
            pass  # there is no worker at all

    def bury(self, pid: int, status: int) -> None:
        """Forget a worker that has ended, and replace it where it is to stay."""
        found = [one for one in self.generations_alive() if pid in one.workers]
        if not found:
            return  # a child of somebody else: process 1 inherits orphans
        generation, code = found[0], os.waitstatus_to_exitcode(status)
        worker = generation.workers.pop(pid)
        if generation in self.leaving:
            self.leaving = [one for one in self.leaving if one.workers]
            return
        when = "" if worker.is_ready else " before it was ready"
        say(f"worker {pid} ended{when}: {describe_end(code)}")
        if generation is self.coming and not worker.is_ready and not generation.is_proven:
            self.give_up()
            return
        if worker.age < YOUNG and not self.pause:
            self.next_pause = min(max(PAUSE, 2 * self.next_pause), LONGEST_PAUSE)
            self.pause = self.next_pause
        self.fill()

    # notice

    def tick(self) -> None:
        """Look after every worker: who gets on, who hangs, who is late in leaving."""
        for generation in self.generations_alive():
            for pid, worker in generation.workers.items():
                worker.tick()
                self.wake(pid, worker)
                if worker.age == YOUNG:
                    self.next_pause = 0
        for generation in self.leaving:
            generation.leaving += 1
            if generation.leaving == round(self.settings.graceful_timeout / TICK):
                say(f"the grace is over: {list_workers(generation)} had not finished")
                generation.kill()
                self.status = 1
        self.pause = max(0, self.pause - 1)
        self.fill()

    def wake(self, pid: int, worker: Worker) -> None:
        """Ask a worker that hangs where it stands; kill it when it has had time to say so."""
        limit = max(1, round(self.settings.timeout / TICK))
        if worker.still == limit:
            say(f"worker {pid} hangs: it has not got on for {self.settings.timeout:g} s, at")
            os.kill(pid, signal.SIGABRT)  # faulthandler answers
            os.kill(pid, signal.SIGCONT)  # it may have been stopped
        elif worker.still == limit + LAST_WORDS:
            os.kill(pid, signal.SIGKILL)

    # leave

    def retire(self, generation: Generation) -> None:
        """Let a generation finish what it has begun, and leave."""
        generation.leave()
        if generation.workers:
            self.leaving.append(generation)

    def stop(self) -> None:
        """Let all finish what they have begun, and listen no more."""
        self.is_stopping = True
        self.listener.close()
        for generation in (self.current, self.coming):
            if generation:
                self.retire(generation)
        self.current = self.coming = None

    def end(self, status: int) -> None:
        """End at once, with that exit status, and leave nobody behind."""
        self.status = status
        for generation in self.generations_alive():
            generation.kill()
            for pid in generation.workers:
                os.waitpid(pid, 0)
        self.current, self.coming, self.leaving = None, None, []

    # change

    def reload(self) -> None:
        """Start a generation that loads the application anew, and is to replace the others."""
        if self.coming and not self.current:
            self.is_stale = True  # wait until somebody serves
            return
        if self.coming:
            self.retire(self.coming)
        self.is_stale = False
        self.generations += 1
        self.coming = Generation(self.generations)
        self.fill()

    def promote(self) -> None:
        """Let the coming generation replace the current one, once all of it is ready."""
        coming = self.coming
        if not coming:
            return
        ready = sum(worker.is_ready for worker in coming.workers.values())
        if ready < self.settings.workers:
            return
        if self.current:
            self.retire(self.current)
            say(f"generation {coming.number} serves: {list_workers(coming)}")
        else:
            print(f"Serving HTTP on {format_url(self.listener)}", flush=True)
            notify_systemd()
        self.current, self.coming = coming, None
        if self.is_stale:
            self.reload()

    def give_up(self) -> None:
        """Let the coming generation go: the current one serves on, or nothing has ever served."""
        assert self.coming
        self.retire(self.coming)
        self.coming = None
        if self.current:
            say(f"generation {self.current.number} serves on")
        else:
            self.status = 2


def start_worker(listener: socket.socket, life: Life, holds: list[int], settings: Settings) -> None:
    """Load the application, serve clients until told to leave, and end; never returns."""
    status = 1
    try:
        for hold in holds:
            os.close(hold)  # else nobody would see the end of the pipe when the master dies
        reset_signals()
        if settings.user:
            give_up_power(settings.user)
        sys.dont_write_bytecode = True  # for a file that is changed twice within a second
        name = settings.application
        application = load_application(name) if name else default_application
        gc.freeze()  # what is there now stays: no collection need look at it again
        life.octets[1] = READY
        serve_clients(listener, life, application, settings)
        status = 0
    except ValueError as error:
        print(error, file=sys.stderr)
        status = 2
    except BaseException:
        traceback.print_exc()
    finally:
        flush_output()
        os._exit(status)  # not sys.exit(): the way up is the master's


def reset_signals() -> None:
    """Give the application its signals as any process has them; when to end, the master says."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches every process, and ends it
    for signum in (signal.SIGHUP, signal.SIGTERM):  # sent to the whole group, not to us
        signal.signal(signum, leave_to_master)
    faulthandler.enable()  # on SIGABRT it prints where Python stands, then the process ends
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def leave_to_master(signum: int, frame: object) -> None:
    """Do nothing: unlike SIG_IGN, this does not pass to a subprocess of the application's."""


def say(text: str) -> None:
    """Write a line of the master's to stderr, in one piece."""
    sys.stderr.write(f"master: {text}\n")


def describe_end(code: int) -> str:
    """Return how a process ended, from os.waitstatus_to_exitcode()."""
    return f"{signal.strsignal(-code)} (signal {-code})" if code < 0 else f"exit status {code}"


def list_workers(generation: Generation) -> str:
    """Return "workers 12, 13"."""
    return f"workers {', '.join(map(str, generation.workers))}"


def flush_output() -> None:
    """Write out what was printed: a fork copies a buffer, and os._exit() forgets it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # nobody reads it, it is closed, or there is none


def serve_clients(
    listener: socket.socket, life: Life, application: WSGIApplication, settings: Settings
) -> None:
    """Serve whoever asks, one request at a time, until told to leave and nobody is left."""
    waiting = Waiting(listener, life, settings)
    while waiting.is_listening or waiting.deadlines:
        for incoming in waiting.asking():
            life.beat()
            waiting.keep(incoming, serve_connection(incoming, application, settings))


# ---- wait: for all of them, and work for one -------------------------------------

NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Waiting:
    """The listener, the pipe that says stay, and every connection that is silent or idle."""

    def __init__(self, listener: socket.socket, life: Life, settings: Settings) -> None:
        self.listener, self.life, self.settings = listener, life, settings
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ)
        self.selector.register(life.stay, selectors.EVENT_READ)
        self.deadlines: dict[Incoming, float] = {}  # who has waited longest comes first
        self.heard: list[Incoming] = []  # have asked, and are still to be served
        self.is_listening = True
        self.is_prompt = True  # whether the last to connect asked soon
        self.next_sweep = 0.0

    def asking(self) -> Iterator["Incoming"]:
        """Hand out who has asked, one by one; wait a tick at most. A newcomer comes last."""
        self.life.beat()
        heard, self.heard = self.heard, []
        events = self.selector.select(0 if heard else TICK)
        yield from (one for one in heard if one.is_open and one.has_asked())
        ready = []
        for key, _ in events:
            if key.data is None:
                ready.append(key.fileobj)
            elif self.hear(key.data):
                yield key.data
        if self.listener in ready and (newcomer := self.accept()):
            yield newcomer
        if self.life.stay in ready:
            self.leave()
        if time.monotonic() >= self.next_sweep:
            self.sweep()

    def hear(self, incoming: "Incoming") -> bool:
        """Take in what has come; return whether a request has begun. Closes who has gone.

        What was asked before the client's end is still in self.heard, and served.
        """
        try:
            octets = incoming.connection.recv(RECV_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            octets = b""  # reset
        if not octets or not incoming.hear(octets):
            if not incoming.has_asked():
                self.close(incoming)
            return False
        return incoming.has_asked()

    def take(self) -> "Incoming | None":
        """Return the next connection that the kernel has queued; None if there is none."""
        try:
            connection, client = self.listener.accept()
            return Incoming(connection, client, self.life, self.settings.client_timeout)
        except OSError as error:
            if error.errno in NO_ROOM:
                self.make_room()
            return None  # another worker was faster, or the client has left again

    def accept(self) -> "Incoming | None":
        """Return a newcomer who has asked; let one who is silent wait.

        Most ask as they connect: for these it is worth a moment, since whoever waits here
        can be served by no other worker. It ends with the first who stays silent.
        """
        incoming = self.take()
        if not incoming:
            return None
        asked = self.hear(incoming)
        if not asked and self.is_prompt and incoming.is_open:
            incoming.patience.wait(incoming.connection, select.POLLIN, SOON_SECONDS)
            asked = self.hear(incoming)
        self.is_prompt = asked
        if asked:
            return incoming
        if incoming.is_open:
            self.keep(incoming, self.settings.client_timeout)
        return None

    def keep(self, incoming: "Incoming", seconds: float) -> None:
        """Let a connection wait for so many seconds; close it where there are none."""
        if seconds <= 0:
            self.close(incoming)
            return
        if self.deadlines.pop(incoming, None) is None:
            self.selector.register(incoming.connection, selectors.EVENT_READ, incoming)
        if not self.is_listening:
            seconds = min(seconds, LEAVE_SECONDS)
        self.deadlines[incoming] = time.monotonic() + seconds
        if incoming.has_asked():
            self.heard.append(incoming)  # the next request came together with the last

    def close(self, incoming: "Incoming") -> None:
        """Close a connection, and wait for it no more."""
        if self.deadlines.pop(incoming, None) is not None:
            self.selector.unregister(incoming.connection)
        incoming.is_open = False
        incoming.connection.close()

    def sweep(self) -> None:
        """Close, without a word, the connections that have waited for too long."""
        now = time.monotonic()
        self.next_sweep = now + TICK
        late = [one for one, deadline in self.deadlines.items() if deadline <= now]
        for incoming in late:
            if incoming.has_asked():
                continue  # it is in self.heard: we were busy, and serve it next
            if self.hear(incoming):
                self.heard.append(incoming)  # it asked while we were busy
            elif incoming.is_open:
                self.close(incoming)

    def make_room(self) -> None:
        """Close who has waited longest, so that a newcomer finds a descriptor."""
        longest = next(iter(self.deadlines), None)
        if longest:
            self.close(longest)
        else:
            time.sleep(TICK)  # else we would ask again and again

    def leave(self) -> None:
        """Take whom the kernel has queued, listen no more, and give the idle a moment.

        In it, one who asks is answered, and hears from the answer that we close.
        """
        self.is_listening = False
        self.selector.unregister(self.life.stay)
        self.selector.unregister(self.listener)
        while incoming := self.take():
            self.keep(incoming, LEAVE_SECONDS)
        self.listener.close()
        latest = time.monotonic() + LEAVE_SECONDS
        for incoming, deadline in self.deadlines.items():
            self.deadlines[incoming] = min(deadline, latest)


class Patience:
    """How long a client may still keep a worker waiting: seconds, which octets earn back."""

    def __init__(self, life: Life, limit: float) -> None:
        self.life, self.limit, self.left = life, limit, limit
        self.is_earned = False  # whether octets count: those of a head do not

    def renew(self, is_earned: bool) -> None:
        """Begin anew: a head, its content and the answer each have the limit to themselves."""
        self.left, self.is_earned = self.limit, is_earned

    def earn(self, octets: int) -> None:
        """Give back what so many octets are worth."""
        if self.is_earned:
            self.left = min(self.limit, self.left + octets / OCTETS_A_SECOND)

    def wait(self, connection: socket.socket, event: int, seconds: float = TICK) -> bool:
        """Wait for event, and spend that time; return whether patience is left.

        For a tick at most: the master sees that we wait, and the caller tries again.
        """
        self.life.beat()
        poll, begun = select.poll(), time.monotonic()
        poll.register(connection, event)
        poll.poll(1000 * max(0.0, min(seconds, self.left)))
        self.left -= time.monotonic() - begun
        return self.left > 0


def serve_connection(
    incoming: "Incoming", application: WSGIApplication, settings: Settings
) -> float:
    """Serve one request; return the seconds that the connection may wait, 0 for none."""
    answer, begun = Answer(incoming), time.monotonic()
    try:
        serve_request(incoming, answer, application, settings)
    except (OSError, Disconnected):
        answer.keep = False  # reset, broken pipe, out of patience: the client has gone
    flush_output()  # what the application printed is not to wait for the worker's end
    if settings.access_log:
        log_request(incoming, answer, time.monotonic() - begun)
    if answer.keep:
        incoming.forget()
        return settings.keep_alive
    return LINGER_SECONDS if incoming.is_over else 0


def log_request(incoming: "Incoming", answer: "Answer", seconds: float) -> None:
    """Write a line to the access log."""
    line = format_visible(bytes(incoming.octets[incoming.begin :].partition(b"\r\n")[0]))
    how = f"{answer.status[:3] or '-'} {answer.octets} {seconds * 1000:.0f} ms"
    sys.stderr.write(f'{incoming.client[0]} "{line}" {how}\n')  # in one piece


def serve_request(
    incoming: "Incoming", answer: "Answer", application: WSGIApplication, settings: Settings
) -> None:
    """Let the application answer one request, or refuse it."""
    incoming.patience.renew(is_earned=False)
    try:
        request = read_request(incoming)
    except HTTPError as error:
        send_refusal(incoming, answer, error)
        return
    answer.to_head = request.method == b"HEAD"
    answer.keep = settings.keep_alive > 0 and is_kept(request)
    environ = format_environ(request, incoming.server, incoming.client)
    incoming.patience.renew(is_earned=True)
    serve_application(application, environ, answer)
    if not answer.keep and incoming.is_unread():
        incoming.drop()


def is_kept(request: Request) -> bool:
    """Return whether the client would ask again on this connection. RFC 9112 §9.3."""
    closes = b"close" in parse_list(request.fields, b"connection")
    return request.version != b"HTTP/1.0" and not closes


# ---- answer: listen, send -----------------------------------------------------


def open_listener(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises OSError, UnicodeError."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind)
    # Without it, connections in TIME_WAIT keep the port for a minute after a restart.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(BACKLOG)
    return listener


def send_response(incoming: "Incoming", status: str, content: bytes, to_head: bool) -> None:
    """Send a complete response; to_head leaves its content out. RFC 9110 §9.3.2."""
    response_headers = [
        ("Date", format_date(int(time.time()))),
        ("Connection", "close"),
        ("Content-Type", "text/plain; charset=iso-8859-1"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Length", str(len(content))),
    ]
    head = format_head(status, response_headers)
    send_octets(incoming, head if to_head else head + content)


def format_head(status: str, response_headers: list[tuple[str, str]]) -> bytes:
    """Return the status-line, the field lines and the empty line. RFC 9112 §2.1."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in response_headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


# RFC 9110 §5.6.7 wants these names, whatever the locale.
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@functools.lru_cache(maxsize=1)  # the requests of a second share it
def format_date(seconds: int) -> str:
    """Return seconds since 1970 as in "Sun, 06 Nov 1994 08:49:37 GMT". RFC 9110 §5.6.7."""
    year, month, day, hour, minute, second, weekday, *_ = time.gmtime(seconds)
    clock = f"{hour:02}:{minute:02}:{second:02}"
    return f"{DAYS[weekday]}, {day:02} {MONTHS[month - 1]} {year} {clock} GMT"


# ---- tell: the request, as the application sees it -------------------------------


def format_variables(fields: Fields) -> dict[str, str]:
    """Return the fields as CGI variables: HTTP_NAME, repeated ones joined. RFC 3875 §4.1.18.

    Names with an underscore are dropped: X_User would pose as X-User.
    """
    variables: dict[str, str] = {}
    for name, value in fields:
        if b"_" in name:
            continue
        key = name.decode("ascii").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        between = "; " if key == "HTTP_COOKIE" else ", "
        variables[key] = f"{variables[key]}{between}{text}" if key in variables else text
    return variables


def parse_path(target: bytes) -> tuple[bytes, bytes, bytes]:
    """Return (authority or b"", path, query) of a target that check_target has passed."""
    if target == b"*":
        return b"", b"", b""
    authority = b""
    if absolute := ABSOLUTE_FORM.fullmatch(target):
        authority = absolute["authority"]
        target = target[absolute.end("authority") :]
    path, _, query = target.partition(b"?")
    return authority, path or b"/", query


def format_environ(request: Request, server: Address, client: Address) -> WSGIEnvironment:
    """Return what the application is told about request. PEP 3333, environ Variables.

    server and client are socket addresses: (host, port, ...).
    """
    authority, path, query = parse_path(request.target)
    environ: WSGIEnvironment = dict(format_variables(request.fields))
    if environ.pop("HTTP_TRANSFER_ENCODING", "") or "CONTENT_LENGTH" in environ:
        environ["CONTENT_LENGTH"] = str(len(request.content))
    if authority:  # the target's own says more than Host, RFC 9112 §3.2.2
        environ["HTTP_HOST"] = authority.decode("ascii")
    environ["REQUEST_METHOD"] = request.method.decode("ascii")
    environ["SCRIPT_NAME"] = ""
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
    environ["QUERY_STRING"] = query.decode("ascii")
    environ["SERVER_PROTOCOL"] = request.version.decode("ascii")
    environ["SERVER_NAME"] = f"[{server[0]}]" if ":" in server[0] else server[0]
    environ["SERVER_PORT"] = str(server[1])
    environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = client[0], str(client[1])
    environ["wsgi.version"] = (1, 0)
    environ["wsgi.url_scheme"] = "http"
    environ["wsgi.input"] = io.BytesIO(request.content)
    environ["wsgi.input_terminated"] = True
    environ["wsgi.errors"] = sys.stderr
    environ["wsgi.multithread"] = environ["wsgi.run_once"] = False
    environ["wsgi.multiprocess"] = True
    return environ


# ---- call: the application -------------------------------------------------------


def serve_application(
    application: WSGIApplication, environ: WSGIEnvironment, answer: "Answer"
) -> None:
    """Call application and send what it answers. PEP 3333, The Server/Gateway Side.

    What it raises goes to stderr, and to the client as a 500 if no head has left yet.
    """
    try:
        send_iterable(answer, application(environ, answer.start))
    except Disconnected:
        answer.keep = False  # close() has been called, and nobody is there to be told
    except BaseException:  # SystemExit and KeyboardInterrupt too: signals end us without Python
        answer.keep = False
        traceback.print_exc()
        if not answer.head_sent:
            answer.send_instead("500 Internal Server Error", FAILED)


def send_iterable(answer: "Answer", iterable: Iterable[bytes]) -> None:
    """Send each chunk while the application waits, then close() the iterable, once."""
    try:
        known = isinstance(iterable, (list, tuple)) and len(iterable) == 1
        for chunk in iterable:
            answer.send(chunk, len(chunk) if known else None)
            if answer.head_sent and answer.is_bare:
                break  # the client asked for no content, and it may have no end
        answer.finish()
    finally:
        if hasattr(iterable, "close"):
            iterable.close()


# ---- stream: what has been said, and what has left -------------------------------


class Answer:
    """What an application told start_response(), and how much of its answer has left."""

    def __init__(self, incoming: "Incoming") -> None:
        self.incoming = incoming
        self.keep = False  # whether another request may follow on the connection
        self.to_head = False  # whether the request's method is HEAD
        self.status = ""  # as in "200 OK", once it is known
        self.response_headers: list[tuple[str, str]] = []
        self.head_sent = False
        self.octets = 0  # of content that have left
        self.room: int | None = None  # octets of content that may follow; None: any number

    def start(
        self,
        status: str,
        response_headers: list[tuple[str, str]],
        exc_info: ExcInfo | tuple[None, None, None] | None = None,
    ) -> Any:
        """Keep the head until there is content, and return write(). PEP 3333, start_response()."""
        try:
            if exc_info and exc_info[1] and self.head_sent:
                raise exc_info[1].with_traceback(exc_info[2])
            if self.status and not exc_info:
                raise RuntimeError("start_response was called twice, without exc_info")
        finally:
            exc_info = None  # no circle of references through the traceback
        check_status(status)
        check_response_headers(response_headers)  # both are right, or neither counts
        self.status, self.response_headers = status, list(response_headers)
        return self.write

    def write(self, chunk: bytes) -> None:
        """Send a chunk before the iterable's. PEP 3333, The write() Callable."""
        self.send(chunk, None)

    @property
    def is_bare(self) -> bool:
        """Whether no content follows the head. RFC 9110 §6.4.1."""
        return self.to_head or self.status.startswith(("204 ", "304 "))

    def open(self, length: int | None) -> bytes:
        """Return the head, which then counts as sent, and note how much content may follow.

        RFC 9110 §8.6: no Content-Length in a 204.
        """
        fields = {name.lower(): value for name, value in self.response_headers}
        announced = fields.get("content-length", length)
        self.room = None if announced is None else int(announced)
        self.head_sent = True
        has_end = self.is_bare or self.room is not None
        self.keep = self.keep and has_end and not self.incoming.life.is_over()
        added = [] if "date" in fields else [("Date", format_date(int(time.time())))]
        if not self.keep:
            added.append(("Connection", "close"))
        if length is not None and not self.is_bare and "content-length" not in fields:
            added.append(("Content-Length", str(length)))
        no_content = self.status.startswith("204 ")
        kept = [
            (name, value)
            for name, value in self.response_headers
            if not (no_content and name.lower() == "content-length")
        ]
        return format_head(self.status, [*added, *kept])

    def send(self, chunk: bytes, length: int | None) -> None:
        """Send a chunk of the content, before the first one the head.

        length is the whole content's, if it is known. Raises Disconnected, TypeError.
        """
        if type(chunk) is not bytes:
            raise TypeError(f"a chunk of the content is not bytes: {chunk!r:.80}")
        if not self.status:
            raise RuntimeError("start_response was not called before the content")
        head = b""
        if not self.head_sent:
            if not chunk and length is None:
                return  # nothing to say yet: the application may still replace the head
            head = self.open(length)
        chunk = b"" if self.is_bare else chunk[: self.room]
        send_octets(self.incoming, head + chunk)
        self.octets += len(chunk)
        if self.room is not None:
            self.room -= len(chunk)

    def finish(self) -> None:
        """Send the head if nothing has; say so if content is missing."""
        self.send(b"", 0)
        if self.room and not self.is_bare:
            self.keep = False
            sys.stderr.write(f"The application sent {self.room} octets too few.\n")

    def send_instead(self, status: str, content: bytes) -> None:
        """Send a complete answer of the server's own, while no head has left."""
        self.status, self.head_sent, self.keep = status, True, False
        self.octets = 0 if self.to_head else len(content)
        send_response(self.incoming, status, content, self.to_head)


def send_octets(incoming: "Incoming", octets: bytes) -> None:
    """Send all octets, as long as the client keeps reading. Raises Disconnected."""
    rest = memoryview(octets)
    while rest:
        try:
            sent = incoming.connection.send(rest, socket.MSG_DONTWAIT)
        except BlockingIOError:
            if not incoming.patience.wait(incoming.connection, select.POLLOUT):
                raise Disconnected from None
        except OSError as error:
            raise Disconnected from error
        else:
            incoming.life.beat()
            incoming.patience.earn(sent)
            rest = rest[sent:]


# ---- refuse: what may not leave --------------------------------------------------

# status-code SP reason-phrase, of a final response              RFC 9112 §4, PEP 3333
STATUS = re.compile(r"[2-5][0-9]{2} [\t -~\x80-\xff]*")


def check_status(status: str) -> None:
    """Refuse a status that an application may not send: raises ValueError, TypeError."""
    if type(status) is not str:
        raise TypeError(f"the status is not a str: {status!r}")
    if not STATUS.fullmatch(status):
        raise ValueError(f'the status does not read like "200 OK": {status!r}')


# The same grammar as for the request's fields, on native strings.
RESPONSE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
RESPONSE_VALUE = re.compile(r"[\t -~\x80-\xff]*")
RESPONSE_LENGTH = re.compile(r"[0-9]{1,18}")
# Only the server may set what concerns this connection.           RFC 9110 §7.6.1, PEP 3333
HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
    *("te", "trailer", "trailers", "transfer-encoding", "upgrade"),
}


def check_response_headers(response_headers: list[tuple[str, str]]) -> None:
    """Refuse fields that an application may not send: raises ValueError, TypeError."""
    if type(response_headers) is not list:
        raise TypeError(f"the response headers are not a list: {response_headers!r}")
    lengths = 0
    for name, value in response_headers:
        if type(name) is not str or type(value) is not str:
            raise TypeError(f"a response header is not a pair of str: {(name, value)!r}")
        if not RESPONSE_NAME.fullmatch(name) or not RESPONSE_VALUE.fullmatch(value):
            raise ValueError(f"a response header would break the head: {(name, value)!r}")
        if name.lower() in HOP_BY_HOP:
            raise ValueError(f"the server says this, not the application: {name}")
        if name.lower() == "content-length":
            lengths += 1
            if lengths > 1 or not RESPONSE_LENGTH.fullmatch(value):
                raise ValueError(f"Content-Length is one number, digits alone: {value!r}")


# ---- read: from the connection, as far as needed ---------------------------------


def send_refusal(incoming: "Incoming", answer: "Answer", error: HTTPError) -> None:
    """Send what was wrong, so that a client that is still sending can read it."""
    content = f"{error.status}\n{error.reason}\n".encode("ascii")
    answer.to_head = incoming.octets.startswith(b"HEAD ", incoming.begin)
    answer.send_instead(error.status, content)
    incoming.drop()


class Incoming:
    """A connection, the octets that have come in on it, and how far they are understood."""

    def __init__(
        self, connection: socket.socket, client: Address, life: Life, client_timeout: float
    ) -> None:
        self.connection, self.client, self.life = connection, client, life
        self.server: Address = connection.getsockname()
        self.patience = Patience(life, client_timeout)
        self.octets = bytearray()
        self.begin = 0  # where the request begins, after empty lines
        self.place = 0  # what is before it is understood
        self.is_open = True
        self.is_over = False  # we have said all, and drop what still comes
        self.dropped = 0  # octets

    def hear(self, octets: bytes) -> bool:
        """Keep octets that have come, or drop them; return whether more may come."""
        if self.is_over:
            self.dropped += len(octets)
            return self.dropped < LINGER_OCTETS
        self.octets += octets
        return True

    def has_asked(self) -> bool:
        """Return whether a request has begun: empty lines before it are none. RFC 9112 §2.2."""
        if len(self.octets) > MAX_REQUEST_LINE:
            return True
        return bool(self.octets) and bool(self.octets.lstrip(b"\r\n"))

    def forget(self) -> None:
        """Forget the request that was served; what came after it is the next."""
        del self.octets[: self.place]
        self.begin = self.place = 0

    def more(self) -> None:
        """Wait until octets come, as long as there is patience, and keep them.

        Refuses with 408 a client that is out of patience, and the end of input with 400.
        """
        while True:
            try:
                octets = self.connection.recv(RECV_SIZE, socket.MSG_DONTWAIT)
                break
            except BlockingIOError:
                if not self.patience.wait(self.connection, select.POLLIN):
                    raise HTTPError("It takes too long.", "408 Request Timeout") from None
        if not octets:
            raise HTTPError("The request ended before it was complete.")
        self.life.beat()
        self.patience.earn(len(octets))
        self.octets += octets

    def line(self, limit: int, too_long: str) -> bytes:
        """Return the next line, of at most limit octets, without its CRLF. RFC 9112 §2.2.

        Refuses a longer one with the status too_long, and with 400 one that ends in LF alone.
        """
        end = self.place + limit + len(b"\r\n")
        while (newline := self.octets.find(b"\n", self.place, end)) < 0:
            if len(self.octets) >= end:
                raise HTTPError(f"The limit is {limit} octets from here.", too_long)
            self.more()
        line = bytes(self.octets[self.place : newline])
        if not line.endswith(b"\r"):
            raise HTTPError("This line ends in LF; HTTP wants CRLF.")
        self.place = newline + 1
        return line[:-1]

    def take(self, count: int) -> bytes:
        """Return the next count octets, however long they take to come."""
        while len(self.octets) < self.place + count:
            self.more()
        taken = bytes(self.octets[self.place : self.place + count])
        self.place += count
        return taken

    def is_unread(self) -> bool:
        """Return whether more has come than is understood; does not wait."""
        if len(self.octets) > self.place:
            return True
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return False

    def drop(self) -> None:
        """Announce the end; what the client still sends will be dropped, until it closes too.

        Closing with input unread resets the connection, and the reset can destroy an
        answer that the client has not read yet. RFC 9112 §9.6.
        """
        self.connection.shutdown(socket.SHUT_WR)
        self.is_over = True
        self.octets.clear()


def read_request(incoming: Incoming) -> Request:
    """Return the request; incoming.octets[begin:place] are then its octets.

    Raises HTTPError with the status to answer, OSError if the client has gone.
    """
    method, target, version = parse_request_line(read_request_line(incoming))
    fields = read_field_section(incoming)
    check_host(version, fields)
    check_transfer_encoding(version, fields)
    length = parse_content_length(fields)
    incoming.patience.renew(is_earned=True)  # the head is here: content has its own
    chunked = is_chunked(fields)
    if (chunked or length > 0) and not incoming.is_unread():
        send_continue(incoming, version, fields)
    content = read_chunks(incoming) if chunked else incoming.take(length)
    return Request(method, target, version, fields, content)


def read_request_line(incoming: Incoming) -> bytes:
    """Return the request-line without its CRLF. Refuses with 400, 414.

    Drops empty lines before it, RFC 9112 §2.2.
    """
    if not incoming.octets:
        incoming.more()
    if incoming.octets.startswith(b"\x16"):
        raise HTTPError("This looks like TLS: use http://, not https://.")
    room = MAX_REQUEST_LINE
    while not (line := incoming.line(room, "414 URI Too Long")):
        incoming.begin = incoming.place
        room -= len(b"\r\n")
    return line


def read_field_section(incoming: Incoming) -> Fields:
    """Return the fields, to the empty line that ends them. Refuses with 400, 431."""
    fields, room = [], MAX_FIELD_SECTION
    while line := incoming.line(room, "431 Request Header Fields Too Large"):
        fields.append(parse_field_line(line))
        room -= len(line) + len(b"\r\n")
    return fields


# ---- content: how much, and who waits for what -----------------------------------

# Content-Length = 1*DIGIT                                         RFC 9110 §8.6
DIGITS = re.compile(rb"[0-9]+")


def parse_content_length(fields: Fields) -> int:
    """Return the octets of content that fields announce; refuse with 400, 413."""
    lengths = [value for name, value in fields if name == b"content-length"]
    if not lengths:
        return 0
    if len(lengths) > 1 or not DIGITS.fullmatch(lengths[0]):
        raise HTTPError("Content-Length is one number, digits alone.")
    digits = lengths[0].lstrip(b"0") or b"0"
    # The number of digits first: int() fails above 4,300 of them.
    if len(digits) > len(str(MAX_CONTENT)) or int(digits) > MAX_CONTENT:
        raise HTTPError(f"The limit is {MAX_CONTENT} octets.", "413 Content Too Large")
    return int(digits)


def parse_list(fields: Fields, name: bytes) -> list[bytes]:
    """Return the members of all fields of that name, in lower case. RFC 9110 §5.6.1.

    Empty ones do not count, §5.6.1.2.
    """
    values = [value for key, value in fields if key == name]
    members = [member.strip(b" \t").lower() for member in b",".join(values).split(b",")]
    return [member for member in members if member]


def send_continue(incoming: Incoming, version: bytes, fields: Fields) -> None:
    """Send 100 Continue to a client that waits for it. RFC 9110 §10.1.1."""
    if b"100-continue" in parse_list(fields, b"expect") and version != b"HTTP/1.0":
        send_octets(incoming, format_head("100 Continue", []))


def check_transfer_encoding(version: bytes, fields: Fields) -> None:
    """Refuse codings other than chunked alone, with 400 or 501. RFC 9112 §6.1, §6.3."""
    if not is_chunked(fields):
        return
    codings = parse_list(fields, b"transfer-encoding")
    if codings[-1:] != [b"chunked"] or codings.count(b"chunked") > 1:
        raise HTTPError("The last transfer coding is not chunked.")
    if version == b"HTTP/1.0" or b"content-length" in dict(fields):
        raise HTTPError("Transfer-Encoding is not allowed here.")
    if len(codings) > 1:
        raise HTTPError("The only transfer coding here is chunked.", "501 Not Implemented")


def is_chunked(fields: Fields) -> bool:
    """Return whether the content comes in chunks, if check_transfer_encoding passes it."""
    return b"transfer-encoding" in dict(fields)


def read_chunks(incoming: Incoming) -> bytes:
    """Return the decoded content; drop extensions and trailer fields. RFC 9112 §7.1.

    Refuses with 400, 413, 431.
    """
    content, room = bytearray(), MAX_CHUNK_LINES
    while size := parse_chunk_size(
        line := incoming.line(room, "400 Bad Request"), MAX_CONTENT - len(content)
    ):
        content += incoming.take(size)
        if incoming.take(2) != b"\r\n":
            raise HTTPError("A chunk ends in CRLF.")
        room = max(0, room - len(line) - 4)  # less its CRLF, and the one after its content
    read_field_section(incoming)
    return bytes(content)


# token = 1*tchar                                                  RFC 9110 §5.6.2
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE          RFC 9110 §5.6.4
QUOTED_STRING = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
# chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS value ] )          RFC 9112 §7.1.1
# name: token; value: token / quoted-string; BWS = *( SP / HTAB )
CHUNK_EXT = rb"(?:[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|%b))?)*" % (
    TOKEN.pattern,
    TOKEN.pattern,
    QUOTED_STRING,
)
# chunk-size [ chunk-ext ] = 1*HEXDIG [ chunk-ext ]                RFC 9112 §7.1
CHUNK_LINE = re.compile(rb"0*([1-9A-Fa-f][0-9A-Fa-f]{0,15}|0)%b" % CHUNK_EXT)


def parse_chunk_size(line: bytes, room: int) -> int:
    """Return the octets of a chunk from its first line; refuse with 400, 413. RFC 9112 §7.1."""
    match = CHUNK_LINE.fullmatch(line)
    if not match:
        raise HTTPError("A chunk begins with a hex size, then any ;name=value.")
    size = int(match[1], 16)
    if size > room:
        raise HTTPError(f"The limit is {MAX_CONTENT} octets.", "413 Content Too Large")
    return size


# ---- refuse: what is not HTTP/1.1 ------------------------------------------------

# HTTP-version = "HTTP" "/" DIGIT "." DIGIT                        RFC 9112 §2.3
VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")


def parse_request_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    """Return (method, target, version); refuse with 400, 501, 505. RFC 9112 §3."""
    parts = line.split(b" ")
    if len(parts) != 3:
        raise HTTPError("A request-line is METHOD target HTTP/1.1.")
    method, target, version = parts
    if not TOKEN.fullmatch(method):
        raise HTTPError("The method is not a token.")
    if not VERSION.fullmatch(version):
        raise HTTPError("The version does not read HTTP/1.1.")
    if not version.startswith(b"HTTP/1."):
        raise HTTPError("This server speaks HTTP/1.1.", "505 HTTP Version Not Supported")
    check_target(method, target)
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
    if method == b"CONNECT":
        raise HTTPError("This server is not a proxy.", "501 Not Implemented")
    if absolute := ABSOLUTE_FORM.fullmatch(target):
        check_authority(absolute["authority"])
    elif not ORIGIN_FORM.fullmatch(target) and (method, target) != (b"OPTIONS", b"*"):
        raise HTTPError("The target is neither /path nor http://host.")


# field-value: VCHAR, obs-text, SP and HTAB, no other control      RFC 9110 §5.5
FIELD_VALUE = rb"[\t -~\x80-\xff]*"
# field-line = field-name ":" OWS field-value OWS                  RFC 9112 §5
FIELD_LINE = re.compile(rb"(%b):(%b)" % (TOKEN.pattern, FIELD_VALUE))


def parse_field_line(line: bytes) -> tuple[bytes, bytes]:
    """Return (name in lower case, value) of a line without its CRLF. RFC 9112 §5.

    Refuses with 400: no colon, white space around the name, a folded line, a control.
    """
    match = FIELD_LINE.fullmatch(line)
    if not match:
        raise HTTPError("A field line is a name, a colon, a value.")
    return match[1].lower(), match[2].strip(b" \t")


# ---- survive: what a client can do to the terminal -------------------------------

# What stands for an octet in print: itself, or \r, \n, \x1b, \xff; nothing begins a new line.
VISIBLE = {octet: ascii(chr(octet))[1:-1] for octet in range(256)}


def format_visible(octets: bytes) -> str:
    r"""Return octets in printable ASCII, as VISIBLE has them: controls as \r, \x1b."""
    return octets.decode("latin-1").translate(VISIBLE)


# The same for what an application says, where line ends and tabs stay.
CONTROLS = {code: VISIBLE[code] for code in [*range(9), *range(11, 32), *range(127, 160)]}


class Errors(io.TextIOWrapper):
    """stderr, and so wsgi.errors: text without controls, whether or not anyone reads it."""

    def write(self, text: str) -> int:
        """Write text, controls made visible: an application may quote what a client sent."""
        try:
            super().write(text.translate(CONTROLS))
        except OSError:
            pass  # nobody reads it any more (a pipe), or the disk is full: go on serving
        return len(text)


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
    match = HOST.fullmatch(authority)
    try:
        if match and match["ipv6"]:
            socket.inet_pton(socket.AF_INET6, match["ipv6"].decode("ascii"))
    except OSError:
        match = None
    if not match:
        raise HTTPError("The host is malformed.")


def check_host(version: bytes, fields: Fields) -> None:
    """Refuse with 400: no Host (except in HTTP/1.0), two, a malformed one. RFC 9112 §3.2."""
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or (not hosts and version != b"HTTP/1.0"):
        raise HTTPError("A request has exactly one Host field.")
    for host in hosts:
        check_authority(host)


# ---- give up power -----------------------------------------------------------------


def find_user(name: str) -> tuple[int, int]:
    """Return (uid, gid) of a user whose rights the workers can take on. Raises ValueError."""
    import pwd  # Windows has none, and is to be told so by main

    if os.geteuid() != 0:
        raise ValueError("Only root can take on the rights of another user: no --user, then.")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise ValueError(f"There is no user {name!r}.") from None
    if entry.pw_uid == 0:
        raise ValueError(f"{name} has the power that --user is to give up.")
    return entry.pw_uid, entry.pw_gid


def give_up_power(name: str) -> None:
    """Take on the rights of a user, for good: groups first, since only root may change them."""
    uid, gid = find_user(name)
    os.setgroups([one for one in os.getgrouplist(name, gid) if one != 0])
    os.setgid(gid)
    os.setuid(uid)


# ---- main ------------------------------------------------------------------------


def format_url(listener: socket.socket) -> str:
    """Return http://HOST:PORT as bound; an IPv6 address is in brackets."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def default_application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answer with environ, one line for each key; served if no application is named."""
    lines = [f"{key} = {value!r}" for key, value in sorted(environ.items())]
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return ["\n".join(lines).encode("utf-8") + b"\n"]


def load_application(name: str) -> Any:
    """Return what MODULE:CALLABLE or MODULE:factory() names. Raises ValueError with a sentence."""
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ValueError(f"Name the application as MODULE:CALLABLE, not {name!r}.")
    sys.path[:0] = [os.getcwd(), os.path.dirname(os.path.abspath(__file__))]
    try:
        application = getattr(importlib.import_module(module_name), attribute.removesuffix("()"))
        if attribute.endswith("()"):
            application = application()
    except ModuleNotFoundError as error:
        if error.name != module_name.partition(".")[0]:
            traceback.print_exc()
        where = f"in {sys.path[0]} or {sys.path[1]}"
        raise ValueError(f"There is no module {error.name} {where}.") from None
    except AttributeError as error:
        if error.name != attribute.removesuffix("()"):
            traceback.print_exc()
        raise ValueError(f"{name} is not there: {error}.") from None
    except BaseException as error:
        traceback.print_exc()
        raise ValueError(f"{name} raised {type(error).__name__} before it served.") from None
    if not callable(application):
        raise ValueError(f"{name} is not an application: it can't be called.")
    return application


def notify_systemd() -> None:
    """Tell systemd, if it has started us (Type=notify), that we serve. sd_notify(3)."""
    path = os.environ.pop("NOTIFY_SOCKET", "")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as messages:
            messages.connect(path.replace("@", "\0", 1) if path.startswith("@") else path)
            messages.send(b"READY=1")


def parse_seconds(text: str) -> float:
    """Return a number of seconds from the command line. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text):
        raise ValueError(f"not a number of seconds: {text!r}")
    return float(text)


def parse_arguments() -> argparse.Namespace:
    """Return what the command line says; ends with exit status 2 where that makes no sense."""
    parser = argparse.ArgumentParser(description="Host a WSGI application with workers.")
    add = parser.add_argument
    add("application", nargs="?", default="", metavar="MODULE:CALLABLE", help="or factory()")
    add("--host", default="127.0.0.1", help="the address to listen on")
    add("--port", default="8888", help="the port; 0 takes a free one")
    add("--workers", type=int, default=max(2, os.cpu_count() or 1), help="how many processes")
    seconds: dict[str, Any] = {"type": parse_seconds, "metavar": "S"}
    add("--client-timeout", default=20.0, **seconds, help="for a head, or a standstill")
    add("--keep-alive", default=75.0, **seconds, help="for an idle connection; 0 keeps none")
    add("--timeout", default=30.0, **seconds, help="for a worker that does not get on")
    add("--graceful-timeout", default=25.0, **seconds, help="from SIGTERM to SIGKILL")
    add("--user", default="", help="whose rights the workers have, if root starts us")
    add("--access-log", action="store_true", help="a line on stderr for each request")
    arguments = parser.parse_args()
    if not re.fullmatch("[0-9]{1,5}", arguments.port) or int(arguments.port) > 65535:
        sys.exit(f"--port takes a number from 0 to 65535, not {arguments.port!r}.")
    if arguments.workers < 1:
        parser.error("--workers takes a number from 1 on")
    for name in ("client_timeout", "timeout"):
        if getattr(arguments, name) <= 0:
            parser.error(f"--{name.replace('_', '-')} takes more than 0 seconds")
    return arguments


def main() -> None:
    """Read the command line, listen, and let the master run until a signal ends it."""
    if not hasattr(os, "fork"):
        sys.exit("Part 4 needs os.fork, which Windows does not have: run it in WSL.")
    # The default action ends the process at once, until the master takes the signals itself.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    arguments = parse_arguments()
    settings = Settings(*(getattr(arguments, name) for name in Settings._fields))
    # wsgi.errors: no buffer between it and the system, so that what is written is there.
    unbuffered = getattr(sys.stderr.buffer, "raw", sys.stderr.buffer)  # python -u has none
    sys.stderr = Errors(unbuffered, "utf-8", "backslashreplace", write_through=True)
    sys.excepthook = traceback.print_exception  # Python 3.13's own would send colours
    try:
        if settings.user:
            find_user(settings.user)
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    try:
        listener = open_listener(arguments.host, int(arguments.port))
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        sys.exit(f"Cannot listen on {arguments.host} port {arguments.port}: {why}.")
    listener.setblocking(False)  # whoever loses the race for a connection does not wait
    sys.exit(Master(listener, settings).run())


if __name__ == "__main__":
    main()
