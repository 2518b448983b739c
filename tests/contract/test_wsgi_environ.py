"""W01 to W05: what the application is told about the request."""

import pytest

from tests.checker.clauses import clause
from tests.checker.conversation import ask
from tests.checker.expect import expect
from tests.checker.server import Server
from tests.checker.verdict import Red
from tests.contract.hosted import answer, gate, json_of, request, token
from tests.contract.shared import cases

REQUIRED = ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "SERVER_NAME", "SERVER_PORT"]
REQUIRED += ["SERVER_PROTOCOL", "wsgi.version", "wsgi.url_scheme", "wsgi.input", "wsgi.errors"]
REQUIRED += ["wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"]


def environ_of(server: Server, octets: bytes, likely: str = "") -> tuple:
    """Return (conversation, {key: (type, value)}) of a request for /w/environ."""
    talk, response = answer(server, octets, likely)
    return talk, json_of(talk, response)


def check(talk, values, key: str, due: object, likely: str) -> None:
    """Raise Red unless environ has due under key; None asks for no such key."""
    got = values.get(key, ("", None))[1]
    if got != due:
        permitted = f"{key} is {due!r}" if due is not None else f"no {key}"
        raise Red(f"{key} is {got!r}.", talk, permitted, likely, got_mark=key.encode())


# ---- W01 -------------------------------------------------------------------------------


@clause("W01")
def test_every_required_key_is_there(server):
    talk, values = environ_of(server, request("environ"))
    if missing := [key for key in REQUIRED if key not in values]:
        likely = "PEP 3333 lists the keys that must be there, SCRIPT_NAME too where it is empty."
        raise Red(f"Missing: {', '.join(missing)}.", talk, "every required key", likely)


@clause("W01")
def test_environ_is_a_plain_dict(server):
    talk, values = environ_of(server, request("environ"))
    if values["its type"][0] != "dict":
        raise Red(
            f"It is a {values['its type'][0]}.",
            talk,
            "a dict, of no other class",
            "PEP 3333: a builtin Python dictionary, since applications change it.",
        )


@clause("W01")
def test_values_are_native_strings(server):
    fields = b"Content-Type: text/plain\r\nX-A: b\r\n"
    talk, values = environ_of(server, request("environ", fields, b"hi", "POST"))
    for key, (kind, value) in values.items():
        if key.isupper() and kind != "str":
            raise Red(
                f"{key} is {value!r}, a {kind}.",
                talk,
                "str for every CGI variable",
                "PEP 3333: native strings, SERVER_PORT and CONTENT_LENGTH too.",
                got_mark=key.encode(),
            )


@clause("W01")
def test_the_server_names_its_port_and_the_method(server):
    talk, values = environ_of(server, request("environ", method="PROPFIND"))
    likely = "SERVER_PORT is the port that is listened on, as a string."
    check(talk, values, "SERVER_PORT", str(server.port), likely)
    check(talk, values, "REQUEST_METHOD", "PROPFIND", "The method is passed on as it came.")
    check(talk, values, "SCRIPT_NAME", "", "The application is at the root: an empty string.")


@clause("W01")
@cases({"http-1.1": b"HTTP/1.1", "http-1.0": b"HTTP/1.0"})
def test_the_protocol_is_the_version_of_the_request(server, case):
    talk, values = environ_of(server, request("environ").replace(b"HTTP/1.1", case, 1))
    likely = (
        "PEP 3333: the version that the client used, not the one that the server speaks. The "
        "request-line has it. An application that takes an old client for a newer one answers in "
        "a form that this client can't read."
    )
    check(talk, values, "SERVER_PROTOCOL", case.decode(), likely)


# ---- W02 -------------------------------------------------------------------------------

