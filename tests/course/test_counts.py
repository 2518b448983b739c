"""How many clauses and mistakes there are: what a page says is what there is."""

import re

import pytest

from tests.checker.clauses import CLAUSES
from tests.course import counts as tool
from tests.course.complete import BUILT
from tests.course.counts import (
    ALL,
    GUNICORN,
    NODE,
    OF_GALLERY,
    OWN,
    WAITRESS,
    compare_kept,
    counts,
    kept,
    part_of,
    place,
    texts,
)
from tests.course.selfcheck import KEPT_BY_NAIVE, NAIVE
from tests.parts import LETTERS, PARTS, ROOT
from tests.stages import groups_of

TEXTS = texts()


def what_is_untrue(path: str, text: str) -> list[str]:
    """Return a sentence for each count on a page that is no longer true."""
    commands = {(one.words, one.line): one.command for one in kept(text)}
    said = []
    for count in counts(text, part_of(path)):
        if count.number not in count.due:
            due = " or ".join(map(str, sorted(count.due)))
            command = commands.get((count.words, count.line))
            first = f" The first number may have changed too: {command}" if command else ""
            said.append(f"{place(path, count.line)}, says {count.words!r}; now it is {due}.{first}")
    return said


@pytest.mark.parametrize("path", TEXTS)
def test_every_count_on_a_page_is_true(path):
    said = what_is_untrue(path, TEXTS[path])
    if said:
        pytest.fail("\n  ".join(said), pytrace=False)


def test_the_counts_that_we_know_of_are_found():
    found = [count.words for path in TEXTS for count in counts(TEXTS[path], part_of(path))]
    assert len(found) >= 12, found


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("A check with {} clauses tells you.", ALL[1]),
        ("All {} clauses\nare green", ALL[1]),
        ("It keeps 3 of {} clauses, and", ALL[1]),
        ("gunicorn kept about 28 of {} when we ran it", ALL[2]),
        ("`make test-part3` says 58 of {}. Point it", ALL[3]),
        ("the {} of chapter 2", OWN[2]),
        ("the {} clauses of chapter 1", OWN[1]),
        ("and {} clauses about processes", OWN[3]),
        ("a gallery of {} mistakes", sum(OF_GALLERY.values())),
        ("{} wrong mistakes of part 1", OF_GALLERY[1]),
    ],
)
def test_a_count_is_read_and_told_from_the_truth(text, number):
    (right,) = counts(text.format(number))
    assert right.number == number and number in right.due
    (wrong,) = counts(text.format(number + 100))
    assert wrong.number == number + 100 and wrong.number not in wrong.due


def test_a_chapter_counts_its_own_clauses():
    (count,) = counts(f"keeps 3 of {ALL[1]}", part=2)
    assert count.due == {ALL[2]}
    (count,) = counts(f"{ALL[1]} clauses", part=2)
    assert count.due == {ALL[2], OWN[2]}


@pytest.mark.parametrize("part", [number for number in BUILT if number > 1 and OWN[number]])
def test_what_a_board_says_of_an_earlier_part_is_read_and_is_of_no_server(part):
    line = "  What part {} kept: {} of {}\n"
    due = len(groups_of(part, [id for id in CLAUSES if id[0] in PARTS[part].letters])[0].clauses)
    (count,) = counts(line.format(part - 1, due, due), part)
    assert count.number == due and count.due == {due} != {ALL[part]}
    (wrong,) = counts(line.format(part - 1, due, due + 1), part)
    assert wrong.number not in wrong.due
    assert not list(kept(line.format(part - 1, due, due)))


@pytest.mark.parametrize(("word", "number"), [("twelve", 12), ("Forty-six", 46), ("ninety", 90)])
def test_a_number_in_words_is_read(word, number):
    (count,) = counts(f"{word} clauses")
    assert count.number == number


@pytest.mark.parametrize("text", ["two clauses", "2 of 18 keys", "Sixteen clients", "the 12 clues"])
def test_what_is_no_count_of_ours_is_left_alone(text):
    assert not list(counts(text))


