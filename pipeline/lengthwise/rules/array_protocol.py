"""What the rules need of arrays: implemented on numpy and Arrow (`numpy_arrays`) and on TensorFlow (`tensor_arrays`).

Arrays are flat. Row i of a flat array owns the entries from `splits[i]` up to `splits[i + 1]`. Counts and places are
int64, masks are bool. A flag is one bool: numpy knows it at once, TensorFlow when the graph runs.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from lengthwise.columns.numeric_columns import Decode


class Array(Protocol):
    """What numpy arrays and tensors share: element-wise operators and slices."""

    def __getitem__(self, key: Any, /) -> Any: ...
    def __add__(self, other: Any, /) -> Any: ...
    def __sub__(self, other: Any, /) -> Any: ...
    def __mul__(self, other: Any, /) -> Any: ...
    def __floordiv__(self, other: Any, /) -> Any: ...
    def __mod__(self, other: Any, /) -> Any: ...
    def __lt__(self, other: Any, /) -> Any: ...
    def __gt__(self, other: Any, /) -> Any: ...
    def __ge__(self, other: Any, /) -> Any: ...
    def __and__(self, other: Any, /) -> Any: ...
    def __or__(self, other: Any, /) -> Any: ...
    def __invert__(self) -> Any: ...


A = TypeVar("A", bound=Array)
B = TypeVar("B")


class Arrays(Protocol[A]):
    """The operations; those without a docstring are numpy's functions of these names."""

    def equal(self, first: A, second: A | int) -> A: ...
    def not_equal(self, first: A, second: A | int) -> A: ...
    def where(self, mask: A, then: A | int, otherwise: A | int) -> A: ...
    def minimum(self, first: A, second: A | int) -> A: ...
    def maximum(self, first: A, second: A | int) -> A: ...
    def take(self, values: A, places: A) -> A: ...
    def size(self, values: A) -> A: ...
    def full(self, count: A | int, value: int, dtype: str) -> A: ...
    def concatenate(self, parts: Sequence[A]) -> A: ...
    def repeat(self, values: A, counts: A) -> A: ...
    def cumsum(self, values: A) -> A: ...
    def flatnonzero(self, mask: A) -> A: ...
    def isfinite(self, values: A) -> A: ...
    def isinf(self, values: A) -> A: ...
    def isnan(self, values: A) -> A: ...
    def any(self, mask: A) -> A | bool: ...
    def all(self, mask: A) -> A | bool: ...

    def any_of(self, flags: Sequence[A | bool]) -> A | bool:
        """Whether one of some flags is true; false without flags."""

    def differ(self, first: A, second: A) -> A | bool:
        """Whether two arrays differ in size or in an entry."""

    def cond(self, flag: A | bool, then: Callable[[], B], otherwise: Callable[[], B]) -> B:
        """`then()` where the flag is true, else `otherwise()`; the other one is not evaluated."""

    def is_floating(self, values: A) -> bool:
        """Whether the dtype is one of floats."""

    def arange(self, count: A | int, step: int = 1) -> A:
        """The first multiples of `step`, from 0."""

    def cast(self, values: A, dtype: str) -> A:
        """The values in another dtype."""

    def constant(self, value: float, like: A) -> A:
        """The value in the dtype of `like`."""

    def stable_order(self, keys: A) -> A:
        """The places of the keys in ascending order, equal keys in their own."""

    def inverse(self, order: A) -> A:
        """The permutation that undoes `order`."""

    def segment_any(self, mask: A, splits: A) -> A:
        """Which rows own an entry that is true."""

    def segment_count(self, mask: A, splits: A) -> A:
        """How many true entries each row owns."""

    def padded(self, values: A, splits: A, width: int, filler: float | str) -> A:
        """Exactly `width` values of each row, flat: `filler` where it has fewer; further values are dropped."""

    def byte_sizes(self, strings: A) -> A:
        """The number of bytes of each string."""

    def numbers_in(self, strings: A, decode: Decode, width: int, wrong: A) -> A:
        """The `width` numbers in the bytes of each string, as they are stored, flat; zeros where `wrong` is true."""

    def string_steps(self, strings: A) -> tuple[A, int | str]:
        """The value of steps in place of strings, and the value that fills them up."""
