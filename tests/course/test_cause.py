"""The check explains the cause first: proved on the gallery, each mistake left out in turn."""

import pytest

from tests.checker.cause import Signature, choose_cause, read_signatures
from tests.course.selfcheck import run_check
from tests.tools.gallery import gallery, write

KNOWN = read_signatures()


def is_right(one: Signature, known: list[Signature]) -> bool:
    """Return whether the clause of a mistake is chosen, by what is known of these."""
    red = [sign for sign in one.signs if len(sign) == 3]
    return choose_cause(red, one.signs, known)[0] == one.clause


def test_every_mistake_has_a_signature_that_is_its_own():
    found = gallery()
    assert {one.mistake for one in KNOWN} == set(found), "python -m tests.tools.signatures NAME ..."
    for one in KNOWN:
        mistake = found[one.mistake]
        assert (one.clause, one.title) == (mistake.caught_by, mistake.title), one.mistake
        assert one.clause in one.signs, one.mistake


def test_a_mistake_that_is_known_is_explained_by_its_clause():
    wrong = [one.mistake for one in KNOWN if not is_right(one, KNOWN)]
    assert len(wrong) <= len(KNOWN) * 0.01, wrong


def test_a_mistake_that_is_not_known_is_explained_by_its_clause_nine_times_of_ten():
    wrong = [
        one.mistake
        for one in KNOWN
        if not is_right(one, [other for other in KNOWN if other != one])
    ]
    assert len(wrong) <= len(KNOWN) * 0.1, wrong


@pytest.mark.parametrize("name", ["part1/H07_one_recv", "part3/P03_reap_once"], ids=["one", "reap"])
def test_the_check_names_the_mistake_and_leads_to_its_story(name, tmp_path):
    mistake = gallery()[name]
    ended = run_check(mistake.part, "--server", str(write(mistake, tmp_path / "server.py")))
    assert ended.result and ended.result.cause
    assert ended.result.cause.clause == mistake.caught_by
    assert ended.result.cause.mistake == name
    said = " ".join(ended.stdout.split())
    assert f'"{mistake.title}": make broken M={name} TELL=1 says why.' in said
