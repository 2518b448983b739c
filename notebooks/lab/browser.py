"""For notebook 1a: what a browser sends, as part 1's server prints it."""

import os
import shutil
import subprocess
import tempfile

from tests.checker.server import Server

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PAGE_SECONDS = 30.0  # a deadline; the request is sent long before
# By Chromium 150 on Linux, shortened; only for machines without one.
RECORDED = r"""GET /hello HTTP/1.1\r\n
Host: 127.0.0.1:8888\r\n
Connection: keep-alive\r\n
User-Agent: Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/150.0.0.0 Safari/537.36\r\n
Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n
Sec-Fetch-Site: none\r\n
Accept-Encoding: gzip, deflate, br, zstd\r\n
Accept-Language: en-US,en;q=0.9\r\n
\r\n
"""


def chromium(url: str) -> bool:
    """Let a headless Chromium ask for url; return whether there is one on this machine."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if not program:
        return False
    root = ["--no-sandbox"] * (os.geteuid() == 0)  # it refuses to run as root otherwise
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        words = [program, "--headless", "--disable-gpu", "--disable-dev-shm-usage", *root]
        words += [f"--user-data-dir={folder}", "--dump-dom", url]
        try:
            subprocess.run(words, capture_output=True, timeout=PAGE_SECONDS)
        except subprocess.TimeoutExpired:
            pass  # what it sent was printed all the same
    return True


def asked_by_chromium(server: Server) -> tuple[str, bool]:
    """Return what a server printed when Chromium asked it for /hello, and whether it did.

    If there is no Chromium on this machine, return what was RECORDED.
    """
    if not chromium(f"http://127.0.0.1:{server.port}/hello"):
        return RECORDED, False
    server.stop()  # it prints to a file, and so by the block
    return server.output().decode(), True


def printed_request(printed: str) -> bytes:
    r"""Return the octets of the GET for /hello that part 1 has printed, controls as \r, \n."""
    begin = printed.index("GET /hello")
    end = printed.index("\n\\r\\n\n", begin) + len("\n\\r\\n\n")
    text = printed[begin:end].replace("\\n\n", "\\n")
    return text.encode("ascii").decode("unicode_escape").encode("latin-1")
