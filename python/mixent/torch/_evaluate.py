"""One call of a loss: which back end computes it, and what autograd sees of it.

native    the C library (_native_rows.py): dense tensors in the CPU's memory, outside of transformations
composed  PyTorch's operations (_composed.py): everything else. In eager mode the rows are done in chunks, so that little memory is
          needed beside the gradient; under a compiler, a tracer or a transformation of torch.func all at once
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from .. import _options
from . import _composed, _native_rows, _operator
from ._composed import is_compiling
from ._settings import Settings, bounds_of, learned_of
from ._tensors import refuse_others, whole, why_special, why_unreadable

_BACKENDS = ("auto", "native", "composed")
_NONE, _MEAN = _options.REDUCTIONS["none"], _options.REDUCTIONS["mean"]
_SMALLEST_CHUNK, _SMALLEST_CHUNK_ELSEWHERE = 1 << 18, 1 << 22  # elements of logits: what a CPU caches; what is worth a launch
_CHUNKS = 64  # at most: what lies between logits and gradient then takes a fifth of the memory of both


def _held(name: str, value: Tensor) -> Tensor:
    """Within its bounds, with the gradient of the value itself."""
    return value + (value.clamp(*bounds_of(name)) - value).detach()


def _make_rule(settings: Settings) -> _composed.Rule:
    numbers = dict(zip(_options.NUMBERS, settings.numbers))
    return _composed.Rule(_options.PARTS[settings.kind], numbers["label_smoothing"],
                          *(numbers[name] for name in ("eps", "gamma", "q", "t1", "t2")))


_kept_rule = lru_cache(maxsize=256)(_make_rule)


def _rule_of(settings: Settings) -> _composed.Rule:
    return _make_rule(settings) if is_compiling() else _kept_rule(settings)  # a compiler warns of caches


def _as_tensor(value: _composed.Number, kind: torch.dtype, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else torch.full((), value, dtype=kind, device=like.device)


def _log(base: float, kind: torch.dtype, like: Tensor) -> _composed.Number:
    """ln base. A compiler knows no functions of numbers that change from call to call, but those of tensors."""
    return math.log(base) if base == math.e or not is_compiling() else _as_tensor(base, kind, like).log()


def coefficients_of(settings: Settings, epoch: Tensor | None, learned: Sequence[Tensor],
                  like: Tensor) -> tuple[list[_composed.Number], _composed.Number]:
    """c_i = w_i / ln b_i, and what the transform adds to the loss."""
    numbers = dict(zip(_options.NUMBERS, settings.numbers))
    wide = _composed.widest(like)
    tensors = {name: _held(name, value).to(wide) for name, value in zip(learned_of(settings), learned)}
    parts = range(1, len(_options.PARTS[settings.kind]) + 1)
    raw = [tensors.get(f"w{i}", numbers[f"w{i}"]) for i in parts]
    if is_compiling() and settings.transform != "free":
        raw = [_as_tensor(value, wide, like) for value in raw]
    log_bases = [tensors[f"b{i}"] if f"b{i}" in tensors else _log(numbers[f"b{i}"], wide, like) for i in parts]
    u = 0.0 if epoch is None else (epoch.to(wide) / numbers["max_interval"]).clamp(0, 1)
    w = _composed.weights(settings.transform, raw, u)
    added = sum(raw) / 2 if settings.transform == "uncertainty" else 0.0
    return [one / log_base for one, log_base in zip(w, log_bases)], added


# Shapes

def _flatten(logits: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor, torch.Size]:
    """(logits [rows, classes], target [rows] of int64 or [rows, classes], shape of a value per row)"""
    shape, lead = logits.shape, check_shapes(logits.shape, logits.dtype, target, weight)
    classes = shape[1] if len(shape) > 1 else shape[0]

    def rows_of(tensor: Tensor) -> Tensor:
        if len(shape) > 2:
            tensor = tensor.movedim(1, -1)
        return tensor.reshape(-1, classes)
    return rows_of(logits), rows_of(target) if target.is_floating_point() else target.reshape(-1).long(), lead


def check_shapes(shape: torch.Size, dtype: torch.dtype, target: Tensor, weight: Tensor | None) -> torch.Size:
    """Raises for logits, of which shape and type are told, and a target that do not go together; the shape of a value per row."""
    soft = target.is_floating_point()
    if not dtype.is_floating_point or (target.dtype not in _native_rows.TYPES and target.dtype not in _native_rows.UNSIGNED):
        raise _native_rows.wrong_types(dtype, target.dtype)
    if not shape:
        raise ValueError("mixent takes logits of shape (C,), (N, C) or (N, C, d1, …)")
    lead = shape[:1] + shape[2:] if len(shape) > 1 else shape[:0]
    whole_shape, whole_lead, given = (tuple(map(whole, sizes)) for sizes in (shape, lead, target.shape))
    if given != (whole_shape if soft else whole_lead):
        raise ValueError(f"logits of shape {whole_shape} go with labels of shape {whole_lead} or floating targets of "
                         f"shape {whole_shape}, not {target.dtype} of shape {given}")
    classes = whole_shape[1] if len(shape) > 1 else whole_shape[0]
    if not classes:
        raise ValueError(f"logits of shape {whole_shape} have no classes: expected at least one")
    if weight is not None and tuple(map(whole, weight.shape)) != (classes,):
        raise ValueError(f"weight must have shape ({classes},), not {tuple(map(whole, weight.shape))}")
    return lead


def _unflatten(gradient: Tensor, logits: Tensor) -> Tensor:
    """The gradient [rows, classes] in the logits' shape."""
    if logits.dim() <= 2:
        return gradient.reshape(logits.shape)
    return gradient.reshape(logits.movedim(1, -1).shape).movedim(-1, 1)


