"""W18 and W19: the standard library's judge, and Flask."""

import pytest

from tests.checker.clauses import clause
from tests.checker.conversation import ask
from tests.checker.evidence import Word
from tests.checker.expect import expect
from tests.checker.verdict import Red
from tests.contract.hosted import FORM, json_of, request
from tests.contract.shared import cases

# ---- W18 -------------------------------------------------------------------------------

WELL_BEHAVED = {
    "environ": request("/v/environ/a%20b", b"X-A: b\r\n", q="1"),
    "environ-of-a-post": request("/v/environ", FORM, b"a=1", "POST"),
    "read-length": request("/v/input", b"", b"abc", "POST", how="read-length"),
    "read-some": request("/v/input", b"", b"abcdefgh", "POST", how="read-some"),
    "readlines": request("/v/input", b"", b"a\nb\n", "POST", how="readlines"),
    "iterate": request("/v/input", b"", b"a\nb\n", "POST", how="iterate"),
    "generator": request("/v/length", sent="a,b,c"),
    "list": request("/v/length", sent="abc", **{"as": "list"}),
    "known-length": request("/v/length", announced="3", sent="abc"),
    "empty": request("/v/length", sent=""),
    "large": request("/v/large", chunks="512"),
    "head": request("/v/head", method="HEAD"),
    "head-with-chunks": request("/v/length", method="HEAD", sent="a,b"),
    "write": request("/v/write", until="/"),
    "closing": request("/v/close", how="end"),
    "closing-after-head": request("/v/close", method="HEAD", how="end"),
    "cookies": request("/v/fields"),
    "absolute-form": request("/v/environ").replace(b"/v/", b"http://127.0.0.1/v/", 1),
    "http-1.0": b"GET /v/environ HTTP/1.0\r\n\r\n",
}


@clause("W18")
@cases(WELL_BEHAVED)
def test_wsgiref_validate_has_nothing_to_say(server, case):
    """wsgiref.validate between server and application finds nothing wrong."""
    begun = server.errors_size()
    likely = (
        "wsgiref.validate stands between server and application, and raises where either "
        "breaks PEP 3333. Its sentence is the last line of the traceback."
    )
    method = case.split(b" ")[0].decode()
    with ask(server, case) as talk:
        expect(talk, {200, 404}, method=method, likely=dict.fromkeys(("refused", "other"), likely))
        talk.reads_end(0.2)
    words = server.errors(begun)
    if "AssertionError" in words or "WSGIWarning" in words:
        verdict = Red("The judge objects.", talk, "silence", likely)
        verdict.stderr = words.strip().splitlines()[-1]
        raise verdict


# ---- W19 -------------------------------------------------------------------------------

UNCHANGED = "Flask reads environ and nothing else. Compare what it saw with PEP 3333, key by key."
FLASK: dict[str, Word] = {
    "refused": lambda evidence: NO_ROUTE if evidence.status == 404 else UNCHANGED,
    "accepted": UNCHANGED,
    "other": UNCHANGED,
}
NO_ROUTE = "Flask found no route (404): is PATH_INFO the path, decoded, and SCRIPT_NAME empty?"


def ask_flask(server, octets: bytes, status: int = 200):
    """Return (conversation, response) of a request to the Flask application. Raises Red."""
    pytest.importorskip("flask", reason="make test-part2 installs Flask")
    with ask(server, octets) as talk:
        return talk, expect(talk, {status}, method=octets.split(b" ")[0].decode(), likely=FLASK)


def check_text(server, octets: bytes, due: bytes) -> None:
    """Raise Red unless Flask answers with due."""
    talk, response = ask_flask(server, octets)
    if response.content != due:
        raise Red(f"Flask answered {response.content!r}.", talk, repr(due), UNCHANGED)


@clause("W19")
def test_flask_finds_route_and_query(server):
    """Flask finds the route and the query."""
    check_text(server, request("/flask/hello/Z%C3%BCrich", x="é &"), "Zürich, é &".encode())


