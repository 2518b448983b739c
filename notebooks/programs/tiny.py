"""A Flask application with a page, and a stream whose length nobody knows beforehand."""

import flask

app = flask.Flask(__name__)


@app.get("/hello")
def hello() -> str:
    return "Hello, world!\n"


@app.get("/stream")
def stream() -> flask.Response:
    return flask.Response((f"line {number}\n" for number in (1, 2)), mimetype="text/plain")
