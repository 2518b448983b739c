"""What tools can see: style, layout, types and spelling. A line for each, and what it has to say.

    python -m tests.tools.lint [style|layout|types|spelling ...]

Without a name it runs all of them. Exit status 0 if all are content, 1 if one is not, 2 for
usage. What each of them looks for is in pyproject.toml.
"""

import subprocess
import sys
from pathlib import Path

from tests.parts import ROOT
from tests.tools.terminal import prepare_stdout

TOOLS = {
    "style": ("ruff", "check", "--quiet"),
    "layout": ("ruff", "format", "--check", "--quiet"),
    "types": ("mypy", "--no-error-summary"),
    "spelling": ("codespell",),
}


def run_tool(name: str) -> tuple[bool, str]:
    """Return whether a tool is content with the whole course, and what it said."""
    tool, *options = TOOLS[name]
    path = Path(sys.executable).with_name(tool)  # the one that lint.txt pins, not the system's
    if not path.is_file():
        return False, f"There is no {tool} beside {sys.executable}: make lint installs it."
    ended = subprocess.run([path, *options], cwd=ROOT, capture_output=True, text=True)
    return ended.returncode == 0, (ended.stdout + ended.stderr).strip()


def main() -> int:
    """Run the tools that the command line names, and print a line for each."""
    prepare_stdout()
    names = sys.argv[1:] or list(TOOLS)
    if unknown := [name for name in names if name not in TOOLS]:
        print(f"There is no {unknown[0]} here, only {', '.join(TOOLS)}.", file=sys.stderr)
        return 2
    status = 0
    for name in names:
        content, said = run_tool(name)
        print(f"  {'ok' if content else 'NO'}  {name:<9} {TOOLS[name][0]}", flush=True)
        if not content:
            print(f"\n{said}\n", flush=True)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
