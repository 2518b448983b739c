"""The tests of clauses get their server from tests/runner.py, not from a fixture."""

import pytest


@pytest.fixture
def server():
    """Stand in for the server that the lane of this clause hands to the test."""
