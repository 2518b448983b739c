"""What a server wrote to stderr, in one line."""

import re
from pathlib import Path

# Lines of an access log, and what the suite's own application tells the suite.
NOISE = re.compile(r'\S+ ".*" ([0-9]{3}|-) [0-9]+ [0-9]+ ms$|<token-[0-9]+ |.* - - \[.+\] "')

FOREIGN = r"/lib/python|tests/checker/meddle\.py$|^<frozen "  # code that nobody here has written


def gist_of(stderr: str) -> str:
    """Return the gist of stderr: the exception and where it was raised, or the last line."""
    lines = [line for line in stderr.splitlines() if line.strip() and not NOISE.match(line)]
    if not lines:
        return ""
    # A log may go on after a traceback: the exception is the first line that stands back.
    after = stderr[stderr.rindex("Traceback (most recent") :] if "Traceback (most" in stderr else ""
    raised = re.search(r"^(?![Tt]raceback |[ \t]|$).+", after.partition("\n")[2], re.MULTILINE)
    # faulthandler writes what happened first, and where with the innermost frame first.
    fault = None if after else re.search(r"^Fatal Python error: .+", stderr, re.MULTILINE)
    frames = re.findall(r'File "(.+)", line (\d+)(?:,? in (\S+))?', stderr)
    own = [frame for frame in frames if not re.search(FOREIGN, frame[0])] or frames
    if not own:
        return lines[-1]
    path, line, name = own[0 if fault else -1]
    found = raised or fault
    words = found[0] if found else lines[-1]
    return f"{words} ({Path(path).name}, line {line}{f', in {name}' if name else ''})"
