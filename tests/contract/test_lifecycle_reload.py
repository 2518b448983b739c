"""L19 to L21 and L23: an application that is loaded anew, or does not load, and whose it is."""

import contextlib
import os
import pwd
import random
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checker.clauses import clause
from tests.checker.conversation import Conversation, Response, ask
from tests.checker.expect import expect
from tests.checker.processes import is_running, wait_until
from tests.checker.server import Server, StartFailed
from tests.checker.verdict import Red
from tests.contract.hosted import answer, gate, json_of, request, token, wait_for_words
from tests.contract.shared import cases
from tests.contract.workers import (
    CLOSE,
    LONG,
    PATIENT,
    Service,
    check_nobody_left,
    check_serves,
    kill_all,
    lacks_figure,
    process_of,
    python_for,
    said,
    service,
    serving,
    verdict,
    wait_for_end,
    wait_for_workers,
    wait_until_of_age,
    wait_until_said,
    workers,
)

pytestmark = pytest.mark.alone

# ---- L19 -------------------------------------------------------------------------------

OLD_CODE = (
    "The workers are new, and what they run is old: the master had loaded the application, "
    "and each fork copies it. Load it in the worker."
)
SAME_PIDS = "A worker of before the reload is still there: nobody told it to leave."
GAP = (
    "There was a moment in which nobody served. Start the new workers first; once they are "
    "ready, let the old ones finish what they have begun and leave."
)


def reload(own: Server) -> None:
    """Send SIGHUP to the master."""
    os.kill(own.pid, signal.SIGHUP)


def check_reloaded(own: Server, before: set[int], version: str, count: int = 2) -> None:
    """Raise Red unless every worker is new, and the application too."""
    found = wait_for_workers(own, count, but=before)
    if not own.is_alive():
        own.wait()
        problem = f"SIGHUP came, and the server ended with {own.describe_end()}."
        raise verdict(problem, f"{count} new workers", "A handler, or sigwait(), for SIGHUP.")
    if len(found) != count or found & before:
        problem = (
            f"SIGHUP came {LONG:.0f} s ago; of {len(before)} old workers "
            f"{len(found & before)} are left, of {len(found)}."
        )
        raise verdict(problem, f"{count} new workers, and no old one", SAME_PIDS)
    for _ in range(2 * count):
        talk, response = answer(own, request("process", CLOSE))
        report = json_of(talk, response)
        if report["version"] != version:
            problem = f"Version {report['version']} of the application answers."
            raise verdict(problem, f"version {version}", OLD_CODE, talk)


class Load:
    """Clients that ask all the time, each on a new connection, and what went wrong for them."""

    def __init__(self, own: Server, count: int = 3) -> None:
        self.own, self.answered = own, 0
        self.wrong: list[Red] = []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(count)]

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def run(self) -> None:
        """Ask until it is over, or something is wrong."""
        while not self.stopped.is_set() and not self.wrong:
            try:
                with ask(self.own, request("process", CLOSE)) as talk:
                    expect(talk, {200}, likely=GAP, words="200 for every request")
                    self.answered += 1
            except Red as red:
                self.wrong.append(red)
            except OSError as error:
                problem = f"No connection could be made: {error.strerror or error}."
                self.wrong.append(verdict(problem, "200 for every request", GAP))
            time.sleep(0.004)

    def check(self, what: str) -> None:
        """Raise the first thing that went wrong."""
        if self.wrong:
            red = self.wrong[0]
            red.problem = f"{what}, and after {self.answered} answers: {red.problem}"
            raise red


@contextlib.contextmanager
def service_server(server: Server, **figures: int) -> Iterator[tuple[Server, Service]]:
    """Hand out a server of two workers whose application can be changed."""
    with service() as changing:
        target = server.target._replace(app=changing.app)
        with serving(server, target, changing.environment, workers=2, **figures) as own:
            check_serves(own, "The application of the test was not loaded.")
            yield own, changing


