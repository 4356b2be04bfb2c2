"""The losses composed of PyTorch's operations: on any device, under any transformation, differentiable as often as one likes.

The C library defines every loss (docs/LOSSES.md); this is the same once more, term by term, and tests hold the two together. A row
has logits z, prediction q = softmax(z) and target p; a term is a sum over the classes. Nothing here asks the device for a value.

Shapes: z, p, q are [rows, classes], terms [rows], weights and coefficients numbers or tensors of no dimension.
"""
from __future__ import annotations

import math
from typing import Any, NamedTuple, Union

import torch
from torch import Tensor

from ._tensors import whole

Number = Union[float, Tensor]

is_compiling = torch.compiler.is_compiling if hasattr(torch, "compiler") and hasattr(torch.compiler, "is_compiling") else lambda: False
_SOLVING = 60  # steps that halve the interval in which lambda lies, until nothing is left of it in float64


class Rule(NamedTuple):
    """What of a loss's options the terms need."""

    terms: tuple[str, ...]
    smoothing: float
    eps: float
    gamma: float
    q: float
    t1: float
    t2: float


class Rows(NamedTuple):
    """Logits and targets of a batch, row by row."""

    z: Tensor  # [rows, classes], of the type to compute in; rows that do not count are 0
    target: Tensor  # labels [rows] of int64, or distributions [rows, classes]
    wrong: Tensor  # [rows], of bool: rows without a distribution, or with a label out of range, which give NaN
    counted: Tensor | None  # [rows], of bool: neither ignored nor, without smoothing, of a class whose weight is 0; None: all
    weight: Tensor | None  # [classes]


def widest(tensor: Tensor) -> torch.dtype:
    """The type for sums. MPS and some XPU devices have no float64."""
    has_double = tensor.dtype is torch.float64 or tensor.device.type in ("cpu", "cuda", "meta")
    return torch.float64 if has_double else torch.float32


def prepare(logits: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None, smoothing: float) -> Rows:
    """Rows of the type that is computed in, those that do not count set to 0."""
    z = logits.to(torch.float64 if logits.dtype is torch.float64 else torch.float32)
    weight = None if weight is None else weight.to(z.dtype)
    if target.is_floating_point():
        return Rows(z, target.to(z.dtype), z.detach().amax(1).isfinite().logical_not(), None, weight)
    last = whole(z.shape[1]) - 1
    wrong = (target < 0) | (target > last)
    counted = None if ignore_index is None else target != ignore_index
    target = target.clamp(0, last)
    if weight is not None and not smoothing:
        weighty = (weight[target] != 0) | wrong
        counted = weighty if counted is None else counted & weighty
    if counted is not None:
        z, wrong = torch.where(counted[:, None], z, 0.0), wrong & counted
    return Rows(z, target, wrong | z.detach().amax(1).isfinite().logical_not(), counted, weight)


def divisor_of(target: Tensor, counted: Tensor | None, weight: Tensor | None, classes: int, like: Tensor) -> Number:
    """What a mean divides by: of labels the class weights of the rows counted, of distributions the rows; 1 if that is 0."""
    if target.is_floating_point() or (weight is None and counted is None):
        rows: Any = target.shape[0]
        return rows.clamp(min=1) if isinstance(rows, Tensor) else rows or 1.0  # torch.jit.trace gives sizes as tensors
    if weight is None:
        assert counted is not None
        total = counted.sum(dtype=widest(like))
    else:
        weights = weight.to(widest(like))[target.clamp(0, classes - 1)]
        total = (weights if counted is None else torch.where(counted, weights, 0.0)).sum()
    return torch.where(total == 0, 1.0, total)


def _put(values: Tensor, place: Tensor, new: Tensor | float) -> Tensor:
    """A copy of values [rows, classes] with `new` at place [rows, 1]. What is compiled prefers a comparison, which it can fuse."""
    if is_compiling():
        return torch.where(torch.arange(values.shape[1], device=values.device) == place, new, values)
    return values.scatter(1, place, new)


