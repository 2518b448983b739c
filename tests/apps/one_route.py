"""A Flask application with one route, for tests/measure/cost.py."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello():
    """Answer with a sentence."""
    return "Hello, world!\n"
