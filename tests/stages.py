"""The stages of each part: what the reader writes, in which order, and what turns green.

One order: that of the chapter's sections, of the file, of the starter, of the board and of the
advice. The minutes are for writing to green, and are an estimate (tests/README.md says of what).
"""

from collections.abc import Iterable
from typing import NamedTuple


class Stage(NamedTuple):
    """One stage of a part: functions to write, in their order, and the clauses they turn green."""

    number: int
    title: str
    difficulty: str
    minutes: int
    functions: tuple[str, ...]
    clauses: tuple[str, ...]

    @property
    def heading(self) -> str:
        """As the board and the chapter show it: "2 It answers (easy, 35 min)"."""
        return f"{self.number} {self.title} ({self.difficulty}, {self.minutes} min)"


def stage(
    number: int, title: str, difficulty: str, minutes: int, functions: str, clauses: str
) -> Stage:
    """Return a stage; functions and clauses are words."""
    return Stage(
        number, title, difficulty, minutes, tuple(functions.split()), tuple(clauses.split())
    )


STAGES = {
    1: (
        stage(1, "It listens", "easy", 15, "", "H01 H03 H04"),
        stage(
            2,
            "It answers",
            "easy",
            35,
            "format_head send_response format_echo serve_connection open_listener",
            "H02 H05 H25 H24 H26",
        ),
        stage(
            3,
            "It reads",
            "moderate",
            45,
            "send_refusal Incoming.more Incoming.line read_request_line read_field_section",
            "H07 H12 H14 H06 H11",
        ),
        stage(
            4,
            "It takes content",
            "moderate",
            30,
            "parse_content_length Incoming.take parse_list send_continue",
            "H20 H08 H09 H15",
        ),
        stage(
            5,
            "It refuses",
            "hard",
            75,
            "parse_request_line check_target parse_field_line check_transfer_encoding "
            "Incoming.is_unread Incoming.drop",
            "H17 H13 H16 H19 H21 H23 H10 H22",
        ),
        stage(6, "It survives", "easy", 25, "print_visible format_visible", "H27"),
        stage(7, "To the letter", "moderate", 30, "check_authority check_host", "H18"),
    ),
    2: (
        stage(
            1,
            "It tells",
            "moderate",
            60,
            "format_variables parse_path format_environ",
            "W03 W02 H13 W01 W04 W05",
        ),
        stage(2, "It calls", "easy", 30, "serve_application send_iterable", "W16 W08 W10"),
        stage(
            3,
            "It streams",
            "hard",
            75,
            "Answer.start Answer.write Answer.is_bare Answer.open Answer.send Answer.finish",
            "W09 W18 W12 W17 W07 W11 W06 W15",
        ),
        stage(4, "It refuses", "easy", 30, "check_status check_response_headers", "W14 W13"),
        stage(
            5,
            "It takes chunks",
            "hard",
            60,
            "check_transfer_encoding read_chunks parse_chunk_size",
            "H21 W19",
        ),
    ),
    3: (
        stage(1, "It forks", "easy", 30, "serve_forever", "P01 P02 P12 P05"),
        stage(2, "It lets go", "moderate", 30, "serve_in_child", "P04 P11 H26 P09 P07"),
        stage(3, "It reaps", "moderate", 20, "reap_children", "P03 P06"),
        stage(4, "It loses nothing", "easy", 15, "flush_output", "P10"),
        stage(5, "It copes", "moderate", 30, "send_unavailable format_environ", "P08 W05"),
    ),
    4: (
        stage(
            1,
            "It stays",
            "moderate",
            45,
            "Master.fill Master.reap Master.bury",
            "P01 L01 L02 L03 P05 P06 P08",
        ),
        stage(
            2,
            "It waits for no one",
            "hard",
            60,
            "Waiting.accept Waiting.sweep Patience.earn Patience.wait",
            "P02 L07 L08 L09 L10",
        ),
        stage(
            3,
            "It keeps the connection",
            "moderate",
            30,
            "Waiting.keep Incoming.forget is_kept",
            "L11 L12 L13",
        ),
        stage(4, "It notices", "moderate", 30, "Worker.tick Master.wake", "L04 L05 L06"),
        stage(
            5,
            "It leaves well",
            "hard",
            45,
            "Life.is_over Waiting.leave Master.stop Master.end",
            "L14 L15 L16 L17 L18 L22",
        ),
        stage(
            6,
            "It changes",
            "moderate",
            30,
            "Master.reload Master.promote Master.give_up",
            "L19 L20 L21",
        ),
        stage(7, "It gives up power", "easy", 15, "give_up_power", "L23"),
    ),
}


class Group(NamedTuple):
    """Clauses that stand together on the board; earlier: an earlier part has turned them green."""

    heading: str
    clauses: tuple[str, ...]
    earlier: bool = False


def stages_of(part: int) -> tuple[Stage, ...]:
    """Return the stages of a part, in their order."""
    return STAGES.get(part, ())


def groups_of(part: int, ids: Iterable[str]) -> list[Group]:
    """Return the clauses of a part, in the order of the board: earlier parts', then by stage."""
    own = {clause for one in stages_of(part) for clause in one.clauses}
    before = tuple(id for id in ids if id not in own)
    found = [Group(f"What part {part - 1} kept", before, earlier=True)] if before else []
    return found + [Group(one.heading, one.clauses) for one in stages_of(part)]


def stage_of(part: int, clause: str) -> Stage | None:
    """Return the stage of a part in which a clause turns green; None if an earlier part kept it."""
    return next((one for one in stages_of(part) if clause in one.clauses), None)


def functions_of(part: int) -> list[str]:
    """Return what the reader writes in a part, in order; methods as Class.name."""
    return [name for one in stages_of(part) for name in one.functions]