@clause("W19")
def test_flask_reads_a_form(server):
    """Flask reads the fields of a form that is posted, repeated ones too."""
    octets = request("/flask/form", FORM, b"a=1&a=2&b=%C3%A9", "POST")
    talk, response = ask_flask(server, octets)
    if json_of(talk, response) != {"a": ["1", "2"], "b": ["é"]}:
        raise Red("The form is another.", talk, "a: 1, 2; b: é", UNCHANGED)


MULTIPART = b"".join(
    [
        b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n',
        bytes(range(256)) * 1000,
        b"\r\n--edge--\r\n",
    ]
)


@clause("W19")
def test_flask_reads_an_upload(server):
    """Flask reads an uploaded file."""
    kind = b"Content-Type: multipart/form-data; boundary=edge\r\n"
    check_text(server, request("/flask/upload", kind, MULTIPART, "POST"), b"a.bin 256000")


@clause("W19")
def test_flask_reads_json_in_chunks(server):
    """Flask reads JSON that is sent in chunks."""
    fields = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    octets = request("/flask/json", fields, method="POST") + b'7\r\n{"a": 1\r\n1\r\n}\r\n0\r\n\r\n'
    pytest.importorskip("flask")
    with ask(server, octets) as talk:
        response = expect(talk, {200, 400, 411, 501}, method="POST", likely=FLASK)
    if server.is_ours() and (response.status != 200 or json_of(talk, response) != {"a": 1}):
        raise Red("Flask did not see the JSON.", talk, '{"a": 1}', UNCHANGED)


@clause("W19")
def test_flask_keeps_a_session(server):
    """Flask keeps a session in a cookie."""
    _, first = ask_flask(server, request("/flask/count"))
    cookie = first.values("set-cookie")[0].partition(";")[0].encode("latin-1")
    check_text(server, request("/flask/count", b"Cookie: other=1; " + cookie + b"\r\n"), b"2")


@clause("W19")
def test_flask_redirects(server):
    """A redirect of Flask reaches the client with its status and its Location."""
    talk, response = ask_flask(server, request("/flask/old"), 302)
    if response.values("location") != ["/flask/hello/new"]:
        raise Red(
            f"Location is {response.values('location')}.", talk, "/flask/hello/new", UNCHANGED
        )


@clause("W19")
@cases({"host": b"Host: site.example:8080\r\n", "other": b"Host: other.example\r\n"})
def test_flask_knows_its_own_address(server, case):
    """Flask builds its own address from Host."""
    octets = request("/flask/url").replace(b"Host: 127.0.0.1\r\n", case)
    due = b"http://" + case.partition(b": ")[2].strip() + b"/flask/url"
    check_text(server, octets, due)


@clause("W19")
def test_without_host_flask_has_the_servers_own_name(server):
    """Without Host, Flask builds its own address from the server's name and port."""
    talk, response = ask_flask(server, b"GET /flask/url HTTP/1.0\r\n\r\n")
    due = f"http://{server.host}:{server.port}/flask/url".encode()
    if server.is_ours() and response.content != due:
        likely = (
            "Without Host, an address is made of SERVER_NAME and SERVER_PORT: what the socket "
            "says (getsockname), not a constant."
        )
        raise Red(f"Flask answered {response.content!r}.", talk, repr(due), likely)


@clause("W19")
def test_flask_streams(server):
    """Flask streams its answer, and all of it arrives."""
    check_text(server, request("/flask/stream"), b"".join(b"%d\n" % n for n in range(100)))


@clause("W19")
@cases(
    {
        "no-such-page": ("/flask/none", 404),
        "method": ("/flask/form", 405),
        "failure": ("/flask/fails", 500),
    }
)
def test_flask_answers_with_its_error_pages(server, case):
    """Flask answers with its own error pages."""
    path, status = case
    talk, response = ask_flask(server, request(path), status)
    if b"<title>" not in response.content or b"Traceback" in response.content:
        raise Red("This is not Flask's own page.", talk, f"{status}, Flask's page", UNCHANGED)


@clause("W19")
def test_flask_answers_head(server):
    """Flask answers HEAD with the Content-Length of GET."""
    talk, response = ask_flask(server, request("/flask/hello/you", method="HEAD"))
    if response.values("content-length") != ["5"]:
        raise Red("Content-Length is another.", talk, "Content-Length: 5", UNCHANGED)