def _counted(settings: Settings, target: Tensor) -> Tensor | None:
    if target.is_floating_point() or settings.ignore_index is None:
        return None
    return target != settings.ignore_index


# Composed

def compose(settings: Settings, logits: Tensor, target: Tensor, weight: Tensor | None, epoch: Tensor | None,
            learned: Sequence[Tensor]) -> Tensor:
    """The loss as a plain graph of PyTorch's operations."""
    flat, target, lead = _flatten(logits, target, weight)
    coefficients, added = coefficients_of(settings, epoch, learned, logits)
    rows = _composed.prepare(flat, target, weight, settings.ignore_index, _rule_of(settings).smoothing)
    values = _composed.combine(_composed.row_terms(_composed.Row(rows, _rule_of(settings))), coefficients)
    if settings.reduction == _NONE:
        return torch.where(rows.wrong, math.nan, values).reshape(lead)
    total = values.sum(dtype=_composed.widest(values))
    if settings.reduction == _MEAN:
        total = total / _composed.divisor_of(target, rows.counted, weight, flat.shape[1], values)
    return (total + added).to(values.dtype)


def _chunks(flat: Tensor) -> list[slice]:
    """The rows of each chunk; of an empty batch one chunk without rows."""
    rows, classes = flat.shape
    smallest = _SMALLEST_CHUNK if flat.is_cpu else _SMALLEST_CHUNK_ELSEWHERE
    each = max(smallest // max(classes, 1), -(-rows // _CHUNKS), 1)
    return [slice(begin, min(begin + each, rows)) for begin in range(0, max(rows, 1), each)]


def factor_of(settings: Settings, classes: int, target: Tensor, weight: Tensor | None, like: Tensor) -> _composed.Number:
    """What the sum over rows is multiplied by."""
    if settings.reduction != _MEAN:
        return 1.0
    return 1 / _composed.divisor_of(target, _counted(settings, target), weight, classes, like)


def _chunked_value(settings: Settings, logits: Tensor, target: Tensor, weight: Tensor | None, epoch: Tensor | None,
                   learned: Sequence[Tensor]) -> Tensor:
    flat, target, lead = _flatten(logits, target, weight)
    coefficients, added = coefficients_of(settings, epoch, learned, logits)
    kind = torch.float64 if logits.dtype is torch.float64 else torch.float32
    values = logits.new_empty(flat.shape[0], dtype=kind)
    for part in _chunks(flat):
        rows = _composed.prepare(flat[part], target[part], weight, settings.ignore_index, _rule_of(settings).smoothing)
        values[part] = _composed.combine(_composed.row_terms(_composed.Row(rows, _rule_of(settings))), coefficients)
        if settings.reduction == _NONE:
            values[part] = torch.where(rows.wrong, math.nan, values[part])
    if settings.reduction == _NONE:
        return values.reshape(lead)
    return (values.sum(dtype=_composed.widest(values)) * factor_of(settings, flat.shape[1], target, weight, flat) + added).to(kind)


@torch.no_grad()
def row_terms(settings: Settings, logits: Tensor, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
    """Each term of the loss for each row, in the labels' shape."""
    flat, target, lead = _flatten(logits, target, weight)
    rule = _rule_of(settings)
    rows = (_composed.prepare(flat[part], target[part], weight, settings.ignore_index, rule.smoothing) for part in _chunks(flat))
    found = [_composed.row_terms(_composed.Row(one, rule)) for one in rows]
    return {name: torch.cat(values).reshape(lead) for name, *values in zip(_options.PARTS[settings.kind], *found)}


def _chunked_gradient(settings: Settings, grad_output: Tensor, logits: Tensor, target: Tensor, weight: Tensor | None,
                      epoch: Tensor | None, learned: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
    """Of the logits and of what is learned, where wanted."""
    flat, target, _ = _flatten(logits, target, weight)
    leaves = [tensor.detach().requires_grad_(want) for tensor, want in zip(learned, wanted[1:])]
    with torch.enable_grad():
        coefficients, added = coefficients_of(settings, epoch, leaves, logits)
    cut = [c.detach() if isinstance(c, Tensor) else c for c in coefficients]
    gradient = flat.new_empty(flat.shape) if wanted[0] else None
    scales = grad_output.reshape(-1)
    if settings.reduction != _NONE:
        scales = (grad_output * factor_of(settings, flat.shape[1], target, weight, flat)).to(grad_output.dtype).expand(flat.shape[0])
    sums = sums_of_rows(settings, flat, target, weight, cut, scales, gradient, any(wanted[1:]))
    return [None if gradient is None else _unflatten(gradient, logits), *slopes_of(coefficients, added, sums, grad_output, leaves)]


def sums_of_rows(settings: Settings, flat: Tensor, target: Tensor, weight: Tensor | None, coefficients: list[_composed.Number],
                 scales: Tensor, gradient: Tensor | None, want_sums: bool) -> list[_composed.Number]:
    """sum over the rows of scale * T_i, for each term, if wanted; the gradient of sum_i c_i of that is written into `gradient`, which may
    be the logits [rows, classes]."""
    rule, wide = _rule_of(settings), _composed.widest(flat)
    sums: list[_composed.Number] = [0.0] * len(rule.terms)
    for part in _chunks(flat):
        row = _composed.Row(_composed.prepare(flat[part], target[part], weight, settings.ignore_index, rule.smoothing), rule)
        if want_sums:
            sums = [total + (term * scales[part]).sum(dtype=wide) for total, term in zip(sums, _composed.row_terms(row))]
        if gradient is not None:
            gradient[part] = _composed.row_gradients(row, coefficients, scales[part])
    return sums


def slopes_of(coefficients: list[_composed.Number], added: _composed.Number, sums: Sequence[_composed.Number], grad_output: Tensor,
              leaves: Sequence[Tensor]) -> list[Tensor | None]:
    """The derivatives of the leaves, from which the coefficients and what is added were made. sums: dL/dc_i."""
    ends = []
    for c, total in zip(coefficients, sums):
        if isinstance(c, Tensor) and c.requires_grad:
            total = torch.as_tensor(total, dtype=c.dtype, device=c.device)
            ends.append((c, torch.where((c == 0) & ~total.isfinite(), 0.0, total)))
    if isinstance(added, Tensor) and added.requires_grad:
        ends.append((added, grad_output.to(added.dtype)))
    needing = [leaf for leaf in leaves if leaf.requires_grad]
    found = list(torch.autograd.grad([end for end, _ in ends], needing, [slope for _, slope in ends], allow_unused=True)) if ends else []
    answers: list[Tensor | None] = []
    for leaf in leaves:
        slope = found.pop(0) if leaf.requires_grad and found else None
        answers.append(torch.zeros_like(leaf) if slope is None and leaf.requires_grad else slope)
    return answers


def _composed_gradient(settings: Settings, grad_output: Tensor, logits: Tensor, target: Tensor, weight: Tensor | None,
                       epoch: Tensor | None, learned: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
    """The same as a graph of its own, to be differentiated again or transformed."""
    return differentiate(lambda logits, *learned: compose(settings, logits, target, weight, epoch, learned), grad_output,
                         [logits, *learned], wanted)


def differentiate(value_of: Callable[..., Tensor], grad_output: Tensor, inputs: Sequence[Any],
                  wanted: Sequence[bool]) -> list[Tensor | None]:
    """The derivatives of value_of(*inputs) where wanted, as a graph if one is being recorded. Inputs may be None."""
    create_graph = torch.is_grad_enabled()
    if not create_graph:
        inputs = [None if tensor is None else tensor.detach().requires_grad_(want) for tensor, want in zip(inputs, wanted)]
    with torch.enable_grad():
        value = value_of(*inputs)
        needing = [tensor for tensor, want in zip(inputs, wanted) if want]
        found = list(torch.autograd.grad(value, needing, grad_output, create_graph=create_graph, allow_unused=True))
    answers: list[Tensor | None] = []
    for tensor, want in zip(inputs, wanted):
        slope = found.pop(0) if want else None
        answers.append(torch.zeros_like(tensor) if slope is None and want else slope)
    return answers


class _Composed(torch.autograd.Function):
    """Value and gradient in chunks of rows. The gradient is computed when it is asked for: what it is multiplied by, such as
    GradScaler's factor, is known then, and nothing has to be kept but the logits."""

    @staticmethod
    def forward(ctx: Any, settings: Settings, target: Tensor, weight: Tensor | None, epoch: Tensor | None, logits: Tensor,
                *learned: Tensor) -> Tensor:
        ctx.settings, ctx.epoch = settings, None if epoch is None else epoch.clone()
        ctx.save_for_backward(target, weight, logits, *learned)
        return _chunked_value(settings, logits, target, weight, epoch, learned)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Any, ...]:
        target, weight, logits, *learned = ctx.saved_tensors
        again = torch.is_grad_enabled() or why_special(grad_output, within_backward=True)
        find = _composed_gradient if again else _chunked_gradient
        return None, None, None, None, *find(ctx.settings, grad_output, logits, target, weight, ctx.epoch, learned,
                                             ctx.needs_input_grad[4:])


# Native

class _Native(torch.autograd.Function):
    """The C library, which finds value and gradient at once. Where the gradient is multiplied by more than one number (a value per
    row), or lies below what float16 holds until GradScaler has multiplied it, it is found in the backward pass. To be differentiated
    again, the loss is composed there.

    forward() takes the context. With setup_context() PyTorch 2.15 looks up the signature of forward() on each call, which takes longer
    than the kernel does for a small batch. It would serve torch.func alone, and that gets the composed form."""

    @staticmethod
    def forward(ctx: Any, settings: Settings, target: Tensor, weight: Tensor | None, epoch: Tensor | None, inplace: bool,
                logits: Tensor, *learned: Tensor) -> Tensor:
        ctx.settings, ctx.inplace, ctx.epoch = settings, inplace, None if epoch is None else epoch.clone()
        ctx.late = settings.reduction == _NONE or logits.dtype is torch.float16
        ctx.values, ctx.at = numbers_of(settings, learned), 0.0 if epoch is None else epoch.item()
        value, gradient, found = _native_rows.evaluate(settings.make(), settings.reduction, ctx.values, ctx.at, logits, target, weight,
                                                       ctx.needs_input_grad[5] and not ctx.late, inplace=inplace)
        ctx.slopes = found[1]
        ctx.save_for_backward(gradient, target, weight, None if inplace and not ctx.late else logits, *learned)
        return value

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Any, ...]:
        gradient, target, weight, logits, *learned = ctx.saved_tensors
        settings, slopes = ctx.settings, ctx.slopes
        nothing = (None,) * 5
        if torch.is_grad_enabled() or why_special(grad_output, within_backward=True):
            if logits is None:
                raise RuntimeError("with inplace=True the logits are gone: a second derivative needs inplace=False")
            return *nothing, *_composed_gradient(settings, grad_output, logits, target, weight, ctx.epoch, learned,
                                                 ctx.needs_input_grad[5:])
        if ctx.late:
            _, gradient, found = _native_rows.evaluate(settings.make(), settings.reduction, ctx.values, ctx.at, logits, target, weight,
                                                       ctx.needs_input_grad[5], grad_output)
            if settings.reduction == _NONE:  # the rows' factors are inside
                return *nothing, gradient, *(torch.tensor(slope, dtype=value.dtype) for slope, value in zip(found[1], learned))
        elif gradient is not None and grad_output.item() != 1:
            gradient = gradient * grad_output
        return *nothing, gradient, *(grad_output * slope for slope in slopes)


def numbers_of(settings: Settings, learned: Sequence[Tensor]) -> tuple[float, ...] | None:
    """What is learned, as the C library takes it."""
    values = tuple(value.item() for value in learned)
    if not all(map(math.isfinite, values)):
        name, value = next(one for one in zip(learned_of(settings), values) if not math.isfinite(one[1]))
        raise ValueError(f"{name} is learned and has become {value}: expected a finite number; look for what made its gradient so")
    return values or None


# Which of them

def check_backend(backend: str) -> str:
    """The name of a back end; ValueError for any other."""
    if backend not in _BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(_BACKENDS)}, not {backend!r}")
    return backend


def refuse_labels_out_of_range(settings: Settings, classes: int, target: Tensor) -> None:
    target = target.long()  # classes and ignore_index may be beyond what the labels' type holds
    wrong = (target < 0) | (target >= classes)
    if settings.ignore_index is not None:
        wrong = wrong & (target != settings.ignore_index)
    if wrong.any():
        place = tuple(wrong.nonzero()[0].tolist())
        raise ValueError(f"label {target[place].item()}{f' at index {place}' if place else ''} is out of range: expected 0 to {classes - 1}"
                         + ("" if settings.ignore_index is None else f", or ignore_index {settings.ignore_index}"))


def is_native(backend: str, tensors: Sequence[Tensor], target: Tensor, weight: Tensor | None, learned: Sequence[Tensor]) -> bool:
    """Whether the C library computes a call, of which `tensors` are what the logits are made of. Raises for what no back end takes."""
    if torch.is_grad_enabled() and target.requires_grad:
        if not tensors[0].is_floating_point():
            raise _native_rows.wrong_types(tensors[0].dtype, target.dtype)
        raise RuntimeError("mixent's losses have no gradient for the target: pass target.detach()")
    if torch.is_grad_enabled() and weight is not None and weight.requires_grad:
        raise RuntimeError("mixent's losses have no gradient for the class weights: pass weight.detach()")
    if backend != "composed":
        reason = why_unreadable(*tensors, target, *learned) or (None if weight is None else why_special(weight))
        if reason is None:
            if weight is not None and not weight.is_cpu:
                raise RuntimeError(f"the logits are on the CPU, but weight is on {weight.device}: move the loss with .to('cpu')")
            return True
        if backend == "native":
            raise NotImplementedError(f"mixent's losses with backend='native' cannot read tensors {reason}: use backend='auto'")
    logits = tensors[0]
    if not logits.device == target.device == (logits if weight is None else weight).device:
        where = f"the target on {target.device}" if weight is None else f"the target on {target.device}, weight on {weight.device}"
        raise RuntimeError(f"the logits are on {logits.device}, {where}: move all of them to one device")
    return False


def evaluate(settings: Settings, logits: Tensor, target: Tensor, weight: Tensor | None, epoch: Tensor | None,
             learned: Sequence[Tensor], backend: str = "auto", inplace: bool = False) -> Tensor:
    """The loss of a batch."""
    if is_compiling():
        if backend == "native":
            return _operator.evaluate(settings, logits, target, weight, epoch, learned)
        return compose(settings, logits, target, weight, epoch, learned)
    refuse_others(logits, target)
    graph = torch.is_grad_enabled()
    if is_native(backend, [logits], target, weight, learned):
        return _evaluate_natively(settings, logits, target, weight, epoch, learned, inplace, graph)
    if why_special(logits, target, *learned, *([] if weight is None else [weight])):
        return compose(settings, logits, target, weight, epoch, learned)
    if logits.is_cpu and not target.is_floating_point():
        _flatten(logits, target, weight)
        refuse_labels_out_of_range(settings, logits.shape[1] if logits.dim() > 1 else logits.shape[0], target)
    if graph and (logits.requires_grad or any(value.requires_grad for value in learned)):
        return _Composed.apply(settings, target, weight, epoch, logits, *learned)
    return _chunked_value(settings, logits, target, weight, epoch, learned)


def _evaluate_natively(settings: Settings, logits: Tensor, target: Tensor, weight: Tensor | None, epoch: Tensor | None,
                       learned: Sequence[Tensor], inplace: bool, differentiate: bool) -> Tensor:
    if differentiate and (logits.requires_grad or learned):
        if inplace and logits.requires_grad and (logits if logits._base is None else logits._base).is_leaf:
            raise RuntimeError("inplace=True would overwrite a leaf that requires a gradient, or what it is a view of")
        return _Native.apply(settings, target, weight, epoch, inplace, logits, *learned)
    at = 0.0 if epoch is None else epoch.item()
    return _native_rows.evaluate(settings.make(), settings.reduction, numbers_of(settings, learned), at, logits, target, weight, False)[0]
