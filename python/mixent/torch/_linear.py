"""A loss of the logits that a linear layer makes, for many classes: the logits are never whole in memory.

Shapes: input x [rows, features], linear weight W [classes, features], linear bias b [classes]. The rows are done in chunks. The logits z of
a chunk and then their gradient G lie in one buffer, which the next chunk uses again:

    z = x W^T + b      dL/dx = G W      dL/dW = sum over the chunks of G^T x      dL/db = sum over the rows of G

A chunk reads W twice and updates dL/dW once, which costs little if it has some hundred rows. Chunks of classes would read W less often, but
need z twice: the softmax of a row is known after its last class only, so that x W^T, a third of the arithmetic, would be computed again.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear

from .. import _native, _options
from . import _composed, _evaluate, _native_rows
from ._composed import is_compiling
from ._settings import Settings
from ._tensors import refuse_others, whole, why_special

_NONE, _SUM = _options.REDUCTIONS["none"], _options.REDUCTIONS["sum"]
_CHUNKS = 16  # at most, if a chunk then has as many rows as below
_FEWEST_ROWS, _FEWEST_ROWS_ELSEWHERE = 256, 1024  # of a chunk on the CPU and elsewhere: with fewer, reading W takes too long
_FEWEST_ELEMENTS = 1 << 22  # of a chunk's logits: what is worth a turn of the loop
_BLOCK = 1 << 22  # elements of a chunk's part of dL/dW that are found at a time where their type is not that of dL/dW


class Layer(NamedTuple):
    """The linear layer and what goes into it."""

    input: Tensor
    weight: Tensor
    bias: Tensor | None


class _Call(NamedTuple):
    """The rest of a call, but for what is learned."""

    settings: Settings
    backend: str  # "native" or "composed"
    kind: torch.dtype  # of the logits
    target: Tensor  # labels [rows] of int64, or distributions [rows, classes]
    weight: Tensor | None  # the classes' weights [classes]
    epoch: Tensor | None


def chunk_rows(rows: int, classes: int, cpu: bool) -> int:
    """How many rows are done at a time, such that the last chunk is nearly as large as the others."""
    each = max(_FEWEST_ROWS if cpu else _FEWEST_ROWS_ELSEWHERE, -(-rows // _CHUNKS), _FEWEST_ELEMENTS // classes)
    return -(-max(rows, 1) // max(-(-rows // each), 1))


def _cast(layer: Layer, kind: torch.dtype) -> Layer:
    """In the type in which it multiplies, without a graph."""
    return Layer(*(None if tensor is None else tensor.detach().to(kind) for tensor in layer))  # type: ignore[arg-type]


def _chunks(layer: Layer) -> Iterator[tuple[slice, Tensor]]:
    """(rows of a chunk, their logits, in the buffer that the next chunk overwrites); of an empty batch one chunk without rows"""
    input, weight, bias = layer
    rows, classes = input.shape[0], weight.shape[0]
    each = chunk_rows(rows, classes, input.is_cpu)
    buffer = input.new_empty((each, classes))
    for begin in range(0, max(rows, 1), each):
        part = slice(begin, min(begin + each, rows))
        logits = buffer[:part.stop - begin]
        if bias is None:
            torch.mm(input[part], weight.t(), out=logits)
        else:
            torch.addmm(bias, input[part], weight.t(), out=logits)
        yield part, logits


class _Products:
    """The gradients of the layer, where wanted, from those of the logits, a chunk at a time. What is summed over the chunks is summed in
    float32 at least."""

    def __init__(self, layer: Layer, wanted: Sequence[bool]) -> None:
        self.input, self.weight, kind = layer.input, layer.weight, layer.input.dtype
        wide = torch.float32 if kind in (torch.bfloat16, torch.float16) else kind
        self.found = [torch.zeros(tensor.shape, dtype=type_, device=tensor.device) if tensor is not None and want else None
                      for tensor, want, type_ in zip(layer, wanted, (kind, wide, wide))]

    def add(self, part: slice, gradient: Tensor) -> None:
        of_input, of_weight, of_bias = self.found
        if of_input is not None:
            torch.mm(gradient, self.weight, out=of_input[part])
        if of_weight is not None and of_weight.dtype is gradient.dtype:
            of_weight.addmm_(gradient.t(), self.input[part])
        elif of_weight is not None:
            each = max(_BLOCK // of_weight.shape[1], 1)
            for begin in range(0, of_weight.shape[0], each):
                of_weight[begin:begin + each] += torch.mm(gradient[:, begin:begin + each].t(), self.input[part])
        if of_bias is not None:
            of_bias += gradient.sum(0, dtype=of_bias.dtype)

    def take(self, layer: Layer) -> list[Tensor | None]:
        """Each in the type of the tensor that it belongs to."""
        return [None if found is None or tensor is None else found.to(tensor.dtype) for found, tensor in zip(self.found, layer)]


def _sums_natively(call: _Call, learned: Sequence[Tensor], logits: Tensor, target: Tensor, scales: Tensor,
                   want_gradient: bool) -> list[_composed.Number]:
    """As `_evaluate.sums_of_rows`, of a chunk whose scales are [rows] or one number; the gradient is written over the logits."""
    reduction = _NONE if scales.dim() else _SUM
    at = 0.0 if call.epoch is None else call.epoch.item()
    values = _evaluate.numbers_of(call.settings, learned)
    _, _, found = _native_rows.evaluate(call.settings.make(), reduction, values, at, logits, target, call.weight, want_gradient, scales,
                                        inplace=True)
    one = 1.0 if scales.dim() else scales.item()  # scales of rows are in the sums already
    return [found[2][_native.TERMS.index(name)] * one for name in _options.PARTS[call.settings.kind]]


@torch.no_grad()
def _evaluate_chunks(call: _Call, layer: Layer, learned: Sequence[Tensor], wanted: Sequence[bool],
                     grad_output: Tensor | None) -> tuple[Tensor, list[Tensor | None]]:
    """(the sum or mean; the gradients of the layer and of what is learned, where wanted). grad_output, None for 1, multiplies the
    gradients. The value says nothing where there is a grad_output."""
    settings, cast = call.settings, _cast(layer, call.kind)
    leaves = [tensor.detach().requires_grad_(want) for tensor, want in zip(learned, wanted[3:])]
    with torch.enable_grad():
        coefficients, added = _evaluate.coefficients_of(settings, call.epoch, leaves, layer.input)
    cut = [c.detach() if isinstance(c, Tensor) else c for c in coefficients]
    wide, value_type = _composed.widest(layer.input), torch.float64 if call.kind is torch.float64 else torch.float32
    sent = torch.ones((), dtype=value_type, device=layer.input.device) if grad_output is None else grad_output.to(value_type)
    if settings.reduction == _NONE:
        scales = sent.reshape(-1)
    else:
        scales = (sent * _evaluate.factor_of(settings, layer.weight.shape[0], call.target, call.weight, layer.input)).to(value_type)
    products, want_gradient = _Products(cast, wanted), any(wanted[:3])
    totals = [torch.zeros((), dtype=wide, device=layer.input.device) for _ in cut]
    for part, logits in _chunks(cast):
        target = call.target[part]
        if call.backend == "native":
            sums = _sums_natively(call, learned, logits, target, scales[part] if scales.dim() else scales, want_gradient)
        else:
            each = scales[part] if scales.dim() else scales.expand(part.stop - part.start)
            sums = _evaluate.sums_of_rows(settings, logits, target, call.weight, cut, each, logits if want_gradient else None,
                                          grad_output is None or any(wanted[3:]))
        totals = [total + one for total, one in zip(totals, sums)]
        if want_gradient:
            products.add(part, logits)
    value = _composed.combine(totals, cut) + (added.detach() if isinstance(added, Tensor) else added)
    return value.to(value_type), products.take(layer) + _evaluate.slopes_of(coefficients, added, totals, sent, leaves)


@torch.no_grad()
def _row_values(call: _Call, layer: Layer, learned: Sequence[Tensor]) -> Tensor:
    """A value for each row."""
    return torch.cat([_evaluate.evaluate(call.settings, logits, call.target[part], call.weight, call.epoch, learned, call.backend)
                      for part, logits in _chunks(_cast(layer, call.kind))])


@torch.no_grad()
def row_terms(settings: Settings, layer: Layer, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
    """Each term of the loss for each row, in the labels' shape."""
    if _is_plain(layer, target, weight, ()):
        return _evaluate.row_terms(settings, linear(*layer), target, weight)
    found = [_evaluate.row_terms(settings, logits, rows, weight) for logits, rows in pieces(layer, target)]
    return {name: torch.cat([one[name] for one in found]).reshape(layer.input.shape[:-1]) for name in found[0]}


