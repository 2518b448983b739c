"""What the tools have in common: the terminal that they print to, the port that they are given."""

import io
import signal
import sys


def replace_missing_signs() -> None:
    """Let stdout show ? for a sign that the terminal lacks."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def prepare_stdout() -> None:
    """Let stdout show ? for a sign that the terminal lacks, and end us when its reader has gone."""
    replace_missing_signs()
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever reads on in less may leave early


def parse_port(text: str) -> int:
    """Return the port that PORT names; exits with a sentence where it names none."""
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) > 65535:
        sys.exit(f"PORT is a number from 0 to 65535, not {text or 'empty'}.")
    return int(text)