class _Softmax:
    """q of rows, without cancellation where one class is nearly sure. ln q is held above -sqrt(largest number), that of masked classes
    too: autograd multiplies it by GradScaler's factor and then by q = 0, and infinity times 0 is NaN."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        largest, wrong = rows.z.detach().amax(1, keepdim=True), rows.wrong[:, None]
        lowest = -math.sqrt(torch.finfo(rows.z.dtype).max)
        self.x = (rows.z - torch.where(wrong, 0.0, largest)).clamp(min=lowest) + torch.where(wrong, math.nan, torch.zeros_like(largest))
        self.e = self.x.exp()
        self.first = self.x == 0  # the largest, or several as large
        self.e_less = torch.where(self.first, self.e - 1, self.e)  # of the largest 0, but with a derivative
        self.beyond = self.e_less.sum(1, keepdim=True) + (self.first.sum(1, keepdim=True) - 1).to(self.e.dtype)
        self.total = 1 + self.beyond
        self.log = self.x - self.beyond.log1p()
        self.q = self.e / self.total

    def rest(self) -> Tensor:
        """1 - q"""
        return torch.where(self.first, self.beyond - self.e_less, self.total - self.e) / self.total

    def is_masked(self) -> Tensor:
        """[rows, classes], of bool: logits of -inf; none in rows that give NaN."""
        return (self.rows.z == -math.inf) & ~self.rows.wrong[:, None]


class Row:
    """All that the formulas of the terms see: the prediction, p, and p times the class weights."""

    def __init__(self, rows: Rows, rule: Rule) -> None:
        self.rows, self.rule, self.softmax = rows, rule, _Softmax(rows)
        self.soft = rows.target.is_floating_point()
        p = rows.target if self.soft else _put(torch.zeros_like(rows.z), rows.target[:, None], 1.0)
        if rule.smoothing:  # over the classes that are not masked
            present = ~self.softmax.is_masked()
            p = (1 - rule.smoothing) * p + torch.where(present, rule.smoothing / present.sum(1, keepdim=True, dtype=p.dtype), 0.0)
        self.p = p
        self.weighted = p if rows.weight is None else rows.weight * p
        self.whole: Number = 1.0 if rows.weight is None else self.weighted.sum(1)

    def masked_labels(self) -> Tensor:
        """Infinite for rows whose label is masked, else 0: of their cross entropy the part without a gradient."""
        if self.rule.smoothing == 1:
            return self.p.new_zeros(())
        with torch.no_grad():
            if self.soft:
                masked = (self.softmax.is_masked() & (self.weighted > 0)).any(1)
            else:
                place = self.rows.target[:, None]
                masked = (self.rows.z.gather(1, place) == -math.inf)[:, 0] & ~self.rows.wrong & (self.weighted.gather(1, place) > 0)[:, 0]
            return torch.where(masked, math.inf, 0.0).to(self.p.dtype)

    def log_p(self) -> Tensor:
        return self.p.clamp(min=self.rule.eps).log()

    def difference(self) -> Tensor:
        """p - q, from 1 - q where p is large."""
        return torch.where(self.p > 0.5, self.softmax.rest() - (1 - self.p), self.p - self.softmax.q)

    def rest_to_gamma(self) -> Tensor:
        """(1 - q)^gamma, held above 0, where powers have derivatives; 1 for masked classes, whatever the others do."""
        rest = self.softmax.rest().clamp(min=torch.finfo(self.p.dtype).tiny)
        return torch.where(self.softmax.is_masked(), 1.0, rest) ** self.rule.gamma


# Each term's value of a row, and its slope u = q dv/dq of each class without p's weights; dT/dz_j = u_j - q_j sum_k u_k. Terms that
# are linear in p have p inside, times the class weights; of the others a row's weight multiplies the whole.

def _ce1(row: Row) -> Tensor:
    return row.masked_labels() - (row.weighted * row.softmax.log).sum(1)


def _ce1_slope(row: Row) -> Tensor:
    return -row.weighted


def _focal(row: Row) -> Tensor:
    return row.masked_labels() - (row.weighted * row.rest_to_gamma() * row.softmax.log).sum(1)


def _focal_slope(row: Row) -> Tensor:
    rest, q = row.softmax.rest(), row.softmax.q
    ratio = torch.where(rest > 0, q * row.softmax.log / rest, -1.0)
    return row.weighted * row.rest_to_gamma() * (row.rule.gamma * ratio - 1)


def _gce(row: Row) -> Tensor:
    return -(row.weighted * torch.expm1(row.rule.q * row.softmax.log)).sum(1) / row.rule.q


def _gce_slope(row: Row) -> Tensor:
    return -row.weighted * torch.exp(row.rule.q * row.softmax.log)


def _poly1(row: Row) -> Tensor:
    return (row.weighted * row.softmax.rest()).sum(1)


def _poly1_slope(row: Row) -> Tensor:
    return -row.weighted * row.softmax.q


def _h(row: Row) -> Tensor:
    return -(row.softmax.q * row.softmax.log).sum(1)


def _h_slope(row: Row) -> Tensor:
    return -row.softmax.q * row.softmax.log


def _ce2(row: Row) -> Tensor:
    return -(row.softmax.q * row.log_p()).sum(1)


def _ce2_slope(row: Row) -> Tensor:
    return -row.softmax.q * row.log_p()


def _kl(row: Row) -> Tensor:
    return (row.softmax.q * (row.softmax.log - row.log_p())).sum(1)


def _kl_slope(row: Row) -> Tensor:
    return row.softmax.q * (row.softmax.log - row.log_p())


def _mae(row: Row) -> Tensor:
    return row.difference().abs().sum(1)


def _mae_slope(row: Row) -> Tensor:
    return -row.softmax.q * row.difference().sign()


def _brier(row: Row) -> Tensor:
    return row.difference().square().sum(1)


def _brier_slope(row: Row) -> Tensor:
    return -2 * row.softmax.q * row.difference()


LINEAR = {"ce1": (_ce1, _ce1_slope), "focal": (_focal, _focal_slope), "gce": (_gce, _gce_slope), "poly1": (_poly1, _poly1_slope)}
WHOLE = {"h": (_h, _h_slope), "ce2": (_ce2, _ce2_slope), "kl": (_kl, _kl_slope), "mae": (_mae, _mae_slope), "brier": (_brier, _brier_slope)}


def row_terms(row: Row) -> list[Tensor]:
    """Each term of the rule for each row, in natural logarithms, class weights included."""
    found, counted = [], row.rows.counted
    for term in row.rule.terms:
        if term in LINEAR:
            value = LINEAR[term][0](row)
        else:
            value = row.whole * (_bi_tempered(row)[0] if term == "bi-tempered" else WHOLE[term][0](row))
        found.append(value if counted is None else torch.where(counted, value, 0.0))
    return found


def row_gradients(row: Row, coefficients: list[Number], scales: Tensor) -> Tensor:
    """d/dz of sum over the rows of scale * sum_i c_i T_i: [rows, classes]. To be called without recording a graph."""
    rows, softmax_slope, gradient = row.rows, None, None
    scales = torch.where(rows.wrong, math.nan, scales if rows.counted is None else torch.where(rows.counted, scales, 0.0))
    for term, c in zip(row.rule.terms, coefficients):
        if not isinstance(c, Tensor) and c == 0:
            continue
        c = c.to(rows.z.dtype) if isinstance(c, Tensor) else c
        whole = row.whole if isinstance(row.whole, float) else row.whole[:, None]
        if term == "bi-tempered":
            gradient = c * whole * _bi_tempered_gradient(row)
            continue
        slope = c * (LINEAR[term][1](row) if term in LINEAR else whole * WHOLE[term][1](row))
        softmax_slope = slope if softmax_slope is None else softmax_slope + slope
    if softmax_slope is not None:
        of_softmax = softmax_slope - row.softmax.q * softmax_slope.sum(1, keepdim=True)
        gradient = of_softmax if gradient is None else gradient + of_softmax
    return (torch.zeros_like(rows.z) if gradient is None else gradient) * scales[:, None]


# The bi-tempered loss has a softmax of its own.

def _bi_tempered(row: Row) -> tuple[Tensor, Tensor]:
    """(value of each row, q)"""
    x, present = row.softmax.x, ~row.softmax.is_masked()
    q = _tempered_softmax(x, present, row.rule.t2)
    a, b, p = 1 - row.rule.t1, 2 - row.rule.t1, row.p
    return (p * (_power(p, a) - _power(q, a)) / a - (_power(p, b) - _power(q, b)) / b).sum(1), q


def _bi_tempered_gradient(row: Row) -> Tensor:
    """u - v sum u, u = (q - p) q^(t2 - t1), v = q^t2 / sum q^t2"""
    q = _bi_tempered(row)[1]
    u, v = (q - row.p) * _power(q, row.rule.t2 - row.rule.t1), _power(q, row.rule.t2)
    return u - v * (u.sum(1, keepdim=True) / v.sum(1, keepdim=True))


def _power(x: Tensor, a: float) -> Tensor:
    """x^a, 0 at 0 with a derivative of 0 there."""
    inside = x > 0
    return torch.where(inside, torch.where(inside, x, 1.0) ** a, x * 0)


def _tempered_softmax(x: Tensor, present: Tensor, t: float) -> Tensor:
    """exp_t(x - lambda), x <= 0, lambda such that it sums to 1. The interval of lambda is halved until nothing is left of it; two of
    Newton's steps from there have the right first and second derivatives."""
    if t == 1:
        e = torch.where(present, x.exp(), 0.0)
        return e / e.sum(1, keepdim=True)

    def exp_t(level: Tensor) -> Tensor:
        return torch.where(present, (1 + (t - 1) * (level - x)) ** (-1 / (t - 1)), 0.0)

    with torch.no_grad():
        count = present.sum(1, keepdim=True).to(x.dtype)
        low, high = torch.zeros_like(count), (count ** (t - 1) - 1) / (t - 1)
        for _ in range(_SOLVING):
            level = (low + high) / 2
            above = exp_t(level).sum(1, keepdim=True) > 1
            low, high = torch.where(above, level, low), torch.where(above, high, level)
    for _ in range(2):
        q = exp_t(level)
        level = level + (q.sum(1, keepdim=True) - 1) / (q ** t).sum(1, keepdim=True)
    return exp_t(level)


