"""W06 to W17: how the application's answer leaves, and how its failures do."""

import re
import signal
import time
from collections.abc import Set

import pytest

from tests.apps.contract import BAD
from tests.checker.checks import check_framing, check_head, check_status_line
from tests.checker.clauses import clause
from tests.checker.conversation import ask
from tests.checker.evidence import Evidence, Word, say_of_status
from tests.checker.expect import LIKELY, expect
from tests.checker.patience import ANSWER_SECONDS
from tests.checker.verdict import Red
from tests.contract.hosted import answer, gate, request, token, wait_for_words
from tests.contract.shared import cases

SLOW_SECONDS = 0.5  # longer than a server may have thought that sending takes
QUIET_SECONDS = 0.3  # in which nothing may come; a slower machine only makes it laxer

# ---- W06, W07 --------------------------------------------------------------------------

KEPT_BACK = (
    "start_response stores status and fields, no more. The head leaves with the first "
    "chunk that is not empty, or at the end."
)

WITH_EXC_INFO = (
    "The application called start_response again, with exc_info, before the head had left: that "
    "replaces status and fields. "
)
AS_FOR_GET = (
    "HEAD is answered with the head of GET, and the application can replace that until its first "
    "content: ask it for chunks until the head has left, and only then stop."
)
TOO_EARLY = (
    "The head had left when the application called start_response again, and so that call raised. "
    "An empty chunk is no content: Answer.send keeps the head back until one comes that is not "
    "empty, or the end."
)
WHY_NOT_REPLACED: dict[str, Word] = {
    "accepted": f"{WITH_EXC_INFO}Here the second call changed nothing.",
    "other": f"{WITH_EXC_INFO}Does start_response raise here, though it was given exc_info?",
}


@clause("W06")
def test_the_head_waits_for_content_and_can_be_replaced(server):
    """The head waits for the first content, and can be replaced until then."""
    with gate() as until, ask(server, request("late", until=str(until))) as talk:
        if talk.take(QUIET_SECONDS):
            raise Red("The head left before there was content.", talk, "nothing yet", KEPT_BACK)
        until.touch()
        response = expect(talk, {404}, words="404, which replaced 200", likely=WHY_NOT_REPLACED)
        if response.values("x-old") or not response.values("x-new"):
            raise Red(
                "The old fields are still there.",
                talk,
                "the new fields alone",
                KEPT_BACK,
                got_mark=b"X-Old",
            )
        if response.content != b"replaced":
            raise Red("The content is another.", talk, "replaced", KEPT_BACK)


@clause("W06")
@cases({"no-chunks": "", "empty-chunks": ",,"})
def test_the_head_leaves_at_the_end_where_there_is_no_content(server, case):
    """The head is sent at the end where the application yields no content."""
    talk, response = answer(server, request("length", sent=case), KEPT_BACK)
    if response.content or not response.whole:
        raise Red("There is content.", talk, "200 without content", KEPT_BACK)


@clause("W07")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_start_response_with_exc_info_replaces_status_and_fields(server, method):
    """start_response with exc_info replaces status and fields before the head has left."""
    begun = server.errors_size()
    with ask(server, request("late", method=method, until="/")) as talk:
        response = talk.response(method)
        if not response or response.status != 404 or response.values("x-old"):
            raised = "changed my mind" in server.errors(begun)  # as it does once the head has left
            status = response.status if response else None
            likely = why_not_replaced(Evidence(talk, status), method, raised)
            raise Red("The old answer was sent, or a part of it.", talk, "404, X-New", likely)


def why_not_replaced(evidence: Evidence, method: str, raised: bool) -> str:
    """Return what is likely where start_response with exc_info has not replaced all there was.

    raised: it has raised in the application.
    """
    if evidence.status == 200 and raised:
        return TOO_EARLY
    word = {
        404: f"{WITH_EXC_INFO}Here the old fields stayed beside the new ones: replace the list.",
        200: AS_FOR_GET if method == "HEAD" else f"{WITH_EXC_INFO}Here it changed nothing.",
    }.get(evidence.status or 0, f"{WITH_EXC_INFO}Does start_response raise here?")
    return say_of_status(evidence, word)


