"""Whoever keeps the contract in another permitted way is green too."""

import pytest

from tests.course.selfcheck import change, run_check

pytestmark = pytest.mark.slow

WAYS = {
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


@pytest.mark.parametrize("changes", WAYS.values(), ids=WAYS)
def test_another_permitted_way_is_green(tmp_path, changes):
    ended = run_check(1, "--server", change(tmp_path / "other.py", *changes))
    assert ended.status == 0, ended.stdout
