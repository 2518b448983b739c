"""What part 2 does not do, as its chapter says it, so that the claim stays true."""

import pytest

from tests.checker.conversation import ask
from tests.checker.expect import expect
from tests.contract.hosted import gate, request, token, wait_for_words
from tests.contract.shared import MOMENT_SECONDS

pytestmark = [pytest.mark.finished, pytest.mark.waits(1.4)]


def test_a_slow_page_holds_every_other(server):
    word = token()
    with gate() as until, ask(server, request("wait", token=word, until=str(until))) as slow:
        wait_for_words(server, word)
        with ask(server, request("/")) as second:
            assert not second.take(MOMENT_SECONDS)
            until.touch()
            expect(slow, {200})
            expect(second, {200})


def test_a_second_request_on_the_same_connection_is_not_answered(server):
    with ask(server, request("/") * 2) as talk:
        assert expect(talk, {200}).closes
        assert talk.response() is None


def test_there_is_no_file_wrapper(server):
    with ask(server, request("environ")) as talk:
        assert b"wsgi.file_wrapper" not in expect(talk, {200}).content
