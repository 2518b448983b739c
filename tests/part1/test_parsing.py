"""The pure functions of part 1, called as a notebook calls them."""

import functools
import importlib.util
import random
from email.utils import formatdate
from types import ModuleType

import pytest

from tests.parts import PARTS

pytestmark = pytest.mark.finished


@functools.cache
def load_server() -> ModuleType:
    """Return the finished server as a module. Not at import: a reader may have deleted it."""
    spec = importlib.util.spec_from_file_location("part1_server", PARTS[1].server)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_parse_and_check_functions_raise_nothing_but_http_error():
    part1, chance = load_server(), random.Random(1)
    alphabet = b"GET /:HTP1.0,*[]@%#\r\n\t \x00\x80+_chunked5"
    for _ in range(5000):
        line = bytes(chance.choice(alphabet) for _ in range(chance.randrange(30)))
        for parse in (
            part1.parse_request_line,
            part1.parse_field_line,
            part1.check_authority,
            lambda value: part1.parse_content_length([(b"content-length", value)]),
            lambda value: part1.check_transfer_encoding(
                b"HTTP/1.1", [(b"transfer-encoding", value)]
            ),
        ):
            try:
                parse(line)
            except part1.HTTPError as error:
                assert error.status[:3] in ("400", "413", "501", "505") and error.reason


def test_format_visible_is_printable_ascii_and_loses_nothing():
    octets = bytes(range(256)) * 2
    text = load_server().format_visible(octets)
    assert all(" " <= character <= "~" or character == "\n" for character in text)
    assert text.replace("\n", "").encode().decode("unicode_escape").encode("latin-1") == octets


@pytest.mark.parametrize("size", [1 << 12, 1 << 16])
def test_no_pattern_takes_long_on_a_hostile_line(size):
    part1 = load_server()
    for octet in (b"a", b" ", b":", b"/", b"@", b"%", b"0", b"[", b"\t"):
        for line in (octet * size, b"a:" + octet * size + b"\x00", b"http://" + octet * size):
            for pattern in (part1.FIELD_LINE, part1.HOST, part1.ABSOLUTE_FORM, part1.ORIGIN_FORM):
                pattern.fullmatch(line)  # it returns: none of them backtracks without end


def test_format_date_is_right_for_every_day_and_month():
    part1 = load_server()
    assert part1.format_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"
    for seconds in range(0, 2_000_000_000, 1_000_003):  # 11.6 days: all days, months and leaps
        assert part1.format_date(seconds) == formatdate(seconds, usegmt=True)
