"""How long a server under test is waited for, by what it has shown so far.

A deadline is long, so that a correct server under load is never judged by the clock. A server that
lets it pass several times will do so again, and is waited for briefly from then on: any server is
judged within a minute or so. One that answers, but late, is given that time everywhere.
"""

ANSWER_SECONDS = 6.0  # until what is waited for has come
BRIEF_SECONDS = 1.0  # until an answer, of a server that was waited for in vain
END_SECONDS = 0.3  # until the end of a connection, of a server that has kept several open
IN_VAIN = 3  # waits past the long deadline, of one kind, until the brief one holds
LATE_SECONDS = 0.5  # what the plainest answer takes from a server that is late


class Patience:
    """What was waited for in vain so far, of all copies of one server."""

    def __init__(self, late: float = 0.0) -> None:
        self.late = late  # seconds that the plainest answer takes; 0.0 of a server that is prompt
        self.silences = 0  # requests without any answer
        self.broken_ends = 0  # connections still open whose end the answer had announced
        self.kept = 0  # connections still open, of which nobody had said so, in a row

    def for_answer(self) -> float:
        """Return how long to wait for an answer, in seconds."""
        return self.late + (ANSWER_SECONDS if self.silences < IN_VAIN else BRIEF_SECONDS)

    def for_end(self, announced: bool) -> float:
        """Return how long to wait for the end of a connection, in seconds."""
        in_vain = self.broken_ends if announced else self.kept
        return self.late + (ANSWER_SECONDS if in_vain < IN_VAIN else END_SECONDS)

    def note_end(self, ended: bool, announced: bool) -> None:
        """Remember whether a connection ended that was waited for."""
        if announced:
            self.broken_ends += not ended
        else:
            self.kept = 0 if ended else self.kept + 1
