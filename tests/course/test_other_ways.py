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
        ('        if not line.endswith(b"\\r"):\n', "        if False:\n"),
        ("        return line[:-1]\n", '        return line.removesuffix(b"\\r")\n'),
        ("    if len(lengths) > 1 or not DIGITS", "    if len(set(lengths)) > 1 or not DIGITS"),
        ('line.split(b" ")', "line.split()"),
    ],
    "strict": [  # no empty line first; no later version; no answer to half a request
        ("        incoming.begin = incoming.place\n", '        raise HTTPError("No.")\n'),
        ('if not version.startswith(b"HTTP/1.")', 'if version[5:] not in (b"1.0", b"1.1")'),
        (
            '            raise HTTPError("The request ended before it was complete.")\n',
            '            raise ConnectionError("half a request")\n',
        ),
    ],
}  # fmt: skip


# What is yielded piece by piece to a client of HTTP/1.1 is sent in chunks, and so can be cut short.
CHUNKED = [
    (
        '    answer.to_head = request.method == b"HEAD"\n',
        '    answer.to_head = request.method == b"HEAD"\n'
        "    answer.chunked, answer.version = False, request.version\n",
    ),
    (
        '        no_content = self.status.startswith("204 ")\n',
        "        known = announced is not None or self.is_bare\n"
        '        self.chunked = not known and self.version != b"HTTP/1.0"\n'
        "        if self.chunked:\n"
        '            added.append(("Transfer-Encoding", "chunked"))\n'
        '        no_content = self.status.startswith("204 ")\n',
    ),
    (
        "        send_octets(self.connection, head + chunk)\n",
        "        in_chunks = self.chunked and chunk\n"
        '        framed = b"%x\\r\\n%b\\r\\n" % (len(chunk), chunk) if in_chunks else chunk\n'
        "        send_octets(self.connection, head + framed)\n",
    ),
    (
        '        self.send(b"", 0)\n',
        '        self.send(b"", 0)\n'
        "        if self.chunked:\n"
        '            send_octets(self.connection, b"0\\r\\n\\r\\n")\n',
    ),
]
PART_2 = {
    "chunked": CHUNKED,
    "passing-on": [  # Content-Length as it came; a field that PEP 3333 does not name
        ('    if environ.pop("HTTP_TRANSFER_ENCODING", "") or "CONTENT_LENGTH" in environ:\n',
         '    if environ.pop("HTTP_TRANSFER_ENCODING", ""):\n'),
        (', "proxy-authorization", "proxy-connection"),', ', "proxy-authorization"),'),
    ],
    "eager": [  # the first call of write() sends the head, also where it has no octets
        (
            "        self.send(chunk, None)\n",
            "        if not self.head_sent:\n"
            "            send_octets(self.connection, self.open(None))\n"
            "        self.send(chunk, None)\n",
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
