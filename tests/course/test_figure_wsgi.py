"""The figure of chapter 2 is the one that its script writes."""

import re

from tests.tools.figure_wsgi import LEAVES, PATH, STEPS, figure


def test_the_figure_is_as_its_script_writes_it():
    assert PATH.read_text(encoding="utf-8") == figure()


def test_nothing_goes_to_the_client_before_the_head_leaves():
    wire = [number for number, step in enumerate(STEPS) if step[2] == "wire"]
    assert wire[:2] == [0, LEAVES] and "head" in STEPS[LEAVES][3]


def test_what_is_said_fits_between_the_two_who_say_it():
    for start, end, _, said in STEPS:
        assert len(said) * 8.5 < abs(end - start), said


def test_the_figure_has_no_colours():
    assert all(len(set(shade)) == 1 for shade in re.findall(r"#(\w{3})\b", figure()))
