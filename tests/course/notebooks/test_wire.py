"""What notebooks/show draws: wire() owns every octet, and the others show all that they got."""

import itertools
import random
import re
import xml.etree.ElementTree as ElementTree

import pytest

from notebooks import show

TOKEN = "!#$%&'*+-.^_`|~09AZaz"
VALUE = "".join(map(chr, range(0x21, 0x7F))) + "é\xff"


def words(rng: random.Random, alphabet: str, most: int) -> bytes:
    """Return 1 to most octets of alphabet."""
    return "".join(rng.choices(alphabet, k=rng.randint(1, most))).encode("latin-1")


def field_line(rng: random.Random, name: bytes = b"", value: bytes = b"") -> list:
    """Return the pieces of a field line; without a name, of any other than framing fields."""
    name = name or b"x-" + words(rng, TOKEN, 12)
    value = value or b" ".join(words(rng, VALUE, 9) for _ in range(rng.randint(0, 3)))
    before, after = rng.choice([b"", b" ", b"\t ", b"  "]), rng.choice([b"", b"", b" \t"])
    before, after = (before, after) if value else (b"", before)
    pieces = [(name, "field-name"), (b":", "colon"), (before, "OWS"), (value, "field-value")]
    return [*pieces, (after, "OWS"), (b"\r\n", "CRLF")]


def make_chunks(rng: random.Random) -> list:
    """Return the pieces of chunked content."""
    pieces = []
    for _ in range(rng.randint(0, 4)):
        data = rng.randbytes(rng.randint(1, 40))
        size = rng.choice(["%x", "%X", "00%x"]) % len(data)
        extension = rng.choice([b"", b";a", b' ; name="v"'])
        pieces += [(size.encode(), "chunk-size"), (extension, "chunk-ext"), (b"\r\n", "CRLF")]
        pieces += [(data, "chunk-data"), (b"\r\n", "CRLF")]
    pieces += [(rng.choice([b"0", b"000"]), "last-chunk"), (rng.choice([b"", b";z"]), "chunk-ext")]
    pieces += [(b"\r\n", "CRLF")]
    for _ in range(rng.choice([0, 0, 1, 2])):
        pieces += [(words(rng, TOKEN, 8) + b": x", "trailer"), (b"\r\n", "CRLF")]
    return [*pieces, (b"\r\n", "empty line")]


def start_line(rng: random.Random, side: str) -> list:
    """Return the pieces of a start-line."""
    version, sp, end = (rng.choice([b"HTTP/1.1", b"HTTP/1.0"]), "HTTP-version"), (b" ", "SP"), None
    end = (b"\r\n", "CRLF")
    if side == "response":
        code = str(rng.choice([200, 201, 301, 404, 418, 500, 599])).encode()
        reason = rng.choice([b"", b"OK", b"Not Found", b"very \xe9 fine"])
        return [version, sp, (code, "status-code"), sp, (reason, "reason-phrase"), end]
    method, target = words(rng, TOKEN, 7), b"/" + words(rng, "abc/%20?=&{|", 20)
    target = rng.choice([target, target, b"http://h.example:80" + target])
    if rng.random() < 0.05:
        method, target = rng.choice([(b"OPTIONS", b"*"), (b"CONNECT", b"h.example:443")])
    return [(method, "method"), sp, (target, "request-target"), sp, version, end]


def message(rng: random.Random, side: str) -> list:
    """Return the pieces of a well-formed message, without the empty ones."""
    pieces = start_line(rng, side)
    lines = [field_line(rng) for _ in range(rng.randint(0, 5))]
    content = (b"", "content")
    framing = rng.choice(["none", "length", "chunked"])
    if framing == "length":
        content = (rng.randbytes(rng.randint(0, 60)), "content")
        length = rng.choice(["%d", "0%d"]) % len(content[0])
        lines.append(field_line(rng, b"Content-Length", length.encode()))
    elif framing == "chunked":
        lines.append(field_line(rng, b"transfer-ENCODING", b"chunked"))
    elif side == "response":
        content = (rng.randbytes(rng.randint(0, 60)), "content")  # until the connection closes
    rng.shuffle(lines)
    pieces += [*itertools.chain(*lines), (b"\r\n", "empty line")]
    pieces += make_chunks(rng) if framing == "chunked" else [content]
    return [piece for piece in pieces if piece[0]]


@pytest.mark.parametrize("side", ["request", "response"])
def test_every_octet_of_a_well_formed_message_has_its_name(side):
    rng = random.Random(6)
    for _ in range(1000):
        pieces = message(rng, side)
        octets = b"".join(piece for piece, _ in pieces)
        view = show.wire(octets, side)
        assert [(octets[start:end], name) for start, end, name in view.spans] == pieces
        assert not view.missing