def _compose(call: _Call, input: Tensor, weight: Tensor, bias: Tensor | None, *learned: Tensor) -> Tensor:
    """The loss as a plain graph of operations."""
    logits = linear(input.to(call.kind), weight.to(call.kind), None if bias is None else bias.to(call.kind))
    return _evaluate.compose(call.settings, logits, call.target, call.weight, call.epoch, learned)


class _Linear(torch.autograd.Function):
    """Sum and mean find their gradients in the forward pass, while the logits are there; the backward pass multiplies them by one
    number. It gives them away, so that no second gradient of the weight's size is needed. A second backward pass computes them
    again. So does the first one for a value per row, and for float16, where gradients may lie below what float16 holds until
    GradScaler has multiplied them."""

    @staticmethod
    def forward(ctx: Any, call: _Call, input: Tensor, weight: Tensor, bias: Tensor | None, *learned: Tensor) -> Tensor:
        ctx.call = call._replace(target=None, weight=None, epoch=None if call.epoch is None else call.epoch.clone())
        ctx.save_for_backward(call.target, call.weight, input, weight, bias, *learned)
        layer, wanted, ctx.gradients = Layer(input, weight, bias), ctx.needs_input_grad[1:], None
        if call.settings.reduction == _NONE:
            return _row_values(call, layer, learned)
        late = call.kind is torch.float16
        value, gradients = _evaluate_chunks(call, layer, learned, [False] * len(wanted) if late else wanted, None)
        ctx.gradients = None if late else gradients
        return value

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Any, ...]:
        wanted, gradients = ctx.needs_input_grad[1:], None
        again = torch.is_grad_enabled() or why_special(grad_output, within_backward=True)
        if not again:
            gradients, ctx.gradients = ctx.gradients, None
        if gradients is not None:
            if not grad_output.is_cpu or grad_output.item() != 1:  # only the CPU tells without waiting
                for gradient in gradients:
                    if gradient is not None:
                        gradient *= grad_output
            return None, *gradients
        target, weight, *tensors = ctx.saved_tensors
        call = ctx.call._replace(target=target, weight=weight)
        if again:
            return None, *_evaluate.differentiate(lambda *inputs: _compose(call, *inputs), grad_output, tensors, wanted)
        return None, *_evaluate_chunks(call, Layer(*tensors[:3]), tensors[3:], wanted, grad_output)[1]