@pytest.mark.waits(6)
@clause("L19")
def test_a_reload_loses_no_request(server):
    """Clients ask all the time while the application changes three times: each is answered."""
    with service_server(server) as (own, changing):
        with Load(own) as load:
            for version in ("2", "3", "4"):
                before = workers(own)
                answered = load.answered
                wait_until(lambda: load.wrong or load.answered > answered + 10, LONG)  # noqa: B023
                changing.write(version)
                reload(own)
                check_reloaded(own, before, version)
                load.check("The application was loaded anew")
        load.check("The application was loaded anew")


@pytest.mark.waits(4)
@clause("L19")
def test_a_request_in_flight_survives_a_reload(server):
    """A request is in the application during a reload: the old worker answers it, whole."""
    word = token()
    with service_server(server) as (own, changing), gate() as until:
        before = workers(own)
        with ask(own, request("wait", token=word, until=str(until))) as talk:
            wait_for_words(own, word)
            changing.write("2")
            reload(own)

            def is_new() -> bool:
                return len(workers(own) - before) == 2 and process_of(own)["version"] == "2"

            if not wait_until(is_new, LONG):
                problem = "While an old worker is busy, the new application is not there."
                raise verdict(problem, "version 2 for a new client", GAP, talk)
            until.touch()
            expect(talk, {200}, likely=dict.fromkeys(("closed", "short", "silent"), GAP))
        check_reloaded(own, before, "2")


@pytest.mark.waits(4)
@clause("L19")
def test_an_idle_connection_is_closed_or_served_anew(server):
    """Idle and silent connections at a reload: closed without a word, or answered."""
    with service_server(server) as (own, changing), contextlib.ExitStack() as stack:
        before = workers(own)
        talks = [stack.enter_context(ask(own, request("process"))) for _ in range(4)]
        for talk in talks:
            expect(talk, {200})
        changing.write("2")
        reload(own)
        check_reloaded(own, before, "2")
        for talk in talks:
            talk.take()
            if not talk.ended:
                talk.send(request("process"))
            if talk.response() is None and not talk.ended:
                problem = "The connection is open, and nobody answers on it."
                raise verdict(problem, "its end, or an answer", SAME_PIDS, talk)


@pytest.mark.waits(5)
@clause("L19")
def test_signals_in_a_row_end_in_one_generation(server):
    """SIGHUP three times in a row: in the end there are two workers, all new, and they serve."""
    with service_server(server) as (own, changing):
        before = workers(own)
        changing.write("2")
        for _ in range(3):
            reload(own)
            time.sleep(0.03)
        check_reloaded(own, before, "2")


# ---- L20 -------------------------------------------------------------------------------

OUTAGE = (
    "The new workers did not get ready, and the old ones had been told to leave. First see "
    "that a generation is ready; only then does it replace the one that serves."
)
SILENT_FAILURE = "Nobody says why: what the import raised, or where it hangs, belongs on stderr."
RESPAWNS = (
    "A worker that ends before it was ready at the start of all will not do better the next "
    "time: say why, once, and end with status 2."
)
BROKEN = {
    "a-syntax-error": "def (",
    "an-exception": "raise ValueError('on purpose')",
    "a-missing-module": "import no_such_module_anywhere",
    "an-exit": "raise SystemExit(0)",
    "a-death": "os._exit(7)",
    "a-kill": "os.kill(os.getpid(), signal.SIGKILL)",
}
REASONS = {
    "def (": "SyntaxError",
    "raise ValueError('on purpose')": "ValueError|on purpose",
    "import no_such_module_anywhere": "no_such_module_anywhere",
}
HANGS_AT_IMPORT = "time.sleep(60)"


def check_old_ones_serve(own: Server, before: set[int], what: str) -> None:
    """Raise Red unless the old workers are there and serve."""
    if not own.is_alive():
        own.wait()
        problem = f"{what}, and the server ended with {own.describe_end()}."
        raise verdict(problem, "the old workers, which serve on", OUTAGE)
    talk, response = answer(own, request("process", CLOSE), OUTAGE)
    report = json_of(talk, response)
    if report["pid"] not in before:
        problem = f"{what}, and process {report['pid']} answers, which is new."
        raise verdict(problem, "an answer from an old worker", OUTAGE, talk)
    gone = {pid for pid in before if not is_running(pid)}
    if gone:
        problem = f"{what}, and {len(gone)} of {len(before)} old workers are gone."
        raise verdict(problem, "the old workers, which serve on", OUTAGE, talk)


