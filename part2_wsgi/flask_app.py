"""A Flask application that shows what passes between browser, server and application.

    make serve-part2

Every page says what happened on the wire. It needs nothing from outside, and no script.
"""

import hashlib
import secrets
import time
from http import HTTPStatus

import flask
from markupsafe import Markup

app = flask.Flask(__name__)
app.secret_key = secrets.token_bytes()  # a restart forgets every session

LAYOUT = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} · your own web server</title>
<style>
  :root { color-scheme: light dark; --line: #8886; --soft: #8882; --link: #06c; }
  @media (prefers-color-scheme: dark) { :root { --link: #7bf; } }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 1rem; }
  nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; border-bottom: 1px solid var(--line);
        padding-bottom: .5rem; }
  a { color: var(--link); }
  a:focus-visible, button:focus-visible, input:focus-visible { outline: 3px solid var(--link);
        outline-offset: 2px; }
  h1 { font-size: 1.6rem; line-height: 1.2; }
  .wide { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; font-size: .9rem; }
  th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0;
           border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
  th, td:first-child { white-space: nowrap; }
  @media (max-width: 40rem) {
    thead { display: none; }
    table, tbody, tr, td { display: block; border: 0; padding: 0; }
    tr { border-bottom: 1px solid var(--line); padding: .5rem 0; }
    td:first-child { font-weight: bold; white-space: normal; }
  }
  code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
  pre { background: var(--soft); padding: .75rem; overflow-x: auto; border-radius: .4rem; }
  form { display: grid; gap: .75rem; padding: 1rem; background: var(--soft); border-radius: .4rem; }
  label { display: grid; gap: .25rem; }
  input, button { font: inherit; padding: .5rem .75rem; }
  button { justify-self: start; cursor: pointer; }
</style>
<nav aria-label="pages">
  {% for path, name in pages.items() %}<a href="{{ path }}"
    {% if path == request.path %}aria-current="page"{% endif %}>{{ name }}</a>
  {% endfor %}
</nav>
<main>
<h1>{{ title }}</h1>
{{ content }}
</main>
</html>
"""
PAGES = {
    "/": "environ",
    "/form": "form and upload",
    "/count": "a counter",
    "/status": "status codes",
    "/stream": "a stream",
    "/cached": "a cached page",
}

# Where each key of environ comes from; names with HTTP_ are fields of the same name.
ORIGINS = {
    "REQUEST_METHOD": "the first word of the request-line",
    "PATH_INFO": "the request-target up to the question mark, percent-decoded",
    "QUERY_STRING": "the request-target behind the question mark, as it was sent",
    "SERVER_PROTOCOL": "the last word of the request-line",
    "SCRIPT_NAME": "nothing on the wire: where the application is mounted",
    "CONTENT_TYPE": "the field Content-Type",
    "CONTENT_LENGTH": "the field Content-Length, or the length of the decoded chunks",
    "SERVER_NAME": "the server's end of the connection",
    "SERVER_PORT": "the server's end of the connection",
    "REMOTE_ADDR": "your end of the connection",
    "REMOTE_PORT": "your end of the connection",
    "wsgi.input": "the content behind the head, as a file",
    "wsgi.errors": "the server's stderr",
}

STATUSES = {
    200: "The page is shown. This is what it means that all went well.",
    204: "Nothing happens: the browser stays on the page it has, since there is no new one.",
    301: "The browser goes to Location, and remembers: next time it asks there at once.",
    302: "The browser goes to Location, and asks here again next time.",
    304: "Without a question about a change it means nothing; see the cached page for one.",
    400: "The browser shows the page. It thinks that it has asked wrongly, and does not ask again.",
    401: "The browser asks you for a name and a password, since WWW-Authenticate says Basic.",
    403: "The page is shown. No password would help.",
    404: "The page is shown; a cache may remember that there is nothing here.",
    405: "The page is shown. Allow names the methods that would do.",
    418: "The page is shown. A browser that does not know a code takes it for the x00 of its kind.",
    429: "The page is shown. A polite program waits for as long as Retry-After says.",
    500: "The page is shown. Whoever asks again may have better luck.",
    503: "The page is shown, and Retry-After says when to come back.",
}
FIELDS = {
    301: {"Location": "/status"},
    302: {"Location": "/status"},
    401: {"WWW-Authenticate": 'Basic realm="any name, any password: it stays 401"'},
    405: {"Allow": "GET"},
    429: {"Retry-After": "5"},
    503: {"Retry-After": "5"},
}


def page(title: str, template: str, **values) -> str:
    """Return a whole page: template, filled with values, inside the layout."""
    content = Markup(flask.render_template_string(template, **values))
    return flask.render_template_string(LAYOUT, title=title, content=content, pages=PAGES)


@app.get("/")
def index():
    """The environ of this very request, with where each value came from."""
    rows = []
    for key, value in sorted(flask.request.environ.items()):
        if key.startswith(("werkzeug.", "flask.")):
            continue
        origin = ORIGINS.get(key, "the server says so about itself")
        if key.startswith("HTTP_"):
            origin = "the field " + key.removeprefix("HTTP_").replace("_", "-").title()
        rows.append((key, repr(value), origin))
    return page(
        "environ, for this request",
        """<p>This is what the server told the application about the request that your browser
        has just sent. Add <a href="/?name=value&amp;x=%C3%A9">a query</a>, and look again.</p>
        <div class="wide"><table><thead><tr><th>key<th>value<th>where it came from</thead>
        <tbody>{% for key, value, origin in rows %}<tr><td><code>{{ key }}</code>
        <td><code>{{ value }}</code><td>{{ origin }}{% endfor %}</tbody></table></div>""",
        rows=rows,
    )


@app.route("/form", methods=["GET", "POST"])
def form():
    """A form with an upload; what was sent, as it arrived."""
    sent = None
    if flask.request.method == "POST":
        file = flask.request.files.get("file")
        octets = file.read() if file else b""
        sent = {
            "name": flask.request.form.get("name", ""),
            "filename": file.filename if file else "",
            "size": len(octets),
            "digest": hashlib.sha256(octets).hexdigest(),
            "kind": flask.request.content_type,
            "length": flask.request.content_length,
        }
    return page(
        "a form and an upload",
        """{% if sent %}<p role="status">The content of your request had
        <strong>{{ sent.length }}</strong> octets, of type <code>{{ sent.kind }}</code>. In it:
        the name <strong id="name">{{ sent.name }}</strong>, and the file
        <strong id="file">{{ sent.filename or "none" }}</strong> of
        <strong id="size">{{ sent.size }}</strong> octets, SHA-256
        <code id="digest">{{ sent.digest }}</code>.</p>{% endif %}
        <form method="post" enctype="multipart/form-data">
        <label>Your name <input name="name" autocomplete="name"></label>
        <label>A file <input type="file" name="file"></label>
        <button>Send</button></form>
        <p>A browser sends a form as the content of a POST. With a file in it, the content has
        parts, each with a small head of its own.</p>""",
        sent=sent,
    )


@app.get("/count")
def count():
    """A counter in a session: the cookie is the memory."""
    flask.session["count"] = flask.session.get("count", 0) + 1
    return page(
        "a counter that a cookie remembers",
        """<p>You have been here <strong id="count">{{ count }}</strong> times.</p>
        <p>HTTP is stateless: nothing in this request says that you are the same visitor, but for
        one field that your browser brought along:</p>
        <pre>Cookie: {{ cookie or "(none yet)" }}</pre>
        <p>The counter is <em>in</em> it, signed so that you can't change it unnoticed. Delete the
        cookie, or open a private window, and you are new here.</p>
        <p><a href="/count">Again</a></p>""",
        count=flask.session["count"],
        cookie=flask.request.headers.get("Cookie"),
    )


@app.get("/status")
def statuses():
    """The gallery of status codes."""
    rows = [(code, HTTPStatus(code).phrase, text) for code, text in STATUSES.items()]
    return page(
        "what a browser does with a status code",
        """<p>Each link answers with that code. Guess first.</p>
        <div class="wide"><table><thead><tr><th>code<th>reason<th>what the browser does</thead>
        <tbody>{% for code, reason, text in rows %}<tr>
        <td><a href="/status/{{ code }}">{{ code }}</a><td>{{ reason }}<td>{{ text }}
        {% endfor %}</tbody></table></div>""",
        rows=rows,
    )


@app.get("/status/<int:code>")
def status(code):
    """Answer with this code, and say what it means."""
    if code not in STATUSES:
        flask.abort(404)
    text = page(
        f"{code} {HTTPStatus(code).phrase}",
        '<p>{{ text }}</p><p><a href="/status">Back to the others</a></p>',
        text=STATUSES[code],
    )
    return text, code, FIELDS.get(code, {})


@app.get("/stream")
def stream():
    """A page that arrives line by line, while the application still works."""

    first = page("a page that comes in pieces", "<p>Watch the lines come.</p>")

    def lines():
        yield first.encode()
        for number in range(1, 6):
            time.sleep(0.5)
            yield f"<p>Line {number} of 5, sent at {time.strftime('%H:%M:%S')}.</p>\n".encode()

    return flask.Response(lines(), content_type="text/html; charset=utf-8")


@app.get("/cached")
def cached():
    """A page with an ETag: whoever has it already gets 304 and no content."""
    text = page(
        "a page that is sent once",
        """<p>This page has a name for its present form, an <code>ETag</code>. Load it again: your
        browser asks with <code>If-None-Match</code> whether it is still the same, and gets a 304
        without content. The server's log shows it.</p>
        <p><a href="/cached">Load it again</a></p>""",
    )
    answer = flask.make_response(text)
    answer.add_etag()
    answer.headers["Cache-Control"] = "no-cache"
    return answer.make_conditional(flask.request)
