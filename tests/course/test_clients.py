"""The clients that the chapter uses get their own request back."""

import http.client
import shutil
import subprocess

import pytest

requests = pytest.importorskip("requests", reason="make test installs requests")


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_curl_gets_its_own_request_back(url):
    ended = subprocess.run(
        ["curl", "--silent", "--show-error", "--data", "a=1&b=2", f"{url}/hello?x=1"],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.startswith(b"POST /hello?x=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nUser-Agent: curl/" in ended.stdout
    assert ended.stdout.endswith(b"\r\n\r\na=1&b=2")


def test_requests_gets_its_own_request_back(url):
    with requests.Session() as session:
        answer = session.post(f"{url}/hello", params={"x": "ä"}, json={"b": 2}, timeout=60)
        again = session.get(f"{url}/again", timeout=60)
    assert answer.headers["Content-Type"] == "text/plain; charset=iso-8859-1"
    assert answer.text.startswith("POST /hello?x=%C3%A4 HTTP/1.1\r\n")
    assert "\r\nUser-Agent: python-requests/" in answer.text
    assert answer.text.endswith('\r\n\r\n{"b": 2}')
    assert again.text.startswith("GET /again HTTP/1.1\r\n")


def test_requests_understands_the_answer_to_head(url):
    answer = requests.head(f"{url}/hello", timeout=60)
    assert answer.content == b"" and int(answer.headers["Content-Length"]) > 0


def test_http_client_gets_its_own_request_back(url):
    client = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    client.request("PUT", "/a", body=bytes(range(256)) * 4096)
    content = client.getresponse().read()
    client.close()
    assert content.startswith(b"PUT /a HTTP/1.1\r\n")
    assert content.endswith(b"\r\n\r\n" + bytes(range(256)) * 4096)