@pytest.mark.waits(12)
@clause("L20")
@cases(BROKEN)
def test_what_does_not_load_replaces_nothing(server, case):
    """SIGHUP with an application that fails to load: the old workers serve, stderr says why."""
    with service_server(server) as (own, changing):
        before, since = workers(own), own.errors_size()
        changing.write("2", case)
        born = len(changing.born())
        reload(own)
        what = "SIGHUP came, the application does not load"
        # A syntax error is found before the first line of the module runs.
        wait_until(lambda: said(own, since) or len(changing.born()) > born, LONG)
        for _ in range(5):
            check_old_ones_serve(own, before, what)
            time.sleep(0.1)
        reason = REASONS.get(case, "(?i)exit|died|signal|status|end|load|kill")
        if not wait_until_said(own, reason, since):
            raise verdict("stderr does not say why.", "the reason, on stderr", SILENT_FAILURE)
        check_old_ones_serve(own, before, what)
        changing.write("3")
        reload(own)
        check_reloaded(own, before, "3")


@pytest.mark.waits(8)
@clause("L20")
def test_an_import_that_hangs_replaces_nothing(server):
    """SIGHUP, and the import hangs: the old workers serve on; after --timeout stderr says so."""
    with service_server(server, timeout=2) as (own, changing):
        before, since = workers(own), own.errors_size()
        changing.write("2", HANGS_AT_IMPORT)
        reload(own)
        what = "SIGHUP came, the import hangs"
        begun = time.monotonic()
        while time.monotonic() < begun + LONG and not said(own, since):
            check_old_ones_serve(own, before, what)
            time.sleep(0.1)
        wanted = r"service\.py" if own.is_ours() else "."
        if not wait_until_said(own, wanted, since):
            problem = "stderr does not say where the import hangs."
            raise verdict(problem, "a line with service.py", SILENT_FAILURE)
        check_old_ones_serve(own, before, what)
        changing.write("3")
        time.sleep(0.5)
        reload(own)
        check_reloaded(own, before, "3")


@pytest.mark.waits(6)
@clause("L20")
@cases(BROKEN | {"a-hang": HANGS_AT_IMPORT})
def test_a_start_that_does_not_load_ends_once(server, case):
    """A start with an application that does not load: status 2, and the reason, once."""
    hangs = case == HANGS_AT_IMPORT
    for name in ("workers", *(["timeout"] if hangs else [])):
        if not server.target.takes(name):
            lacks_figure(f"the command has no {{{name}}}")
    figures = PATIENT._replace(workers=2, timeout=2) if hangs else PATIENT
    with service() as changing:
        changing.write("1", case)
        target = server.target._replace(app=changing.app)
        own = Server(target, figures=figures, environment=changing.environment)
        try:
            own.launch()
            status = wait_for_end(own, 2 * LONG if hangs else LONG)
            if status is None:
                problem = f"It goes on; the application was loaded {len(changing.born())} times."
                raise verdict(problem, "to end with exit status 2", RESPAWNS)
            if (status != 2 and server.is_ours()) or status == 0:
                problem = f"It ended with {own.describe_end()}."
                raise verdict(problem, "exit status 2", RESPAWNS)
            lines = re.findall("^SyntaxError|^ValueError", said(own), re.MULTILINE)
            if server.is_ours() and len(lines) > 1:
                problem = f"The reason stands {len(lines)} times on stderr."
                raise verdict(problem, "once", RESPAWNS)
            if not said(own).strip() or (case in REASONS and not lines and case[0] in "dr"):
                raise verdict("stderr does not say why.", "the reason", SILENT_FAILURE)
            check_nobody_left(own, "It ended at the start", RESPAWNS)
        finally:
            own.close()


# ---- L21 -------------------------------------------------------------------------------

STORM = (
    "A worker that died at once was forked again at once, and again. After a death that came "
    "too soon wait before the next fork, and longer each time."
)
GIVEN_UP = (
    "When the cause is gone, the next fork would do: go on trying, now and then, and begin "
    "with no delay once a worker has lived."
)
BUSY_MASTER = "The master sleeps, or forks in a loop: it has to hear of signals meanwhile."
SOON_DEAD = {
    "at-import": "if os.path.exists(SWITCH): os._exit(9)",
    "a-moment-later": (
        "if os.path.exists(SWITCH): "
        "threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()"
    ),
}


