"""What a red clause is told: the requirement as a sentence, and a likely mistake by evidence."""

import ast
import concurrent.futures
import contextlib
import socket
import time
import types
from collections.abc import Iterator

import pytest

from tests.checker.advice import advise, unwritten_functions
from tests.checker.conversation import Conversation, ask
from tests.checker.evidence import (
    OTHER_STATUS,
    SWALLOWED,
    WHICH,
    Evidence,
    hear_stderr,
    say_of_content,
    say_of_exception,
)
from tests.checker.expect import LIKELY, choose_likely
from tests.checker.explain import question_in
from tests.checker.patience import (
    ANSWER_SECONDS,
    BRIEF_SECONDS,
    END_SECONDS,
    IN_VAIN,
    Patience,
)
from tests.checker.runner import Runner
from tests.checker.server import Server
from tests.checker.stderr import gist_of
from tests.checker.target import parse_target
from tests.checker.verdict import Red
from tests.contract.shared import CHUNKS, IGNORED, if_refused, say_of_chunks
from tests.course.selfcheck import change, run_check
from tests.parts import PARTS, ROOT
from tests.stages import STAGES


def contract_tests() -> dict[str, ast.FunctionDef]:
    """Return every test of the contract by its name."""
    found = {}
    for path in sorted((ROOT / "tests" / "contract").glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found[node.name] = node
    return found


def wrong_sentence(name: str, node: ast.FunctionDef) -> str:
    """Return what is wrong with the sentence that a test asks; "" if nothing is."""
    words = ast.get_docstring(node) or ""
    if not words:
        return "has no docstring"
    first = words.splitlines()[0]
    if not first.endswith(".") or not (first[0].isupper() or first.startswith(NAMES)):
        return "is no sentence"
    if first.rstrip(".").lower() == question_in(name):
        return "says its name again"
    return ""


NAMES = ("close()", "environ", "start_response", "write()", "wsgi", "wsgiref")  # as code has them


def test_every_test_of_the_contract_asks_its_requirement_as_a_sentence():
    wrong = {name: wrong_sentence(name, node) for name, node in contract_tests().items()}
    assert len(wrong) > 200
    assert {name: why for name, why in wrong.items() if why} == {}


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def test_x_is_y(): pass", "has no docstring"),
        ("def test_x_is_y():\n    'X is y'", "is no sentence"),
        ("def test_x_is_y():\n    'x is refused.'", "is no sentence"),
        ("def test_x_is_y():\n    'X is y.'", "says its name again"),
    ],
    ids=["none", "no-full-stop", "lower-case", "name"],
)
def test_what_is_no_sentence_is_told(source, why):
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.FunctionDef)
    assert wrong_sentence(node.name, node) == why


# ---- evidence --------------------------------------------------------------------------


@pytest.fixture
def talk(url) -> Iterator[Conversation]:
    """A conversation in which nothing was said."""
    with Conversation("127.0.0.1", int(url.rpartition(":")[2])) as found:
        yield found


@pytest.mark.parametrize(
    ("symptom", "status", "permitted", "own", "words"),
    [
        ("refused", 400, {200}, None, [WHICH]),
        ("refused", 400, {200}, if_refused("It is right."), [WHICH, "It is right."]),
        ("refused", 505, {200}, "No Host.", ["505 refuses the version", "No Host."]),
        ("refused", 413, {200}, if_refused("It is right."), ["413 is for content", "It is right."]),
        ("refused", 500, {200}, None, ["500 says that something failed", "stderr"]),
        ("refused", 400, {200, 501}, None, [OTHER_STATUS]),
        ("other", 413, {400}, "A limit, hence 413.", ["A limit, hence 413."]),
        ("other", 413, {400}, None, ["413 is for content"]),
        ("accepted", 200, {400}, None, [LIKELY["accepted"]]),
        ("silent", None, {200}, if_refused("It is right."), [LIKELY["silent"]]),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value) if value else "none",
)
def test_a_status_that_was_not_due_says_which_condition_to_look_at(
    talk, symptom, status, permitted, own, words
):
    said = choose_likely(own, symptom, Evidence(talk, status), permitted)
    assert all(word in said for word in words)
    assert len(said) <= len(" ".join(words)) + 80


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (b"", "Nothing"),
        (b"hel", "Too little"),
        (b"hello GET", "Too much"),
        (b"hallo", "Decoding"),
    ],
)
def test_the_content_that_was_seen_tells_what_was_read(talk, seen, word):
    assert word in say_of_content(Evidence(talk, 200, seen, b"hello"))


@pytest.mark.parametrize(
    ("end", "word"),
    [
        (CHUNKS, "as they came"),
        (CHUNKS[:5], "Content-Length was believed"),
        (b"\r\n\r\nhello", "were decoded"),
        (b"\r\n\r\n", IGNORED),
    ],
    ids=["raw", "by-length", "decoded", "empty"],
)
def test_the_end_of_the_echo_tells_what_became_of_chunks(talk, end, word):
    talk.received += b"HTTP/1.1 200 OK\r\n\r\nPOST / HTTP/1.1" + end
    assert word in say_of_chunks(Evidence(talk, 200))


