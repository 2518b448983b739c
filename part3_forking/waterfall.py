"""One page that shows concurrency: eight slow resources, asked for at once, as bars on a time axis.

make serve-part3                                     a wall
make serve-part2 APP=part3_forking.waterfall:app     a staircase
"""

import os
import signal
import time
from pathlib import Path

import flask

app = flask.Flask(__name__)
app.config["SLOW_SECONDS"] = 0.5  # what one slow resource takes
served = 0  # requests that this process has served so far


@app.get("/")
def page():
    """The page; all that it needs is in it."""
    return Path(__file__).with_name("waterfall.html").read_text(encoding="utf-8")


@app.get("/slow/<int:number>")
def slow(number):
    """Take a while, and tell who did it and when, in seconds of the machine's monotonic clock."""
    begin = time.monotonic()
    time.sleep(app.config["SLOW_SECONDS"])
    return {"number": number, "pid": os.getpid(), "begin": begin, "end": time.monotonic()}


@app.get("/remember")
def remember():
    """Count the requests that this process has counted."""
    global served
    served += 1
    return {"pid": os.getpid(), "served": served}


@app.post("/die")
def die():
    """End the process that serves this, as the system does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
    return "not reached"
