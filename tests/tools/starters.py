"""The reader's starting point: each part's finished server with bodies taken out.

    python -m tests.tools.starters writes partN_*/starter.py

A body that is needed for any answer at all raises NotImplementedError with the advice; one that
is needed for a clause only lets a good request pass, and names the clause in a comment. The
check reads both (tests/checker/advice.py). Filled with the finished bodies, a starter is the
server.
"""

import ast
import textwrap

from tests.parts import PARTS


def format_advice(clause: str, name: str) -> str:
    """Return the body of a function that nothing works without: it raises the advice."""
    return f'raise NotImplementedError("Next, write {name}: {clause} needs it.")'


NEEDED = {
    1: {
        "serve_connection": "H01",
        "serve_request": "H01",
        "format_echo": "H01",
        "send_response": "H01",
        "format_head": "H01",
        "read_request_line": "H07",
        "read_more": "H07",
        "read_line": "H07",
        "parse_request_line": "H07",
        "read_field_section": "H07",
        "parse_field_line": "H07",
        "read_content": "H08",
        "parse_list": "H15",
    },
    2: {
        "format_environ": "W01",
        "parse_path": "W01",
        "format_variables": "W01",
        "serve_application": "W01",
        "serve_iterable": "W01",
        "send_chunk": "W01",
        "format_answer_head": "W01",
        "send_octets": "W01",
        "read_chunks": "H21",
        "parse_chunk_size": "H21",
    },
    3: {
        "serve_in_child": "P01",
        "flush_output": "P10",
        "reap_children": "P03",
        "send_unavailable": "P08",
    },
}
NEUTRAL = {
    1: {
        "read_request": """
            # unwritten: H07, H10, H14, H16, H17, H19. One recv() is not a request.
            received += connection.recv(RECV_SIZE)
            return Request(bytes(received.partition(b" ")[0]), b"", b"", [], b"", len(received))
            """,
        "parse_content_length": """
            # unwritten: H08, H10, H20, H22, H23
            return 0
            """,
        "send_continue": "pass  # unwritten: H15",
        "parse_target": """
            # unwritten: H13, H16
            return target
            """,
        "parse_host": "pass  # unwritten: H18",
        "parse_authority": """
            # unwritten: H18, H13
            return authority
            """,
        "parse_transfer_encoding": "pass  # unwritten: H21",
        "read_is_due": """
            # unwritten: H22, H10
            return False
            """,
        "read_and_drop": "pass  # unwritten: H10, H16, H19, H22",
        "format_visible": """
            # unwritten: H27
            return octets.decode("latin-1")
            """,
    },
    2: {
        "serve_request": """
            # unwritten: W01 to W19. Part 1's echo, until there is an application to call.
            try:
                request = read_request(connection, received)
            except HTTPError as error:
                if not received:
                    return "", 0, False
                content = f"{error.status}\\n{error.reason}\\n".encode("ascii")
                to_head = received.lstrip(b"\\r\\n").startswith(b"HEAD ")  # or after empty lines
                send_response(connection, error.status, content, to_head)
                return error.status, len(content), True
            echo = bytes(received[: request.size])
            echo = echo.replace(b"HEAD ", b"GET ", 1) if request.method == b"HEAD" else echo
            send_response(connection, "200 OK", echo, request.method == b"HEAD")
            return "200 OK", len(echo), len(received) > request.size or read_is_due(connection)
            """,
        "parse_transfer_encoding": """
            # unwritten: H21, W04, W19. Part 1's answer, which stays right until chunks are read.
            if b"transfer-encoding" not in dict(fields):
                return False
            codings = parse_list(fields, b"transfer-encoding")
            if codings[-1:] != [b"chunked"] or codings.count(b"chunked") > 1:
                raise HTTPError("400 Bad Request", "The last transfer coding is not chunked.")
            if version == b"HTTP/1.0" or b"content-length" in dict(fields):
                raise HTTPError("400 Bad Request", "Here Transfer-Encoding is not allowed.")
            raise HTTPError("501 Not Implemented", "Chunked content is not decoded yet.")
            """,
        "parse_status": """
            # unwritten: W14, W13
            return status
            """,
        "parse_response_headers": """
            # unwritten: W13, W14, W11
            return list(response_headers)
            """,
    },
    3: {
        "serve_rehearsal": "pass  # unwritten: no clause; it saves CPU time, see make cost",
        "serve_forever": """
            # unwritten: P01 to P12. Part 2's: one after the other.
            while True:
                try:
                    connection, client = listener.accept()
                except ConnectionError:
                    continue
                serve_connection(connection, client, application)
            """,
    },
}
FLAGGED = "format_environ"  # part 3 changes what it says of processes


def body_lines(text: str) -> dict[str, tuple[int, int]]:
    """Return the lines [first, last) of each function's body, without its docstring."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            first, last = node.body[0].end_lineno, node.end_lineno
            assert first and last  # ast.parse() always tells
            found[node.name] = first, last
    return found


def replace_body(text: str, name: str, body: str) -> str:
    """Return text with body as the body of the function name."""
    first, last = body_lines(text)[name]
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:first], body, *lines[last:]])


def body_of(text: str, name: str) -> str:
    """Return the body of one function as it stands."""
    first, last = body_lines(text)[name]
    return "".join(text.splitlines(keepends=True)[first:last])


def unwritten_bodies(part: int) -> dict[str, str]:
    """Return the unwritten bodies of a part by the function's name."""
    plain = {name: format_advice(clause, name) for name, clause in NEEDED.get(part, {}).items()}
    plain |= {name: textwrap.dedent(body).strip() for name, body in NEUTRAL.get(part, {}).items()}
    return {name: textwrap.indent(body, "    ") + "\n" for name, body in plain.items()}


def starter_text(part: int) -> str:
    """Return the text of a part's starter."""
    text = PARTS[part].server.read_text(encoding="utf-8")
    for name, body in unwritten_bodies(part).items():
        text = replace_body(text, name, body)
    if part == 3:  # what part 2 said: it is for the reader to find out that it is true no more
        body = body_of(PARTS[2].server.read_text(encoding="utf-8"), FLAGGED)
        text = replace_body(
            text, FLAGGED, "    # unwritten: W05. Who else runs the application?\n" + body
        )
    return text


def main() -> None:
    """Write every part's starter."""
    for number, part in PARTS.items():
        (part.path / "starter.py").write_text(starter_text(number), encoding="utf-8")


if __name__ == "__main__":
    main()
