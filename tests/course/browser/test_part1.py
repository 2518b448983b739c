"""Part 1 in a browser: it shows the request that it sent, as text and nothing else."""


def test_a_browser_shows_its_own_request(page, url):
    answer = page.goto(f"{url}/hello?x=1")
    assert answer.status == 200
    shown = page.inner_text("body")
    assert shown.startswith("GET /hello?x=1 HTTP/1.1\nHost: 127.0.0.1:")
    assert "\nUser-Agent: Mozilla/5.0" in shown


def test_an_echo_that_looks_like_a_page_is_shown_as_text(page, url):
    page.goto(f"{url}/?<script>document.title='run'</script>")
    assert page.title() == ""
    assert page.locator("script").count() == 0


def test_a_form_arrives_as_content(page, url):
    page.goto(f"{url}/")
    form = "<form method=post action=/form><input name=name value=Ada><button>go</button></form>"
    page.evaluate("html => { document.body.innerHTML = html }", form)
    with page.expect_navigation():
        page.click("button")
    shown = page.inner_text("body")
    assert shown.startswith("POST /form HTTP/1.1\n") and shown.rstrip().endswith("name=Ada")


def test_what_a_browser_leaves_as_it_is_in_a_query_is_accepted(page, url):
    answer = page.goto(f"{url}/%zz?ü={{|}}")
    assert answer.status == 200
    assert page.inner_text("body").startswith("GET /%zz?%C3%BC={|} HTTP/1.1\n")
