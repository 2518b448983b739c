"""The waterfall: a staircase on part 2, a wall on part 3, judged by the servers' own clocks.

On part 4 it is a staircase whose steps are as wide as there are workers. The pictures in chapters 3
and 4 are drawn by the first three tests:

    PICTURES=part3_forking .venv/bin/python -m tests.course browser --only "staircase or wall"
    PICTURES=part4_workers .venv/bin/python -m tests.course browser --only steps
"""

import os
import shlex
import sys
from pathlib import Path

import pytest

from tests.checker.server import Server
from tests.checker.target import parse_target
from tests.parts import PARTS

APPLICATION = "part3_forking.waterfall:app"
WORKERS = (
    f"{shlex.quote(sys.executable)} {shlex.quote(str(PARTS[4].server))} {{app}} "
    "--host {host} --port {port} --workers 2"
)
PROGRAMS = {2: str(PARTS[2].server), 3: str(PARTS[3].server), 4: WORKERS}
# The chart with the sentence below it, as a picture that needs nothing of the page.
PICTURE = """() => {
  const picture = document.getElementById("chart").cloneNode(true);
  picture.removeAttribute("id");
  picture.removeAttribute("aria-labelledby");
  picture.setAttribute("viewBox", "0 0 760 360");
  const style = document.createElementNS("http://www.w3.org/2000/svg", "style");
  style.textContent = "svg { background: #fff; font: 13px system-ui, sans-serif } " +
    [...document.styleSheets[0].cssRules].map((rule) => rule.cssText)
      .filter((text) => /^\\.(wait|service|inside|grid) /.test(text)).join(" ");
  picture.prepend(style);
  const sentence = document.createElementNS("http://www.w3.org/2000/svg", "text");
  sentence.setAttribute("x", 8);
  sentence.setAttribute("y", 348);
  sentence.textContent = document.getElementById("total").textContent;
  picture.append(sentence);
  return new XMLSerializer().serializeToString(picture)
    .replace(/></g, ">\\n<").replace(/(x[12]?|width)="([0-9]+[.][0-9])[0-9]*"/g, '$1="$2"');
}"""


@pytest.fixture
def serve(request):
    """Return a function that starts a part, hosting the waterfall, for this test."""
    running = []

    def start(part: int) -> str:
        server = Server(parse_target(PROGRAMS[part], APPLICATION))
        running.append(server)
        server.start()
        return f"http://127.0.0.1:{server.port}"

    yield start
    for server in running:
        server.close()


def bars(page, url: str, name: str) -> list[tuple[int, float, float]]:
    """Press the button; return (pid, begin, end) of every bar, the latter in seconds."""
    page.goto(url)
    page.click("#start")
    page.wait_for_selector("#total[data-done]")
    if folder := os.environ.get("PICTURES"):
        Path(folder, f"{name}.svg").write_text(page.evaluate(PICTURE) + "\n", encoding="utf-8")
    drawn = page.eval_on_selector_all("rect.service", "all => all.map(one => ({...one.dataset}))")
    return [(int(one["pid"]), float(one["begin"]), float(one["end"])) for one in drawn]


def most_at_once(found: list[tuple[int, float, float]]) -> int:
    """Return how many of the bars overlap in one moment."""
    return max(sum(begin <= moment < end for _, begin, end in found) for _, moment, _ in found)


def test_part_2_is_a_staircase(page, serve):
    found = bars(page, serve(2), "waterfall-part2")
    assert len(found) == 8 and len({pid for pid, _, _ in found}) == 1
    assert most_at_once(found) == 1
    assert "8 answers from 1 process in" in page.inner_text("#total")
    assert page.locator("#six").is_hidden()


def test_part_3_is_a_wall(page, serve):
    found = bars(page, serve(3), "waterfall-part3")
    assert len(found) == 8 and len({pid for pid, _, _ in found}) == 8
    assert most_at_once(found) >= 4
    assert "8 answers from 8 processes in" in page.inner_text("#total")
    assert page.locator("#six").is_visible() == (most_at_once(found) < 8)


def test_part_4_has_steps_as_wide_as_there_are_workers(page, serve):
    found = bars(page, serve(4), "waterfall-part4")
    assert len(found) == 8 and len({pid for pid, _, _ in found}) == 2
    assert most_at_once(found) == 2
    assert "8 answers from 2 processes in" in page.inner_text("#total")


def test_part_4_remembers_and_survives_a_kill(page, serve):
    page.goto(serve(4))
    counts = set()
    for _ in range(3):
        page.click("#ask")
        page.wait_for_function(
            "/counted [0-9]+[.]$/.test(document.querySelector('#count').innerText)"
        )
        counts.add(page.inner_text("#count").rpartition("counted ")[2])
        page.evaluate("document.querySelector('#count').textContent = ''")
    assert "2." in counts  # of three requests two came to the same of two workers
    page.click("#kill")
    page.wait_for_selector("text=nobody else noticed")


def test_part_3_remembers_nothing_and_survives_a_kill(page, serve):
    page.goto(serve(3))
    for _ in range(3):
        page.click("#ask")
        page.wait_for_function("document.querySelector('#count').innerText.endsWith('counted 1.')")
        page.evaluate("document.querySelector('#count').textContent = ''")
    page.click("#kill")
    page.wait_for_selector("text=nobody else noticed")


def test_part_2_remembers_and_dies_of_a_kill(page, serve):
    page.goto(serve(2))
    for count in (1, 2, 3):
        page.click("#ask")
        page.wait_for_function(
            f"document.querySelector('#count').innerText.endsWith('counted {count}.')"
        )
    page.click("#kill")
    page.wait_for_selector("text=the process that was killed was the server")


def test_the_waterfall_works_with_the_keyboard_and_on_a_phone(page, serve):
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(serve(3))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#total[data-done]")
