"""What part 4 does not do, as its chapter says it, so that the claim stays true."""

import contextlib
import os
from collections.abc import Iterator

import pytest

from tests.checker.conversation import Conversation, ask
from tests.checker.expect import expect
from tests.checker.processes import sockets, wait_until
from tests.checker.server import SAID, Server
from tests.checker.target import Figures, choose_target
from tests.contract.hosted import gate, json_of, request, token, wait_for_words
from tests.contract.shared import GET, MOMENT_SECONDS
from tests.contract.workers import CLOSE, LONG, PATIENT, process_of, wait_for_workers, workers

pytestmark = [pytest.mark.finished, pytest.mark.waits(3)]

TRIES = 200  # connections, until one is with the worker that is wanted


@contextlib.contextmanager
def two_workers(figures: Figures = PATIENT) -> Iterator[Server]:
    """Run the finished server with two workers, once both of them work."""
    with Server(choose_target(4, finished=True), figures=figures) as own:
        own.wait_for_output(SAID)
        assert len(wait_for_workers(own, 2)) == 2
        yield own


def holders(server: Server, talk: Conversation) -> list[int]:
    """Return the workers that hold the other end of a connection."""
    name = f"to {talk.socket.getsockname()[1]}"
    return [
        pid for pid in workers(server) if name in [what for _, what in sockets(pid, server.port)]
    ]


def test_as_many_clients_as_workers_who_dribble_stop_the_site_until_their_deadline():
    with two_workers(PATIENT._replace(client_timeout=3)) as own, contextlib.ExitStack() as stack:
        dribblers = []
        for _ in range(2):  # a worker who reads one takes no other: the second has the other worker
            talk = stack.enter_context(ask(own))
            assert wait_until(lambda talk=talk: holders(own, talk))
            talk.send(GET[:1], listening=False)
            dribblers.append(talk)
        assert {pid for talk in dribblers for pid in holders(own, talk)} == workers(own)
        asking = stack.enter_context(ask(own, request("process", CLOSE)))
        asking.wait(lambda: asking.received, LONG)
        assert any(talk.take() or talk.received for talk in dribblers)  # one of them was first
        expect(asking, {200})
        for talk in dribblers:
            talk.wait(lambda talk=talk: talk.received, LONG)
            expect(talk, {408})


def kept(own: Server) -> tuple[Conversation, int]:
    """Return a connection that has been answered and is kept, and the worker that has it."""
    talk = ask(own, request("process"))
    response = expect(talk, {200})
    assert not response.closes
    talk.read_to = response.end
    return talk, json_of(talk, response)["pid"]


def test_a_slow_application_holds_its_workers_other_connections_though_another_is_idle():
    with two_workers() as own, contextlib.ExitStack() as stack, gate() as until:
        held, worker = kept(own)
        stack.enter_context(held)
        for _ in range(TRIES):
            slow, pid = kept(own)
            stack.enter_context(slow)
            if pid == worker:
                break
        assert pid == worker
        word = token()
        slow.send(request("wait", token=word, until=str(until)), listening=False)
        wait_for_words(own, word)
        held.send(request("process"), listening=False)
        assert process_of(own)["pid"] != worker  # the other one is idle, and answers others
        assert not held.take(MOMENT_SECONDS)
        until.touch()
        assert json_of(held, expect(held, {200}))["pid"] == worker


def test_an_answer_of_unknown_length_ends_with_its_connection():
    with two_workers() as own, ask(own, request("drip", count="2", pause="0", token="-")) as talk:
        response = expect(talk, {200})
        assert response.closes and response.content == b"drop drop "
        talk.reads_end()
        assert talk.ended


def test_workers_share_no_memory():
    with two_workers() as own:
        served: dict[int, int] = {}
        for _ in range(TRIES):
            told = process_of(own)
            served[told["pid"]] = served.get(told["pid"], 0) + 1
            assert told["served"] == served[told["pid"]]  # each counts its own alone
            if len(served) == 2:
                break
        assert os.getpid() not in served
