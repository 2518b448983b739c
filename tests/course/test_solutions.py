"""Each solution of chapter 1 does what its exercise asks, and keeps what it should."""

import contextlib
import re
import shutil
from pathlib import Path

import pytest

from tests.checker.clauses import CLAUSES
from tests.checker.conversation import HOST, Conversation, ask
from tests.checker.expect import expect
from tests.checker.processes import members, wait_until
from tests.checker.server import Server
from tests.checker.target import parse_target
from tests.course.selfcheck import FINISHED, run_check
from tests.pages import blocks
from tests.parts import PARTS
from tests.tools.patches import apply

PAGE = FINISHED.parent / "SOLUTIONS.md"
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
    ended = run_check(1, "--server", solutions[number - 1])
    assert ended.status == 0, ended.stdout


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
    assert run_check(1, "--server", solutions[2]).red == {"H20"}
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
            assert silent.wait(lambda: silent.parse_next("GET", whole=True), 60).status == 408
            assert second.wait(lambda: second.parse_next("GET", whole=True), 60).status == 200


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


# ---- chapter 2 ---------------------------------------------------------------------------

PART2 = PARTS[2].path


@pytest.fixture(scope="module")
def chapter2(tmp_path_factory):
    """A folder with the finished part 2, and every solution beside it."""
    folder = tmp_path_factory.mktemp("chapter2")
    for name in ("server.py", "hello.py"):
        shutil.copy(PART2 / name, folder)
    for block in blocks(PART2 / "SOLUTIONS.md", "python"):
        (folder / block.split('"""')[1]).write_text(block, encoding="utf-8")
    source = (PART2 / "server.py").read_text(encoding="utf-8")
    for number, diff in zip((2, 3), blocks(PART2 / "SOLUTIONS.md", "diff"), strict=True):
        (folder / f"solution{number}.py").write_text(apply(diff, source), encoding="utf-8")
    return folder


def serve(folder, application: str, program: str = "server.py") -> Server:
    """Return a server that hosts application."""
    return Server(parse_target(str(folder / program), application))


def test_chapter_2_solution_1_is_loud(chapter2):
    with serve(chapter2, "loud:application") as server, ask(server, GET) as talk:
        assert expect(talk, {200}).content == b"HELLO, WORLD! YOU ASKED FOR /.\n"


def test_chapter_2_solution_2_tells_the_time_it_took(chapter2):
    with serve(chapter2, "hello:application", "solution2.py") as server, ask(server, GET) as talk:
        timing = expect(talk, {200}).values("server-timing")
        assert re.fullmatch(r"app;dur=[0-9]+\.[0-9]", timing[0])


@pytest.mark.slow
@pytest.mark.parametrize(("number", "broken"), [(2, set()), (3, {"W03"})])
def test_chapter_2_solutions_break_what_they_say(chapter2, number, broken):
    ended = run_check(2, "--server", str(chapter2 / f"solution{number}.py"))
    assert ended.red == broken


def test_chapter_2_solution_4_names_the_mistake(chapter2):
    with serve(chapter2, "judged:application") as server, ask(server, GET) as talk:
        expect(talk, {500})
        talk.reads_end()
        assert "string" in server.errors()


def test_chapter_2_solution_5_sends_one_line_at_a_time(chapter2):
    with serve(chapter2, "clock:application") as server:
        with ask(server, GET.replace(b"GET", b"HEAD")) as talk:
            expect(talk, {200}, method="HEAD")
        with ask(server, GET) as talk:
            talk.wait(lambda: re.search(rb"\r\n\r\n([0-9:]{8}\n)", talk.received))
            assert not talk.ended  # four more are to come
            talk.reset()


def test_the_framework_of_thirty_lines_serves_and_is_no_longer():
    text = (PART2 / "mini.py").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.strip()]) <= 35
    with serve(PART2, "mini:app") as server:
        with ask(server, GET.replace(b"/ ", b"/?name=%3Cb%3E ", 1)) as talk:
            assert expect(talk, {200}).content == b"<h1>Hello, &lt;b&gt;!</h1>\n"
        with ask(server, GET.replace(b"/ ", b"/none ", 1)) as talk:
            expect(talk, {404})


# ---- chapter 3 ---------------------------------------------------------------------------

PART3 = PARTS[3].path
ECHO = PARTS[3].contract_application


@pytest.fixture(scope="module")
def chapter3(tmp_path_factory) -> list[str]:
    """The paths of the five servers."""
    folder = tmp_path_factory.mktemp("chapter3")
    source, paths = (PART3 / "server.py").read_text(encoding="utf-8"), []
    for number, diff in enumerate(blocks(PART3 / "SOLUTIONS.md", "diff"), 1):
        path = folder / f"solution{number}.py"
        path.write_text(apply(diff, source), encoding="utf-8")
        paths.append(str(path))
    return paths


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "broken"),
    [(1, set()), (2, set()), (3, set()), (4, {"P09"})],
    ids=["process-id", "limit", "patience", "ignored"],
)
def test_chapter_3_solutions_break_what_they_say(chapter3, number, broken):
    others = "H01,H04,H06,H24,H26,W05,W10,W15,W16"  # what processes can spoil
    clauses = ",".join([others, *(id for id in CLAUSES if id[0] == "P")])
    ended = run_check(3, "--server", chapter3[number - 1], "--clause", clauses)
    assert ended.red == broken, ended.stdout


@pytest.mark.slow
def test_chapter_3_solution_5_is_another_design(chapter3):
    ended = run_check(3, "--server", chapter3[4], "--clause", "P01,P03,P05,P12")
    assert ended.red == {"P01", "P05", "P12"}, ended.stdout


def test_chapter_3_solution_1_names_another_process_each_time(chapter3):
    seen = set()
    with Server(parse_target(chapter3[0], ECHO)) as server:
        for request, status in ((GET, 200), (GET, 200), (b"x\r\n\r\n", 400)):
            with ask(server, request) as talk:
                seen.update(expect(talk, {status}).values("x-process"))
    assert len(seen) == 3


def test_chapter_3_solution_2_refuses_the_65th_and_serves_again(chapter3):
    with Server(parse_target(chapter3[1], ECHO)) as server:
        for _ in range(2):
            with contextlib.ExitStack() as stack:
                for _ in range(64):
                    stack.enter_context(ask(server))
                with ask(server, GET) as talk:
                    expect(talk, {503})
            assert wait_until(lambda: len(members(server)) == 1)
        with ask(server, GET) as talk:
            expect(talk, {200})


def test_chapter_3_solution_3_hangs_up_on_silence(chapter3, tmp_path):
    source = Path(chapter3[2]).read_text(encoding="utf-8")
    path = tmp_path / "impatient.py"
    path.write_text(source.replace("SILENCE_SECONDS = 10.0", "SILENCE_SECONDS = 0.3"))
    with Server(parse_target(str(path), ECHO)) as server, ask(server) as silent:
        assert silent.reads_end(60) == "closed" and not silent.received
