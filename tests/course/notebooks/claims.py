"""What the notebooks say of their own outputs, as asserts on their variables.

check(notebook, heading, names) is called in the kernel, after the last cell of the section with
that heading. A claim is a function whose parameters are names of the notebook.
"""

import inspect
from collections.abc import Callable, Mapping

Claim = Callable[..., None]
CLAIMS: dict[tuple[str, str], Claim] = {}  # by the number of the notebook, and a heading


def claim(notebook: str, heading: str) -> Callable[[Claim], Claim]:
    """Return a decorator for what is claimed in the section of a notebook with that heading."""

    def remember(function: Claim) -> Claim:
        CLAIMS[notebook, heading] = function
        return function

    return remember


def check(notebook: str, heading: str, names: Mapping[str, object]) -> None:
    """Call what is claimed in a section with the values of its names; raises AssertionError."""
    function = CLAIMS[notebook, heading]
    function(**{name: names[name] for name in inspect.signature(function).parameters})


def content_of(octets: bytes) -> bytes:
    """Return what follows the head of a message."""
    return octets.partition(b"\r\n\r\n")[2]


# ---- 1a --------------------------------------------------------------------------


@claim("1a", "By hand")
def by_hand_is_whole(by_hand, tried, status_lines, answer):
    assert [len(by_hand), *map(len, tried)] == [70, 18, 25, 18]
    assert [line[9:12] for line in status_lines] == ["400", "200", "200"]
    assert by_hand.index(b"\r\n\r\n") == len(by_hand) - 4
    assert content_of(answer) == by_hand


@claim("1a", "Five clients and one question")
def clients_differ_in_their_fields(everywhere, most, views, fields):
    assert everywhere == {"host"} and most == "Chromium"
    assert not any(view.missing for view in views.values())
    assert "malformed" not in {name for view in views.values() for _, _, name in view.spans}
    assert fields["by hand"]["host"] == "127.0.0.1"
    assert fields["http.client"]["accept-encoding"] == "identity"
    assert "gzip" in fields["requests"]["accept-encoding"]
    assert fields["requests"]["connection"] == fields["Chromium"]["connection"] == "keep-alive"
    assert all(name in fields["Chromium"]["user-agent"] for name in ("Mozilla", "Safari", "Chrome"))
    assert "user-agent" not in fields["http.client"]
    assert not any("cookie" in sent for sent in fields.values())


@claim("1a", "TCP is a stream")
def pieces_are_forgotten(by_hand, returned, counted, tens, understood, answers, contents):
    assert returned == {1: [70], 3: [23, 23, 24], 70: [1] * 70}
    assert len(counted) < 70 and tens == [10] * 7
    assert understood == {1: (70, 70), 3: (70, 23), 70: (70, 1)}
    assert len(answers) == 3 and contents == {by_hand}


# ---- 1b --------------------------------------------------------------------------


@claim("1b", "A response octet by octet")
def nothing_is_known_before_the_empty_line(steps):
    assert [step[1] for step in steps] == ["-", "-", "-", "Response", "Data", "Data, EndOfMessage"]


@claim("1b", "Broken on purpose")
def clients_differ_in_what_they_accept(broken, verdicts, left_over, answer):
    shown: dict[str, set[str]] = {"requests": set(), "h11": set()}
    for client, names in shown.items():
        names |= {name for name in broken if verdicts[name][client] == "200 b'hello\\n'"}
    assert shown["h11"] == {"nothing", "LF instead of CRLF", "no length, then closed"}
    assert shown["requests"] == shown["h11"] | {"a field without colon"} and len(broken) == 11
    assert {verdicts["length too small"][client] for client in shown} == {"200 b'hel'"}
    assert verdicts["no line ends at all"]["requests"] == "200 b''"
    assert left_over == b"lo\n" and not answer.headers


@claim("1b", "Content in four wrappings")
def content_travels_in_four_ways(form, as_json, upload, picture, chunked, refusals):
    assert content_of(form) == b"name=Zo%C3%AB+%26+co&born=1815"
    assert b"\r\nContent-Length: 30\r\n" in form
    assert content_of(as_json) == rb'{"name": "Zo\u00eb & co", "born": 1815}'
    assert picture in upload and len(picture) == 8
    assert b"\r\nContent-Length:" not in chunked
    assert int("1c", 16) == 28 and b"\r\n1c\r\nand" in chunked
    assert [line[9:12] for line in refusals] == ["501", "404"]


