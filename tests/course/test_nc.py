"""The stand-in for nc does what the chapters and the gallery use nc for."""

import re
import socket
import subprocess
import sys

import pytest

from tests.pages import blocks, pages
from tests.parts import ROOT
from tests.tools.gallery import gallery
from tests.tools.nc import STAND_IN

SECONDS = 20.0  # a deadline, not an expectation
USE = re.compile(r"(?<![\w/.])nc((?: -\w+(?: \d+)?)*) 127\.0\.0\.1")


@pytest.fixture
def listener():
    """A listener, for a test that plays the server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(SECONDS)
        yield listening


def nc(listener: socket.socket, *options: str) -> subprocess.Popen:
    """Start the stand-in on listener."""
    port = str(listener.getsockname()[1])
    return subprocess.Popen(
        [sys.executable, "-m", "tests.tools.nc", *options, "127.0.0.1", port],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def accept(listener: socket.socket) -> socket.socket:
    """Return the next connection, with a deadline on it."""
    connection, _ = listener.accept()
    connection.settimeout(SECONDS)
    return connection


def end_of_stdin(running: subprocess.Popen, text: bytes) -> None:
    """Give running its whole input."""
    assert running.stdin
    running.stdin.write(text)
    running.stdin.close()
    running.stdin = None


def test_it_stays_after_the_end_of_stdin_until_the_server_closes(listener):
    with nc(listener) as running, accept(listener) as connection:
        end_of_stdin(running, b"GET /")
        assert connection.recv(5, socket.MSG_WAITALL) == b"GET /"
        connection.sendall(b"first, ")
        assert running.stdout.read(7) == b"first, "  # it is no longer asked, and still there
        connection.sendall(b"\xff\n")
        connection.close()
        assert running.communicate(timeout=SECONDS) == (b"\xff\n", b"") and running.returncode == 0


def test_with_n_the_end_of_stdin_is_passed_on(listener):
    with nc(listener, "-N") as running, accept(listener) as connection:
        end_of_stdin(running, b"all")
        with connection.makefile("rb") as received:
            assert received.read() == b"all"
        connection.sendall(b"answer")
        connection.close()
        assert running.communicate(timeout=SECONDS)[0] == b"answer"


def test_it_stays_after_the_end_of_the_answer_until_stdin_ends(listener):
    with nc(listener) as running, accept(listener) as connection:
        connection.shutdown(socket.SHUT_WR)
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(0.5)
        end_of_stdin(running, b"later")
        with connection.makefile("rb") as received:
            assert received.read() == b"later"
        assert running.wait(SECONDS) == 0


@pytest.mark.parametrize("options", [("-z",), ("-w", "1")], ids=" ".join)
def test_it_leaves_a_silent_server_where_it_is_told_to(listener, options):
    with nc(listener, *options) as running, accept(listener) as connection:
        assert running.communicate(timeout=SECONDS) == (b"", b"") and connection.recv(1) == b""


def test_where_nobody_listens_it_says_so(listener):
    port = listener.getsockname()
    listener.close()
    with socket.socket() as unheard:
        unheard.bind(port)
        ended = nc(unheard).communicate(timeout=SECONDS)
    assert ended == (b"", b"nc: no connection to 127.0.0.1 port %d: Connection refused\n" % port[1])


def test_it_knows_every_option_that_the_course_uses():
    texts = [block for page in pages() for block in blocks(page, "sh")]
    texts += [page.read_text(encoding="utf-8") for page in pages()]
    texts += [mistake.attempt for mistake in gallery().values()]
    used = [options for text in texts for options in USE.findall(text)]
    assert len(used) > 20 and set(used) <= {"", " -N", " -z", *(f" -w {n}" for n in range(1, 10))}


@pytest.mark.parametrize("page", [page for page in pages() if USE.search(page.read_text("utf-8"))])
def test_a_page_that_uses_nc_says_what_stands_in_for_it(page):
    text = page.read_text(encoding="utf-8")
    first = USE.search(text).start()
    assert STAND_IN in text[: first + 800]


@pytest.mark.parametrize("page", pages(), ids=lambda page: f"{page.parent.name}-{page.name}")
def test_nc_in_a_further_terminal_brings_its_stand_in_along(page):
    text = page.read_text(encoding="utf-8")  # an alias holds in the terminal where it was typed
    for place in re.finditer(r"(?:second|third|another|other) terminal", text):
        said = text[place.start() : place.start() + 300].partition("\n```\n")[0]
        assert not USE.search(said) or STAND_IN in said


def test_a_mistake_to_be_tried_with_nc_says_so_too(tmp_path):
    words = [sys.executable, "-m", "tests.tools.mistakes", "show", "part1/H07_one_recv", "8888", ""]
    ended = subprocess.run(words, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True)
    assert STAND_IN in ended.stdout.decode()
