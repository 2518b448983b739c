"""The echo that the H clauses ask a WSGI server for: the request as environ tells it."""

from urllib.parse import quote

PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def application(environ, start_response):
    """Answer with METHOD target PROTOCOL, a line for each field, an empty line, the content."""
    # Octets that no target can hold go back to their percent-encoded form.
    target = quote(environ["PATH_INFO"], safe=PRINTABLE, encoding="latin-1")
    if query := environ.get("QUERY_STRING"):
        target = f"{target}?{query}"
    method = environ["REQUEST_METHOD"]
    # The same for HEAD as for GET, so that their lengths agree.
    lines = [f"{'GET' if method == 'HEAD' else method} {target} {environ['SERVER_PROTOCOL']}"]
    for key in sorted(environ):
        if key.startswith("HTTP_"):
            name = key.removeprefix("HTTP_").replace("_", "-").title()
            lines.append(f"{name}: {environ[key]}")
    for key, name in (("CONTENT_TYPE", "Content-Type"), ("CONTENT_LENGTH", "Content-Length")):
        if environ.get(key):
            lines.append(f"{name}: {environ[key]}")
    if length := environ.get("CONTENT_LENGTH"):
        # It may be as the client sent it, and int() fails above 4,300 digits.
        content = environ["wsgi.input"].read(int(length.lstrip("0") or "0"))
    else:  # decoded chunks, of which some servers do not tell the length
        content = environ["wsgi.input"].read() if "HTTP_TRANSFER_ENCODING" in environ else b""
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [head + content]
