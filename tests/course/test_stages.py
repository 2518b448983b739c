"""Each stage of tests/stages.py has its section in the chapter, and both say the same of it."""

import re

import pytest

from tests.course.complete import BUILT
from tests.parts import PARTS
from tests.stages import STAGES, Stage

EACH = pytest.mark.parametrize("part", BUILT)
OURS = re.compile(r"<summary>Ours: (?:<code>)?([\w.]+)")
LINES_ONLY = {(3, "format_environ")}  # chapter 2 has shown it; two of its lines change
BROKEN = re.compile(r"\*\*A broken (?:server|one)[.:]\*\*")


def sections(part: int) -> list[tuple[Stage, str, str]]:
    """Return each stage of a part with the heading and the text of its section."""
    text = PARTS[part].chapter.read_text(encoding="utf-8")
    found = [one for one in re.split(r"^## ", text, flags=re.MULTILINE) if one.startswith("Stage ")]
    return [(stage, *one.split("\n", 1)) for stage, one in zip(STAGES[part], found, strict=True)]


@EACH
def test_a_stage_has_a_section_with_its_title_its_difficulty_and_its_minutes(part):
    for stage, heading, rest in sections(part):
        assert heading == f"Stage {stage.number}: {stage.title}"
        says = (
            rf"\n\*{stage.difficulty.capitalize()}\. "
            r"Reading, with the experiments: [0-9]+ minutes\. "
            rf"Writing to green: {stage.minutes} minutes\.\*\n"
        )
        assert re.match(says, rest), f"{heading}: {rest[:120]}"


@EACH
def test_a_stage_ends_with_its_check_and_a_broken_server(part):
    for stage, heading, rest in sections(part):
        check = rf"```sh\nmake test-part{part} STAGE={stage.number}( SERVER=first\.py)?\n```\n"
        (found,) = re.finditer(check, rest)
        assert BROKEN.search(rest, found.end()), heading
        assert f"make broken M=part{part}/" in rest[found.end() :], heading


@EACH
def test_what_a_stage_has_the_reader_write_is_shown_in_order_and_ours_is_folded(part):
    for stage, heading, rest in sections(part):
        folded = {found[1]: found.start() for found in OURS.finditer(rest)}
        assert list(folded) == list(stage.functions), heading
        for name in stage.functions:
            if (part, name) not in LINES_ONLY:
                definition = rf"^ *def {name.rpartition('.')[2]}\("
                shown = [one.start() for one in re.finditer(definition, rest, re.MULTILINE)]
                assert len(shown) == 2 and shown[0] < folded[name] < shown[1], name


@EACH
def test_a_stage_names_the_clauses_that_it_turns_green(part):
    for stage, heading, rest in sections(part):
        missing = [id for id in stage.clauses if not re.search(rf"\b{id}\b", rest)]
        assert not missing, f"{heading}: {missing}"
