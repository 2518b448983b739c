"""What part 3 does not do, as its chapter says it, so that the claim stays true."""

import contextlib

import psutil
import pytest

from tests.checker.conversation import ask
from tests.checker.expect import expect
from tests.checker.processes import other_members, wait_until
from tests.checker.server import Server
from tests.contract.hosted import request
from tests.contract.shared import MOMENT_SECONDS

pytestmark = [pytest.mark.finished, pytest.mark.waits(1.4)]

MANY = 150


def count_children(server: Server) -> int:
    """Return how many children there are now."""
    return len(other_members(server, {server.pid}))


def test_a_silent_client_holds_a_process(server):
    wait_until(lambda: not count_children(server))
    with ask(server) as silent:
        assert wait_until(lambda: count_children(server) == 1)
        assert not silent.take(MOMENT_SECONDS)
        assert count_children(server) == 1


def test_a_client_that_does_not_read_holds_a_process(server):
    wait_until(lambda: not count_children(server))
    with ask(server) as deaf:
        deaf.send(request("large"), listening=False)
        assert wait_until(lambda: count_children(server) == 1)
        assert not wait_until(lambda: not count_children(server), MOMENT_SECONDS)


def test_nothing_bounds_the_number_of_children(server):
    wait_until(lambda: not count_children(server))
    with contextlib.ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(ask(server))
        assert wait_until(lambda: count_children(server) == MANY)
        with ask(server, request("/")) as talk:
            expect(talk, {200})
    assert wait_until(lambda: not count_children(server))


def test_a_thread_of_the_application_ends_with_its_child(server):
    begun = psutil.Process(server.pid).num_threads()
    with ask(server, request("process")) as talk:
        expect(talk, {200})
    assert begun == psutil.Process(server.pid).num_threads() == 1
