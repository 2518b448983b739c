"""The server under test: what SERVER names, or the course's own for a part."""

import os
import shlex
import shutil
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

from tests.checker.patience import Patience
from tests.parts import PARTS

NOT_TAKEN = "not run: "  # begins the reason of a test that skips for want of a figure


class UsageError(Exception):
    """The command line names no server that could be started; str() is a sentence."""


class Figures(NamedTuple):
    """What a command line can be told about workers: how many, seconds, and whose.

    The seconds are whole, since some servers take no others. user "" is whoever runs the check.
    """

    workers: int = 2
    client_timeout: int = 10
    keep_alive: int = 10
    timeout: int = 30
    graceful_timeout: int = 1
    user: str = ""


class Target(NamedTuple):
    """What to start: words with {host}, {port} and {app}; by_path if a .py file was named.

    From part 4 on they may have the names of Figures in braces too.
    """

    label: str
    words: list[str]
    by_path: bool
    app: str = ""  # MODULE:CALLABLE, importable from the root of the course
    part: int = 0  # whose promises it has to keep, where parts differ
    patience: Patience | None = None  # shared by all copies that one check runs

    @property
    def path(self) -> Path | None:
        """The file of the server, where one was named."""
        return Path(self.words[1]) if self.by_path else None

    def takes(self, name: str) -> bool:
        """Return whether the command has a place for {name}."""
        return any(f"{{{name}}}" in word for word in self.words)

    @property
    def is_mine(self) -> bool:
        """Whether it is the reader's own mine.py."""
        return self.label.endswith("/mine.py")

    @property
    def is_finished(self) -> bool:
        """Whether it is the finished server of its part, not another one of that name."""
        return self.part in PARTS and self.path == PARTS[self.part].server


def parse_target(text: str, app: str = "", options: str = "") -> Target:
    """Return the target that SERVER names: a command line, or a path ending in .py.

    A path to a file needs no quotes, whatever is in it. app is what a .py file gets as its first
    argument, if any, options the words that it gets at the end. Raises UsageError.
    """
    try:
        words = [text] if text.endswith(".py") and Path(text).is_file() else shlex.split(text)
    except ValueError:
        raise UsageError(f"SERVER has a quote that does not end: {text}") from None
    if not words:
        raise UsageError("SERVER is empty: name a .py file or a command with {port} in it.")
    if len(words) == 1 and words[0].endswith(".py"):
        if not Path(words[0]).is_file():
            raise UsageError(f"There is no file {words[0]}.")
        words = [sys.executable, str(Path(words[0]).resolve()), *(["{app}"] if app else [])]
        words += ["--host", "{host}", "--port", "{port}", *options.split()]
        return Target(text, words, True, app)
    if len(words) == 1 and "{" not in text and Path(text).is_file():
        raise UsageError(f"{text} does not end in .py: give the command that runs it.")
    if "{port}" not in text:
        raise UsageError(
            "SERVER must say where the port goes, as in SERVER='python3 my.py --port {port}'."
        )
    if not shutil.which(words[0], path=search_path()):
        raise UsageError(f"There is no command {words[0]}.")
    return Target(text, words, False, app)


def search_path() -> str:
    """Return PATH with our own interpreter's directory first."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def choose_target(number: int, server: str = "", finished: bool = False) -> Target:
    """Return what to check for a part: server, else mine.py, else the finished one.

    Raises UsageError.
    """
    part = PARTS[number]
    if server:
        target = parse_target(server, part.contract_application, part.options)
        return target._replace(part=number)
    path = part.mine if part.mine.is_file() and not finished else part.server
    if not path.is_file():
        raise UsageError(
            f"There is no {part.folder}/{path.name}: git checkout {part.folder}/{path.name} "
            f"brings it back, make start-part{number} begins your own."
        )
    if words := why_unreadable(path):
        raise UsageError(f"{part.folder}/{words}")
    target = parse_target(str(path), part.contract_application, part.options)
    return target._replace(label=f"{part.folder}/{path.name}", part=number)


def why_unreadable(path: Path) -> str:
    """Return why the program at path can't be run, in a sentence; "" if it can."""
    try:
        with warnings.catch_warnings():  # "\d" runs, whatever a filter of pytest forbids
            warnings.simplefilter("ignore")
            compile(path.read_bytes(), str(path), "exec")
    except (SyntaxError, ValueError) as error:
        number = getattr(error, "lineno", None)
        line = f" in line {number}" if number else ""
        return f"{path.name} does not parse{line}: {getattr(error, 'msg', error)}."
    return ""
