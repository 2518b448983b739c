"""Can this machine run the course? A line for each thing, and what to do where it is not well.

python3 -m tests.tools.doctor [PORT]. Needs no more than Python itself; exits with 1 if the course
can't run.
"""

import errno
import os
import platform
import shutil
import socket
import subprocess
import sys
import textwrap

from tests.parts import ROOT
from tests.tools.browser import find_chromium
from tests.tools.nc import STAND_IN
from tests.tools.terminal import parse_port, prepare_stdout

PORT = parse_port(sys.argv[1]) if sys.argv[1:] else 8888
FILES, PROCESSES = 256, 200  # what a burst of 128 clients needs of this process, and of others

Line = tuple[str, str, str]  # (ok, NO or -- , what, what was found and what to do)


def run(*words: str) -> str:
    """Return what a command prints, or "" if there is no such command, or it fails."""
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def python() -> Line:
    """Whether this Python is new enough."""
    version = platform.python_version()
    if sys.version_info < (3, 11):  # noqa: UP036, for this is the one that says so
        return (
            "NO",
            "Python",
            f"{version}; the course needs 3.11 or later: make PYTHON=python3.12 ...",
        )
    return "ok", "Python", version


def venv() -> Line:
    """Whether an environment is there, or can be made."""
    if (ROOT / ".venv" / "bin" / "python").exists():
        return "ok", ".venv", "is there"
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        return "NO", ".venv", "can't be made; on Debian and Ubuntu: sudo apt install python3-venv"
    return "ok", ".venv", "not there yet; the first make test-part1 makes it"


def fork() -> Line:
    """Whether part 3 and later ones can run."""
    if hasattr(os, "fork"):
        return "ok", "os.fork", "is there"
    return "NO", "os.fork", "is missing, as on Windows: run the course in WSL"


def port() -> Line:
    """Whether the port of the course is free; else who holds it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
            probe.listen()
            return "ok", f"port {PORT}", "is free"
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return "NO", f"port {PORT}", f"can't be listened on: {error.strerror}"
    return "--", f"port {PORT}", f"is taken by {holder()}; end that, or add PORT={PORT + 1}"


def holder() -> str:
    """Return pid and command of who listens on the port, as far as the system tells."""
    script = (
        "import psutil, sys\n"
        "for one in psutil.net_connections('tcp'):\n"
        f"    if one.laddr and one.laddr.port == {PORT} and one.status == 'LISTEN' and one.pid:\n"
        "        words = psutil.Process(one.pid).cmdline()\n"
        "        print(one.pid, *words)\n"
        "        break\n"
    )
    if found := run(str(ROOT / ".venv" / "bin" / "python"), "-c", script):
        pid, _, command = found.partition(" ")
        return f"pid {pid} ({textwrap.shorten(command, 60, placeholder=' ...')})"
    if found := run("lsof", "-nP", f"-iTCP:{PORT}", "-sTCP:LISTEN", "-t"):
        pid = found.splitlines()[0]
        command = run("ps", "-o", "command=", "-p", pid)
        return f"pid {pid} ({textwrap.shorten(command, 60, placeholder=' ...')})"
    return "another program"


def localhost() -> Line:
    """Whether localhost leads to where the servers listen."""
    try:
        found = socket.getaddrinfo("localhost", PORT, type=socket.SOCK_STREAM)
    except OSError:
        return "--", "localhost", f"is not known here: use http://127.0.0.1:{PORT}"
    first = found[0][4][0]
    if first == "127.0.0.1":
        return "ok", "localhost", "is 127.0.0.1"
    return "ok", "localhost", f"is {first} first: use http://127.0.0.1:{PORT}, as the chapters do"


def ipv6() -> Line:
    """Whether the machine has IPv6 on the loopback."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return "ok", "IPv6", "is there (HOST=::1)"
    except OSError:
        return "--", "IPv6", "is missing on this machine; one test is skipped"


def limits() -> Line:
    """Whether there is room for a burst of clients."""
    try:
        import resource
    except ImportError:
        return "--", "limits", "are not known on this system"
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    words = f"{files} open files"
    if 0 <= files < FILES:
        return "--", "limits", f"{words}: too few for a burst of 128; type ulimit -n 1024"
    if hasattr(resource, "RLIMIT_NPROC"):
        processes, _ = resource.getrlimit(resource.RLIMIT_NPROC)
        words = f"{words}, {'unlimited' if processes < 0 else processes} processes"
        if 0 <= processes < PROCESSES:
            return "--", "limits", f"{words}: too few for part 3; type ulimit -u 1000"
    return "ok", "limits", words


def tools() -> Line:
    """Whether the chapters' commands are there."""
    missing = [name for name in ("make", "curl", "nc", "ps") if not shutil.which(name)]
    if missing:
        packages = {"nc": "netcat-openbsd", "ps": "procps"}
        words = " ".join(packages.get(name, name) for name in missing)
        instead = f"; or {STAND_IN}" if "nc" in missing else ""
        advice = f"on Debian and Ubuntu: sudo apt install {words}{instead}"
        return "--", "tools", f"{', '.join(missing)} missing; {advice}"
    return "ok", "tools", "make, curl, nc and ps are there"


def browser() -> Line:
    """Whether the browser tests can run."""
    if found := find_chromium():
        return "ok", "Chromium", found.rpartition("/")[2]
    return "--", "Chromium", "not found; only the browser tests of make test-all need it"


def system() -> Line:
    """What is special about this system."""
    release = platform.release()
    if "microsoft" in release.lower():
        return "ok", "system", f"WSL: the browser on Windows reaches http://127.0.0.1:{PORT}"
    if sys.platform == "darwin":
        return "ok", "system", "macOS: ps -ax instead of ps -e; AirPlay holds port 5000, not ours"
    return "ok", "system", f"{platform.system()} {release.partition('-')[0]}"


CHECKS = (python, venv, fork, port, localhost, ipv6, limits, tools, browser, system)


def main() -> None:
    """Print a line for each check; exit with 1 if the course can't run."""
    prepare_stdout()
    found = [check() for check in CHECKS]
    for mark, what, words in found:
        head, indent = f"  {mark}  {what:<10} ", " " * 17
        print(textwrap.fill(words, 80, initial_indent=head, subsequent_indent=indent))
    bad = [what for mark, what, _ in found if mark == "NO"]
    print()
    if bad:
        sys.exit(f"The course can't run here yet: see {', '.join(bad)} above.")
    taken = any(mark == "--" and what.startswith("port") for mark, what, _ in found)
    serve = f"make serve-part1{f' PORT={PORT + 1}' if taken else ''}"
    print(f"The course can run here. Begin: {serve}\nand part1_single/README.md.")


if __name__ == "__main__":
    main()