# What is learned

def _softmax_of(raw: list[Number]) -> list[Number]:
    largest = max(float(t) for t in raw) if not any(isinstance(t, Tensor) for t in raw) else None
    if largest is not None:
        exponentials = [math.exp(float(t) - largest) for t in raw]
        return [e / sum(exponentials) for e in exponentials]
    like = next(t for t in raw if isinstance(t, Tensor))
    return list(torch.stack([t if isinstance(t, Tensor) else torch.full_like(like, t) for t in raw]).softmax(0).unbind())


def _exp(t: Number) -> Number:
    return t.exp() if isinstance(t, Tensor) else math.exp(t)


def _softplus(t: Number) -> Number:
    if isinstance(t, Tensor):
        return torch.clamp(t, min=0) + torch.log1p(torch.exp(-t.abs()))
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


_F = {"free": lambda t: t, "square": lambda t: t * t, "expo": _exp, "softplus": _softplus, "uncertainty": lambda t: _exp(-t)}
#: transform: (what is done to the raw values, the factor of the first part and of the others, what is added to them, tied)
_TRANSFORMS = {
    "free": ("free", "1", "1", "0", "0", False), "square": ("square", "1", "1", "0", "0", False),
    "expo": ("expo", "1", "1", "0", "0", False), "softmax": ("softmax", "1", "1", "0", "0", False),
    "softplus": ("softplus", "1", "1", "0", "0", False), "uncertainty": ("uncertainty", "1", "1", "0", "0", False),
    "square_decay": ("square", "1", "1-u", "0", "0", False), "square_wax": ("square", "1", "u", "0", "0", False),
    "square_tie": ("square", "1", "1", "0", "0", True), "square_decay_tie": ("square", "1", "1-u", "0", "0", True),
    "epoch_no_params": ("free", "0", "0", "1-u", "u", False), "epoch_mult_params": ("free", "1-u", "u", "0", "0", False),
    "epoch_add_params": ("free", "1", "1", "1-u", "u", False), "epoch_add_mult": ("free", "1-u", "u", "1-u", "u", False),
}


