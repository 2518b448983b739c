"""Every notebook runs top to bottom in a fresh kernel, and was committed as it had run."""

import ast
import os
import tempfile
import time

import psutil
import pytest

from tests.parts import ROOT

nbformat = pytest.importorskip("nbformat", reason="make test-notebooks installs Jupyter")

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
EVERY = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
CELL_SECONDS = 120  # a deadline for one cell, not an expectation
LINES = 10
CHECK = "# Is the text true here?"  # the first line of a cell that only checks the text
MARK = "STARTED_BY_NOTEBOOK"


def read(path):
    """Return a notebook."""
    return nbformat.read(path, as_version=4)


def code_cells(path) -> list:
    """Return the code cells of a notebook."""
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def find_processes(mark: str) -> set[str]:
    """Return the commands of the processes that have mark in their environment."""
    found = set()
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                found.add(" ".join(process.cmdline()))
        except psutil.Error:
            pass  # somebody else's, or gone meanwhile
    return found


def test_there_are_three_and_the_index_names_them():
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [path.name[:2] for path in NOTEBOOKS] == ["1_", "2_", "3_"]
    assert all(f"({path.name})" in index for path in NOTEBOOKS)


@EVERY
def test_it_was_committed_as_it_ran(path):
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))
    for cell in code_cells(path):
        for output in cell.outputs:
            assert output.output_type != "error", output.get("ename")
            assert output.get("name") != "stderr", output.get("text")


@EVERY
def test_its_cells_are_short_and_prose_stands_between(path):
    cells = read(path).cells
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
    for cell in code_cells(path):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= LINES, cell.source
    assert sum(cell.cell_type == "markdown" for cell in cells) >= len(code_cells(path)) * 0.5


@EVERY
def test_what_only_checks_the_text_is_folded_and_stands_apart(path):
    for cell in code_cells(path):
        checks = any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(cell.source)))
        assert checks == cell.source.startswith(CHECK + "\n"), cell.source
        assert checks == ("claims" in cell.metadata.get("tags", [])), cell.source
        assert checks == cell.metadata.get("jupyter", {}).get("source_hidden", False), cell.source
        assert not (checks and cell.outputs), cell.source


@EVERY
def test_a_question_stands_apart_from_every_answer(path):
    asked = [cell.source for cell in read(path).cells if "**Question" in cell.source]
    assert asked
    for source in asked:
        assert source.startswith("> **Question"), source
        assert all(line.startswith(">") for line in source.splitlines()), source


@EVERY
def test_it_has_pictures_or_tables_that_need_no_kernel(path):
    kinds = {
        kind for cell in code_cells(path) for out in cell.outputs for kind in out.get("data", {})
    }
    assert kinds & {"text/html", "image/svg+xml", "image/png"}
    assert "application/vnd.jupyter.widget-view+json" not in kinds


@EVERY
def test_it_names_no_path_of_the_machine_that_ran_it(path):
    text = path.read_text(encoding="utf-8")
    for word in (str(ROOT), os.path.expanduser("~") + "/", tempfile.gettempdir() + "/"):
        assert word not in text, word


@pytest.mark.slow
@EVERY
def test_it_runs_in_a_fresh_kernel_and_leaves_no_process(path, monkeypatch):
    from nbclient import NotebookClient

    mark, notebook = f"{path.stem}-{os.getpid()}", read(path)
    monkeypatch.setenv(MARK, mark)  # the kernel inherits it, and whatever it starts
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],  # a kernel warns of its own loopback port
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
    deadline = time.monotonic() + CELL_SECONDS
    while find_processes(mark) and time.monotonic() < deadline:
        time.sleep(0.1)  # the kernel itself takes a moment to go
    assert not find_processes(mark)
