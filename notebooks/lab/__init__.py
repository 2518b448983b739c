"""The bench of the notebooks: servers that run, clients, what is seen of both.

    serve(name, application)        start a server by its name; end_all() ends every one
    get, answer_to, answers         one client that asks
    converse, hold_silent           many at once, and some that say nothing
    look, watch, lives_of, zombies_of    a server's processes, descriptors, zombies
    rows_of(server, exchanges)      the same for show.timeline()
    burst, latency_of, memory_of, fork_costs, run_program       measurements
    catch, call_without_client, octets_waiting     an application without a server
    functions_of, tell_servers      a part's server as a module; whose it is
    trouble, kept_waiting, shares_of, reload_after, load_costs  how workers fare
    fields_of, content_of, cut      a message in parts or in pieces
    fetch, http_client, curl, judge     clients that we did not write
    asked_by_chromium, printed_request      what a browser sends

Servers are started and watched by the harness of the check (tests/checker). Each is a process of
its own, in a session of its own, on a port that the kernel chose; nothing forks here.
"""

from tests.checker.processes import wait_until

from .browser import asked_by_chromium, printed_request
from .by_hand import call_without_client, catch, octets_waiting
from .clients import Exchange, Nap, answer_to, answers, converse, get, hold_silent
from .difficult import kept_waiting, trouble
from .libraries import (
    JUDGES,
    curl,
    feed,
    fetch,
    http_client,
    judge,
    new_h11_client,
    new_session,
    url_of,
)
from .looks import Look, lives_of, look, rows_of, watch, zombies_of
from .measurements import ForkCost, Silence, burst, fork_costs, latency_of, memory_of, run_program
from .messages import content_of, cut, fields_of, start_line
from .servers import LabServer, end_all, serve
from .whose import functions_of, tell_servers
from .workers import LoadCost, load_costs, reload_after, shares_of

__all__ = [
    "JUDGES",
    "Exchange",
    "ForkCost",
    "LabServer",
    "LoadCost",
    "Look",
    "Nap",
    "Silence",
    "answer_to",
    "answers",
    "asked_by_chromium",
    "burst",
    "call_without_client",
    "catch",
    "content_of",
    "converse",
    "curl",
    "cut",
    "end_all",
    "feed",
    "fetch",
    "fields_of",
    "fork_costs",
    "functions_of",
    "get",
    "hold_silent",
    "http_client",
    "judge",
    "kept_waiting",
    "latency_of",
    "lives_of",
    "load_costs",
    "look",
    "memory_of",
    "new_h11_client",
    "new_session",
    "octets_waiting",
    "printed_request",
    "reload_after",
    "rows_of",
    "run_program",
    "serve",
    "shares_of",
    "start_line",
    "tell_servers",
    "trouble",
    "url_of",
    "wait_until",
    "watch",
    "zombies_of",
]
