"""The finished servers as modules: their own functions say what is well-formed."""

import functools
import importlib.util
import sys
from types import ModuleType

from tests.parts import PARTS


@functools.cache
def part(number: int) -> ModuleType:
    """Return the finished server of part number as a module, imported by its path."""
    name = f"part{number}_server"
    spec = importlib.util.spec_from_file_location(name, PARTS[number].server)
    assert spec and spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
