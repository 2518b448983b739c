"""The table of changes is printed with its diff. test_complete.py says whether it is true."""

import subprocess
import sys

import pytest

from tests.course.complete import BUILT
from tests.parts import PARTS, ROOT
from tests.tools.changes import CHANGED, GONE

LATER = pytest.mark.parametrize("part", [part for part in BUILT if part > 1])


@LATER
def test_the_table_is_printed_before_the_diff(part):
    ended = subprocess.run(
        [sys.executable, "-m", "tests.tools.changes", str(part)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    table, _, diff = ended.stdout.partition("\n--- ")
    for name, reason in (CHANGED.get(part, {}) | GONE.get(part, {})).items():
        assert name in table and reason in table
    assert diff.startswith(f"{PARTS[part - 1].folder}/server.py")


@pytest.mark.parametrize("part", BUILT)
def test_servers_import_the_standard_library_only(part):
    import ast

    tree = ast.parse(PARTS[part].server.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        else:
            continue
        assert all(name.partition(".")[0] in sys.stdlib_module_names for name in names), names
