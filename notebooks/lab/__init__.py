"""The bench of the notebooks: servers that run, clients, what is seen of both.

    serve(name, application)        start a server by its name; end_all() ends every one
    get, answer_to, answers         one client that asks
    converse, hold_silent           many at once, and some that say nothing
    look, watch, lives_of           a server's processes, descriptors, zombies
    rows_of(server, exchanges)      the same for show.timeline()
    latency_of, memory_of, fork_costs, run_program      measurements
    catch, octets_waiting           an application without a server
    chromium, printed_request       what a browser sends, for notebook 1

Servers are started and watched by the harness of the check (tests/checker). Each is a process of
its own, in a session of its own, on a port that the kernel chose; nothing forks here.
"""

from tests.checker.processes import wait_until

from .browser import RECORDED, chromium, printed_request
from .by_hand import catch, octets_waiting
from .clients import Exchange, Nap, answer_to, answers, converse, get, hold_silent
from .looks import Look, lives_of, look, rows_of, watch
from .measurements import ForkCost, Silence, fork_costs, latency_of, memory_of, run_program
from .servers import LabServer, end_all, serve

__all__ = [
    "RECORDED",
    "Exchange",
    "ForkCost",
    "LabServer",
    "Look",
    "Nap",
    "Silence",
    "answer_to",
    "answers",
    "catch",
    "chromium",
    "converse",
    "end_all",
    "fork_costs",
    "get",
    "hold_silent",
    "latency_of",
    "lives_of",
    "look",
    "memory_of",
    "octets_waiting",
    "printed_request",
    "rows_of",
    "run_program",
    "serve",
    "wait_until",
    "watch",
]
