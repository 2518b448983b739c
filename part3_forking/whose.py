"""One application with a hole in it: it reads whatever file its path names. Whose files are these?

make serve-part3 APP=part3_forking.whose:app
curl 127.0.0.1:8888/etc/hostname
curl '127.0.0.1:8888/etc/hostname?65534'    as user 65534, which root alone may become
"""

import os


def read_as(path: str, user: int | None) -> bytes:
    """Return a file's content, read as user, which this process is from then on."""
    if user is not None:
        os.setgroups([])
        os.setgid(user)  # before setuid(): afterwards nobody may
        os.setuid(user)
    with open(path, "rb") as file:
        return file.read()


def app(environ, start_response):
    """Answer with the file that PATH_INFO names, or say what the system says."""
    user = int(environ["QUERY_STRING"]) if environ["QUERY_STRING"] else None
    try:
        status, content = "200 OK", read_as(environ["PATH_INFO"], user)
    except OSError as error:
        status, content = "403 Forbidden", f"{error.strerror}\n".encode("ascii")
    start_response(status, [("Content-Type", "text/plain"), ("X-User", str(os.geteuid()))])
    return [content]
