"""What a loss is, but for its tensors: one immutable value, from which both back ends work."""
from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from .. import _native, _options

make_native = lru_cache(maxsize=256)(_options.make)


class Settings(NamedTuple):
    """Kind, options and reduction of a loss."""

    kind: str
    transform: str
    learn: int  # bits over _native.PARAMETERS
    ignore_index: int | None
    numbers: tuple[float, ...]  # in the order of _options.NUMBERS
    reduction: int  # a value of _options.REDUCTIONS

    def make(self) -> _native.Loss:
        """The library's object, one for all losses of these settings. Raises ValueError for options out of range."""
        return make_native(*self[:5])


def learned_of(settings: Settings) -> list[str]:
    """The names of what is learned: "w1", "b2", … (A function: PyTorch 2.6 compiles no properties of named tuples.)"""
    return [name for bit, name in enumerate(_native.PARAMETERS) if settings.learn >> bit & 1]


def bounds_of(name: str) -> tuple[float, float]:
    """Between which values a learned raw weight, or ln b, is held."""
    return (_native.W_LOW, _native.W_HIGH) if name[0] == "w" else (_native.LOG_B_LOW, _native.LOG_B_HIGH)
