"""What a red clause is told: the requirement as a sentence, and a likely mistake by evidence."""

import ast

import pytest

from tests.checker.explain import question_in
from tests.parts import ROOT


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
