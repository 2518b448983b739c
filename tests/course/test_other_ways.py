"""Whoever keeps the contract in another permitted way is green too."""

import pytest

from tests.course.selfcheck import change, run_check
from tests.parts import PARTS

pytestmark = pytest.mark.slow

PART_1 = {
    "terse": [  # the close ends the content; no reasons; names in lower case
        ('        ("Content-Length", str(len(content))),\n', ""),
        ('f"HTTP/1.1 {status}"', 'f"HTTP/1.1 {status[:4]}"'),
        ('f"{name}: {value}"', 'f"{name.lower()}:{value}  "'),
    ],
    "lenient": [  # LF for CRLF, runs of white space, equal lengths
        ('    if received[start:newline][-1:] != b"\\r":\n', "    if False:\n"),
        (
            "    return bytes(received[start : newline - 1])\n",
            '    return bytes(received[start:newline]).removesuffix(b"\\r")\n',
        ),
        ("        start += len(line) + 2\n    return fields, start + 2\n",
         '        start = received.index(b"\\n", start) + 1\n'
         '    return fields, received.index(b"\\n", start) + 1\n'),
        ("read_field_section(connection, received, len(request_line) + 2)",
         'read_field_section(connection, received, received.find(b"\\n") + 1)'),
        ("    if len(lengths) > 1 or not DIGITS", "    if len(set(lengths)) > 1 or not DIGITS"),
        ('line.split(b" ")', "line.split()"),
    ],
    "strict": [  # no empty line first; no later version; no answer to half a request
        ("    start += 2\n    del", '    raise HTTPError("400 Bad Request", "No.")\n    del'),
        ('if not version.startswith(b"HTTP/1.")', 'if version[5:] not in (b"1.0", b"1.1")'),
        (
            "    octets = connection.recv(RECV_SIZE)\n    if not octets:\n        raise HTTPError(",
            "    octets = connection.recv(RECV_SIZE)\n    if not octets:\n"
            '        raise ConnectionError("half a request")\n    if not octets:\n'
            "        raise HTTPError(",
        ),
    ],
}  # fmt: skip


# What is yielded piece by piece to a client of HTTP/1.1 is sent in chunks, and so can be cut short.
CHUNKED = [
    (
        '    answer["to_head"] = environ["REQUEST_METHOD"] == "HEAD"\n',
        '    answer["to_head"] = environ["REQUEST_METHOD"] == "HEAD"\n'
        '    answer["protocol"] = environ["SERVER_PROTOCOL"]\n',
    ),
    (
        '    announced = fields.get("content-length", length)\n',
        '    announced = fields.get("content-length", length)\n'
        '    known = announced is not None or answer["bare"] or answer["protocol"] == "HTTP/1.0"\n'
        '    answer["chunked"] = not known\n'
        "    if not known:\n"
        '        added.append(("Transfer-Encoding", "chunked"))\n',
    ),
    (
        "    send_octets(connection, head + chunk)\n",
        '    in_chunks = answer["chunked"] and chunk\n'
        '    framed = b"%x\\r\\n%b\\r\\n" % (len(chunk), chunk) if in_chunks else chunk\n'
        "    send_octets(connection, head + framed)\n",
    ),
    (
        '        send_chunk(connection, answer, b"", 0)\n',
        '        send_chunk(connection, answer, b"", 0)\n'
        '        if answer["chunked"]:\n'
        '            send_octets(connection, b"0\\r\\n\\r\\n")\n',
    ),
]
PART_2 = {
    "chunked": CHUNKED,
    "passing-on": [  # Content-Length as it came; a field that PEP 3333 does not name
        ('    if environ.pop("HTTP_TRANSFER_ENCODING", "") or "CONTENT_LENGTH" in environ:\n',
         '    if environ.pop("HTTP_TRANSFER_ENCODING", ""):\n'),
        (', "upgrade", "proxy-connection"}', ', "upgrade"}'),
    ],
    "eager": [  # the first call of write() sends the head, also where it has no octets
        (
            "        send_chunk(connection, answer, chunk, None)\n",
            '        if not answer["head_sent"]:\n'
            "            send_octets(connection, format_answer_head(answer, None))\n"
            '            answer["head_sent"] = True\n'
            "        send_chunk(connection, answer, chunk, None)\n",
        ),
    ],
}  # fmt: skip
WAYS = [
    pytest.param(part, changes, id=f"part{part}-{name}")
    for part, ways in ((1, PART_1), (2, PART_2), (3, {"chunked": CHUNKED}))
    for name, changes in ways.items()
]


@pytest.mark.parametrize(("part", "changes"), WAYS)
def test_another_permitted_way_is_green(tmp_path, part, changes):
    other = change(tmp_path / "other.py", *changes, source=PARTS[part].server)
    ended = run_check(part, "--server", other)
    assert ended.status == 0, ended.stdout
