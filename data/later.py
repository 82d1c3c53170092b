"""Parts of SciPy, each imported when something in it is first used: together they take 0.2 s, and most commands and pages use none."""

from importlib import import_module
from typing import Any


class _Later:
    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._module), name)


optimize, sparse, special = _Later("scipy.optimize"), _Later("scipy.sparse"), _Later("scipy.special")
