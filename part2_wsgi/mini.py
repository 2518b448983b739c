"""A framework of thirty lines, and an application of it: what Flask is underneath."""

from html import escape
from urllib.parse import parse_qs


class Mini:
    """A WSGI application that finds a function by the path, and calls it."""

    def __init__(self):
        self.pages = {}

    def route(self, path):
        """Return a decorator that puts a function into the table."""

        def remember(page):
            self.pages[path] = page
            return page

        return remember

    def __call__(self, environ, start_response):
        page = self.pages.get(environ["PATH_INFO"])
        query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        status, text = ("200 OK", page(query)) if page else ("404 Not Found", "No such page.\n")
        start_response(status, [("Content-Type", "text/html; charset=utf-8")])
        return [text.encode("utf-8")]


app = Mini()


@app.route("/")
def index(query):
    """Greet whom the query names."""
    name = escape(query.get("name", "world"))
    return f"<h1>Hello, {name}!</h1>\n"
