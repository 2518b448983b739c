"""The server that every tutorial starts with. It seems to work; see the chapter."""

import socket
import sys

port = int(sys.argv[-1]) if len(sys.argv) > 1 else 8888
listener = socket.socket()
listener.bind(("127.0.0.1", port))
listener.listen()
print(f"Serving HTTP on http://127.0.0.1:{port}")
while True:
    connection, address = listener.accept()
    request = connection.recv(1024)
    print(request.decode())
    connection.sendall(b"""\
HTTP/1.1 200 OK
Content-Type: text/plain

Hello, world!
""")
    connection.close()