PATHS = {
    "plain": ("/w/environ/a", "/w/environ/a", ""),
    "query": ("/w/environ/a?b=c&d", "/w/environ/a", "b=c&d"),
    "percent-encoded": ("/w/environ/a%20b", "/w/environ/a b", ""),
    "lower-case-digits": ("/w/environ/%c3%a9%2f", "/w/environ/Ã©/", ""),
    "utf-8": ("/w/environ/%C3%A9", "/w/environ/Ã©", ""),
    "not-utf-8": ("/w/environ/%E9", "/w/environ/é", ""),
    "slash": ("/w/environ/a%2Fb", "/w/environ/a/b", ""),
    "question-mark": ("/w/environ/a%3Fb?c", "/w/environ/a?b", "c"),
    "percent-itself": ("/w/environ/%2525", "/w/environ/%25", ""),
    "no-escape": ("/w/environ/%zz%4", "/w/environ/%zz%4", ""),
    "parameters": ("/w/environ/a;b=c;d/e;f", "/w/environ/a;b=c;d/e;f", ""),
    "dots": ("/w/environ/../a/./b", "/w/environ/../a/./b", ""),
    "two-slashes": ("/w/environ//a", "/w/environ//a", ""),
    "plus": ("/w/environ/a+b?c+d", "/w/environ/a+b", "c+d"),
    "query-as-sent": ("/w/environ/?%C3%A9=%2F%zz", "/w/environ/", "%C3%A9=%2F%zz"),
    "two-question-marks": ("/w/environ?a?b", "/w/environ", "a?b"),
    "absolute-form": ("http://127.0.0.1/w/environ/a?b", "/w/environ/a", "b"),
}
DECODED = (
    "The path is percent-decoded to octets, and these are decoded as latin-1 (PEP 3333, "
    "Unicode Issues); the query stands in QUERY_STRING alone, as it was sent."
)


@clause("W02")
@cases(PATHS)
def test_the_path_is_decoded_and_the_query_is_not(server, case):
    target, path, query = case
    octets = request("/").replace(b"/ ", target.encode() + b" ", 1)
    talk, values = environ_of(server, octets, DECODED)
    check(talk, values, "PATH_INFO", path, DECODED)
    if query or "QUERY_STRING" in values:
        check(talk, values, "QUERY_STRING", query, DECODED)


@clause("W02")
def test_the_authority_of_an_absolute_form_is_the_host(server):
    octets = request("/w/environ").replace(b"/w/", b"http://user@other.example:81/w/", 1)
    talk, values = environ_of(server, octets)
    likely = "RFC 9112 §3.2.2: the target's host replaces what Host says, without userinfo."
    if values["HTTP_HOST"][1] not in ("other.example:81", "127.0.0.1") or server.is_ours():
        check(talk, values, "HTTP_HOST", "other.example:81", likely)


# ---- W03 -------------------------------------------------------------------------------

NAMES = "Names are compared without regard to case: HTTP_ and the name in capitals, - as _."


@clause("W03")
@cases(
    {
        "plain": (b"X-Some: thing\r\n", "HTTP_X_SOME", "thing"),
        "lower-case": (b"x-some: thing\r\n", "HTTP_X_SOME", "thing"),
        "white-space": (b"X-Some: \t a  b\t\r\n", "HTTP_X_SOME", "a  b"),
        "empty": (b"X-Some:\r\n", "HTTP_X_SOME", ""),
        "colons": (b"X-Some: a:b:c\r\n", "HTTP_X_SOME", "a:b:c"),
        "latin-1": (b"X-Some: \xe9\r\n", "HTTP_X_SOME", "é"),
        "utf-8": (b"X-Some: \xc3\xa9\r\n", "HTTP_X_SOME", "Ã©"),
        "content-type": (b"cOntent-tYpe: text/html\r\n", "CONTENT_TYPE", "text/html"),
        "content-type-as-sent": (b"Content-Type: a/b; c=DeF\r\n", "CONTENT_TYPE", "a/b; c=DeF"),
        "authorization": (b"Authorization: Basic eDp5\r\n", "HTTP_AUTHORIZATION", "Basic eDp5"),
        "no-http-content-type": (b"Content-Type: text/html\r\n", "HTTP_CONTENT_TYPE", None),
        "no-http-content-length": (b"Content-Length: 0\r\n", "HTTP_CONTENT_LENGTH", None),
    }
)
def test_a_field_becomes_a_variable(server, case):
    line, key, due = case
    talk, values = environ_of(server, request("environ", line))
    check(talk, values, key, due, NAMES + " Content-Type and Content-Length have no prefix.")


