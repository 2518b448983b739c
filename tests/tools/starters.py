"""The reader's starting point: each part's finished server with bodies taken out.

    python -m tests.tools.starters writes partN_*/starter.py

A body that is taken out is replaced by a neutral one, which lets a plain request pass and says in
a comment which clauses prove it wrong (the check reads that, tests/checker/advice.py). So a starter
runs from the first minute, and nothing that it keeps is lost on the way. Filled with the finished
bodies, it is the server. tests/stages.py has the order.
"""

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

from tests.parts import PARTS, ROOT

NEUTRAL = {
    1: {
        "open_listener": """
            # unwritten: H26
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listener = socket.socket(family, kind)
            listener.bind(address)
            listener.listen()
            return listener
            """,
        "format_echo": """
            # unwritten: H06, H25
            return b"Hello, world!\\n"
            """,
        "send_response": """
            # unwritten: H06, H05
            head = format_head(status, [("Content-Type", "text/plain")])
            connection.sendall(head + content)
            """,
        "format_head": """
            # unwritten: H02
            lines = [f"{name}: {value}" for name, value in response_headers]
            return "\\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")
            """,
        "Incoming.more": """
            # unwritten: H07, H23. And if no more comes?
            self.octets += self.connection.recv(RECV_SIZE)
            """,
        "Incoming.line": """
            # unwritten: H07. The line may not have come yet.
            line = bytes(self.octets[self.place :].partition(b"\\r\\n")[0])
            self.place += len(line) + len(b"\\r\\n")
            return line
            """,
        "read_request_line": """
            # unwritten: H11
            incoming.more()
            return incoming.line(MAX_REQUEST_LINE, "414 URI Too Long")
            """,
        "read_field_section": """
            # unwritten: H08, H20. The fields are passed over.
            while incoming.line(MAX_FIELD_SECTION, "431 Request Header Fields Too Large"):
                pass
            return []
            """,
        "Incoming.take": """
            # unwritten: H08, H10. What has come by now need not be all, nor all of it ours.
            taken = bytes(self.octets[self.place :])
            self.place = len(self.octets)
            return taken
            """,
        "parse_list": """
            # unwritten: H15
            return []
            """,
        "send_continue": "pass  # unwritten: H15",
        "send_refusal": "pass  # unwritten: H23, H16, H17",
        "parse_request_line": """
            # unwritten: H16, H17
            method, _, rest = line.partition(b" ")
            target, _, version = rest.rpartition(b" ")
            return method, target, version
            """,
        "check_target": "pass  # unwritten: H16",
        "parse_field_line": """
            # unwritten: H19
            name, _, value = line.partition(b":")
            return name.lower(), value.strip()
            """,
        "parse_content_length": """
            # unwritten: H20
            length = dict(fields).get(b"content-length", b"0")
            return int(length) if length.isdigit() else 0
            """,
        "check_transfer_encoding": "pass  # unwritten: H21",
        "Incoming.is_unread": """
            # unwritten: H10
            return False
            """,
        "Incoming.drop": "pass  # unwritten: H22",
        "serve_connection": """
            # unwritten: H24
            incoming = Incoming(connection)
            with connection:
                serve_request(incoming)
            print_visible(bytes(incoming.octets))
            """,
        "format_visible": """
            # unwritten: H27
            return octets.decode("latin-1")
            """,
        "print_visible": """
            # unwritten: H27
            try:
                print(format_visible(octets), flush=True)
            except OSError:
                pass
            """,
        "check_authority": "pass  # unwritten: H13, H18",
        "check_host": "pass  # unwritten: H18",
    },
    2: {
        "format_variables": """
            # unwritten: W03
            return {
                "HTTP_" + name.decode("latin-1").upper().replace("-", "_"): value.decode("latin-1")
                for name, value in fields
            }
            """,
        "parse_path": """
            # unwritten: W02, H13
            path, _, query = target.partition(b"?")
            return b"", path, query
            """,
        "format_environ": """
            # unwritten: W01, W02, W05
            _, path, query = parse_path(request.target)
            environ: WSGIEnvironment = dict(format_variables(request.fields))
            environ["CONTENT_LENGTH"] = str(len(request.content))
            environ["REQUEST_METHOD"] = request.method.decode("ascii")
            environ["PATH_INFO"] = path.decode("latin-1")
            environ["QUERY_STRING"] = query.decode("latin-1")
            environ["SERVER_PROTOCOL"] = request.version.decode("ascii")
            environ["wsgi.input"] = io.BytesIO(request.content)
            environ["wsgi.errors"] = sys.stderr
            return environ
            """,
        "serve_application": """
            # unwritten: W15, W16
            try:
                send_iterable(answer, application(environ, answer.start))
            except Disconnected:
                pass
            except Exception:
                traceback.print_exc()
                answer.send_instead("500 Internal Server Error", FAILED)
            """,
        "send_iterable": """
            # unwritten: W08, W10
            answer.send(b"".join(iterable), None)
            answer.finish()
            """,
        "Answer.start": """
            # unwritten: W07, W09
            self.status, self.response_headers = status, list(response_headers)
            """,
        "Answer.write": "pass  # unwritten: W09",
        "Answer.is_bare": """
            # unwritten: W12
            return self.to_head
            """,
        "Answer.open": """
            # unwritten: W11, W12, W17
            self.head_sent = True
            added = [("Date", format_date(time.time())), ("Connection", "close")]
            return format_head(self.status, [*added, *self.response_headers])
            """,
        "Answer.send": """
            # unwritten: W06, W11
            head = b"" if self.head_sent else self.open(length)
            send_octets(self.connection, head + (b"" if self.is_bare else chunk))
            """,
        "Answer.finish": """
            # unwritten: W06, W11
            if not self.head_sent:
                self.send(b"", 0)
            """,
        "check_status": "pass  # unwritten: W14",
        "check_response_headers": "pass  # unwritten: W13, W14",
        "read_chunks": """
            # unwritten: W19
            raise HTTPError("This server does not decode chunked yet.", "501 Not Implemented")
            """,
        "parse_chunk_size": """
            # unwritten: H21. int() takes more than hex digits, and no ;name=value.
            try:
                size = int(line, 16)
            except ValueError:
                raise HTTPError("A chunk begins with a hex size.") from None
            if not 0 <= size <= room:
                raise HTTPError(f"The limit is {MAX_CONTENT} octets.", "413 Content Too Large")
            return size
            """,
        "check_transfer_encoding": """
            # unwritten: W19. Part 1's, which stays right until chunks are read.
            if b"transfer-encoding" not in dict(fields):
                return
            codings = parse_list(fields, b"transfer-encoding")
            if codings[-1:] != [b"chunked"] or codings.count(b"chunked") > 1:
                raise HTTPError("The last transfer coding is not chunked.")
            if version == b"HTTP/1.0" or b"content-length" in dict(fields):
                raise HTTPError("Transfer-Encoding is not allowed here.")
            raise HTTPError("Part 1 does not decode chunked; part 2 does.", "501 Not Implemented")
            """,
    },
    3: {
        "serve_forever": """
            # unwritten: P01, P02, P12. Part 2's: one after the other.
            while True:
                try:
                    connection, client = listener.accept()
                except (ConnectionError, TimeoutError):
                    continue
                serve_connection(connection, client, application)
            """,
        "serve_in_child": """
            # unwritten: P04, P11, H26, P09, P07
            serve_connection(connection, client, application)
            os._exit(0)
            """,
        "reap_children": """
            # unwritten: P03, P06. One child for each signal.
            os.waitpid(-1, os.WNOHANG)
            """,
        "flush_output": "pass  # unwritten: P10",
        "send_unavailable": """
            # unwritten: P08
            connection.close()
            """,
        "format_environ": "",  # part 2's, see neutral_body()
    },
    4: {
        "Life.is_over": """
            # unwritten: L14, L16
            return False
            """,
        "Worker.tick": """
            # unwritten: L04, L05, L06
            self.age += self.is_ready
            """,
        "Master.fill": """
            # unwritten: P01, L01, P06. One worker, and no other after it.
            if self.coming and not self.coming.workers:
                self.fork(self.coming)
            """,
        "Master.reap": "pass  # unwritten: L03",
        "Master.bury": "pass  # unwritten: L03, P05, P08",
        "Master.wake": "pass  # unwritten: L04",
        "Master.stop": """
            # unwritten: L14, L15, L16. What is begun is not finished.
            self.end(0)
            """,
        "Master.end": """
            # unwritten: L17
            self.status = status
            for generation in self.generations_alive():
                generation.kill()
            self.current, self.coming, self.leaving = None, None, []
            """,
        "Master.reload": """
            # unwritten: L19, L20, L21. The first generation is the last.
            if not self.generations_alive():
                self.generations += 1
                self.coming = Generation(self.generations)
                self.fill()
            """,
        "Master.promote": """
            # unwritten: L19
            if self.coming and self.coming.is_proven and not self.current:
                print(f"Serving HTTP on {format_url(self.listener)}", flush=True)
                self.current, self.coming = self.coming, None
            """,
        "Master.give_up": """
            # unwritten: L20. Who has served until now?
            self.end(2)
            """,
        "Waiting.accept": """
            # unwritten: P02, L07. Whoever connects is waited for.
            return self.take()
            """,
        "Waiting.keep": """
            # unwritten: L11. And who has asked already?
            if seconds <= 0:
                self.close(incoming)
                return
            if incoming not in self.deadlines:
                self.selector.register(incoming.connection, selectors.EVENT_READ, incoming)
            self.deadlines[incoming] = time.monotonic() + seconds
            """,
        "Waiting.sweep": "pass  # unwritten: L07, L12",
        "Waiting.leave": """
            # unwritten: L14, L15, L18. Nobody leaves.
            self.selector.unregister(self.life.stay)
            """,
        "Patience.earn": "pass  # unwritten: L09",
        "Patience.wait": """
            # unwritten: L08, L09, L10. As long as it takes.
            poll = select.poll()
            poll.register(connection, event)
            poll.poll(1000 * seconds)
            return True
            """,
        "is_kept": """
            # unwritten: L12
            return False
            """,
        "Incoming.forget": """
            # unwritten: L11. What came after the request is lost.
            self.octets.clear()
            self.begin = self.place = 0
            """,
        "give_up_power": "pass  # unwritten: L23",
    },
}