REAP = "ChildProcessError: [Errno 10] No child processes (mine.py, line 40, in reap)"


@pytest.mark.parametrize(
    ("gist", "likely", "ended", "said"),
    [
        (
            REAP,
            "A path ends.",
            True,
            "ChildProcessError was raised (mine.py, line 40, in reap), "
            "and nothing caught it: that ended the server.",
        ),
        (REAP, "Expect OSError.", True, "that ended the server. Expect OSError."),
        (REAP, "A path ends.", False, "before anything was sent."),
        ("h11.RemoteProtocolError: x (a.py, line 1)", "", True, "h11.RemoteProtocolError was"),
        ("RuntimeError: x (contract.py, line 9, in fail)", "Catch it.", False, "Catch it."),
        ("Listening (as asked)", "A path ends.", True, ""),
        ("", "A path ends.", True, ""),
    ],
    ids=["not-told", "told", "alive", "library", "application", "no-exception", "silent"],
)
def test_an_exception_on_stderr_comes_first(gist, likely, ended, said):
    found = say_of_exception(gist, likely, ended)
    assert found.endswith(said) if ended is False or likely else found.startswith(said)
    assert bool(found) == bool(said)


def test_an_application_of_a_tests_own_fails_because_the_test_asks_for_it():
    gist = "ValueError: on purpose (service.py, line 9, in <module>)"
    told = say_of_exception(gist, "Wait for all.", True, "service:application")
    assert told.endswith("that ended the server. Wait for all.")
    assert say_of_exception(gist, "Wait for all.", False, "service:application") == "Wait for all."
    assert "Wait for all." not in say_of_exception(gist, "Wait for all.", True)


HUNG = """\
master: worker 12 hangs: it has not got on for 2 s, at
Fatal Python error: Aborted

Current thread 0x00007f6d09bc1b80 (most recent call first):
  File "/usr/lib/python3.12/threading.py", line 7 in wait
  File "/srv/application.py", line 8 in hang
  File "/srv/server.py", line 900 in main
master: worker 12 ended: Aborted (signal 6)
"""


@pytest.mark.parametrize("end", [0, 1], ids=["whole", "before-the-master-speaks"])
def test_where_a_worker_hung_is_the_innermost_frame_that_is_not_pythons(end):
    said = "\n".join(HUNG.splitlines()[: len(HUNG.splitlines()) - end])
    assert gist_of(said) == "Fatal Python error: Aborted (application.py, line 8, in hang)"


def test_a_server_of_a_tests_own_is_heard_and_no_other():
    red = Red("No answer came.", likely="The queue.")
    red.is_heard = True
    with Server(parse_target(str(PARTS[1].server))) as other:
        other.stderr.write(b"said by another")
        other.stderr.flush()
        hear_stderr(red, other, 0)
    assert (red.stderr, red.likely) == ("", "The queue.")


ENDLESS_MORE = (
    '            raise HTTPError("The request ended before it was complete.")\n',
    "            return\n",
)
WAITS_FOR_EVER = (
    "    length = parse_content_length(fields)\n",
    "    length = parse_content_length(fields) or 5\n",
)


@pytest.mark.parametrize(
    ("wrong", "is_busy"),
    [(ENDLESS_MORE, True), (WAITS_FOR_EVER, False)],
    ids=["goes-round", "waits"],
)
def test_a_server_that_goes_round_on_nothing_is_told_from_one_that_waits(wrong, is_busy, tmp_path):
    path = change(tmp_path / "server.py", wrong)
    with Server(parse_target(path)) as server:
        octets = b"GET / HT" if is_busy else b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        with ask(server, octets, half_close=is_busy) as talk:
            assert talk.response() is None
            assert talk.waited == ANSWER_SECONDS and talk.busy == is_busy


@pytest.mark.slow
def test_a_server_that_goes_round_on_nothing_is_told_so(tmp_path):
    path = change(tmp_path / "server.py", ENDLESS_MORE)
    said = run_check(1, "--server", path, "--clause", "H25").stdout
    assert "likely     Your server is busy, not waiting." in said
    assert "read       part1_single/README.md#tcp-is-a-stream\n" in said


LEFT_NON_BLOCKING = (
    "            self.connection.settimeout(timeout)\n",
    "            pass\n",
)


def test_a_connection_that_ends_without_a_word_may_hide_an_error(tmp_path):
    path = change(tmp_path / "server.py", LEFT_NON_BLOCKING)
    said = " ".join(run_check(1, "--server", path, "--clause", "H08").stdout.split())
    assert "nothing: the connection was closed" in said
    assert SWALLOWED in said


@pytest.mark.parametrize("faults", [1, 2])
def test_where_the_check_itself_fails_it_tries_once_more_and_then_says_so(faults):
    left = [RuntimeError("malformed line")] * faults

    def body() -> None:
        if left:
            raise left.pop()

    item = types.SimpleNamespace(
        obj=body, fixturenames=[], get_closest_marker=lambda name: name == "alone"
    )
    runner = Runner(parse_target(str(PARTS[1].server)), [], jobs=1)
    told = pytest.raises(Red, match=r"itself failed.* RuntimeError: malformed line \(test_diag")
    with Server(runner.target) as server, told if faults == 2 else contextlib.nullcontext():
        runner.run_item(item, server, last=False)
    assert not left