@claim("1b", "HEAD and redirects and status codes")
def a_head_may_come_alone(to_head, to_get, page, rows):
    assert to_head.endswith(b"\r\n\r\n")
    assert b"\r\nContent-Length: 40\r\n" in to_head and len(content_of(to_get)) == 40
    assert len(page.history) == 1 and page.request.path_url == "/status"
    assert [row[0][9:12] for row in rows if row[2] == "none"] == ["204", "304"]
    with_field = {row[0][9:12]: row[1].partition(":")[0] for row in rows if row[1] != "-"}
    assert with_field == {
        "301": "location", "401": "www-authenticate", "405": "allow",
        "429": "retry-after", "503": "retry-after",
    }  # fmt: skip


@claim("1b", "Two requests and a cookie")
def the_count_is_in_the_cookie(visits, first, second, third, again, counts):
    assert [visits(page) for page in (first, second, third, again)] == [1, 1, 2, 2]
    assert counts == [1, 2, 3]


# ---- 2 ---------------------------------------------------------------------------


@claim("2", "No server at all")
def two_keys_are_enough(said, answer):
    assert said[0][0] == "200 OK"
    assert answer == [b"Hello, Ada! You asked for /tea.\n"]
    assert dict(said[0][1])["Content-Length"] == str(len(answer[0])) == "32"


@claim("2", "From octets to environ")
def environ_comes_from_the_request(environ, octets, nowhere, reads):
    assert environ["PATH_INFO"] == "/cafÃ©/a b" and octets.decode("utf-8") == "/café/a b"
    assert octets.startswith(b"/caf\xc3\xa9")
    assert environ["QUERY_STRING"] == "who=%41da&x"
    assert environ["HTTP_X_TAG"] == "one, two" and "three" not in repr(environ)
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["CONTENT_LENGTH"] == "5" and "HTTP_CONTENT_LENGTH" not in environ
    assert "SCRIPT_NAME" in nowhere and "REMOTE_ADDR" in nowhere
    assert reads == [b"hel", b"lo", b""]


@claim("2", "Flask, called by hand")
def flask_needs_two_keys(said, content, needed, pages, by_client, octets, answer):
    assert content == b"Hello, Ada!\n" and said[0][0] == "200 OK"
    assert set(needed) == {"REQUEST_METHOD", "wsgi.url_scheme"}
    assert pages[0][0] == "404 NOT FOUND" and pages[1] == ("200 OK", b"Hello, world!\n")
    assert by_client.data == content and by_client.status == said[0][0]
    assert [tuple(pair) for pair in by_client.headers] == said[0][1]
    assert octets.endswith(b"\r\n\r\n" + content)
    assert b"\r\nDate: " in octets and b"\r\nConnection: " in octets
    assert (answer.status, answer.octets) == ("200 OK", len(content))


@claim("2", "What leaves when")
def the_head_waits_for_content(before, first, after, rest, log, leaving):
    assert [what == b"" for _, what in leaving] == [True, True, False, False, True]
    assert leaving[2][1].startswith(b"HTTP/1.1 200 OK") and leaving[2][1].endswith(b"half\n")
    assert leaving[3][1] == b"whole\n" and b"Content-Length" not in leaving[2][1]
    assert before == [] and first == b"" and after[0][0] == "200 OK"
    assert rest == [b"half\n", b"whole\n", "the end"]
    assert [what for _, what in log] == [b""] * 4  # nobody has sent anything


@claim("2", "Failing, early and late")
def a_head_that_has_left_stays(early, late, replaced, raised):
    assert early[1].startswith(b"HTTP/1.1 500 ") and b"database" not in early[1]
    assert late[1].startswith(b"HTTP/1.1 200 OK") and late[1].endswith(b"\r\n\r\nhalf of ")
    assert b"\r\nContent-Length: 20\r\n" in late[1]
    assert early[2] == late[2] == raised[2] == "RuntimeError: the database has gone"
    assert replaced[1].startswith(b"HTTP/1.1 503 ") and replaced[1].endswith(b"Come back later.\n")
    assert raised[1].endswith(b"half of ")


