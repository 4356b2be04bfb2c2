"""What a loss is made of: which options each kind has, their defaults, and the native object that holds them.

Everything comes from the C library; nothing of it is written down a second time here.
"""
from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import index
from types import MappingProxyType
from typing import Any

from . import _native

#: The numbers of a loss, in the order in which the native object takes them.
NUMBERS = ("w1", "w2", "w3", "b1", "b2", "b3", "max_interval", "label_smoothing", "eps", "gamma", "q", "t1", "t2")
#: What the library says of each kind of loss: its terms, and the defaults of its numbers. (Tables, for a compiler cannot call C.)
PARTS = {kind: _native.parts(kind) for kind in _native.LOSSES}
DEFAULTS = {kind: _native.defaults(kind) for kind in _native.LOSSES}
#: The names of others for a loss's own numbers.
ALIASES = {"focal": {"alpha": "w1"}, "symmetric-ce": {"alpha": "w1", "beta": "w2"}, "poly1": {"epsilon": "w2"}}
REDUCTIONS = {"mean": 0, "sum": 1, "none": 2}
#: What C's messages call the arguments, and what they are called here.
_NAMES = {"set ignore and ignore_label": "set ignore_index to that label", "ignore_label": "ignore_index", "smoothing": "label_smoothing",
          "focal_gamma": "gamma", "gce_q": "q", "style": "transform", "class weights": "weight", "row weights": "sample_weight",
          "targets": "target", "kind": "loss"}
_OPTIONS_OF_TERMS = {"ce2": ("eps",), "kl": ("eps",), "focal": ("gamma",), "gce": ("q",), "bi-tempered": ("t1", "t2")}


def parts_of(kind: str) -> tuple[str, ...]:
    """The terms that a kind of loss has; ValueError, with all kinds, if there is no such loss."""
    return PARTS[kind] if kind in PARTS else _native.parts(kind)


def parameters_of(kind: str) -> tuple[str, ...]:
    """The weights and bases that a kind of loss has: w1, w2, …, b1, b2, …"""
    parts = len(parts_of(kind))
    return _native.PARAMETERS[:parts] + _native.PARAMETERS[3:3 + parts]


def numbers_of(kind: str) -> dict[str, float]:
    """The numbers that a kind of loss has, with their defaults."""
    names = {*parameters_of(kind), "max_interval", "label_smoothing"}
    for term in parts_of(kind):
        names.update(_OPTIONS_OF_TERMS.get(term, ()))
    return {name: value for name, value in zip(NUMBERS, DEFAULTS[kind]) if name in names}


def meant(name: str, known: Iterable[str]) -> str:
    """What to add to a message on an unknown name."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


def refuse_unknown(kind: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Raises TypeError for numbers that a kind of loss does not have."""
    for name in given:
        if name not in known:
            raise TypeError(f"the loss '{kind}' has no {name} (it has {', '.join(known)}){meant(name, known)}")


def number_of(kind: str, name: str, value: Any) -> float:
    """An argument as a number; TypeError for what is none."""
    if not isinstance(value, (int, float)) and getattr(value, "requires_grad", False):
        learn = f"to learn it, pass the number and learnable=({name!r},)"
        raise TypeError(f"{name} takes a number, which is not learned; "
                        f"{learn if name in parameters_of(kind) else 'it cannot be learned: pass a number'}")
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} takes a number, got {value!r}") from None


def resolve(kind: str, given: Mapping[str, float | None]) -> dict[str, float]:
    """The kind's numbers with those that are given (not None) in place of the defaults."""
    numbers = numbers_of(kind)
    for name, value in given.items():
        if value is not None:
            refuse_unknown(kind, (name,), tuple(numbers))
            numbers[name] = number_of(kind, name, value)
    return numbers