# ---- patience --------------------------------------------------------------------------


def test_a_server_that_is_waited_for_in_vain_is_waited_for_briefly():
    patience = Patience()
    for _ in range(IN_VAIN):
        assert patience.for_end(True) == patience.for_answer() == ANSWER_SECONDS
        patience.note_end(False, announced=True)
        patience.silences += 1
    patience.note_end(True, announced=True)
    assert patience.for_end(True) == END_SECONDS and patience.for_answer() < ANSWER_SECONDS
    assert patience.for_end(False) == ANSWER_SECONDS  # nobody has promised it
    assert Patience(late=1.0).for_answer() == ANSWER_SECONDS + 1


def test_an_answer_that_keeps_coming_is_read_whole_also_of_a_server_that_is_waited_for_briefly():
    patience = Patience()
    patience.silences = IN_VAIN
    pieces = [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", b"a", b"b", b"c"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with Conversation(*listener.getsockname(), patience) as talk:
            peer, _ = listener.accept()

            def dribble() -> None:
                for piece in pieces:
                    peer.sendall(piece)
                    time.sleep(BRIEF_SECONDS * 0.6)

            with peer, concurrent.futures.ThreadPoolExecutor() as pool:
                pool.submit(dribble)
                response = talk.response()
    assert response and response.content == b"abc"


KEEPS_ALL_OPEN = [
    ("        with connection:\n", "        KEPT.append(connection)\n        if True:\n"),
    ("def serve_forever(", "KEPT = []\n\n\ndef serve_forever("),
]
READS = "        request = read_request(incoming)\n{}    except HTTPError as error:\n{}"
# Part 4 has two workers for all clients, and --timeout lets none of them stand still for long.
LATE = {1: 1.0, 2: 1.0, 3: 1.0, 4: 0.1}


@pytest.mark.slow
@pytest.mark.parametrize("part", [1, 2])
def test_a_server_that_keeps_every_connection_open_is_judged_to_the_end(part, tmp_path):
    path = change(tmp_path / "keeps.py", *KEEPS_ALL_OPEN, source=PARTS[part].server)
    ended = run_check(part, "--server", path)
    assert "H04" in ended.red and "not run" not in ended.outcomes.values()
    assert "H08" not in ended.red  # nothing was read too early, whatever is waited for


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_a_server_that_answers_late_keeps_what_it_keeps(part, tmp_path):
    pause = f"        time.sleep({LATE[part]})\n"
    late = (READS.format("", ""), READS.format(pause, pause))
    path = change(tmp_path / "late.py", late, source=PARTS[part].server)
    ended = run_check(part, "--server", path)
    assert ended.status == 0, ended.stdout


# ---- advice ----------------------------------------------------------------------------

CALL = "        send_continue(incoming.connection, version, fields)\n"


def test_a_function_that_is_written_and_not_called_is_named(tmp_path):
    path = tmp_path / "mine.py"
    change(path, (CALL, "        pass\n"), source=PARTS[1].server)
    assert str(advise(path, 1, "H15", is_mine=True)) == (
        "send_continue is written, but nothing calls it."
    )
    assert advise(path, 1, "H15", is_mine=False) is None  # who knows what it is for, elsewhere
    assert advise(path, 1, "H02", is_mine=True) is None  # of another stage


@pytest.mark.parametrize("part", PARTS)
def test_all_that_the_finished_servers_have_is_called(part):
    for stage in STAGES[part]:
        for clause in stage.clauses:
            assert advise(PARTS[part].server, part, clause, is_mine=True) is None, clause


def test_a_method_that_calls_itself_only_is_not_called(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("class Incoming:\n    def line(self):\n        return self.line()\n")
    assert str(advise(path, 1, "H07", True)) == "Incoming.line is written, but nothing calls it."


def test_what_is_to_be_written_comes_before_what_is_to_be_called(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "def parse_list():\n    return []\n\n\ndef send_continue():\n    pass  # unwritten: H15\n"
    )
    assert str(advise(path, 1, "H15", True)) == "write send_continue: H15 needs it."


def test_a_function_that_is_written_below_its_mark_is_not_asked_for_again(tmp_path):
    path, starter = tmp_path / "mine.py", PARTS[3].path / "starter.py"
    served = "            continue\n        serve_connection(connection, client, application)\n"
    change(path, (served, "            continue\n"), source=starter)
    assert "serve_forever" in unwritten_functions(path)  # its mark is still there
    assert str(advise(starter, 3, "P04", True)) == "write serve_forever: P01 needs it."
    assert str(advise(path, 3, "P04", True)) == "write serve_in_child: P04 needs it."


def test_the_advice_stands_in_the_diagnosis(tmp_path):
    path = change(tmp_path / "mine.py", (CALL, "        pass\n"), source=PARTS[1].server)
    said = run_check(1, "--server", path, "--clause", "H15").stdout
    assert "\n  next       send_continue is written, but nothing calls it.\n" in said
