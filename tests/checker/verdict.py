"""A verdict against the server under test, and how it is drawn: sent, permitted, got, likely."""

from tests.checker.conversation import Conversation
from tests.checker.result import Explanation
from tests.checker.visible import rows, show, wrap

WIDTH = 66  # columns for the text of a diagnosis, after its labels


class Red(AssertionError):
    """A verdict: what was sent and came back, what is permitted, what was likely done."""

    def __init__(
        self,
        problem: str,
        talks: Conversation | list[Conversation] | None = None,
        permitted: str = "",
        likely: str = "",
        sent_mark: bytes = b"",
        got_mark: tuple[int, int] | bytes = b"",
    ) -> None:
        """problem says what is wrong with what came back; the marks are shown with ^^^.

        got_mark is a range of offsets in what was received, or octets to look for.
        """
        super().__init__(problem)
        self.problem, self.permitted, self.likely = problem, permitted, likely
        self.talks = talks if isinstance(talks, list) else [talks] if talks else []
        self.sent_mark, self.got_mark = sent_mark, got_mark
        self.stderr = ""  # filled in by the runner
        self.is_heard = False  # its server was asked already what it wrote there
        self.read = ""  # a section to read instead of the clause's

    def sent_lines(self) -> list[list[str]]:
        """Return what was sent on each connection, as lines; the mark is on the last one."""
        last = len(self.talks) - 1
        return [
            show_sent(talk, find(b"".join(talk.sent), self.sent_mark) if at == last else (-1, -1))
            for at, talk in enumerate(self.talks)
        ]

    def got_lines(self) -> list[list[str]]:
        """Return what came back on each connection, as lines; the mark is on the last one."""
        return [
            *(show_received(talk, (-1, -1), most=3) for talk in self.talks[:-1]),
            *(show_received(talk, self.got_mark) for talk in self.talks[-1:]),
        ]


def draw(why: Explanation) -> list[str]:
    """Return an explanation in lines of at most 80 columns: sent, permitted, got, likely."""
    lines = []
    for number, (sent, got) in enumerate(zip(why.sent, why.got, strict=True), 1):
        lines += rows("sent", sent)
        if number < len(why.sent):
            lines += rows("got", got)
    lines += rows("permitted", wrap(why.permitted, WIDTH))
    lines += rows("got", [*(why.got[-1] if why.got else []), *wrap(why.problem, WIDTH)])
    if why.stderr:
        words = [shorten_word(word) for word in why.stderr.split(" ")]
        lines += rows("stderr", wrap(" ".join(words), WIDTH))
    return lines + rows("likely", wrap(why.likely, WIDTH))


def shorten_word(word: str) -> str:
    """Return word with its middle left out if it is longer than a line."""
    return word if len(word) <= WIDTH else f"{word[:30]}…{word[-20:]}"


def find(octets: bytes, wanted: bytes) -> tuple[int, int]:
    """Return the range of wanted in octets; an impossible one if it is not there."""
    at = octets.find(wanted) if wanted else -1
    return (at, at + len(wanted)) if at >= 0 else (-1, -1)


def show_sent(talk: Conversation, mark: tuple[int, int]) -> list[str]:
    """Return what was sent, piece by piece where there were few, with its length."""
    after = ["then the write side was shut down"] if talk.half_closed else []
    if not talk.sent:
        return ["nothing: a connection was opened", *after]
    if len(talk.sent) == 1 or mark[0] >= 0 or len(talk.sent) > 4:
        octets = b"".join(talk.sent)
        count = [f"in {len(talk.sent)} pieces, each read by the server before the next:"]
        size = [f"({len(octets)} octets)"] if len(octets) > 400 else []
        return [*(count if len(talk.sent) > 1 else []), *show(octets, WIDTH, mark), *size, *after]
    lines = [f"in {len(talk.sent)} pieces, each read by the server before the next:"]
    for number, piece in enumerate(talk.sent, 1):
        shown = show(piece, WIDTH - 3, most=4)
        if len(piece) > 400:
            shown.append(f"({len(piece)} octets)")
        lines += [f"{number if not at else ' '}  {line}" for at, line in enumerate(shown)]
    return lines + after


def show_received(talk: Conversation, mark: tuple[int, int] | bytes, most: int = 6) -> list[str]:
    """Return what came back, and how it ended."""
    octets = bytes(talk.received)
    if isinstance(mark, bytes):
        mark = find(octets, mark)
    lines = show(octets, WIDTH, mark, most) if octets else []
    end = {"closed": "then the connection was closed", "reset": "then the connection was reset"}
    if not octets:
        how = end.get(talk.ended, "").replace("then ", "nothing: ")
        waited = f"nothing within {talk.waited:.0f} s, the connection still open"
        lines.append(how or (waited if talk.waited else "nothing"))
    elif talk.ended:
        lines.append(end[talk.ended])
    elif talk.waited:
        lines.append(f"then nothing more within {talk.waited:.0f} s, the connection still open")
    return lines
