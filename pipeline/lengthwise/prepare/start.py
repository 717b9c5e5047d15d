"""Starting fast: Beam brings half a million objects and every cloud's library; a local job needs few of them."""

import atexit
import gc
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_LAZY = "boto3"  # S3: a quarter of the time of importing Beam, which uses none of it before an s3:// path is opened


@contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collection: a fifth of the time of importing Beam goes into looking for garbage in vain."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def settled() -> Iterator[None]:
    """While this lasts, what there is already (Beam's modules, above all) is not searched for garbage again."""
    if gc.get_freeze_count():  # by whoever calls us; `gc.unfreeze` would undo theirs
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def import_beam() -> None:
    """Imports Beam, if it is not there yet, in the shortest time.

    A process that has imported it also ends faster: the interpreter's last look for garbage among modules that go
    away anyway (0.4 s of processor time) is spared.
    """
    if "apache_beam" in sys.modules:
        return
    _import_when_used(_LAZY)
    with uncollected():
        import apache_beam  # noqa: F401 (for its being imported)
    atexit.register(gc.freeze)


def _import_when_used(name: str) -> None:
    """Makes `import name` cheap: the module is loaded when something of it is used.

    `importlib.util.LazyLoader` will not do: up to Python 3.12 it loads a module as soon as it is imported twice.
    """
    spec = importlib.util.find_spec(name) if name not in sys.modules else None
    if spec is not None:
        sys.modules[name] = _Unloaded(name)
        sys.modules[name].__spec__ = spec


class _Unloaded(ModuleType):
    """Stands for a module until something of it is asked for."""

    def __getattr__(self, attribute: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        try:
            module = importlib.import_module(self.__name__)
        except ImportError as error:  # an installation that is broken: whoever looks around must not fail of it
            raise AttributeError(f"{self.__name__} cannot be imported: {error}") from error
        return getattr(module, attribute)