@clause("W03")
@cases(
    {
        "two": b"X-Some: a\r\nX-Some: b\r\n",
        "other-case": b"X-Some: a\r\nx-sOME: b\r\n",
        "apart": b"X-Some: a\r\nX-Other: 1\r\nX-Some: b\r\n",
    }
)
def test_repeated_fields_are_joined(server, case):
    talk, values = environ_of(server, request("environ", case))
    got = values.get("HTTP_X_SOME", ("", ""))[1]
    if [part.strip() for part in got.split(",")] != ["a", "b"]:
        raise Red(
            f"HTTP_X_SOME is {got!r}.",
            talk,
            "a,b or a, b",
            "RFC 9110 §5.3: all values in order, with commas between. In a dict the last one wins.",
            got_mark=b"HTTP_X_SOME",
        )


@clause("W03")
def test_equal_fields_are_both_kept(server):
    talk, values = environ_of(server, request("environ", b"X-Some: a\r\nX-Some: a\r\n"))
    if values["HTTP_X_SOME"][1].replace(" ", "") != "a,a":
        raise Red("One of two equal values is lost.", talk, "a,a", "RFC 9110 §5.3: all values.")


@clause("W03")
def test_cookies_are_joined_as_cookies(server):
    talk, values = environ_of(server, request("environ", b"Cookie: a=1\r\nCookie: b=2\r\n"))
    if not server.is_ours() and values["HTTP_COOKIE"][1] in ("a=1,b=2", "a=1, b=2"):
        pytest.skip("commas between cookies; the semicolon is policy")
    check(talk, values, "HTTP_COOKIE", "a=1; b=2", "Cookies are divided by a semicolon.")


@clause("W03")
@cases(
    {
        "alone": (b"X_User: evil\r\n", None),
        "beside": (b"X-User: good\r\nX_User: evil\r\n", "good"),
        "content-type": (b"X-User: good\r\nContent_Type: evil\r\n", "good"),
        "before": (b"X_User: evil\r\nX-User: good\r\n", "good"),
    }
)
def test_a_name_with_an_underscore_can_not_pose_as_another(server, case):
    lines, due = case
    likely = "X_User and X-User both become HTTP_X_USER: drop names with an underscore, or refuse."
    with ask(server, request("environ", lines)) as talk:
        response = expect(talk, {200, 400}, likely=likely)
    if response.status == 200:
        values = json_of(talk, response)
        check(talk, values, "HTTP_X_USER", due, likely)
        if values.get("CONTENT_TYPE", ("", ""))[1] == "evil":
            raise Red("Content_Type posed as Content-Type.", talk, "no CONTENT_TYPE", likely)


# ---- W04 -------------------------------------------------------------------------------

CONTENT = b"one\ntwo\r\n\nfour"
WAYS = {
    "read": ["one\ntwo\r\n\nfour"],
    "read-length": ["one\ntwo\r\n\nfour"],
    "read-some": ["one", "\ntw", "o\r\n", "\nfo", "ur"],
    "readline": ["one\n", "two\r\n", "\n", "four"],
    "readline-some": ["on", "e\n", "tw", "o\r", "\n", "\n", "fo", "ur"],
    "readlines": ["one\n", "two\r\n", "\n", "four"],
    "iterate": ["one\n", "two\r\n", "\n", "four"],
}
ENDS = (
    "wsgi.input is the content and nothing else: behind its last octet stands the end of the "
    "file. The socket's own file would wait there for ever, or read into the next request."
)


