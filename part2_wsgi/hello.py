"""The whole agreement on one screen: a function that a WSGI server calls. PEP 3333."""


def application(environ, start_response):
    """Greet whom the query names, and say which path was asked for."""
    name = environ["QUERY_STRING"] or "world"
    content = f"Hello, {name}! You asked for {environ['PATH_INFO']}.\n".encode()
    fields = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(content)))]
    start_response("200 OK", fields)
    return [content]
