"""Write what every mistake of the gallery turns red: partN_*/mistakes/signatures.json.

    python -m tests.tools.signatures [NAME ...]

The whole check is run on every broken server, which takes minutes; with names, as in
part1/H07_one_recv, on those alone. The check reads the files (tests/checker/cause.py).
"""

import concurrent.futures
import json
import sys
import tempfile
from pathlib import Path

from tests.checker.cause import signs_of
from tests.checker.clauses import CLAUSES
from tests.parts import PARTS
from tests.tools.check import check_quietly
from tests.tools.gallery import Mistake, gallery, write

AT_ONCE = 3  # checks side by side


def signature(mistake: Mistake) -> dict[str, object]:
    """Return the row of a mistake: the clause it is about, its title, and its signs."""
    with tempfile.TemporaryDirectory() as folder:
        path = write(mistake, Path(folder, "server.py"))
        options = ["--contract", "--server", str(path), *fewer(mistake)]
        result = check_quietly(mistake.part, *options)
    return {
        "clause": mistake.caught_by,
        "title": mistake.title,
        "signs": sorted(signs_of(result)),
    }


def fewer(mistake: Mistake) -> list[str]:
    """Return the options that keep a check short enough.

    Where the clauses of workers are the part's own, these alone are asked: they wait for most of
    a minute, and what earlier parts kept would take as long again.
    """
    own = PARTS[mistake.part].letters[-1]
    return (
        ["--clause", ",".join(id for id in CLAUSES if id[0] == own)] if own == "L" else ["--jobs=5"]
    )


def main() -> None:
    """Write the signatures that the command line names, or all."""
    found = gallery()
    names = sys.argv[1:] or list(found)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        rows = dict(zip(names, pool.map(lambda name: signature(found[name]), names), strict=True))
    for number, part in PARTS.items():
        path = part.path / "mistakes" / "signatures.json"
        before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        mine = {name: before.get(name) for name in found if found[name].part == number}
        mine |= {name: row for name, row in rows.items() if found[name].part == number}
        kept = {name: row for name, row in sorted(mine.items()) if row}
        path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