@contextlib.contextmanager
def dying_server(server: Server, how: str) -> Iterator[tuple[Server, Service, float]]:
    """Hand out a server whose workers die as soon as they start, and when that began."""
    with service_server(server) as (own, changing):
        before = workers(own)
        changing.write("1", how)
        reload(own)
        check_reloaded(own, before, "1")
        found = workers(own)
        wait_until_of_age(found)
        changing.switch.touch()
        begun = time.monotonic()
        kill_all(found)
        yield own, changing, begun


@pytest.mark.waits(18)
@clause("L21")
@cases(SOON_DEAD)
def test_forks_are_bounded_when_workers_die_at_once(server, case):
    """Workers die as soon as they start: at most 2 N forks in the first second, fewer later."""
    with dying_server(server, case) as (own, changing, begun):
        wait_until(lambda: time.monotonic() > begun + 4.0, 5.0)
        born = [when - begun for when in changing.born() if when > begun]
        # The first two take the place of workers that had lived; the deaths at once are theirs.
        first = born[0] if born else 0.0
        early = sum(when < first + 1.0 for when in born[2:])
        later = sum(1.0 <= when - first < 4.0 for when in born)
        if early > 4:
            problem = f"{early} workers were forked in the second after the first death."
            raise verdict(problem, "at most 4, for 2 workers", STORM)
        if later >= 12:
            problem = f"{later} workers were forked in the three seconds after that one."
            raise verdict(problem, "fewer than 4 each second", STORM)
        if not own.is_alive():
            own.wait()
            problem = f"Its workers died, and it ended with {own.describe_end()}."
            raise verdict(problem, "a master that goes on", GIVEN_UP)
        changing.switch.unlink()
        check_serves(own, GIVEN_UP, seconds=2 * LONG)
        if len(wait_for_workers(own, 2, seconds=2 * LONG)) != 2:
            problem = f"The cause is gone, and there are {len(workers(own))} workers."
            raise verdict(problem, "2 workers", GIVEN_UP)


@pytest.mark.waits(5)
@clause("L21")
@cases(SOON_DEAD)
def test_meanwhile_the_master_answers_sigterm(server, case):
    """While workers die as soon as they start, SIGTERM ends the server."""
    with dying_server(server, case) as (own, changing, begun):
        wait_until(lambda: [when for when in changing.born() if when > begun], LONG)
        time.sleep(random.random())
        os.kill(own.pid, signal.SIGTERM)
        if wait_for_end(own) is None:
            raise verdict("SIGTERM came, and it goes on.", "to end", BUSY_MASTER)
        check_nobody_left(own, "SIGTERM came while workers died", BUSY_MASTER)


# ---- L23 -------------------------------------------------------------------------------

ORDER = (
    "setgroups(), then setgid(), then setuid(): once the uid is another's, the system lets "
    "nobody change the rest. And setuid(), not seteuid(), which can be taken back."
)
LISTEN_FIRST = "A port below 1024 is for root: listen first, give up root then."
PRIVILEGED = range(300, 1000)
# A root that has logged in is in the group of root too; a container's may be in none.
AS_ROOT = "import os, sys; os.setgroups([0]); os.execvp(sys.argv[1], sys.argv[1:])"


def drops_privileges(server: Server) -> str:
    """Return the command's own words for --user; skips where there is nothing to ask."""
    if server.target.by_path:
        return "--user {user}"
    if not server.target.takes("user"):
        lacks_figure("the command has no {user}")
    return ""


@contextlib.contextmanager
def server_of_nobody(server: Server, port: int | None = None) -> Iterator[Server]:
    """Hand out a server that root has started for the user nobody."""
    more = drops_privileges(server).split()
    if os.geteuid() != 0:
        lacks_figure("only root can give up root")
    nobody = pwd.getpwnam("nobody")
    words = list(server.target.words)
    program = python_for(nobody.pw_uid)
    if server.target.by_path:
        words[0] = program
    if not program or (program != sys.executable and not server.target.by_path):
        pytest.skip("another user can't run this interpreter, or can't read the course")
    words = [sys.executable, "-I", "-S", "-c", AS_ROOT, *words, *more]
    target = server.target._replace(words=words)
    figures = PATIENT._replace(user="nobody")
    with Server(target, port=port, figures=figures) as own:
        yield own


