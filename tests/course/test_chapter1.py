"""Chapter 1 begins with an empty file: what it has the reader type runs, and does what it says."""

import http.client
import re
from contextlib import closing
from itertools import pairwise

import pytest

from tests.checker.server import Server
from tests.checker.target import parse_target
from tests.course.selfcheck import run_check
from tests.pages import blocks, section_of, slug
from tests.parts import PARTS
from tests.stages import STAGES
from tests.tools import figures

CHAPTER = PARTS[1].chapter
TEXT = CHAPTER.read_text(encoding="utf-8")
SECONDS = 10.0  # a deadline, not an expectation
FIRST, *CHANGES = blocks(CHAPTER, "py")  # first.py, then what takes the place of its sendall
SENDS = re.compile(r"^    connection\.sendall\(.+\n", re.MULTILINE)


def changed(words: str) -> str:
    """Return first.py with the one block in place of sendall that has words in it."""
    (block,) = [one for one in CHANGES if words in one]
    text, count = SENDS.subn(lambda _: block, FIRST)
    assert count == 1
    return text


@pytest.fixture
def get(tmp_path):
    """A function that runs a program and gets the target from it: (response, content)."""

    def run(text: str, target: str) -> tuple[http.client.HTTPResponse, bytes]:
        path = tmp_path / "first.py"
        path.write_text(text, encoding="utf-8")
        with Server(parse_target(str(path))) as server:
            client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
            client.request("GET", target)
            with closing(client), client.getresponse() as response:
                return response, response.read()

    return run


def test_what_the_reader_types_first_is_twelve_lines_and_keeps_stage_1(tmp_path):
    path = tmp_path / "first.py"
    path.write_text(FIRST, encoding="utf-8")
    assert len(FIRST.splitlines()) == 12
    ended = run_check(1, "--server", str(path), "--stage", "1")
    assert ended.status == 0, ended.stdout
    assert ended.outcomes == {id: "kept" for id in STAGES[1][0].clauses}


def test_what_the_reader_types_first_shows_a_page(get):
    response, content = get(FIRST, "/")
    assert response.status == 200 and response.headers["Content-Type"] == "text/html"
    assert b"<h1>" in content


def test_a_length_in_characters_loses_the_last_octet(get):
    _, content = get(changed("Zürich"), "/")
    assert content.decode("utf-8") == "Züric" and "\nZüric\n" in TEXT


@pytest.mark.parametrize(
    ("target", "status", "name", "value"),
    [
        ("/", 200, "Content-Type", "text/html"),
        ("/stay", 204, "Location", None),
        ("/moved", 301, "Location", "/here"),
        ("/here", 200, "Content-Type", "text/html"),
        ("/secret", 401, "WWW-Authenticate", 'Basic realm="first"'),
    ],
)
def test_the_status_that_the_chapter_tries_is_sent(get, target, status, name, value):
    response, _ = get(changed("204 No Content"), target)
    assert response.status == status and response.headers[name] == value


def test_the_cookie_that_the_chapter_tries_is_sent(get):
    response, _ = get(changed("Set-Cookie"), "/")
    assert response.headers["Set-Cookie"] == "visitor=7"


def test_the_sections_of_functions_and_methods_are_found():
    assert section_of(CHAPTER, "format_head") == slug("Why line ends matter")
    assert section_of(CHAPTER, "Incoming.take") == slug("Read the content")
    assert section_of(CHAPTER, "nobody") == ""


def test_the_figures_are_what_the_script_draws(tmp_path):
    figures.write(tmp_path)
    for name in figures.FIGURES:
        committed = (figures.FOLDER / name).read_text(encoding="utf-8")
        assert committed == (tmp_path / name).read_text(encoding="utf-8"), (
            "python -m tests.tools.figures"
        )
        assert re.search(rf"!\[[^\]]{{40,}}\]\(figures/{name}\)", TEXT), f"{name}: no alt text"


def test_the_figure_of_the_queue_has_the_numbers_that_ss_prints():
    (printed,) = [one for one in blocks(CHAPTER, "text") if "\nLISTEN 2 " in one]
    waiting, room = figures.LISTENER
    assert re.search(rf"^LISTEN +{waiting} +{room} ", printed, re.MULTILINE)
    assert [
        (octets, port)
        for octets, port in re.findall(r"^ESTAB +(\d+) .+:(\d+)$", printed, re.MULTILINE)
    ] == [(octets, port) for _, port, octets in figures.CONNECTIONS]


def test_the_figure_of_the_cuts_cuts_as_the_chapter_does():
    sent = re.search(r"\(printf '(.+?)'; sleep 1; printf '(.+?)'\) \| nc", TEXT)
    pieces = [
        piece.encode("ascii").decode("unicode_escape").encode("ascii") for piece in sent.groups()
    ]
    ends = [0, *figures.CUTS[1][1], len(figures.REQUEST)]
    assert [figures.REQUEST[begin:end] for begin, end in pairwise(ends)] == pieces


def test_the_smuggled_request_is_the_one_that_is_drawn():
    (sent,) = re.findall(r"^printf '(POST .+GET /admin .+)' \| nc", TEXT, re.MULTILINE)
    assert sent.encode("ascii").decode("unicode_escape").encode("ascii") == figures.SMUGGLED
