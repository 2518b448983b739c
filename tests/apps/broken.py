"""A module whose import fails: for a test."""

import no_such_library  # noqa: F401
