"""One page that asks all the time, and paints each answer below the worker that gave it.

make serve-part4                                 and then, in a second terminal:
kill -9 PID                                      a column ends, another begins
echo 2 > build/version; kill -HUP MASTER         all columns end, others begin, no gap
"""

import os
import signal
import time
from pathlib import Path

import flask

VERSION = Path(__file__).parents[1] / "build" / "version"  # what is deployed: a number
ANSWER_SECONDS = 0.02  # what an answer takes, so that several are asked for at once

app = flask.Flask(__name__)
version = int(VERSION.read_text(encoding="utf-8")) if VERSION.exists() else 1
served = 0  # requests that this worker has served so far


@app.get("/")
def page():
    """The page; all that it needs is in it."""
    return Path(__file__).with_name("rollout.html").read_text(encoding="utf-8")


@app.get("/who")
def who():
    """Say which worker answers, who started it, and which version it has loaded."""
    global served
    served += 1
    time.sleep(ANSWER_SECONDS)
    return {"pid": os.getpid(), "master": os.getppid(), "version": version, "served": served}


@app.get("/slow/<int:number>")
def slow(number):
    """Take so many seconds, and say who did."""
    time.sleep(number)
    return {"pid": os.getpid(), "version": version}


@app.post("/die")
def die():
    """End the worker that serves this, as the system does when memory runs out."""
    return app.response_class(begin_and(lambda: os.kill(os.getpid(), signal.SIGKILL)))


@app.post("/hang")
def hang():
    """Go round in a circle for ever."""
    return app.response_class(begin_and(go_round))


def begin_and(do):
    """Begin an answer, so that no browser takes the end of it for a reason to ask again."""
    yield "Here I go.\n"
    do()


def go_round():
    """Never return."""
    while True:
        pass