def own_names(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers that are given (not None), those under the names of others under ours."""
    ours: dict[str, Any] = {}
    for name, value in given.items():
        own = ALIASES.get(kind, {}).get(name, name)
        if value is not None and own in ours:
            raise TypeError(f"{name} is another name of {own}: give one of them")
        if value is not None:
            ours[own] = value
    return ours


def fixed_arguments(kind: str) -> dict[str, float | None]:
    """The arguments that are numbers of a loss without a transform, with their defaults; None for those under the names of others."""
    return {**fixed_numbers(kind, {}), **dict.fromkeys(ALIASES.get(kind, {}))}


def fixed_numbers(kind: str, given: Mapping[str, Any], instead: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """The numbers of a loss without a transform: those given and the defaults. Weights and bases may be tensors of no dimension, whose
    values are not checked. instead: what to do in place of some arguments that do not exist here."""
    known = [name for name in numbers_of(kind) if name != "max_interval"]
    for name, value in given.items():
        if name in instead:
            raise TypeError(f"there is no {name} here: {instead[name]}")
        if name not in ALIASES.get(kind, {}):
            refuse_unknown(kind, (name,), known)
        if name in known and value is None:
            raise TypeError(f"{name} takes a number, got None")
    given = own_names(kind, given)
    free = {name: value for name, value in given.items()
            if name in parameters_of(kind) and not isinstance(value, (int, float)) and hasattr(value, "shape") and hasattr(value, "dtype")}
    for name, value in free.items():
        if len(value.shape):
            raise ValueError(f"{name} takes a number or a tensor of no dimension, not one of shape {tuple(value.shape)}")
    numbers = resolve(kind, {name: value for name, value in given.items() if name not in free})
    make(kind, "free", 0, None, complete(kind, numbers))
    return {name: free.get(name, numbers[name]) for name in known}


def mask_of(kind: str, learnable: Sequence[str]) -> int:
    """The names of what is learned, as the bits of the native object."""
    allowed = parameters_of(kind)
    example = tuple(allowed[:len(allowed) // 2])
    if isinstance(learnable, str):
        meant = tuple(learnable.replace(",", " ").split())
        example = meant if meant and set(meant) <= set(allowed) else example
    if isinstance(learnable, str) or not isinstance(learnable, Collection):
        raise TypeError(f"learnable takes a sequence of names, such as {example!r}, got {learnable!r}")
    for name in learnable:
        if name not in allowed:
            raise ValueError(f"the loss '{kind}' cannot learn {name!r} (it has {', '.join(allowed)})")
    return sum(1 << _native.PARAMETERS.index(name) for name in set(learnable))


def make(kind: str, transform: str, mask: int, ignore_index: int | None, numbers: tuple[float, ...]) -> _native.Loss:
    """The native object, with complaints in the words of the arguments."""
    if not isinstance(transform, str):
        raise TypeError(f"transform takes a name, one of {', '.join(_native.TRANSFORMS)}, got {transform!r}")
    try:
        ignore_index = None if ignore_index is None else index(ignore_index)
    except TypeError:
        raise TypeError(f"ignore_index takes a whole number or None, got {ignore_index!r}") from None
    try:
        return _native.Loss(kind, transform, mask, ignore_index, numbers)
    except ValueError as error:
        raise in_own_words(error) from None


def in_own_words(error: ValueError) -> ValueError:
    """An error of the library, which speaks of C's names, with those of the arguments."""
    text = str(error)
    for theirs, ours in _NAMES.items():
        text = re.sub(rf"\b{theirs}\b", ours, text)
    return ValueError(text)


def terms_of(kind: str, values: Sequence[float]) -> dict[str, float]:
    """Of all terms, in the library's order, those that are computed: the four that every loss is watched by, and its own."""
    computed = {"ce1", "h", "ce2", "kl", *parts_of(kind)}
    return {name: value for name, value in zip(_native.TERMS, values) if name in computed}


def reduction_of(reduction: str, transform: str) -> int:
    """The library's number of a reduction."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)}, not {reduction!r}")
    if transform == "uncertainty" and reduction != "mean":
        raise ValueError("transform 'uncertainty' weighs means, and so needs reduction 'mean'")
    return REDUCTIONS[reduction]


def complete(kind: str, numbers: Mapping[str, float]) -> tuple[float, ...]:
    """All numbers in their order, as the native object takes them."""
    whole = {**dict(zip(NUMBERS, DEFAULTS[kind])), **numbers}
    return tuple(whole[name] for name in NUMBERS)
