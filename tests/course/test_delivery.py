"""Byte by byte is real: the server that takes one recv() for a request is always caught."""

import contextlib
import os
import subprocess
import sys

import pytest

from tests.checker import delivery
from tests.checker.conversation import ask
from tests.checker.server import Server
from tests.checker.target import parse_target
from tests.contract.cuts import cut_before_the_last, cut_into_octets
from tests.contract.shared import GET

TIMES = 100
ONE_RECV = """\
import socket, sys
listener = socket.socket()
listener.bind(("127.0.0.1", int(sys.argv[-1])))
listener.listen(128)
while True:
    connection, _ = listener.accept()
    with connection:
        whole = connection.recv(65536).endswith(b"\\r\\n\\r\\n")
        status = b"200 OK" if whole else b"400 Bad Request"
        connection.sendall(b"HTTP/1.1 %s\\r\\n\\r\\n" % status)
"""

SPIN = """\
import time
end = time.monotonic() + 120
print("spinning", flush=True)
while time.monotonic() < end:
    pass
"""


@contextlib.contextmanager
def busy_cores():
    """Keep every core busy meanwhile, for two minutes at the most."""
    with contextlib.ExitStack() as stack:
        for _ in range(os.cpu_count() or 2):
            spinner = subprocess.Popen([sys.executable, "-c", SPIN], stdout=subprocess.PIPE)
            stack.enter_context(spinner)
            stack.callback(spinner.kill)
            assert spinner.stdout.readline() == b"spinning\n"
        yield


@pytest.fixture(scope="module")
def one_recv(tmp_path_factory):
    """The server that takes one recv() for a request."""
    path = tmp_path_factory.mktemp("one_recv") / "one_recv.py"
    path.write_text(ONE_RECV, encoding="utf-8")
    with Server(parse_target(str(path))) as server:
        yield server


def refuse_netlink(*_):
    raise OSError("netlink is closed to us")


CUTS = {
    "octet-by-octet": cut_into_octets(GET),
    "one-octet-later": cut_before_the_last(GET, 1),
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a pause has to do")
@pytest.mark.parametrize("source", ["netlink", "proc"])
@pytest.mark.parametrize("pieces", CUTS.values(), ids=CUTS)
def test_one_recv_is_caught_every_time_with_every_core_loaded(
    one_recv, monkeypatch, source, pieces
):
    if source == "proc":
        monkeypatch.setattr(delivery, "ask_kernel", refuse_netlink)
    caught = 0
    with busy_cores():
        for _ in range(TIMES):
            with ask(one_recv, *pieces) as talk:
                caught += talk.response().status == 400
    assert caught == TIMES


def test_the_same_server_passes_where_the_request_comes_whole(one_recv):
    with ask(one_recv, GET) as talk:
        assert talk.response().status == 200
