"""How far the reader is: a line for each part, from the check of the reader's own files.

python -m tests.tools.progress
"""

import re
from collections.abc import Collection

from tests.checker.board import in_order_of_cause
from tests.checker.clauses import CLAUSES
from tests.checker.result import Result
from tests.checker.target import why_unreadable
from tests.parts import PARTS
from tests.stages import stages_of
from tests.tools.check import check_quietly
from tests.tools.terminal import prepare_stdout

DONE = "you have kept them all. Point the check at gunicorn."


def next_step(result: Result) -> str:
    """Return what to do about the first red clause; "" if all are kept."""
    if not (red := in_order_of_cause(result)):
        return ""
    why = result.clause(red[0]).explanation
    write = re.match(r"write [\w.]+", why.next if why else "")
    what = f"{write[0]} ({red[0]})" if write else f"{red[0]}, make hint CLAUSE={red[0]}"
    return f"{what}; make test-part{result.part} {which_stage(result)}"


def which_stage(result: Result) -> str:
    """Return STAGE=3 for the first stage with something red; "" where an earlier part has it."""
    red = {*result.ids("broken"), *result.ids("not run")}
    at = next((one.number for one in stages_of(result.part) if red & {*one.clauses}), 0)
    return f"STAGE={at}" if at else ""


def describe_stage(result: Result) -> str:
    """Return "stage 3 of 7", the first with something red, or "all stages"."""
    number = which_stage(result).removeprefix("STAGE=")
    return f"stage {number} of {len(stages_of(result.part))}" if number else "all stages"


def look_at(number: int) -> tuple[str, str]:
    """Return what is said of a part, and its next step; "" where all is done."""
    part = PARTS[number]
    mine = f"{part.folder}/mine.py"
    if not part.mine.is_file():
        page = f"{part.folder}/README.md"
        return f"not begun           {page}", f"make start-part{number}, and read {page}"
    if words := why_unreadable(part.mine):
        return f"can't be run        {mine}", f"{part.folder}/{words}"
    total = sum(id[0] in part.letters for id in CLAUSES)
    result = check_quietly(number, "--contract")
    kept = f"{result.kept:2} of {total} clauses"
    return f"{kept}   {describe_stage(result):12}   {mine}", next_step(result)


def in_order_of_place(begun: Collection[int]) -> list[int]:
    """Return the parts as the reader meets them: from the last one begun on, then the others."""
    at = max(begun, default=min(PARTS))
    return sorted(PARTS, key=lambda number: (number < at, number))


def main() -> None:
    """Print a line for each part, and the next step."""
    prepare_stdout()
    steps = {}
    for number in PARTS:
        words, steps[number] = look_at(number)
        print(f"  part {number}  {words}")
    begun = [number for number, part in PARTS.items() if part.mine.is_file()]
    left = [steps[number] for number in in_order_of_place(begun) if steps[number]]
    print(f"\nNext: {left[0] if left else DONE}")


if __name__ == "__main__":
    main()
