"""A module with a factory, as many frameworks have one."""


def make():
    """Return an application."""

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"made\n"]

    return application
