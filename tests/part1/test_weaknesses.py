"""What part 1 does not do, as its chapter says it, so that the claim stays true."""

import pytest

from tests.checker.conversation import Conversation, ask
from tests.checker.expect import expect
from tests.contract.shared import MOMENT_SECONDS

pytestmark = [pytest.mark.finished, pytest.mark.waits(1.4)]

GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def hears_nothing(talk: Conversation) -> bool:
    """Return whether nothing comes for a moment."""
    return not talk.take(MOMENT_SECONDS)


def test_a_silent_client_holds_every_other(server):
    with ask(server) as silent, ask(server, GET) as second:
        assert hears_nothing(second)
        silent.half_close()
        expect(second, {200})


def test_a_client_that_stops_in_the_middle_holds_every_other(server):
    with ask(server, GET[:20]) as slow, ask(server, GET) as second:
        assert hears_nothing(second)
        slow.send(GET[20:])
        expect(slow, {200})
        expect(second, {200})


def test_a_client_that_does_not_read_holds_every_other(server):
    size = 8 << 20
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % size
    with ask(server) as deaf:
        deaf.send(head + bytes(size), listening=False)
        with ask(server, GET) as second:
            assert hears_nothing(second)
            deaf.reset()
            expect(second, {200})


def test_a_second_request_on_the_same_connection_is_not_answered(server):
    with ask(server, GET + GET) as talk:
        assert expect(talk, {200}).closes
        assert talk.response() is None


def test_chunked_content_is_not_decoded(server):
    request = GET.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked")
    with ask(server, request + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n") as talk:
        expect(talk, {501})