@claim("2", "close()")
def close_is_called_once(closes, cases):
    assert [closes(*how) for how in cases.values()] == [1, 1, 1, 1]


@claim("2", "The judge")
def two_judges_differ(wrong, rejected, refused, warned, lab, serve, validator, app, environ):
    assert set(wrong) - refused == {"no Content-Type"}
    assert set(wrong) - rejected == {"a status without a reason", "Connection: keep-alive"}
    assert "three-digit" in str(warned[0].message)
    assert not lab.catch(serve, validator(app), environ)[2]  # Flask passes


@claim("2", "Middleware")
def middleware_passes_on(octets, content, logs, closed):
    assert b"\r\nServer-Timing: app;dur=" in octets and octets.endswith(content)
    assert [what == b"" for _, what in logs["naive_loud"]] == [True, True, True, True, False]
    assert [what == b"" for _, what in logs["loud"]] == [True, True, False, False, True]
    assert closed == {"naive_loud": 0, "loud": 1}
    assert len("straße".encode()) == len("straße".encode().upper()) == len("straße".upper()) == 7


@claim("2", "Thirty lines, and Flask")
def only_post_differs(rows, asked, answers):
    assert [row[1][:3] == row[3][:3] for row in rows] == [True, False, True, True]
    assert rows[1][3] == "405 METHOD NOT ALLOWED" and rows[3][2] < rows[3][4]
    contents = [content_of(octets) for octets in answers[asked[0]]]
    assert contents[0] == contents[1] == b"<h1>Hello, A&amp;B!</h1>\n"


@claim("2", "One application, four servers")
def servers_say_the_same_in_their_own_way(pages, streams, ends, rows, names):
    for octets, stream in zip(pages, streams, strict=True):
        head = octets.lower()
        assert octets.endswith(b"\r\n\r\nHello, world!\n") and b"\r\ncontent-length: 14\r\n" in head
        assert b"\r\ncontent-type: text/html; charset=utf-8\r\n" in head
        assert b"\r\ncontent-length:" not in stream.lower()
        assert b"\r\ndate:" in head
    assert ends["part 2"] == ends["wsgiref"] == "the close"
    assert list(ends.values()).count("chunks") == len(names) - 2
    assert b"\r\nServer: " not in pages[0] and b"CPython" in pages[1]
    assert rows[0][1].endswith(" 0 octets of content")
    assert rows[1][1].startswith("HTTP/1.1 400 ") and rows[2][1].startswith("HTTP/1.1 200 ")


# ---- 3 ---------------------------------------------------------------------------


@claim("3", "Eight at once")
def part2_serves_one_at_a_time(naps, all_asked):
    pairs = zip(naps["part 2"], naps["part 2"][1:], strict=False)
    assert all_asked and all(one.end <= after.begin for one, after in pairs)
    assert max(nap.begin for nap in naps["part 3"]) < min(nap.end for nap in naps["part 3"])
    assert len({nap.pid for nap in naps["part 2"]}) == 1
    assert len({nap.pid for nap in naps["part 3"]}) == 8


@claim("3", "The life of a child")
def every_child_is_reaped(lives):
    assert len(lives) == 8 and all(life["exit"] <= life["reap"] for life in lives)


@claim("3", "A silent client")
def silence_holds_only_part2(waits):
    # The last of the three came at 0.4 s, and the silence ended at 1.2 s.
    assert min(waits["part 2"]) > 0.7
    assert max(waits["part 3"]) < 0.7


@claim("3", "A burst of 128")
def lost_signals_leave_zombies(zombies_left, burst_rows, few_rows, reaped, after_twenty, growth):
    assert zombies_left["part 3"] == zombies_left["parent keeps its copy"] == 0
    assert zombies_left["nobody reaps"] == 128
    assert 0 < zombies_left["one wait for each signal"] < 128
    assert [row[1] for row in burst_rows] == [128] * 4
    assert [row[2] for row in burst_rows] == [128, 128, 128, 127]
    assert all("exit" in row.marks for row in few_rows) and False in reaped
    assert after_twenty == 0
    assert growth == sorted(growth) and growth[-1] > growth[0]