@pytest.mark.parametrize("side", ["request", "response"])
def test_every_octet_of_any_input_has_a_name(side):
    rng = random.Random(7)
    for _ in range(500):
        octets = bytearray(b"".join(piece for piece, _ in message(rng, side)))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(octets))
            octets[at : at + rng.randint(0, 2)] = rng.choice([b"", b"\n", b"\r", b" ", b"\0", b":"])
            octets = octets or bytearray(b"\n")
        view = show.wire(bytes(octets), side)
        assert b"".join(octets[start:end] for start, end, _ in view.spans) == octets
        ends = [0, *(end for _, end, _ in view.spans)]
        assert [start for start, _, _ in view.spans] == ends[:-1]
        assert max(map(len, str(view).split("\n"))) <= 100


GET = b"GET / HTTP/1.1\r\n"
MALFORMED = {
    "lf-alone": ("request", b"GET / HTTP/1.1\nHost: a\r\n\r\n", [b"\n"]),
    "cr-alone": ("request", GET + b"A: x\ry\r\n\r\n", [b"\r"]),
    "two-spaces": ("request", b"GET  / HTTP/1.1\r\n\r\n", [b" "]),
    "tab-for-space": ("request", b"GET\t/ HTTP/1.1\r\n\r\n", [b"\t/", b"HTTP/1.1", b"\r\n"]),
    "version-missing": ("request", b"GET /\r\n\r\n", [b"\r\n"]),
    "version-in-small-letters": ("request", b"GET / http/1.1\r\n\r\n", [b"http/1.1"]),
    "space-before-the-colon": ("request", GET + b"Host : a\r\n\r\n", [b" "]),
    "no-colon": ("request", GET + b"nothing\r\nHost: a\r\n\r\n", [b"nothing"]),
    "no-name": ("request", GET + b": a\r\n\r\n", [b":"]),
    "folded": ("request", GET + b"A: b\r\n c: d\r\n\r\n", [b" c: d"]),
    "nul-in-a-value": ("request", GET + b"A: b\0c\r\n\r\n", [b"\0"]),
    "length-with-a-sign": ("request", GET + b"Content-Length: +5\r\n\r\n", [b"+5"]),
    "second-length": ("request", GET + b"Content-Length: 0\r\n" * 2 + b"\r\n", [b"0"]),
    "more-than-its-length": ("request", GET + b"Content-Length: 1\r\n\r\nabc", [b"bc"]),
    "tls": ("request", b"\x16\x03\x01\x02\x00\x01\n", None),
    "sandwich": ("request", b"make me a sandwich\r\n\r\n", [b"me", b"a", b" sandwich"]),
    "status-of-four-digits": ("response", b"HTTP/1.1 2000 OK\r\n\r\n", [b"2000"]),
    "status-without-version": ("response", b"200 OK\r\n\r\n", None),
    "no-space-after-the-code": ("response", b"HTTP/1.1 200\r\n\r\n", [b"\r\n"]),
    "chunk-size-no-number": (
        "response",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n",
        [b"hello\r\n"],
    ),
    "chunk-longer-than-its-size": (
        "response",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        [b"c"],
    ),
}


@pytest.mark.parametrize(("side", "octets", "expected"), MALFORMED.values(), ids=MALFORMED)
def test_the_malformed_octets_are_marked_and_told(side, octets, expected):
    view = show.wire(octets, side)
    marked = [octets[start:end] for start, end, name in view.spans if name == "malformed"]
    assert marked == expected or (expected is None and marked)
    assert b"".join(octets[start:end] for start, end, _ in view.spans) == octets
    assert "malformed: octet" in str(view)
    assert "^" in str(view)
    assert "▲ malformed" in view._repr_html_()


