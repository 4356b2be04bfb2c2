"""What a loss is made of: which options each kind has, their defaults, and the native object that holds them.

Everything comes from the C library; nothing of it is written down a second time here.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import _native

#: The numbers of a loss, in the order in which the native object takes them.
NUMBERS = ("w1", "w2", "w3", "b1", "b2", "b3", "max_interval", "label_smoothing", "eps", "gamma", "q", "t1", "t2")
REDUCTIONS = {"mean": 0, "sum": 1, "none": 2}
_OPTIONS_OF_TERMS = {"ce2": ("eps",), "kl": ("eps",), "focal": ("gamma",), "gce": ("q",), "bi-tempered": ("t1", "t2")}


def parameters_of(kind: str) -> tuple[str, ...]:
    """The weights and bases that a kind of loss has: w1, w2, …, b1, b2, …"""
    parts = len(_native.parts(kind))
    return _native.PARAMETERS[:parts] + _native.PARAMETERS[3:3 + parts]


def numbers_of(kind: str) -> dict[str, float]:
    """The numbers that a kind of loss has, with their defaults."""
    names = {*parameters_of(kind), "max_interval", "label_smoothing"}
    for term in _native.parts(kind):
        names.update(_OPTIONS_OF_TERMS.get(term, ()))
    return {name: value for name, value in zip(NUMBERS, _native.defaults(kind)) if name in names}


def resolve(kind: str, given: Mapping[str, float | None]) -> dict[str, float]:
    """The kind's numbers with those that are given (not None) in place of the defaults."""
    numbers = numbers_of(kind)
    for name, value in given.items():
        if value is None:
            continue
        if name not in numbers:
            raise TypeError(f"the loss '{kind}' has no {name} (it has {', '.join(numbers)})")
        numbers[name] = float(value)
    return numbers


def mask_of(kind: str, learnable: Sequence[str]) -> int:
    """The names of what is learned, as the bits of the native object."""
    allowed = parameters_of(kind)
    if isinstance(learnable, str):
        raise TypeError(f"learnable takes a sequence of names, such as ({learnable!r},)")
    for name in learnable:
        if name not in allowed:
            raise ValueError(f"the loss '{kind}' cannot learn {name!r} (it has {', '.join(allowed)})")
    return sum(1 << _native.PARAMETERS.index(name) for name in set(learnable))


def reduction_of(reduction: str, transform: str) -> int:
    """The library's number of a reduction."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)}, not {reduction!r}")
    if transform == "uncertainty" and reduction != "mean":
        raise ValueError("transform 'uncertainty' weighs means, and so needs reduction 'mean'")
    return REDUCTIONS[reduction]


def complete(kind: str, numbers: Mapping[str, float]) -> tuple[float, ...]:
    """All numbers in their order, as the native object takes them."""
    whole = dict(zip(NUMBERS, _native.defaults(kind)), **numbers)
    return tuple(whole[name] for name in NUMBERS)
