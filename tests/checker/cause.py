"""What a server that is wrong looks like: the mistakes that turn the same things red.

A mistake breaks more clauses than the one that it is about, and symptoms stand above causes. So
the signs of a check are compared with those of every mistake (partN_*/mistakes/signatures.json,
written by python -m tests.tools.signatures): which clauses are red, on which form of their test,
and what was wrong. What is rare among the mistakes counts more.
"""

import json
import math
import re
from collections import Counter
from typing import NamedTuple

from tests.checker.result import Cause, Result
from tests.parts import PARTS

NEIGHBOURS = 5  # mistakes that have a say in what the cause is
SAY = 0.7  # how much they have, beside what is known of all mistakes
ALIKE = 0.35  # how much of all signs is shared by servers that look alike, from 0 to 1
LEANS, TIMES = 0.9, 2.0  # what is assumed of two clauses before any mistake, and how many it counts
# What is wrong elsewhere shows here: all kinds of answers, and whatever is read to its end.
SYMPTOMS = ("H06", "H22", "H23", "W18")


class Signature(NamedTuple):
    """A mistake as the check sees it: its id, the clause it is about, its title, its signs."""

    mistake: str
    clause: str
    title: str
    signs: frozenset[str]

    @property
    def part(self) -> int:
        """The part whose server has made the mistake."""
        return int(self.mistake.removeprefix("part")[0])


def signs_of(result: Result) -> frozenset[str]:
    """Return what a check shows: each red clause, the form that was red, and what was wrong."""
    signs = set()
    for clause in result.clauses:
        if why := clause.explanation:
            test, _, form = why.asked.partition(" [")
            wrong = re.sub(r"[0-9.]+", "N", why.problem)
            signs |= {clause.id, f"{clause.id} {test}", f"{clause.id} {wrong}"}
            signs |= {f"{clause.id} {test} [{form}"} if form else set()
    return frozenset(signs)


def read_signatures() -> list[Signature]:
    """Return the signature of every mistake that has one."""
    found = []
    for part in PARTS.values():
        path = part.path / "mistakes" / "signatures.json"
        if path.is_file():
            for name, row in json.loads(path.read_text(encoding="utf-8")).items():
                found.append(Signature(name, row["clause"], row["title"], frozenset(row["signs"])))
    return found


def find_cause(result: Result, known: list[Signature]) -> Cause | None:
    """Return the likeliest cause of what is red; None where nothing is, or nothing is known."""
    red = [clause.id for clause in result.clauses if clause.explanation]
    if not red or not known:
        return None
    clause, near = choose_cause(red, signs_of(result), known)
    alike = next(
        ((shared, one) for shared, one in near if one.clause == clause and one.part <= result.part),
        None,
    )
    if not alike or alike[0] < ALIKE:
        return Cause(clause)
    return Cause(clause, alike[1].mistake, alike[1].title, round(alike[0], 2))


def choose_cause(
    red: list[str], signs: frozenset[str], known: list[Signature]
) -> tuple[str, list[tuple[float, Signature]]]:
    """Return the clause that is likeliest the cause, and the mistakes that look most alike.

    Each pair of red clauses is asked which of the two is the other's cause: in the mistakes that
    are known, and, where these say little, in the order of the contract. Then those that look alike
    have their say.
    """
    before = Counter(
        (one.clause, id) for one in known for id in one.signs if len(id) == 3 and id != one.clause
    )
    scores = dict.fromkeys(red, 0.0)
    for id in red:
        for other in red:
            first, second = before[id, other], before[other, id]
            assumed = (LEANS if place(id) < place(other) else 1 - LEANS) * TIMES
            if other != id:
                share_of_both = (first + assumed) / (first + second + TIMES)
                scores[id] += share_of_both / (len(red) - 1)
    weights = weigh(known)
    near = [(share(signs, one.signs, weights), one) for one in known if one.clause in red]
    near = sorted(near, reverse=True)[:NEIGHBOURS]
    for shared, one in near:
        scores[one.clause] += shared**2 * SAY
    return max(sorted(red), key=lambda id: scores[id]), near


def place(clause: str) -> tuple[bool, int, str]:
    """Return where a clause stands among causes: workers and processes first, symptoms last."""
    return clause in SYMPTOMS, "LPHW".index(clause[0]), clause


def weigh(known: list[Signature]) -> dict[str, float]:
    """Return the weight of each sign: more, the fewer mistakes show it."""
    counts = Counter(sign for one in known for sign in one.signs)
    return {sign: math.log(1 + len(known) / count) for sign, count in counts.items()}


def share(a: frozenset[str], b: frozenset[str], weights: dict[str, float]) -> float:
    """Return how much of the signs of a and b together is in both, from 0 to 1."""
    most = max(weights.values(), default=1.0)
    both = sum(weights.get(sign, most) for sign in a & b)
    return both / (sum(weights.get(sign, most) for sign in a | b) or 1.0)
