"""A message taken apart at its empty line, for a table or a comparison."""

import itertools


def start_line(octets: bytes) -> str:
    """Return the first line of a message: request-line or status-line."""
    return octets.partition(b"\r\n")[0].decode("latin-1")


def fields_of(octets: bytes) -> dict[str, str]:
    """Return the fields of a message by name, in lower case."""
    _, *lines = octets.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    pairs = (line.partition(":")[::2] for line in lines)
    return {name.lower(): value.strip() for name, value in pairs}


def content_of(octets: bytes) -> bytes:
    """Return what follows the empty line."""
    return octets.partition(b"\r\n\r\n")[2]


def cut(octets: bytes, count: int) -> list[bytes]:
    """Return octets in count pieces of nearly equal length."""
    ends = [len(octets) * at // count for at in range(count + 1)]
    return [octets[start:end] for start, end in itertools.pairwise(ends)]