def refuse_shapes(layer: Layer, target: Tensor, weight: Tensor | None) -> None:
    """Raises ValueError for shapes that do not fit."""
    given, linear_weight, linear_bias = layer
    if given.dim() not in (1, 2):
        raise ValueError(f"expected input of shape (in_features,) or (N, in_features), got {tuple(given.shape)}; flatten a sequence: "
                         "input.flatten(0, -2), target.flatten()")
    if linear_weight.dim() != 2:
        raise ValueError(f"expected linear_weight of shape (C, in_features), got {tuple(linear_weight.shape)}; several classifications "
                         "of a row (out_features) are not supported: call the loss for each")
    classes, features = linear_weight.shape
    if whole(given.shape[-1]) != whole(features):
        raise ValueError(f"input of shape {tuple(given.shape)} has {given.shape[-1]} features, linear_weight of shape "
                         f"{tuple(linear_weight.shape)} has {features}: expected the same number")
    if linear_bias is not None and [*map(whole, linear_bias.shape)] != [whole(classes)]:
        raise ValueError(f"expected linear_bias of shape ({classes},), got {tuple(linear_bias.shape)}")
    _evaluate.check_shapes(torch.Size((*given.shape[:-1], classes)), given.dtype, target, weight)


def _is_plain(layer: Layer, target: Tensor, weight: Tensor | None, learned: Sequence[Tensor]) -> bool:
    """Whether a tracer or a transformation is at work, which must see plain operations, or nothing is to be computed."""
    given = [tensor for tensor in (*layer, target, weight, *learned) if tensor is not None]
    return is_compiling() or layer.input.is_meta or why_special(*given) is not None


def _batch(layer: Layer, target: Tensor) -> tuple[Layer, Tensor]:
    """With a dimension for the rows."""
    if layer.input.dim() == 1:
        layer, target = layer._replace(input=layer.input[None]), target[None]
    return layer, target if target.is_floating_point() else target.long()


def _kind_of(layer: Layer) -> torch.dtype:
    """The logits' type, under autocast too. Raises PyTorch's own errors for types and devices that do not go together."""
    input, weight, bias = layer
    return linear(input.detach()[:1], weight.detach()[:1], None if bias is None else bias.detach()[:1]).dtype


def pieces(layer: Layer, target: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The logits of a chunk, in the buffer that the next chunk overwrites, and their targets."""
    layer, target = _batch(layer, target)
    for part, logits in _chunks(_cast(layer, _kind_of(layer))):
        yield logits, target[part]


def evaluate(settings: Settings, layer: Layer, target: Tensor, weight: Tensor | None, epoch: Tensor | None, learned: Sequence[Tensor],
             backend: str) -> Tensor:
    """The loss of a batch."""
    if is_compiling():
        return _evaluate.evaluate(settings, linear(*layer), target, weight, epoch, learned, backend)
    refuse_others(*layer[:2], target, *([] if layer.bias is None else [layer.bias]),
                  names=("input", "linear_weight", "target", "linear_bias"))
    refuse_shapes(layer, target, weight)
    if _is_plain(layer, target, weight, learned):
        return _evaluate.evaluate(settings, linear(*layer), target, weight, epoch, learned, backend)
    native = _evaluate.is_native(backend, [tensor for tensor in layer if tensor is not None], target, weight, learned)
    if target.is_cpu and not target.is_floating_point():
        _evaluate.refuse_labels_out_of_range(settings, layer.weight.shape[0], target)
    single = layer.input.dim() == 1
    layer, target = _batch(layer, target)
    call = _Call(settings, "native" if native else "composed", _kind_of(layer), target, weight, epoch)
    value: Tensor
    if torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in (*layer, *learned)):
        value = _Linear.apply(call, *layer, *learned)
    elif settings.reduction == _NONE:
        value = _row_values(call, layer, learned)
    else:
        value = _evaluate_chunks(call, layer, learned, [False] * (3 + len(learned)), None)[0]
    return value[0] if single and settings.reduction == _NONE else value
