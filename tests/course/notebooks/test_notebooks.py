"""Every notebook runs top to bottom in a fresh kernel, and was committed as it had run."""

import ast
import os
import re
import tempfile
import time

import psutil
import pytest

from tests.course.notebooks.claims import CLAIMS, check
from tests.pages import pages
from tests.parts import ROOT

nbformat = pytest.importorskip("nbformat", reason="make test-notebooks installs Jupyter")

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
EVERY = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
CELL_SECONDS = 120  # a deadline for one cell, not an expectation
LINES = 10
LAST = "What to take away"  # the heading of the last section
MARK = "STARTED_BY_NOTEBOOK"


def read(path):
    """Return a notebook."""
    return nbformat.read(path, as_version=4)


def code_cells(path) -> list:
    """Return the code cells of a notebook."""
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def number_of(path) -> str:
    """Return the number of a notebook: 1a."""
    return path.stem.partition("_")[0]


def sections_of(notebook) -> list[tuple[str, list]]:
    """Return (heading, cells) of each section."""
    sections: list[tuple[str, list]] = []
    for cell in notebook.cells:
        if cell.source.startswith("## "):
            sections.append((cell.source.splitlines()[0].removeprefix("## "), []))
        if sections:
            sections[-1][1].append(cell)
    return sections


def with_claims(notebook, number: str) -> list:
    """Return the cells of a notebook, and after each section one that checks its claims."""
    cells = notebook.cells[: -sum(len(cells) for _, cells in sections_of(notebook))]
    for heading, section in sections_of(notebook):
        cells += section
        if (number, heading) in CLAIMS:
            words = f"check({number!r}, {heading!r}, globals())"
            source = f"from tests.course.notebooks.claims import check\n\n{words}"
            cells.append(nbformat.v4.new_code_cell(source))
    return cells


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


def test_the_index_names_each_notebook():
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [number_of(path) for path in NOTEBOOKS] == ["1a", "1b", "2", "3", "4"]
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
def test_no_cell_asserts_what_the_text_says(path):
    for cell in code_cells(path):
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(cell.source)))


@EVERY
def test_every_section_with_code_has_its_claims(path):
    sections = {
        heading
        for heading, cells in sections_of(read(path))
        if heading != LAST and any(cell.cell_type == "code" for cell in cells)
    }
    assert {heading for number, heading in CLAIMS if number == number_of(path)} == sections


def test_a_claim_that_is_not_true_is_told():
    with pytest.raises(AssertionError):
        check("3", "The life of a child", {"lives": []})


@EVERY
def test_no_link_leads_into_a_notebook(path):
    # On GitHub a notebook has no anchors.
    assert not re.search(r"\]\(#", "".join(cell.source for cell in read(path).cells))
    for page in pages():
        assert f"{path.name}#" not in page.read_text(encoding="utf-8"), page


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
def test_it_runs_in_a_fresh_kernel_as_it_says_and_leaves_no_process(path, monkeypatch):
    from nbclient import NotebookClient

    mark, notebook = f"{path.stem}-{os.getpid()}", read(path)
    monkeypatch.setenv(MARK, mark)  # the kernel inherits it, and whatever it starts
    monkeypatch.setenv("FINISHED", "1")  # what the text says is true of the finished servers
    notebook.cells = with_claims(notebook, number_of(path))
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
