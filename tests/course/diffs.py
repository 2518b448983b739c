"""Apply the changes that a page shows, as `patch` would, to the files they name."""

import re

HUNK = re.compile(r"^@@.*?@@.*\n", re.MULTILINE)


def apply(diff: str, source: str) -> str:
    """Return source with every hunk of a unified diff applied; each must fit in one place.

    Raises AssertionError where one does not.
    """
    for hunk in HUNK.split(diff)[1:]:
        lines = hunk.splitlines()
        old = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
        new = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
        assert source.count(old) == 1, f"fits in {source.count(old)} places:\n{old}"
        source = source.replace(old, new)
    return source
