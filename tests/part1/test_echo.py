"""The lesson of part 1: the answer is the request as it was received, byte for byte."""

import pytest

from tests.checker.conversation import HOST, ask
from tests.checker.expect import expect
from tests.checker.verdict import Red
from tests.contract.cuts import cut_into_octets

pytestmark = [pytest.mark.lesson, pytest.mark.waits(0.6)]

REQUESTS = {
    "plain": b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    "white-space-in-fields": b"GET / HTTP/1.1\r\nhOsT:127.0.0.1\r\nX-A:  b \t c  \r\nX-B:\r\n\r\n",
    "order-and-repeats": b"GET / HTTP/1.1\r\nB: 2\r\nA: 1\r\nB: 3\r\n" + HOST + b"\r\n",
    "content": b"POST /a?b=c HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 256\r\n\r\n"
    + bytes(range(256)),
    "latin-1": b"GET /%E9 HTTP/1.1\r\nX-A: \xe9\xff\r\n" + HOST + b"\r\n",
    "http-1.0": b"GET / HTTP/1.0\r\n\r\n",
    "absolute-form": b"GET http://127.0.0.1/a HTTP/1.1\r\n" + HOST + b"\r\n",
    "userinfo": b"GET http://user:pass@127.0.0.1/a HTTP/1.1\r\n" + HOST + b"\r\n",
    "unknown-method": b"BREW-!#$ /pot HTTP/1.1\r\n" + HOST + b"\r\n",
}


def check_same(talk, due: bytes) -> None:
    """Raise Red unless the next answer's content is due, byte for byte."""
    words = f"200, and as content the {len(due)} octets of the request"
    response = expect(talk, {200}, words=words)
    if response.content != due:
        same = next(
            (
                at
                for at, pair in enumerate(zip(due, response.content, strict=False))
                if pair[0] != pair[1]
            ),
            min(len(due), len(response.content)),
        )
        place = response.end - len(response.content) + same
        raise Red(
            f"The content differs from what was sent from octet {same + 1} on.",
            talk,
            words,
            "Send the octets that you received, not what you made of them: parsing, "
            "decoding and joining again change white space, case or order.",
            got_mark=(place, place + 1),
        )


@pytest.mark.parametrize("request_octets", REQUESTS.values(), ids=REQUESTS)
def test_the_echo_is_the_request_byte_for_byte(server, request_octets):
    with ask(server, request_octets) as talk:
        check_same(talk, request_octets)
    with ask(server, *cut_into_octets(request_octets)) as talk:
        check_same(talk, request_octets)


def test_the_echo_ends_where_the_request_ends(server):
    request = REQUESTS["content"]
    with ask(server, request + b"surplus") as talk:
        check_same(talk, request)


def test_a_browser_shows_the_echo_and_does_not_guess_its_type(server):
    with ask(server, REQUESTS["plain"]) as talk:
        response = expect(talk, {200})
        for name, due in (
            ("content-type", "text/plain; charset=iso-8859-1"),
            ("x-content-type-options", "nosniff"),
        ):
            if response.values(name) != [due]:
                raise Red(
                    f"{name} is {response.values(name) or 'missing'}.",
                    talk,
                    f"{name}: {due}",
                    "Without these two fields a browser guesses: an echo that looks like HTML "
                    "would be run as HTML, and octets above 0x7F would be shown as others.",
                )
