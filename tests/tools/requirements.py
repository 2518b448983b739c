"""Write tests/requirements/*.txt from the *.in beside them, with the hash of every file.

python -m tests.tools.requirements [--upgrade]

One file fits Linux and macOS and every Python from 3.11 on: what differs has a marker. A version
stays as it is unless a .in file rules it out, or --upgrade asks for the latest.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.parts import ROOT

FOLDER = ROOT / "tests" / "requirements"
COMPILE = [
    *("uv", "pip", "compile", "--quiet", "--universal", "--python-version=3.11"),
    *("--generate-hashes", "--fork-strategy=fewest", "--no-annotate", "--no-emit-index-url"),
    "--custom-compile-command=make requirements",
]


def write(name: str, *options: str) -> None:
    """Write NAME.txt from NAME.in; exits where that fails, after uv has said why."""
    words = [*COMPILE, *options, f"{name}.in", "--output-file", f"{name}.txt"]
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    ended = subprocess.run(
        words, cwd=FOLDER, stdout=subprocess.DEVNULL, env=os.environ | {"PATH": search}
    )
    if ended.returncode:
        sys.exit(f"{name}.txt was left as it was.")


def main() -> None:
    """Write all.txt, and then the others with its versions."""
    options = sys.argv[1:]
    write("all", *options)
    for path in sorted(FOLDER.glob("*.in")):
        if path.stem != "all":
            write(path.stem, "--constraint=all.txt", *options)


if __name__ == "__main__":
    main()
