"""Every clause has a test that can fail: one mistake each in the finished server, and it is red."""

import pytest

from tests.clauses import CLAUSES
from tests.course.selfcheck import changed, red, run_check

pytestmark = pytest.mark.slow

MISTAKES = {
    "H01": ('f"HTTP/1.1 {status}"', 'f"HTTP 1.1 {status}"'),
    "H02": ('return "\\r\\n".join([*lines, "", ""])', 'return "\\n".join([*lines, "", ""])'),
    "H03": ('("Content-Length", str(len(content)))', '("Content-Length", str(len(content) + 1))'),
    "H04": ('("Connection", "close")', '("Connection", "keep-alive")'),
    "H05": ('("Date", formatdate(usegmt=True))', '("Date", formatdate(localtime=True))'),
    "H06": ("head if to_head else head + content", "head + content"),
    "H07": (
        "        read_more(connection, received)\n    if received[start:newline]",
        '        raise HTTPError("400 Bad Request", "One recv is enough.")\n'
        "    if received[start:newline]",
    ),
    "H08": (
        "    while len(received) < start + length:\n        read_more(connection, received)\n",
        "    if len(received) < start + length:\n        read_more(connection, received)\n",
    ),
    "H09": (
        "    octets = connection.recv(RECV_SIZE)\n    if not octets:\n        raise HTTPError(",
        "    octets = connection.recv(RECV_SIZE)\n"
        "    if not connection.recv(1, socket.MSG_PEEK):\n        raise OSError('gone')\n"
        "    if not octets:\n        raise HTTPError(",
    ),
    "H10": ("format_echo(bytes(received[: request.size]))", "format_echo(bytes(received))"),
    "H11": ("    while not (line := read_line(", "    if not (line := read_line("),
    "H12": ("MAX_REQUEST_LINE = 16 * 1024", "MAX_REQUEST_LINE = 4 * 1024"),
    "H13": ("if absolute := ABSOLUTE_FORM.fullmatch(target)", "if absolute := None"),
    "H14": ('if not version.startswith(b"HTTP/1.")', 'if version != b"HTTP/1.1"'),
    "H15": ("    if len(received) == start and length > 0:\n", "    if not length:\n"),
    "H16": ('line.split(b" ")', 'line.split(b" ")[:3]'),
    "H17": ('if not version.startswith(b"HTTP/1.")', 'if not version.startswith(b"HTTP/")'),
    "H18": ("    if len(hosts) > 1 or (not hosts", "    if (not hosts"),
    "H19": (":([\\t -~\\x80-\\xff]*)\"", "[ ]*:([\\t -~\\x80-\\xff]*)\""),
    "H20": ("not DIGITS.fullmatch(lengths[0])", "not lengths[0].decode('latin-1').isdigit()"),
    "H21": ("    parse_transfer_encoding(version, fields)\n    length", "    length"),
    "H22": ("        if serve_request(connection, received):\n", "        if not serve_request("
            "connection, received):\n"),
    "H23": ("    if not octets:\n        raise HTTPError(", "    octets = octets or b'\\r\\n' * 9\n"
            "    if not octets:\n        raise HTTPError("),
    "H24": ("    except OSError:\n        pass  # reset,", "    except TimeoutError:\n"
            "        pass  # reset,"),
    "H25": ("    received = bytearray()\n    try:", "    received = KEPT\n    try:"),
    "H26": ("    listener.setsockopt(", "    False and listener.setsockopt("),
    "H27": ("print(format_visible(received)", "print(received.decode('latin-1')"),
}  # fmt: skip
BESIDES = {"H25": ("def serve_connection(", "KEPT = bytearray()\n\n\ndef serve_connection(")}


def test_every_clause_is_broken_by_one():
    assert list(MISTAKES) == [id for id in CLAUSES if id[0] == "H"]


@pytest.mark.parametrize("id", MISTAKES)
def test_the_mistake_turns_its_clause_red(tmp_path, id):
    changes = [MISTAKES[id], *([BESIDES[id]] if id in BESIDES else [])]
    path = changed(tmp_path / "mistake.py", *changes)
    ended = run_check("--server", path, "--clause", id)
    assert red(ended.stdout) == {id} and ended.returncode != 0, ended.stdout
