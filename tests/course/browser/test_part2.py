"""Part 2's Flask application in a browser: what each status makes it do."""

import hashlib
import os

import pytest

from tests.checker.server import Server
from tests.checker.target import parse_target
from tests.parts import PARTS

PROGRAM = str(PARTS[2].server)


@pytest.fixture
def server():
    """Part 2, hosting flask_app."""
    with Server(parse_target(PROGRAM, "flask_app:app")) as running:
        yield running


@pytest.fixture
def url(server):
    """Where it listens."""
    return f"http://127.0.0.1:{server.port}"


def save_screenshot(page, name: str) -> None:
    """Keep a screenshot where SCREENSHOTS says, if it does."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_the_environ_of_this_request_is_a_table(page, url):
    page.goto(f"{url}/?name=value")
    row = page.locator("tr", has_text="QUERY_STRING")
    assert "'name=value'" in row.inner_text() and "question mark" in row.inner_text()
    assert "the field User-Agent" in page.inner_text("table")
    save_screenshot(page, "environ")


def test_a_form_and_an_upload_arrive(page, url):
    content = bytes(range(256)) * 4096
    page.goto(f"{url}/form")
    page.fill("input[name=name]", "Zoë <b>")
    page.set_input_files(
        "input[name=file]",
        {"name": "a.bin", "mimeType": "application/octet-stream", "buffer": content},
    )
    page.click("button")
    page.wait_for_selector("#digest")
    assert page.inner_text("#name") == "Zoë <b>"
    assert page.inner_text("#size") == str(len(content))
    assert page.inner_text("#digest") == hashlib.sha256(content).hexdigest()
    save_screenshot(page, "form")


def test_the_counter_counts_by_a_cookie(page, url):
    page.goto(f"{url}/count")
    assert page.inner_text("#count") == "1"
    page.click("main a")
    page.wait_for_function("document.querySelector('#count').innerText == '2'")
    page.context.clear_cookies()
    page.goto(f"{url}/count")
    assert page.inner_text("#count") == "1"


def test_a_redirect_is_followed(page, url):
    answer = page.goto(f"{url}/status/302")
    assert answer.status == 200 and page.url == f"{url}/status"
    assert answer.request.redirected_from.url == f"{url}/status/302"
    save_screenshot(page, "statuses")


def test_a_204_does_not_navigate(page, url):
    page.goto(f"{url}/status")
    with page.expect_response("**/status/204") as seen:
        page.click("a[href='/status/204']", no_wait_after=True)
    assert seen.value.status == 204
    assert page.url == f"{url}/status"
    assert "Guess first" in page.inner_text("main")


@pytest.mark.parametrize("code", [404, 418, 500, 503])
def test_an_error_is_shown_as_a_page(page, url, code):
    answer = page.goto(f"{url}/status/{code}")
    assert answer.status == code
    assert page.inner_text("h1").startswith(str(code))


def test_a_conditional_request_gets_304(page, url, server):
    page.goto(f"{url}/cached")
    page.goto(f"{url}/cached")
    assert "a page that is sent once" in page.inner_text("h1")
    deadline = 200
    while '"GET /cached HTTP/1.1" 304 0 ' not in server.errors() and deadline:
        page.wait_for_timeout(50)
        deadline -= 1
    assert '"GET /cached HTTP/1.1" 304 0 ' in server.errors()


def test_a_stream_shows_its_first_lines_before_its_last(page, url):
    page.goto(f"{url}/stream", wait_until="commit")
    page.wait_for_selector("text=Line 1 of 5")
    assert page.locator("text=Line 5 of 5").count() == 0
    page.wait_for_selector("text=Line 5 of 5")


def test_the_pages_work_with_the_keyboard_and_on_a_phone(page, url):
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(f"{url}/status")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "environ"
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/")
    save_screenshot(page, "phone")
