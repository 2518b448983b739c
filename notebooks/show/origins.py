"""Where the keys of environ come from: the octets of the request behind each of them."""

from .octets import View, visible
from .tables import Table, table

ELSEWHERE = {  # keys that no octet of the request explains
    "SCRIPT_NAME": "where the application is mounted: the server says so",
    "SERVER_NAME": "the server's end of the connection",
    "SERVER_PORT": "the server's end of the connection",
    "REMOTE_ADDR": "the client's end of the connection",
    "REMOTE_PORT": "the client's end of the connection",
    "wsgi.errors": "the server's stderr",
}
PLAIN = {"method": "REQUEST_METHOD", "HTTP-version": "SERVER_PROTOCOL", "content": "wsgi.input"}
STREAMS = {"wsgi.input": "a file", "wsgi.errors": "a stream"}
Ranges = list[tuple[int, int]]


def origins(view: View) -> dict[str, Ranges]:
    """Return, for each key of environ that comes from a request, (start, end) of its octets."""
    found: dict[str, Ranges] = {}
    key = ""
    for start, stop, name in view.spans:
        if name in PLAIN:
            found[PLAIN[name]] = [(start, stop)]
        elif name == "request-target":
            cut = start + len(view.octets[start:stop].partition(b"?")[0])
            found["PATH_INFO"] = [(start, cut)]
            found["QUERY_STRING"] = [(min(cut + 1, stop), stop)]
        elif name == "field-name":
            key = environ_key(view.octets[start:stop])
        elif name == "field-value" and key:
            found.setdefault(key, []).append((start, stop))
    return found


def environ_key(field_name: bytes) -> str:
    """Return the key for a field; "" for a name with an underscore, which is dropped."""
    name = field_name.decode("ascii").upper()
    key = name.replace("-", "_")
    if "_" in name:
        return ""
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def line_with(octets: bytes, start: int, stop: int) -> str:
    """Return the line of octets that has octets[start:stop] in it, these in ⟦brackets⟧."""
    first = octets.rfind(b"\n", 0, start) + 1
    last = octets.find(b"\n", stop - 1) + 1 or len(octets)
    parts = octets[first:start], octets[start:stop], octets[stop:last]
    before, inside, after = (visible(part) for part in parts)
    return f"{before}⟦{inside}⟧{after}"


def origin_table(view: View, environ: dict[str, object]) -> Table:
    """Return each key of environ, its value, and the octets that it comes from, in their line.

    In the order of the request; what no octet of it explains follows, by name.
    """
    found = origins(view)

    def place(key: str) -> tuple[int, str]:
        return (found[key][0][0] if key in found else len(view.octets), key)

    rows: list[list[object]] = []
    for key in sorted(environ, key=place):
        where = "\n".join(line_with(view.octets, *span) for span in found.get(key, []))
        elsewhere = ELSEWHERE.get(key, "the server says so about itself")
        rows.append([key, STREAMS.get(key) or repr(environ[key]), where or elsewhere])
    return table(["key", "value", "where it comes from"], rows)