def free_privileged_port() -> int:
    """Return a port below 1024 that nobody holds."""
    while True:
        port = random.choice(PRIVILEGED)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def check_no_root(own: Server, talk: Conversation, response: Response) -> int:
    """Raise Red if the process that answered has anything of root; return its pid."""
    report = json_of(talk, response)
    for name in ("uids", "gids", "groups"):
        if 0 in report[name]:
            problem = f"The process that serves has the {name} {report[name]}."
            raise verdict(problem, "none of root's, 0", ORDER, talk)
    return int(report["pid"])


@pytest.mark.waits(3)
@clause("L23")
def test_no_worker_has_anything_of_root(server):
    """Started as root for nobody: no worker has a uid, gid or group of root, a new one neither."""
    with server_of_nobody(server) as own:
        for _ in range(2):
            found = wait_for_workers(own, 2)
            seen = {check_no_root(own, *answer(own, request("identity", CLOSE))) for _ in range(6)}
            for pid in found | seen:
                check_process_no_root(pid)
            wait_until_of_age(found)
            kill_all(found)
            wait_for_workers(own, 2, but=found)


def check_process_no_root(pid: int) -> None:
    """Raise Red if the system says that a worker has anything of root. Linux alone tells."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return
    for name in ("Uid", "Gid", "Groups"):
        numbers = re.search(f"^{name}:(.*)$", status, re.MULTILINE)
        if numbers and "0" in numbers[1].split():
            problem = f"The worker {pid} has {name.lower()} {' '.join(numbers[1].split())}."
            raise verdict(problem, "none of root's, 0", ORDER)


@clause("L23")
def test_it_listens_before_it_gives_up_root(server):
    """Started as root for nobody on a port that is root's alone: it listens there."""
    limit = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if limit.exists() and int(limit.read_text(encoding="ascii")) < max(PRIVILEGED):
        pytest.skip("here anybody may listen below 1024")
    try:
        with server_of_nobody(server, free_privileged_port()) as own:
            check_no_root(own, *answer(own, request("identity", CLOSE)))
    except StartFailed as failed:
        red = verdict(str(failed), "to listen", LISTEN_FIRST)
        red.stderr = failed.stderr.strip().splitlines()[-1] if failed.stderr.strip() else ""
        raise red from None


@clause("L23")
@cases({"not-root": ("nobody", 64_322), "no-such-user": ("no-such-user", 0)})
def test_where_it_can_not_give_up_root_it_says_so(server, case):
    """Without root, or for a user that is not there: a sentence on stderr, and exit status 2."""
    user, uid = case
    if not server.target.by_path:
        pytest.skip("a server with words of its own")
    if os.geteuid() != 0 and not uid:
        pytest.skip("only root can give up root")
    words = [*server.target.words, "--user", "{user}"]
    if uid and os.geteuid() == 0:
        program = python_for(uid)
        if not program:
            pytest.skip("another user can't run this interpreter, or can't read the course")
        demote = (
            f"import os, sys; os.setgroups([]); os.setgid({uid}); os.setuid({uid}); "
            "os.execvp(sys.argv[1], sys.argv[1:])"
        )
        words = [words[0], "-I", "-c", demote, program, *words[1:]]
    own = Server(server.target._replace(words=words), figures=PATIENT._replace(user=user))
    try:
        own.launch()
        status = wait_for_end(own)
        likely = "Look at os.geteuid() and pwd.getpwnam() first, and sys.exit(2) with a sentence."
        if status != 2:
            how = own.describe_end() if status is not None else "nothing: it goes on"
            raise verdict(f"It ended with {how}.", "exit status 2", likely)
        if not said(own).strip() or "Traceback" in said(own):
            raise verdict("stderr has no sentence about it.", "a sentence", likely)
    finally:
        own.close()
