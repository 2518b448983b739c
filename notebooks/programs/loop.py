"""One process and one thread: a loop that goes on with whichever connection can go on.

    python -m notebooks.programs.loop PORT

It waits and answers as napping.py does, so that it can be compared with servers that host
that. It understands GET, and nothing that a client might do wrong.
"""

import asyncio
import sys
import time

from notebooks.programs.napping import format_report, seconds_to_wait

BACKLOG = 128  # connections that wait for accept(), as many as for part 3
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"


async def main(port: int) -> None:
    """Listen on port (0: on any), say where, and serve each connection as a task."""
    server = await asyncio.start_server(serve_connection, "127.0.0.1", port, backlog=BACKLOG)
    port = server.sockets[0].getsockname()[1]
    print(f"Serving HTTP on http://127.0.0.1:{port}", flush=True)
    await server.serve_forever()


async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request; at each await the loop turns to the other connections."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        begin = time.monotonic()
        await asyncio.sleep(seconds_to_wait(query_of(head)))
        content = format_report(begin)
        writer.write(HEAD % len(content) + content)
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the client has gone, and nobody waits for an answer
    finally:
        writer.close()


def query_of(head: bytes) -> str:
    """Return what stands behind the ? in the target of a request."""
    request_target = head.split(b" ")[1].decode("ascii")
    return request_target.partition("?")[2]


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