@pytest.mark.parametrize(
    ("octets", "missing"),
    [
        (b"", "the empty line has not come"),
        (GET + b"Host: a\r\n", "the empty line has not come"),
        (GET + b"Content-Length: 8\r\n\r\nabc", "8 octets of content announced, 3 came"),
        (GET + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", "5 octets of chunk-data announced"),
        (GET + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "the last chunk"),
    ],
    ids=["nothing", "head", "content", "chunk", "last-chunk"],
)
def test_what_has_not_come_is_said(octets, missing):
    view = show.wire(octets)
    assert missing in view.missing
    assert missing in str(view)
    assert missing in view._repr_html_()


def test_an_interim_response_is_followed_by_the_final_one():
    octets = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
    names = [name for _, _, name in show.wire(octets, "response").spans]
    assert names.count("status-code") == 2
    assert "malformed" not in names


def test_an_answer_to_head_has_no_content_whatever_its_length_says():
    view = show.wire(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "response", to_head=True)
    assert not view.missing


def test_html_holds_every_octet_and_every_name_without_any_style():
    octets = GET + b"Host: <a>\r\nX: \x1b\xff\r\nContent-Length: 2\r\n\r\n\0b"
    bare = re.sub(r"<(?!/?sub)[^>]*>", "", show.wire(octets)._repr_html_())
    bare = re.sub(r"<sub[^>]*>(\w+)</sub>", r"[\1]", bare)
    for text in ("GET[SP]/[SP]HTTP/1.1[CR][LF]", "Host:[SP]&lt;a&gt;[CR][LF]", "[NUL]b", r"[ESC]"):
        assert text in bare
    for name in ("method", "request-target", "field-value", "malformed", "content (2 octets)"):
        assert name in bare
    assert r"\xff" in bare


def test_hexdump_has_offsets_hexadecimal_and_what_is_printable():
    assert show.hexdump(GET + b"\xff|").split("\n") == [
        "00000000  47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|",
        "00000010  ff 7c                                            |.||",
    ]
    assert show.hexdump(b"abc", width=2) == "00000000  61 62  |ab|\n00000002  63     |c|"


def test_a_timeline_draws_each_phase_and_names_each_row():
    marks = {"connect": 0.0, "fork": 0.1, "handle": 0.2, "answer": 1.0, "exit": 1.1, "reap": 3.0}
    rows = [show.Row("client <1>", marks), show.Row("client 2", {"connect": 0.5})]
    drawing = show.timeline(rows, "Two & more")
    assert drawing.svg == drawing._repr_svg_()
    texts = [element.text for element in ElementTree.fromstring(drawing.svg).iter()]
    for text in ("client <1>", "client 2", "Two & more", "Z", "zombie (Z)", "seconds", "waiting"):
        assert text in texts
    assert "1.000" in str(drawing)
    assert "client 2" in str(drawing)


def test_a_zombie_that_nobody_reaps_lasts_to_the_end():
    marks = {"connect": 0.0, "handle": 0.0, "answer": 1.0, "exit": 1.0}
    assert show.phases(marks, 5.0)[-1] == ("zombie", 1.0, 5.0, True)


def test_a_server_that_does_not_fork_has_no_zombie():
    marks = {"connect": 0.0, "handle": 1.0, "answer": 2.0}
    assert show.phases(marks, 5.0) == [
        ("waiting", 0.0, 1.0, False),
        ("handling", 1.0, 2.0, False),
    ]


def test_two_timelines_on_one_page_share_no_pattern():
    first, second = (show.timeline([("a", {"connect": at})], until=2.0).svg for at in (0.5, 1.0))
    assert not set(re.findall(r'id="(\w+)"', first)) & set(re.findall(r'id="(\w+)"', second))


def test_a_mark_that_is_none_is_refused():
    with pytest.raises(ValueError, match="no such mark: close"):
        show.timeline([show.Row("a", {"close": 1.0})])


def test_curves_are_a_picture_and_the_points_as_text():
    plot = show.curves({"a": [(1, 2), (3, 4)], "b": [(1, 5)]}, title="Two lines", x="n", y="s")
    assert plot._repr_png_().startswith(b"\x89PNG\r\n\x1a\n")
    assert str(plot) == "Two lines\na: (1, 2), (3, 4)\nb: (1, 5)"


def test_columns_stand_under_their_names():
    columns = show.side_by_side(by_hand=GET, curl=show.wire(GET + b"\r\n"), note="two\nlines")
    lines = str(columns).split("\n")
    assert lines[0].split("  ") and lines[0].startswith("by hand")
    assert max(map(len, lines)) <= 100
    for text in ("by hand", "curl", "note", "GET / HTTP/1.1<sub", "two"):
        assert text in columns._repr_html_()


def test_a_table_keeps_every_cell_and_its_width():
    rows = [["a", "word " * 40, 1], ["b", "<short>", 2]]
    table = show.table(["name", "text", "count"], rows)
    assert max(map(len, str(table).split("\n"))) <= 100
    assert str(table).count("word") == 40
    assert "&lt;short&gt;" in table._repr_html_()


def test_a_table_shows_octets_line_by_line():
    table = show.table(["when", "what"], [["first", b"one\r\ntwo\n"]])
    assert str(table).split("\n")[2:] == ["first  one␍␊", "       two␊"]
    text = re.sub("<[^>]*>", "", table._repr_html_().replace("<br>", "|"))
    assert "oneCRLF|twoLF" in text


def test_each_key_of_environ_has_the_octets_it_comes_from():
    octets = b"GET /a?b HTTP/1.1\r\nHost: h\r\nX-Tag: 1\r\nX_Tag: 2\r\nx-tag: 3\r\n\r\n"
    found = {
        key: [octets[start:end] for start, end in ranges]
        for key, ranges in show.origins(show.wire(octets)).items()
    }
    assert found == {
        "REQUEST_METHOD": [b"GET"],
        "PATH_INFO": [b"/a"],
        "QUERY_STRING": [b"b"],
        "SERVER_PROTOCOL": [b"HTTP/1.1"],
        "HTTP_HOST": [b"h"],
        "HTTP_X_TAG": [b"1", b"3"],
    }


def test_a_key_that_no_octet_explains_stands_last_and_says_who_does():
    view = show.wire(GET + b"Host: h\r\n\r\n")
    environ = {"REMOTE_ADDR": "::1", "HTTP_HOST": "h", "wsgi.run_once": True}
    rows = show.origin_table(view, environ).rows
    assert [key for key, *_ in rows] == ["HTTP_HOST", "REMOTE_ADDR", "wsgi.run_once"]
    assert rows[0][2] == "Host: ⟦h⟧␍␊"
    assert rows[1][2] == "the client's end of the connection"
