"""A Flask application with one route for each thing that W19 asks of a server."""

import flask

flask_application = flask.Flask(__name__)
flask_application.secret_key = "only for this test"


@flask_application.route("/hello/<name>")
def hello(name):
    """A route with a variable, and a query."""
    return f"{name}, {flask.request.args.get('x', '')}"


@flask_application.route("/form", methods=["POST"])
def form():
    """The fields of a form."""
    return flask.jsonify(flask.request.form.to_dict(flat=False))


@flask_application.route("/upload", methods=["POST"])
def upload():
    """The name and the size of an uploaded file."""
    file = flask.request.files["file"]
    return f"{file.filename} {len(file.read())}"


@flask_application.route("/json", methods=["POST"])
def json():
    """What was sent as JSON."""
    return flask.jsonify(flask.request.get_json())


@flask_application.route("/count")
def count():
    """A counter that a cookie remembers."""
    flask.session["count"] = flask.session.get("count", 0) + 1
    return str(flask.session["count"])


@flask_application.route("/old")
def old():
    """A redirect."""
    return flask.redirect(flask.url_for("hello", name="new"))


@flask_application.route("/url")
def url():
    """The address of this page, as the server knows it."""
    return flask.url_for("url", _external=True)


@flask_application.route("/stream")
def stream():
    """Content from a generator."""
    return flask.Response(f"{number}\n" for number in range(100))


@flask_application.route("/fails")
def fails():
    """An exception."""
    raise ValueError("on purpose")