@clause("W04")
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("how", WAYS)
def test_the_content_is_read_in_every_way_and_ends(server, how, chunked):
    octets = request("input", b"", CONTENT, "POST", how=how)
    if chunked:
        length = b"Content-Length: %d\r\n" % len(CONTENT)
        octets = octets.replace(length, b"Transfer-Encoding: chunked\r\n")
        octets = octets.replace(
            CONTENT,
            b"4\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (CONTENT[:4], len(CONTENT) - 4, CONTENT[4:]),
        )
    with ask(server, octets) as talk:
        response = expect(talk, {200} | ({411, 501} if chunked else set()), likely=ENDS)
    if response.status != 200:
        return  # H21 is about that
    pieces, kind, left = json_of(talk, response)
    if chunked and how == "read-length" and not server.is_ours():
        return  # how an application learns the length of chunks is the server's choice
    if pieces != WAYS[how] or kind != "bytes" or left:
        raise Red(
            f"It read {pieces!r}, and then {kind} of {left}.",
            talk,
            f"{WAYS[how]!r}, and then b''",
            ENDS,
        )


@clause("W04")
def test_the_next_request_is_not_part_of_the_content(server):
    octets = request("input", b"", b"abc", "POST", how="read") + request("/next")
    with ask(server, octets) as talk:
        response = expect(talk, {200}, method="POST", likely=ENDS)
    if json_of(talk, response)[0] != ["abc"]:
        raise Red("What follows the content was read with it.", talk, "abc", ENDS)


@clause("W04")
def test_without_content_there_is_nothing_to_read(server):
    talk, response = answer(server, request("input", how="read"), ENDS)
    if json_of(talk, response) != [[""], "bytes", 0]:
        raise Red("There was something to read.", talk, "b''", ENDS)


@clause("W04")
def test_a_mebibyte_of_content_reaches_the_application(server):
    content = bytes(range(256)) * 4096
    with ask(server, request("/", b"", content, "POST")) as talk:
        response = expect(talk, {200}, method="POST", likely=ENDS)
    if not response.content.endswith(b"\r\n\r\n" + content):
        raise Red("The content is not the one that was sent.", talk, "the same octets", ENDS)


@clause("W04")
def test_decoded_chunks_look_like_content_of_known_length(server):
    head = b"POST /w/environ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with ask(server, head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") as talk:
        response = expect(talk, {200, 411, 501})
    if response.status != 200 or not server.is_ours():
        return
    values = json_of(talk, response)
    likely = "The application sees the decoded content: its length, and no transfer coding."
    check(talk, values, "CONTENT_LENGTH", "5", likely)
    check(talk, values, "HTTP_TRANSFER_ENCODING", None, likely)
    check(talk, values, "wsgi.input_terminated", True, likely)


# ---- W05 -------------------------------------------------------------------------------


@clause("W05")
@cases({"half-a-line-and-flush": {"flush": "1"}, "a-line": {"end": "1"}})
def test_what_is_written_to_errors_is_there_at_once(server, case):
    if "flush" not in case and not server.is_ours():
        pytest.skip("PEP 3333 lets a server wait for flush()")
    word = token()
    with gate() as until:
        octets = request("errors", token=word, until=str(until), **case)
        with ask(server, octets) as talk:
            seen = talk.wait(lambda: talk.take(0.01) or f"<{word} half" in server.errors())
            if not seen or talk.received:
                raise Red(
                    "It did not show up on stderr while the application waited.",
                    talk,
                    "on the server's stderr, at once",
                    "wsgi.errors is text, and goes to stderr: write_through, or a flush.",
                )
            until.touch()
            expect(talk, {200})


@clause("W05")
def test_the_server_tells_the_truth_about_itself(server):
    talk, values = environ_of(server, request("environ"))
    check(talk, values, "wsgi.version", "(1, 0)", "The version of the interface is (1, 0).")
    check(talk, values, "wsgi.url_scheme", "http", "There is no TLS here.")
    part = server.target.part
    true = {3: {"multiprocess", "run_once"}, 4: {"multiprocess"}}.get(part, set())
    likely = "One process, one thread, many requests: all three False."
    if part == 3:
        likely = (
            "Another process may run the application too (multiprocess), none of them twice "
            "(run_once), and none has threads: False, True, True."
        )
    if part == 4:
        likely = (
            "Other processes run the application too (multiprocess), each again and again (not "
            "run_once), and none has threads: False, True, False."
        )
    for key in ("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"):
        if not server.is_ours() and isinstance(values[key][1], bool):
            continue
        check(talk, values, key, key.removeprefix("wsgi.") in true, likely)