@claim("3", "What older texts say")
def one_of_five_is_true(
    after_kill, after_a_while, after_a_request, after_signals, before, kind, handled, ended,
    answered, finished,
):  # fmt: skip
    assert after_kill == after_a_while == 128 and after_a_request == 129
    assert after_signals == before - 20
    assert kind == "TimeoutError" and handled < ended and ended > 0.95
    assert answered and finished.is_alive()


@claim("3", "Descriptors of the parent")
def a_kept_connection_costs_a_descriptor(answered, lines, ends):
    assert set(answered.values()) == {30}
    first = {name: points[0][1] for name, points in lines.items()}
    last = {name: points[-1][1] for name, points in lines.items()}
    assert last["part 3"] == first["part 3"]
    assert last["parent keeps its copy"] == first["parent keeps its copy"] + 1
    assert last["parent keeps all"] == first["parent keeps all"] + 30
    assert ends == {"part 3": 30, "parent keeps its copy": 29, "parent keeps all": 0}


@claim("3", "What a fork costs")
def a_larger_process_forks_for_longer(costs):
    assert costs[-1].least > costs[0].least
    if costs[-1].busy:
        assert costs[-1].idle[1] < 10
        assert costs[-1].busy[1] > 0.5 * (costs[-1].size - costs[0].size)


@claim("3", "Where each design bends")
def waiting_is_what_differs(latency, at):
    assert all(ms > 20 for points in latency.values() for _, ms in points)  # all have waited
    one, few = at["part 2"], at["pre-forked"]
    assert one[32] > 20 * one[1] and few[32] > 3 * few[1] and one[32] > 2 * few[32]
    assert all(at[name][32] < one[32] for name in ("part 3", "a thread for each", "loop"))


@claim("3", "Silence and memory")
def silence_costs_part3_most(curves, silence, names, known):
    grown = {name: points[-1][1] - points[0][1] for name, points in curves.items()}
    assert grown["part 3"] == max(grown.values())
    assert grown["part 3"] > 5 * grown["a thread for each"]
    answered = {name: points[-1].answered for name, points in silence.items()}
    assert [name for name in names if not answered[name]] == ["part 2", "pre-forked"]
    most = silence["part 3"][-1]
    assert not known or most.resident > 2 * most.own


# ---- 4 ---------------------------------------------------------------------------


@claim("4", "Beside difficult clients")
def a_worker_is_held_by_who_has_begun(at, names, limit):
    two, three, four = names
    held = [(kind, name) for kind in at for name in names if at[kind][name][8] == limit]
    assert held == [("silent", two), ("slow", two), ("slow", four)]
    assert at["silent"][two][1] == at["slow"][two][1] == limit
    assert at["slow"][four][1] < limit
    for kind in ("bursty", "killed"):
        assert at[kind][two][8] > 140 and at[kind][four][8] > 60
        assert at[kind][four][8] < at[kind][two][8]
        assert at[kind][four][1] < at[kind][four][8]
        assert at[kind][three][8] < at[kind][two][8]


@claim("4", "Who accepts")
def the_work_makes_it_even(served):
    assert [len(one) for one in served.values()] == [4] * 4
    assert [sum(one) for one in served.values()] == [400] * 4
    assert all(min(one) > 20 for name, one in served.items() if name.endswith("eight clients"))


@claim("4", "A reload under load")
def two_generations_answer_at_once_and_nobody_is_lost(
    exchanges, lost, old, workers, last_old, first_new
):
    assert len(exchanges) == 280 and lost == 0
    assert len(old) == 2 and len(workers) == 4
    assert 1.0 < first_new < last_old


@claim("4", "Before or after the fork")
def what_is_looked_at_is_copied(costs):
    before, after = costs["before"], costs["after"]
    alone = after[-1].fresh - after[0].fresh  # seven workers
    assert before[-1].fresh - before[0].fresh < 0.25 * alone
    assert 0.75 * alone < before[-1].used - before[0].used < alone
    assert before[-1].used > 0.9 * after[-1].used
    assert all(abs(one.used - one.fresh) < 0.05 * one.fresh for one in after)