def weights(transform: str, raw: list[Number], u: Number) -> list[Number]:
    """w_i = m_i(u) f(t_i) + a_i(u) of raw values t, u = min(1, epoch / max_interval); tied: w1 = 1 - w2 (- w3)."""
    name, *schedules, tied = _TRANSFORMS[transform]
    schedule = {"0": 0.0, "1": 1.0, "u": u, "1-u": 1 - u}
    first_m, other_m, first_a, other_a = (schedule[key] for key in schedules)
    values = _softmax_of(raw) if name == "softmax" else [_F[name](t) for t in raw]
    w = [(other_m if i else first_m) * value + (other_a if i else first_a) for i, value in enumerate(values)]
    if tied:
        w[0] = 1 - sum(w[1:])
    return w


def combine(terms: list[Tensor], coefficients: list[Number]) -> Tensor:
    """sum_i c_i T_i; 0 times what is not finite is 0."""
    total: Tensor | None = None
    for term, c in zip(terms, coefficients):
        if isinstance(c, Tensor):
            part = c.to(term.dtype) * torch.where((c == 0) & ~term.isfinite(), 0.0, term)
        elif c == 0:
            continue
        else:
            part = c * term
        total = part if total is None else total + part
    return 0.0 * terms[0].nan_to_num(0.0, 0.0, 0.0) if total is None else total  # a graph, for whoever differentiates it
