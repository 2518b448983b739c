"""Django, Pyramid, Bottle and Falcon run on part 2 as they are."""

import importlib
import os

import pytest

from tests.apps.frameworks import LINES
from tests.checker.conversation import ask
from tests.checker.expect import expect
from tests.checker.server import Server
from tests.checker.target import parse_target
from tests.contract.hosted import FORM, request
from tests.parts import PARTS


@pytest.fixture(scope="module", params=["django", "pyramid", "bottle", "falcon"])
def server(request):
    """Part 2, hosting the same site in one framework after the other."""
    pytest.importorskip(request.param, reason="make test-frameworks installs it")
    app = f"tests.apps.frameworks:{request.param}_application()"
    with Server(parse_target(str(PARTS[2].server), app)) as running:
        yield running


def check(server: Server, octets: bytes, due: bytes) -> None:
    """Assert that octets are answered with 200 and due."""
    with ask(server, octets) as talk:
        assert expect(talk, {200}, method=octets.split(b" ")[0].decode()).content == due


def test_a_page(server):
    check(server, request("/page"), b"page")


def test_a_query(server):
    check(server, request("/query", x="Zürich & more"), "Zürich & more".encode())


def test_a_form(server):
    check(server, request("/post", FORM, b"name=Zo%C3%AB+x", "POST"), "Zoë x".encode())


def test_a_form_in_chunks(server):
    head = request("/post", FORM + b"Transfer-Encoding: chunked\r\n", method="POST")
    check(server, head + b"6\r\nname=Z\r\nb\r\no%C3%AB+xyz\r\n0\r\n\r\n", "Zoë xyz".encode())


def test_a_stream(server):
    check(server, request("/stream"), b"".join(LINES))


def test_a_page_that_is_not_there(server):
    with ask(server, request("/none")) as talk:
        expect(talk, {404})


def test_head(server):
    with ask(server, request("/page", method="HEAD")) as talk:
        response = expect(talk, {200, 404, 405}, method="HEAD")
        talk.reads_end()
        assert len(talk.received) == response.end


def test_every_framework_is_here_in_ci():
    for name in ("django", "pyramid", "bottle", "falcon") if os.environ.get("CI") else ():
        importlib.import_module(name)