@clause("W07")
def test_start_response_twice_without_exc_info_is_an_error(server):
    """A second start_response without exc_info raises in the application."""
    with ask(server, request("twice")) as talk:
        taken = (
            "The second call replaced the first. Without exc_info it is an error: raise in "
            "start_response when there is a status already."
        )
        response = expect(talk, {200, 500}, likely={"refused": taken})
        if response.status == 200 and response.content != b"raised":
            raise Red(
                "The second call was ignored.",
                talk,
                "an exception in the application",
                "PEP 3333: a fatal error to call it again without exc_info.",
            )


HEAD_HAS_LEFT = (
    "The head has left, and a second one can't follow: it would be read as content. "
    "start_response with exc_info raises then, and the connection ends."
)


@clause("W07")
def test_start_response_with_exc_info_raises_once_the_head_has_left(server):
    """start_response with exc_info raises the original exception once the head has left."""
    word = token()
    with ask(server, request("after", token=word)) as talk:
        talk.reads_end(ANSWER_SECONDS)
        if not talk.received:
            raise Red("Nothing came.", talk, "one status-line", LIKELY["closed"])
        if talk.received.count(b"HTTP/1.") != 1:
            raise Red(
                "A second status-line was sent.",
                talk,
                "one",
                HEAD_HAS_LEFT,
                got_mark=b"HTTP/1.1 500",
            )
    if wait_for_words(server, word) != ["raised original"]:
        raise Red(
            "The original exception was not raised.",
            talk,
            "raise exc_info[1]",
            "PEP 3333: where the head has left, re-raise exc_info, with its traceback.",
        )


# ---- W08, W09 --------------------------------------------------------------------------

STREAMS = (
    "The chunks were joined, or held back, until the application was done. Send each as "
    "it comes, before you ask for the next."
)


FAILED = (
    "The application failed: stderr says why. start_response returns write, a function that "
    "an old application calls with its content."
)


def check_streams(server, route: str, first: bytes, whole: bytes) -> None:
    """Raise Red unless first arrives while the application waits, and whole at the end."""
    with gate() as until, ask(server, request(route, until=str(until))) as talk:
        if not talk.wait(lambda: first in talk.received):
            if talk.received.startswith(b"HTTP/1.1 5"):
                expect(talk, {200}, likely=FAILED)
            raise Red(
                "The first chunk did not come while the application waited.",
                talk,
                f"{first.decode()!r}, at once",
                STREAMS,
            )
        until.touch()
        response = expect(talk, {200}, likely=STREAMS)
        if response.content != whole:
            raise Red(f"The content is {response.content!r}.", talk, repr(whole), STREAMS)


@pytest.mark.waits(3.2)
@clause("W08")
def test_each_chunk_leaves_while_the_application_waits(server):
    """Each chunk is sent before the application is asked for the next."""
    check_streams(server, "stream", b"first ", b"first second")


