"""Ways to cut a request into pieces, and ids for them that read."""

import re


def cut_into_octets(request: bytes) -> list[bytes]:
    """Return request octet by octet."""
    return [request[at : at + 1] for at in range(len(request))]


def cut_inside_line_ends(request: bytes) -> list[bytes]:
    """Return request cut between each CR and its LF."""
    return [piece for piece in re.split(rb"(?<=\r)(?=\n)", request) if piece]


def cut_before_the_last(request: bytes, count: int) -> list[bytes]:
    """Return request in two pieces, the second of count octets."""
    return [request[:-count], request[-count:]]


def cut_after(request: bytes, part: bytes) -> list[bytes]:
    """Return request in two pieces, cut after the first occurrence of part."""
    at = request.index(part) + len(part)
    return [request[:at], request[at:]]


def cut_three_ways(request: bytes) -> dict[str, list[bytes]]:
    """Return request whole, octet by octet, and cut inside its line ends."""
    return {
        "whole": [request],
        "octet-by-octet": cut_into_octets(request),
        "cut-inside-line-ends": cut_inside_line_ends(request),
    }