def functions(text: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield (name, node) of each function, and of each method as Class.name."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner


def body_lines(text: str, name: str) -> tuple[int, int]:
    """Return the lines [first, last) of a function's body, without its docstring."""
    node = dict(functions(text))[name]
    docstring = node.body[0]
    assert docstring.end_lineno and node.end_lineno
    return docstring.end_lineno, node.end_lineno


def replace_body(text: str, name: str, body: str) -> str:
    """Return text with the body of one function replaced."""
    first, last = body_lines(text, name)
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:first], body, *lines[last:]])


def body_of(text: str, name: str) -> str:
    """Return the body of one function as it stands."""
    first, last = body_lines(text, name)
    return "".join(text.splitlines(keepends=True)[first:last])


def server_text(part: int, root: Path) -> str:
    """Return the text of a part's server below root."""
    return (root / PARTS[part].folder / "server.py").read_text(encoding="utf-8")


def neutral_body(part: int, name: str, root: Path = ROOT) -> str:
    """Return the body that stands for one that is not written yet."""
    depth = 8 if "." in name else 4
    body = textwrap.dedent(NEUTRAL[part][name]).strip()
    if not body:  # what part 2 said: it is for the reader to find out that it is true no more
        before = body_of(server_text(part - 1, root), name)
        return "    # unwritten: W05. Who else runs the application?\n" + before
    return textwrap.indent(body, " " * depth) + "\n"


def starter_text(part: int, root: Path = ROOT) -> str:
    """Return the text of a part's starter; root is where the servers are.

    Raises KeyError with the name of a function that the server lacks.
    """
    text = server_text(part, root)
    for name in NEUTRAL.get(part, {}):
        text = replace_body(text, name, neutral_body(part, name, root))
    return text


def main() -> None:
    """Write every part's starter."""
    for number, part in PARTS.items():
        (part.path / "starter.py").write_text(starter_text(number), encoding="utf-8")


if __name__ == "__main__":
    main()
