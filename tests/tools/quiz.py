"""A server with a mistake that is not named: make quiz, make quiz-answer.

python -m tests.tools.quiz PART PORT
python -m tests.tools.quiz answer
"""

import base64
import os
import random
import socket
import sys

from tests.parts import PARTS, ROOT, name_parts
from tests.tools.gallery import (
    BUILD,
    Mistake,
    check_command,
    default_serve,
    gallery,
    relative,
    write,
)
from tests.tools.mistakes import show_broken
from tests.tools.terminal import parse_port, prepare_stdout

ANSWER = BUILD / "quiz.answer"
NO_RIDDLES = {
    "H26_reuse_the_port",  # it does not start where a run has just ended
    "L23_groups_kept",  # as a quiz is served, without --user, there is nothing to see
    "L23_uid_first",
}


def riddles(part: int) -> list[Mistake]:
    """Return the mistakes of a part that can be found from outside."""
    return [one for one in gallery().values() if one.part == part and one.name not in NO_RIDDLES]


def serve_quiz(part: int, port: int) -> None:
    """Serve a server with a mistake that is not named."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            sys.exit(
                f"Port {port} is taken, perhaps by an earlier quiz: end that with Ctrl-C,\n"
                f"or make quiz PART={part} PORT={port + 1}. (make doctor says by whom.)"
            )
    mistake = random.choice(riddles(part))
    path = write(mistake, BUILD / "quiz.py")
    ANSWER.write_bytes(base64.b64encode(mistake.id.encode()))  # not to be read by accident
    print("This server has one mistake. Find it with a browser, curl, nc and ps,")
    print(f"and last with the check, in a second terminal:\n\n  {check_command(mistake, path)}\n")
    print("make quiz-answer names it. Ctrl-C ends the server.\n", flush=True)
    words = default_serve(part, None).replace("{file}", relative(path)).split()
    os.execvp(sys.executable, [sys.executable, *words[1:], "--port", str(port)])


def show_answer() -> None:
    """Tell which mistake the last quiz made."""
    if not ANSWER.is_file():
        sys.exit("No quiz has been started: make quiz PART=3.")
    id = base64.b64decode(ANSWER.read_bytes()).decode()
    print(f"It was {id}, caught by {gallery()[id].caught_by}. End the quiz (Ctrl-C), and then:\n")
    show_broken(id, tell=True)


def main() -> None:
    """Do what the command line says."""
    os.chdir(ROOT)
    prepare_stdout()
    if sys.argv[1] == "answer":
        show_answer()
    elif sys.argv[1] in map(str, PARTS):
        serve_quiz(int(sys.argv[1]), parse_port(sys.argv[2]))
    else:
        sys.exit(f"For which part? make quiz PART={name_parts()}.")


if __name__ == "__main__":
    main()
