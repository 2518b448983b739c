"""Each solution of chapter 1 does what its exercise asks, and keeps what it should."""

import re

import pytest

from tests.conversation import Conversation
from tests.course.diffs import apply
from tests.course.links import blocks
from tests.course.selfcheck import FINISHED, red, run_check
from tests.harness import Server, parse_target
from tests.judge import ask, expect

PAGE = FINISHED.parent / "SOLUTIONS.md"
HOST = b"Host: 127.0.0.1\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.fixture(scope="module")
def solutions(tmp_path_factory) -> list[str]:
    """The paths of the five servers."""
    folder, source = tmp_path_factory.mktemp("solutions"), FINISHED.read_text(encoding="utf-8")
    paths = []
    for number, diff in enumerate(blocks(PAGE, "diff"), 1):
        path = folder / f"solution{number}.py"
        path.write_text(apply(diff, source), encoding="utf-8")
        paths.append(str(path))
    return paths


def test_there_is_a_solution_to_every_exercise(solutions):
    text = (FINISHED.parent / "README.md").read_text(encoding="utf-8")
    exercises = text.partition("## Exercises")[2].partition("\n## ")[0]
    numbers = re.findall(r"^([0-9])\. \*\*", exercises, re.MULTILINE)
    assert numbers == ["1", "2", "3", "4", "5"] and len(solutions) == 5


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 4, 5])
def test_a_solution_keeps_the_contract(solutions, number):
    ended = run_check("--server", solutions[number - 1])
    assert ended.returncode == 0, ended.stdout


def test_solution_1_names_the_server_in_answers_and_refusals(solutions):
    with Server(parse_target(solutions[0])) as server:
        for request, status in ((GET, 200), (b"x\r\n\r\n", 400)):
            with ask(server, request) as talk:
                assert len(expect(talk, {status}).values("server")) == 1


def test_solution_2_has_no_picture(solutions):
    cases = {b"/favicon.ico": 404, b"/favicon.ico?v=2": 404, b"/favicon.ico.html": 200, b"/": 200}
    with Server(parse_target(solutions[1])) as server:
        for target, status in cases.items():
            with ask(server, GET.replace(b"/", target, 1)) as talk:
                expect(talk, {status})


def test_solution_3_breaks_one_clause_for_the_values_it_names(solutions):
    assert red(run_check("--server", solutions[2]).stdout) == {"H20"}
    accepted = [b"+5", b"-1", b"1_0", b"5\r\nContent-Length: 6"]
    refused = [b"0x10", b"5 5", b"", "²".encode("latin-1"), b"9" * 5000]
    with Server(parse_target(solutions[2])) as server:
        for value in accepted + refused:
            request = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + value
            with ask(server, request + b"\r\n\r\nhello12345") as talk:
                expect(talk, {200} if value in accepted else {400})


def test_solution_4_lets_a_silent_client_go(solutions):
    with Server(parse_target(solutions[3])) as server:
        with ask(server) as silent, ask(server, GET) as second:
            assert silent.wait(lambda: silent.parsed("GET", whole=True), 60).status == 408
            assert second.wait(lambda: second.parsed("GET", whole=True), 60).status == 200


def test_solution_5_serves_on_with_the_same_connection(solutions):
    with Server(parse_target(solutions[4])) as server, ask(server) as talk:
        for number in range(2000):  # more than Python's limit of recursion
            check_echo_of(talk, b"/%d" % number)
        talk.send(GET.replace(HOST, HOST + b"Connection: close\r\n"))
        assert expect(talk, {200}).closes and talk.reads_end() == "closed"


def check_echo_of(talk: Conversation, target: bytes) -> None:
    """Ask for target, and assert that the answer is its echo."""
    talk.push(GET.replace(b"/", target, 1), listening=True)
    response = expect(talk, {200})
    assert not response.closes and response.content.startswith(b"GET %b HTTP" % target)
