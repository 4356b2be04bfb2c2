"""The losses for JAX, as pure functions with optax's conventions: a value for each example, of the logits' leading shape.

>>> loss = mixent.jax.min_ent(logits, labels, w2=0.1).mean()

They go under jit, grad, vmap and shardings, in float32, float64 and (computed in float32) 16 bits. Weights and bases may be traced
values: to learn them, differentiate by them. The C library defines every loss (docs/LOSSES.md); this is the same once more, and
tests hold the two together.
"""
from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

try:
    import jax
    import jax.numpy as jnp
except ImportError as error:
    raise ImportError("mixent.jax needs JAX: pip install 'mixent[jax]'") from error

from . import _options
from ._help import MODULES, help_text

__all__ = ["entropy"]

_SOLVING = 60  # steps that halve the interval in which lambda lies, until nothing is left of it in float64


#: Arguments of mixent.torch, and what takes their place here.
_INSTEAD = {
    "reduction": "take .mean() of the values, or .sum()",
    "ignore_index": "use where=, as in where=labels != -100",
    "learnable": "pass the weight as a traced value, and differentiate by it",
    "transform": "transform the weight that you pass, as in w2=jax.nn.softplus(raw)"}


def _spreads(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether an array of the shape may stand for one of the whole shape."""
    return len(shape) <= len(whole) and all(m in (1, n) for m, n in zip(shape[::-1], whole[::-1]))


class _Row:
    """What the terms see of rows [..., classes]: the prediction q, without cancellation where one class is nearly sure, and the target
    p, smoothed, times the class weights. ln q is held above -sqrt(largest number), that of masked classes too: derivatives multiply it
    by the scale of a loss and then by q = 0, and infinity times 0 is NaN."""

    def __init__(self, logits: Any, labels: Any, weight: Any, where: Any, axis: int, numbers: dict[str, Any]) -> None:
        z, labels, smoothing, self.numbers = jnp.asarray(logits), jnp.asarray(labels), numbers["label_smoothing"], numbers
        weight, where = (None if x is None else jnp.asarray(x) for x in (weight, where))
        whole, rows = z.shape, jnp.moveaxis(z, axis, -1).shape[:-1]
        soft = jnp.issubdtype(labels.dtype, jnp.floating)
        if not jnp.issubdtype(z.dtype, jnp.floating) or not (soft or jnp.issubdtype(labels.dtype, jnp.integer)):
            raise TypeError(f"expected floating logits and labels that are whole numbers or floating, got {z.dtype} and {labels.dtype}")
        if not z.ndim or not whole[axis]:
            raise ValueError(f"logits of shape {whole} have no classes: expected at least one")
        if labels.shape != (whole if soft else rows):
            raise ValueError(f"logits of shape {whole} go with labels of shape {rows} or floating targets of shape {whole}, "
                             f"not {labels.dtype} of shape {labels.shape}")
        if weight is not None and weight.shape != (whole[axis],):
            raise ValueError(f"weight must have shape ({whole[axis]},), for as many classes, not {weight.shape}")
        if where is not None and not _spreads(where.shape, rows if where.ndim < z.ndim else whole):
            raise ValueError(f"where must have shape {rows} (examples that count) or {whole} (classes that take part), not {where.shape}")
        z = jnp.moveaxis(z, axis, -1).astype(jnp.promote_types(z.dtype, jnp.float32))
        labels = jnp.moveaxis(labels, axis, -1) if soft else labels
        self.counted = None
        if where is not None and where.ndim < z.ndim:
            self.counted = jnp.broadcast_to(where.astype(bool), rows)
        elif where is not None:
            where = jnp.broadcast_to(jnp.moveaxis(where.astype(bool), axis, -1), z.shape)
            self.counted = where.any(-1)
            z = jnp.where(where, z, -jnp.inf)
            labels = jnp.where(where, labels, 0) if soft else labels
        if self.counted is not None:  # what does not count is not looked at
            z = jnp.where(self.counted[..., None], z, 0)
            labels = jnp.where(self.counted[..., None] if soft else self.counted, labels, 0)
        classes = jnp.arange(z.shape[-1])
        if weight is not None and not soft and smoothing == 0:  # of a class whose weight is 0, nothing is looked at
            known = jnp.clip(labels, 0, z.shape[-1] - 1)
            weighty = (weight[known] != 0) | (known != labels)
            self.counted = weighty if self.counted is None else self.counted & weighty
            z = jnp.where(weighty[..., None], z, 0)
        p = labels.astype(z.dtype) if soft else (classes == labels[..., None]).astype(z.dtype)
        place = jnp.argmax(z, -1)[..., None]
        first, largest = classes == place, jnp.take_along_axis(z, place, -1)
        self.defined = jnp.isfinite(largest) & ~jnp.isnan(z).any(-1, keepdims=True)
        if not soft:
            self.defined &= ((labels >= 0) & (labels < z.shape[-1]))[..., None]
        lowest = -math.sqrt(jnp.finfo(z.dtype).max)
        largest = jnp.where(self.defined, largest, 0)
        held = lowest - (largest - jax.lax.stop_gradient(largest))  # whose derivative by the largest logit is that of any other
        self.x = jnp.where(z - largest < lowest, held, z - largest) + jnp.where(self.defined, 0, jnp.nan)
        self.present = self.defined & (z > -jnp.inf)
        e = jnp.exp(self.x)
        beyond = jnp.where(first, 0, e).sum(-1, keepdims=True) + jnp.where(self.defined, 0, jnp.nan)
        total = 1 + beyond
        self.log, self.q, self.rest = self.x - jnp.log1p(beyond), e / total, jnp.where(first, beyond, total - e) / total
        present = self.present.sum(-1, keepdims=True)
        self.p = (1 - smoothing) * p + jnp.where(self.present, smoothing / present.astype(z.dtype), 0)
        self.weighted = self.p if weight is None else self.p * weight.astype(z.dtype)
        self.whole = 1.0 if weight is None else self.weighted.sum(-1)
        masked = (~self.present & (self.weighted > 0)).any(-1)
        self.masked_labels = jax.lax.stop_gradient(jnp.where(masked, jnp.inf, 0).astype(z.dtype))

    def log_p(self) -> Any:
        return jnp.log(jnp.maximum(self.p, self.numbers["eps"]))

    def difference(self) -> Any:
        """p - q, from 1 - q where p is large."""
        return jnp.where(self.p > 0.5, self.rest - (1 - self.p), self.p - self.q)


def _focal(row: _Row) -> Any:
    rest = jnp.where(row.present, jnp.maximum(row.rest, jnp.finfo(row.p.dtype).tiny), 1)  # whose powers have derivatives
    return row.masked_labels - (row.weighted * rest ** row.numbers["gamma"] * row.log).sum(-1)


def _bi_tempered(row: _Row) -> Any:
    t1, t2, p = row.numbers["t1"], row.numbers["t2"], row.p
    q = _tempered_softmax(row.x, row.present, t2)
    return (p * (_power(p, 1 - t1) - _power(q, 1 - t1)) / (1 - t1) - (_power(p, 2 - t1) - _power(q, 2 - t1)) / (2 - t1)).sum(-1)


def _power(x: Any, a: float) -> Any:
    """x^a, 0 at 0 with a derivative of 0 there."""
    inside = x > 0
    return jnp.where(inside, jnp.where(inside, x, 1) ** a, x * 0)


def _tempered_softmax(x: Any, present: Any, t: float) -> Any:
    """exp_t(x - lambda), x <= 0, lambda such that it sums to 1. The interval of lambda is halved until nothing is left of it; two of
    Newton's steps from there have the right first and second derivatives."""
    if t == 1:
        e = jnp.where(present, jnp.exp(x), 0)
        return e / e.sum(-1, keepdims=True)

    def exp_t(level: Any, x: Any) -> Any:
        return jnp.where(present, (1 + (t - 1) * (level - x)) ** (-1 / (t - 1)), 0)

    def halve(_: Any, ends: Any) -> Any:
        level = (ends[0] + ends[1]) / 2
        above = exp_t(level, fixed).sum(-1, keepdims=True) > 1
        return jnp.where(above, level, ends[0]), jnp.where(above, ends[1], level)

    fixed = jax.lax.stop_gradient(x)
    count = present.sum(-1, keepdims=True).astype(x.dtype)
    low, high = jax.lax.fori_loop(0, _SOLVING, halve, (jnp.zeros_like(count), (count ** (t - 1) - 1) / (t - 1)))
    level = jax.lax.stop_gradient((low + high) / 2)
    for _ in range(2):
        q = exp_t(level, x)
        level = level + (q.sum(-1, keepdims=True) - 1) / (q ** t).sum(-1, keepdims=True)
    return exp_t(level, x)


#: Each term of a row, in natural logarithms, class weights included.
_TERMS: dict[str, Callable[[_Row], Any]] = {
    "ce1": lambda row: row.masked_labels - (row.weighted * row.log).sum(-1),
    "focal": _focal,
    "gce": lambda row: -(row.weighted * jnp.expm1(row.numbers["q"] * row.log)).sum(-1) / row.numbers["q"],
    "poly1": lambda row: (row.weighted * row.rest).sum(-1),
    "h": lambda row: -row.whole * (row.q * row.log).sum(-1),
    "ce2": lambda row: -row.whole * (row.q * row.log_p()).sum(-1),
    "kl": lambda row: row.whole * (row.q * (row.log - row.log_p())).sum(-1),
    "mae": lambda row: row.whole * jnp.abs(row.difference()).sum(-1),
    "brier": lambda row: row.whole * jnp.square(row.difference()).sum(-1),
    "bi-tempered": lambda row: row.whole * _bi_tempered(row),
}


def _evaluate(kind: str, logits: Any, labels: Any, weight: Any, where: Any, axis: int, given: dict[str, Any]) -> Any:
    for name in _options.numbers_of(kind).keys() & given.keys() - {*_options.parameters_of(kind)}:
        if isinstance(given[name], jax.core.Tracer):
            raise TypeError(f"{name} takes a plain number, got a traced value: make it static (static_argnames={name!r} of jax.jit), or "
                            "close over it")
    numbers = _options.fixed_numbers(kind, given, _INSTEAD)
    row = _Row(logits, labels, weight, where, axis, numbers)
    total = 0 * row.q.sum(-1)  # rows without a distribution are NaN, their gradient too, whatever the weights
    for i, term in enumerate(_options.PARTS[kind], 1):
        base = numbers[f"b{i}"]
        c = numbers[f"w{i}"] / (math.log(base) if isinstance(base, (int, float)) else jnp.log(base))
        if isinstance(c, float) and c == 0:
            continue
        value = _TERMS[term](row)
        total = total + c * jnp.where((jnp.asarray(c) == 0) & ~jnp.isfinite(value), 0, value)
    total = jnp.where(row.defined[..., 0], total, jnp.nan)
    return (total if row.counted is None else jnp.where(row.counted, total, 0)).astype(row.x.dtype)


_ARGUMENTS = {
    "logits": "[..., classes], floating; axis says where the classes are.",
    "labels": "whole numbers [...] in 0 to classes - 1, or distributions [..., classes], floating.",
    "weight": "[classes], the classes' weights.",
    "where": "as in optax. Of one dimension less than the logits: examples that count (0 for the others, whatever they hold); of as many: "
             "classes that take part (0 for examples without any). A logit of -inf leaves a class out, too. A label that is left out gives "
             "+inf; a distribution's share of a class that where leaves out does not count.",
    "axis": "the one of the classes, in logits, distributions and where."}
_REST = """
Weights and bases (w1, …, b1, …) may be traced values of no dimension; the other numbers are plain. Under jax.jit, make those static
(static_argnames), or close over them.

Returns the loss of each example, [...], in nats (a base of e); float64 for float64 logits, otherwise float32. To leave examples out,
or to weigh them, reduce it yourself: jnp.mean(values, where=...). A label out of range, or a row without a distribution (NaN, +inf,
or -inf alone), gives NaN: what is traced cannot raise.

Raises TypeError for logits and labels of other types, for an argument that the loss does not have and for what is no number,
ValueError for numbers out of range and shapes that do not fit.
"""


def _make(kind: str, about: str) -> Callable[..., Any]:
    def function(logits: Any, labels: Any, *, weight: Any = None, where: Any = None, axis: int = -1, **numbers: Any) -> Any:
        return _evaluate(kind, logits, labels, weight, where, axis, numbers)

    numbers = _options.fixed_arguments(kind)
    signature = inspect.signature(function)
    *first, _ = signature.parameters.values()
    own = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value) for name, value in numbers.items()]
    function.__signature__ = signature.replace(parameters=[*first, *own])  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = "cross_entropy" if kind == "ce" else kind.replace("-", "_")
    function.__doc__ = help_text(about, kind, [*_ARGUMENTS, *numbers], _ARGUMENTS, _REST)
    return function


for _kind, (_, _about) in MODULES.items():
    _function = _make(_kind, _about)
    globals()[_function.__name__] = _function
    __all__.append(_function.__name__)


def entropy(logits: Any, *, where: Any = None, axis: int = -1) -> Any:
    """H(q) = -sum q ln q of q = softmax(logits), for each example, in nats; no labels are needed.

    logits: [..., classes]; where: examples that count, [...], or classes that take part, [..., classes]; axis: the one of the classes.
    """
    labels = jnp.zeros_like(jnp.take(jnp.asarray(logits), 0, axis), jnp.int32)
    return _evaluate("min-ent", logits, labels, None, where, axis, {"w1": 0.0, "w2": 1.0})
