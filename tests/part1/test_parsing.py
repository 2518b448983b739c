"""The pure functions of part 1, called as a notebook calls them."""

import importlib.util
import random
from email.utils import formatdate

import pytest

from tests.parts import ROOT

pytestmark = pytest.mark.finished

SPEC = importlib.util.spec_from_file_location("part1_server", ROOT / "part1_single" / "server.py")
assert SPEC and SPEC.loader
part1 = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(part1)


def test_parse_functions_raise_nothing_but_http_error():
    chance = random.Random(1)
    alphabet = b"GET /:HTP1.0,*[]@%#\r\n\t \x00\x80+_chunked5"
    for _ in range(5000):
        line = bytes(chance.choice(alphabet) for _ in range(chance.randrange(30)))
        for parse in (
            part1.parse_request_line,
            part1.parse_field_line,
            part1.parse_authority,
            lambda value: part1.parse_content_length([(b"content-length", value)]),
            lambda value: part1.parse_transfer_encoding(
                b"HTTP/1.1", [(b"transfer-encoding", value)]
            ),
        ):
            try:
                parse(line)
            except part1.HTTPError as error:
                assert error.status[:3] in ("400", "413", "501", "505") and error.reason


def test_format_visible_is_printable_ascii_and_loses_nothing():
    octets = bytes(range(256)) * 2
    text = part1.format_visible(octets)
    assert all(" " <= character <= "~" or character == "\n" for character in text)
    assert text.replace("\n", "").encode().decode("unicode_escape").encode("latin-1") == octets


@pytest.mark.parametrize("size", [1 << 12, 1 << 16])
def test_no_pattern_takes_long_on_a_hostile_line(size):
    for octet in (b"a", b" ", b":", b"/", b"@", b"%", b"0", b"[", b"\t"):
        for line in (octet * size, b"a:" + octet * size + b"\x00", b"http://" + octet * size):
            for pattern in (part1.FIELD_LINE, part1.HOST, part1.ABSOLUTE_FORM, part1.ORIGIN_FORM):
                pattern.fullmatch(line)  # it returns: none of them backtracks without end


def test_format_date_is_right_for_every_day_and_month():
    assert part1.format_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"
    for seconds in range(0, 2_000_000_000, 1_000_003):  # 11.6 days: all days, months and leaps
        assert part1.format_date(seconds) == formatdate(seconds, usegmt=True)
