"""What several suites of the course need."""

from collections.abc import Iterator

import pytest

from tests.checker.server import Server
from tests.checker.target import parse_target
from tests.course.selfcheck import FINISHED


@pytest.fixture
def url() -> Iterator[str]:
    """Where the finished part 1 serves: a new one for each test, one client at a time."""
    with Server(parse_target(str(FINISHED))) as server:
        yield f"http://127.0.0.1:{server.port}"