@clause("W08")
@cases({"512-chunks": "512", "one-chunk": "1"})
def test_32_mebibytes_arrive_whole_at_a_slow_reader(server, case):
    """Content of 32 MiB arrives whole at a client that reads slowly."""
    count = int(case)
    with ask(server, request("large", chunks=case)) as talk:
        time.sleep(SLOW_SECONDS)  # first it does not read, then as fast as it can
        response = expect(talk, {200})
    due = b"".join(bytes([n % 251]) * ((32 << 20) // count) for n in range(count))
    if response.content != due:
        raise Red(
            f"{len(response.content)} octets came, or others.",
            talk,
            f"{len(due)} octets",
            "send() may take a part only and says how much; sendall() takes all.",
        )


@clause("W09")
def test_write_sends_at_once_and_in_order(server):
    """write() sends at once, and before what the iterable yields."""
    check_streams(server, "write", b"one ", b"one two three")


# ---- W10 -------------------------------------------------------------------------------

CLOSES = (
    "finally: if hasattr(iterable, 'close'): iterable.close(). It is how applications free "
    "files and connections."
)


@clause("W10")
@pytest.mark.parametrize("how", ["end", "raise", "raise-early"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_close_is_called_once(server, how, method):
    """close() of the iterable is called exactly once, at the end or after an exception."""
    word = token()
    with ask(server, request("close", method=method, how=how, token=word)) as talk:
        talk.response(method)
        talk.reads_end(QUIET_SECONDS if talk.received else ANSWER_SECONDS)
    check_closed_once(server, talk, word)


@clause("W10")
def test_close_is_called_when_the_client_has_gone(server):
    """close() of the iterable is called once when the client has gone."""
    word = token()
    with gate() as until:
        query = {"how": "endless", "token": word, "until": str(until)}
        with ask(server, request("close", **query)) as talk:
            talk.wait(lambda: b"first" in talk.received)
            talk.reset()
        until.touch()
        check_closed_once(server, talk, word)


@clause("W10")
@cases({"list": {"as": "list"}, "iterator": {}})
def test_an_iterable_without_close_is_no_failure(server, case):
    """An iterable that has no close() is served without an error."""
    begun = server.errors_size()
    with ask(server, request("length", sent="a,b", **case)) as talk:
        expect(talk, {200}, likely=CLOSES)
        talk.reads_end(QUIET_SECONDS)
    with ask(server, request("/next")) as after:  # by now its log is written
        expect(after, {200}, likely=CLOSES)
    if "Traceback" in server.errors(begun):
        raise Red("There is a traceback on stderr.", talk, "silence", CLOSES)


def check_closed_once(server, talk, word: str) -> None:
    """Raise Red unless the application was closed exactly once."""
    wait_for_words(server, word)
    with ask(server, request("/next")) as after:  # by now a second call would have shown
        expect(after, {200})
    if (times := wait_for_words(server, word).count("closed")) != 1:
        likely = "Two places call it: keep the one in finally." if times else CLOSES
        raise Red(f"close() was called {times} times.", talk, "once", likely)


# ---- W11, W12 --------------------------------------------------------------------------


@clause("W11")
@cases(
    {
        "one-chunk": {"announced": "5", "sent": "hello, world", "as": "list"},
        "two-chunks": {"announced": "5", "sent": "hello, world"},
        "inside-a-chunk": {"announced": "7", "sent": "hello, world"},
        "zero": {"announced": "0", "sent": "hello"},
    }
)
def test_the_announced_length_is_never_exceeded(server, case):
    """No more octets are sent than the application's Content-Length announces."""
    with ask(server, request("length", **case)) as talk:
        response = expect(talk, {200, 500})
        talk.reads_end(QUIET_SECONDS if not response.closes else ANSWER_SECONDS)
        if response.status == 200 and len(talk.received) > response.end:
            raise Red(
                "More octets came than were announced.",
                talk,
                case["announced"],
                "Cut the chunk: what follows is taken for the next response.",
            )


@clause("W11")
def test_a_content_that_falls_short_does_not_look_whole(server):
    """Content shorter than its Content-Length ends with the connection and is never filled up."""
    with ask(server, request("length", announced="50", sent="hello")) as talk:
        response = talk.response()
        if response and response.status == 200 and (response.whole or not talk.ended):
            raise Red(
                "The client can't tell that octets are missing.",
                talk,
                "the end of the connection, before 50 octets have come",
                "The content was filled up, or its length changed, so that it looks whole: keep "
                "the application's length, send what there is, and close."
                if response.whole
                else "Octets are missing, and the client waits for them: close.",
            )


@clause("W11")
def test_a_content_that_falls_short_is_reported(server):
    """Content shorter than its Content-Length is reported on stderr."""
    if not server.is_ours():
        pytest.skip("another server may report it elsewhere")
    begun = server.errors_size()
    answer(server, request("length", announced="5", sent="hello"))
    usual = kinds_of_line(server, begun, QUIET_SECONDS)  # the access log, if there is one
    begun = server.errors_size()
    with ask(server, request("length", announced="50", sent="hello")) as talk:
        talk.reads_end(ANSWER_SECONDS)
    if not kinds_of_line(server, begun, ANSWER_SECONDS, usual):
        raise Red(
            "Nothing on stderr says that octets are missing.",
            talk,
            "a line that the complete answer does not get",
            "Answer.finish knows, by self.room, how many octets are missing at the end. Nobody "
            "else on this side does: write it to stderr.",
        )


def kinds_of_line(server, begun: int, seconds: float, but: Set[str] = frozenset()) -> set[str]:
    """Return the lines of stderr since begun, but these, with N for each number; waits for one."""
    deadline = time.monotonic() + seconds
    while True:
        found = {re.sub("[0-9]+", "N", line) for line in server.errors(begun).splitlines()} - but
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.005)


@clause("W11")
def test_a_length_that_is_right_is_passed_on(server):
    """A Content-Length that is right is passed on."""
    talk, response = answer(server, request("length", announced="11", sent="hello, world"))
    if response.values("content-length") != ["11"] or response.content != b"hello world":
        raise Red("The length is another.", talk, "Content-Length: 11", "Keep the application's.")


@clause("W11")
@cases({"two-chunks": ("hello,again", b"helloagain"), "empty-first": (",hello", b"hello")})
def test_a_list_of_several_chunks_arrives_whole(server, case):
    """Content that the application returns as a list of several chunks arrives whole."""
    sent, due = case
    talk, response = answer(server, request("length", sent=sent, **{"as": "list"}))
    if response.content != due:
        likely = "The length of the first chunk is the content's only where it is the only one."
        raise Red(f"The content is {response.content!r}.", talk, repr(due), likely)


@clause("W11")
def test_a_single_known_chunk_gets_a_length(server):
    """A list of one chunk gets a Content-Length."""
    with ask(server, request("length", sent="hello", **{"as": "list"})) as talk:
        response = expect(talk, {200})
        if response.framing == "close" and server.is_ours():
            likely = "PEP 3333: where len(iterable) is 1, its chunk's length is the content's."
            raise Red("The end of the content is the close.", talk, "Content-Length: 5", likely)
        check_framing(talk, response)


@pytest.mark.waits(3)
@clause("W12")
@cases({"204": "204 No Content", "304": "304 Not Modified"})
def test_no_content_follows_a_status_that_has_none(server, case):
    """No content follows a 204 or a 304, whatever the application yields."""
    with ask(server, request("status", status=case)) as talk:
        response = expect(talk, {int(case[:3])})
        talk.reads_end(QUIET_SECONDS if not response.closes else ANSWER_SECONDS)
        check_head(talk, response)
        if len(talk.received) > response.end:
            raise Red(
                "Content follows the head.",
                talk,
                f"{case}, and nothing after the head",
                "RFC 9110 §6.4.1: no content in 204 and 304, whatever is yielded.",
                got_mark=b"hello",
            )


@clause("W12")
@cases({"computed": {}, "from-the-application": {"length": "5"}})
def test_a_204_has_no_content_length(server, case):
    """A 204 has no Content-Length."""
    with ask(server, request("status", status="204 No Content", **case)) as talk:
        response = expect(talk, {204})
        if response.values("content-length") and (server.is_ours() or not case):
            raise Red(
                "A 204 has a Content-Length.",
                talk,
                "none",
                "RFC 9110 §8.6: a server MUST NOT send Content-Length with 204.",
                got_mark=b"Content-Length",
            )


@clause("W12")
@cases({"yields": "length", "yields-nothing": "head"})
def test_head_has_no_content_and_no_length_of_what_is_yielded(server, case):
    """HEAD gets no content, and no Content-Length counted from what is yielded."""
    query = {"sent": "hello,again"} if case == "length" else {}
    with ask(server, request(case, method="HEAD", **query)) as talk:
        response = expect(talk, {200}, method="HEAD")
        talk.reads_end(QUIET_SECONDS if not response.closes else ANSWER_SECONDS)
        if len(talk.received) > response.end:
            raise Red("Content follows the head.", talk, "none after HEAD", "Leave it out.")
        due = "1000" if case == "head" else "10"
        if response.values("content-length") not in ([], [due]):
            raise Red(
                f"Content-Length is {response.values('content-length')}.",
                talk,
                f"{due}, as for GET, or none",
                "For HEAD an application may yield less than for GET: compute nothing.",
                got_mark=b"Content-Length",
            )


# ---- W13, W14 --------------------------------------------------------------------------

HOP = ["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"]
HOP += ["proxy-authenticate", "proxy-authorization"]
W13 = [which for which in BAD if which in HOP or which.startswith(("length", "status-10"))]
W14 = [which for which in BAD if which not in W13]
TRACES = (b"x-app", b"timeout=77", b"X-Injected", "€".encode(), b"a\0b", b"\x1b", b"+5", b"-5")


def check_never_left(server, which: str, likely: str, **query: str) -> None:
    """Raise Red if what the application must not send shows in the answer's head."""
    word = token()
    with ask(server, request("bad", which=which, token=word, **query)) as talk:
        response = talk.response()
        talk.reads_end(QUIET_SECONDS)
        if response is None or response.status is None:
            raise Red("No answer came.", talk, "500", likely)
        head = response.head
        trace = next((trace for trace in TRACES if trace.lower() in head.lower()), b"")
        twice = len(response.values("content-length")) > 1
        if trace or twice or response.status < 200 or b"HTTP/1.1 101" in talk.received:
            raise Red("It left as the application gave it.", talk, "500", likely, got_mark=trace)
        check_status_line(talk, response)
        check_head(talk, response)
        if server.is_ours() and response.status != 500:
            raise Red(
                f"It was answered with {response.status}.",
                talk,
                "500, and a reason on stderr",
                likely,
            )
    if server.is_ours() and "Error" not in server.errors():
        raise Red("Nothing on stderr says why.", talk, "a reason on stderr", likely)


@clause("W13")
@pytest.mark.parametrize("which", W13)
def test_what_concerns_the_connection_never_leaves(server, which):
    """What concerns the connection is never passed on from the application."""
    check_never_left(
        server,
        which,
        "The server frames the answer and ends the connection; an "
        "application that says something else makes the client wait or misread.",
    )


@clause("W14")
@pytest.mark.parametrize("which", ["crlf-in-a-value", "crlf-in-the-status"])
def test_nothing_splits_a_response_that_replaces_another(server, which):
    """What replaces an answer is checked for CR and LF, too."""
    likely = "The second call of start_response, with exc_info, brings fields of its own."
    check_never_left(server, which, likely, replaces="1")


@clause("W14")
def test_a_list_that_is_changed_afterwards_does_not_change_the_head(server):
    """A list of fields that is changed after start_response does not change the head."""
    with ask(server, request("change-late")) as talk:
        talk.response()
        if b"X-Injected" in talk.received:
            likely = "What was checked is not what was sent: keep a copy of the list."
            raise Red("It was added after it had been checked.", talk, "no X-Late", likely)


@clause("W14")
@pytest.mark.parametrize("which", W14)
def test_nothing_splits_the_response(server, which):
    """A malformed status or field of the application never reaches the client."""
    check_never_left(
        server,
        which,
        "A value with CR LF in it ends the line, and what follows is a "
        "field or a whole response of the attacker's. Match names, values and the "
        "status against their grammar, and their types, before anything leaves.",
    )


# ---- W15, W16 --------------------------------------------------------------------------

FAILURES = ["raise", "exit", "interrupt", "os-error", "raise-after-start", "raise-while-iterated"]
FAILURES += ["never-starts", "none", "number", "text", "list-of-text", "octets"]
FAILURES += ["bare-octets", "never-starts-and-is-empty", "generator-exit", "stop-iteration"]
CAUGHT = (
    "try: call the application and send; except BaseException: traceback.print_exc(), and a "
    "plain 500 if no head has left. Not to the client: a traceback tells an attacker a lot."
)


STARTED = ("raise-after-start", "raise-while-iterated")  # it raises after start_response


def why_no_500(how: str) -> str:
    """Return what is likely where an application that fails like this is answered with 2xx."""
    if how in STARTED:
        return (
            "The head left before the application failed, or is sent although it has. "
            "start_response stores the status; the head waits for the first octets (W06)."
        )
    if how.startswith("never-starts"):
        return "The application never called start_response: nothing in the server asks whether."
    if how in ("raise", "exit", "interrupt", "os-error", "generator-exit", "stop-iteration"):
        return "The exception was caught, and the answer went on as if the application had ended."
    return (
        "What the application returned is not an iterable of bytes, and nothing in the server "
        "looks: check the type of each chunk before the head leaves."
    )


@clause("W15")
@pytest.mark.parametrize("how", FAILURES)
def test_an_application_that_fails_gets_a_plain_500(server, how):
    """An application that fails before the head has left is answered with a plain 500."""
    word = token()
    with ask(server, request("fail", how=how, token=word)) as talk:
        response = expect(
            talk,
            {500},
            likely={"closed": CAUGHT, "other": CAUGHT, "accepted": why_no_500(how)},
        )
        check_framing(talk, response)
        if b"Traceback" in talk.received or f"<{word}".encode() in talk.received:
            raise Red(
                "The client sees the application's insides.",
                talk,
                "a plain 500",
                CAUGHT,
                got_mark=b"Traceback",
            )
    secret = how in ("raise", "exit", "interrupt", "os-error", "raise-after-start")
    if secret and server.is_ours() and f"<{word} secret>" not in wait_for_error(server, word):
        raise Red("The traceback is not on stderr.", talk, "the traceback on stderr", CAUGHT)
    with ask(server, request("/next")) as after:
        expect(after, {200}, likely=CAUGHT)


def wait_for_error(server, word: str) -> str:
    """Return stderr once the secret stands there, or what there is past the deadline."""
    wait_for_words(server, word)
    return server.errors()


@clause("W15")
@cases({"sigint": signal.SIGINT, "sigterm": signal.SIGTERM})
def test_a_signal_ends_the_server_while_an_application_runs(server, case):
    """SIGINT and SIGTERM end the server while an application runs."""
    word = token()
    with gate() as until, ask(server, request("wait", token=word, until=str(until))) as talk:
        if not wait_for_words(server, word):
            likely = "It was not called, or what it wrote to wsgi.errors is held back (W05)."
            raise Red("Nothing of the application came to stderr.", talk, "a line", likely)
        if server.is_ours():
            status = server.stop(case)
            if status is None or (talk.take(QUIET_SECONDS) and talk.received):
                raise Red(
                    "It went on, or answered.",
                    talk,
                    "to end at once",
                    "An interrupt from outside is not an exception of the application: an "
                    "except BaseException around it catches Ctrl-C as well.",
                )
            server.start()


@clause("W16")
@cases(
    {
        "with-length": ("fail-late", {"announced": "50"}),
        "without": ("fail-late", {}),
        "after-write-of-nothing": ("write-nothing", {}),  # which may have sent the head
    }
)
def test_a_late_failure_does_not_look_like_a_whole_answer(server, case):
    """A failure after the head has left ends the connection before the answer looks whole."""
    route, query = case
    with ask(server, request(route, **query)) as talk:
        response = talk.response()
        talk.reads_end()
        if talk.received.count(b"HTTP/1.") > 1:
            raise Red(
                "A second status-line was sent.",
                talk,
                "the end of the connection",
                "The head has left: there is no way back. Write to stderr, and close.",
                got_mark=b"500",
            )
        if response and response.status == 500:
            return  # the head had not left; whether it should have, asks W08
        if response and response.whole and response.framing != "close":
            raise Red(
                "It looks whole.",
                talk,
                "the end, before the content is whole",
                "Close, without the octets or the last chunk that would make it whole.",
            )
        if not talk.ended:
            raise Red("The connection stays open.", talk, "its end", "close() it.")


# ---- W17 -------------------------------------------------------------------------------


@clause("W17")
def test_the_applications_fields_are_kept(server):
    """The fields of the application are kept: each of them, in order, and none added twice."""
    talk, response = answer(server, request("fields"))
    due = {"date": ["Thu, 01 Jan 1970 00:00:00 GMT"], "server": ["mine/1.0"]}
    due |= {"set-cookie": ["a=1", "b=2"], "x-latin": ["é"]}
    due |= {"link": ["</b>; rel=next", "</a>; rel=prev"], "x-same": ["1", "1"]}
    for name, values in due.items():
        if response.values(name) != values:
            raise Red(
                f"{name} is {response.values(name)}.",
                talk,
                f"{name}: {', '.join(values)}",
                "Add Date and Server only where the application has not. Keep the fields as "
                "a list: in a dict one cookie is lost.",
                got_mark=name.title().encode(),
            )