STARTERS = [f"{part.folder}/starter.py" for part in PARTS.values()]


@pytest.mark.parametrize(
    "path", ["tests/tools/starters.py", *filter(lambda name: (ROOT / name).is_file(), STARTERS)]
)
def test_a_starter_names_the_clauses_to_the_last(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    for letter, last in re.findall(rf"unwritten: ([{LETTERS}])01 to (\w+)", text):
        assert last == [id for id in CLAUSES if id[0] == letter][-1], (
            f"{path} says {letter}01 to {last}: there are more clauses now."
        )


def test_an_untrue_count_is_told_with_its_line_and_the_command_for_the_first_number():
    chapter = f"Run\n`naive.py`.\n\nIt keeps\n3 of {ALL[1] + 1} clauses.\n"
    assert what_is_untrue("part1_single/README.md", chapter) == [
        f"part1_single/README.md, line 5, says '3 of {ALL[1] + 1}'; now it is {ALL[1]}. The first "
        "number may have changed too: "
        ".venv/bin/python -m tests.checker 1 --server part1_single/naive.py"
    ]
    assert what_is_untrue("README.md", "\n99 clauses") == [
        f"README.md, line 2, says '99 clauses'; now it is "
        f"{' or '.join(map(str, sorted({*ALL.values(), *OWN.values()})))}."
    ]


@pytest.mark.parametrize(
    ("text", "number", "part", "server"),
    [
        ("`naive.py` keeps 3 of 27 clauses", 3, 1, "part1_single/naive.py"),
        ("naive.py, then `echo.mjs` keeps 26 of 27 clauses", 26, 1, NODE),
        ("gunicorn 1.2 kept about 27 of 46 clauses", 27, 2, GUNICORN),
        ("clauses: waitress 3.0 about 31.", 31, 2, WAITRESS),
        ("`make test-part3` says 58 of 58 clauses", 58, 3, ""),
        ("`make start-part3` gives you 49 of 58 clauses", 49, 3, "part3_forking/starter.py"),
        ("part2_wsgi/mine.py keeps 30 of 46 clauses", 30, 2, "part2_wsgi/starter.py"),
    ],
    ids=["naive", "node", "gunicorn", "waitress", "finished", "start", "starter"],
)
def test_what_is_kept_is_said_of_the_server_named_last(text, number, part, server):
    (one,) = kept(text)
    assert (one.number, one.part, one.server) == (number, part, server)
    assert f"tests.checker {part} --" in one.command


def test_what_is_kept_by_a_server_without_a_name_is_told():
    with pytest.raises(ValueError, match="line 2, '3 of 27': no server is named before it"):
        list(kept("\nIt keeps 3 of 27 clauses"))


def test_of_every_sentence_on_a_page_the_server_is_known():
    assert len([one for text in TEXTS.values() for one in kept(text)]) >= 7


@pytest.mark.parametrize("more", [0, 1], ids=["true", "untrue"])
def test_the_sentence_and_the_truth_are_printed_and_compared(monkeypatch, capsys, more):
    truth = len(KEPT_BY_NAIVE)
    number = truth + more
    sentence = f"naive.py keeps {number} of {ALL[1]} clauses"
    monkeypatch.setattr(tool, "texts", lambda: {"page.md": sentence})
    assert compare_kept() == (not more)
    command = f".venv/bin/python -m tests.checker 1 --server {NAIVE}"
    assert capsys.readouterr().out == (
        f"page.md, line 1, says '{number} of {ALL[1]}'\n  it is {truth} of {ALL[1]}\n  {command}\n"
    )


def test_a_server_that_is_not_there_is_told(monkeypatch, capsys):
    monkeypatch.setattr(tool, "texts", lambda: {"page.md": "gunicorn keeps 3 of 46 clauses"})
    monkeypatch.setattr(tool, "SERVERS", [("", 2, "no-such-command {port}")] * len(tool.SERVERS))
    assert not compare_kept()
    assert "it was not run. There is no command no-such-command" in capsys.readouterr().out
