"""The losses by the C library, for dense tensors in the CPU's memory: value and gradient in one pass over `torch.get_num_threads()`
threads."""
from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from .. import _native, _options
from . import _memory

TYPES = {torch.float32: _native.FLOAT32, torch.float64: _native.FLOAT64, torch.bfloat16: _native.BFLOAT16,
          torch.float16: _native.FLOAT16, torch.int8: _native.INT8, torch.uint8: _native.UINT8, torch.int16: _native.INT16,
          torch.int32: _native.INT32, torch.int64: _native.INT64}
#: Labels that are converted to int64, which PyTorch has since 2.3.
UNSIGNED = tuple(getattr(torch, name) for name in ("uint16", "uint32", "uint64") if hasattr(torch, name))
_FLOATING = _native.FLOAT16  # the last of the floating types' codes
_SCALARS = {type_: torch.empty((), dtype=type_, device="cpu") for type_ in (torch.float32, torch.float64)}  # see evaluate
_NONE = _options.REDUCTIONS["none"]


def wrong_types(logits: torch.dtype, target: torch.dtype) -> TypeError:
    """What to raise for types of elements that no back end takes."""
    swapped = ": the order is (input, target)" if target.is_floating_point and not logits.is_floating_point else ""
    return TypeError(f"mixent takes floating logits and floating or integer targets, not {logits} and {target}{swapped}")


def _place_of(row: int, lead: torch.Size) -> str:
    """A row's index in the shape of the labels."""
    index: list[int] = []
    for size in reversed(lead):
        row, last = divmod(row, size)
        index.insert(0, last)
    return f"({', '.join(map(str, index))})"


def _matrix(array: Tensor) -> tuple[Tensor, int]:
    """[rows, classes] with the classes side by side (copied only if it must be), and its row stride in elements."""
    rows, classes = array.shape
    row_stride, stride = array.stride()
    if stride == 1 and row_stride >= classes:
        return array, row_stride
    return array.contiguous(), classes


def evaluate(native: _native.Loss, reduction: int, values: tuple[float, ...] | None, epoch: float, logits: Tensor,
             target: Tensor, weight: Tensor | None, want_gradient: bool, grad_output: Tensor | None = None,
             all_terms: bool = False, inplace: bool = False) -> tuple[Tensor, Tensor | None, tuple[Any, ...]]:
    """One call of the library: (value, gradient, what it returned). `grad_output` multiplies the gradient."""
    logits_type = TYPES.get(logits.dtype, _FLOATING + 1)
    target_type = TYPES.get(target.dtype)
    if target_type is None and target.dtype in UNSIGNED:
        target, target_type = target.long(), _native.INT64
    if logits_type > _FLOATING or target_type is None:
        raise wrong_types(logits.dtype, target.dtype)
    soft = target_type <= _FLOATING
    if logits.is_neg() or target.is_neg():  # views of complex numbers, whose signs are not in memory
        logits, target = logits.resolve_neg(), target.resolve_neg()
    shape = logits.shape
    dimensions = len(shape)
    if dimensions == 2:
        lead, flat = shape[:1], logits
    elif dimensions > 2:  # classes are dimension 1; a copy, unless the logits are channels_last
        moved = logits.movedim(1, -1)
        lead, flat = moved.shape[:-1], moved.flatten(0, -2)
        if soft and target.shape == shape:
            target = target.movedim(1, -1).flatten(0, -2)
    elif dimensions == 1:
        lead, flat = shape[:0], logits.unsqueeze(0)
        if soft and target.shape == shape:
            target = target.unsqueeze(0)
    else:
        raise ValueError("mixent takes logits of shape (C,), (N, C) or (N, C, d1, …)")
    if target.shape != (flat.shape if soft else lead):
        raise ValueError(f"logits of shape {tuple(shape)} go with labels of shape {tuple(lead)} or floating targets of "
                         f"shape {tuple(shape)}, not {target.dtype} of shape {tuple(target.shape)}")
    flat, stride = _matrix(flat)
    rows, classes = flat.shape
    if soft:
        target, target_stride = _matrix(target)
    else:
        target, target_stride = target.contiguous(), 0

    weight_address = weight_type = 0
    if weight is not None:
        if weight.shape != (classes,):
            raise ValueError(f"weight must have shape ({classes},), not {tuple(weight.shape)}")
        weight = weight.contiguous()
        weight_address, weight_type = weight.data_ptr(), TYPES[weight.dtype]
    scale, row_weights_address, row_weights_type = 1.0, 0, 0
    if grad_output is not None:
        if reduction == _NONE:
            row_weights = grad_output.contiguous()
            row_weights_address, row_weights_type = row_weights.data_ptr(), TYPES[row_weights.dtype]
        else:
            scale = grad_output.item()

    gradient, gradient_address, gradient_stride = None, 0, 0
    if want_gradient:
        if flat.data_ptr() != logits.data_ptr():  # over the copy that was made: it is ours
            gradient = flat
        elif inplace:
            gradient = flat.detach()
            gradient[:0].zero_()  # tells autograd, which would not notice otherwise, that the logits have changed
        else:
            gradient = _memory.empty_like(flat)
        gradient_address, gradient_stride = gradient.data_ptr(), gradient.stride(0) if rows > 1 else classes
    value_type = torch.float64 if logits_type == _native.FLOAT64 else torch.float32
    row_values = 0
    if reduction == _NONE and grad_output is None:
        value = torch.empty(lead, dtype=torch.float64, device="cpu")
        row_values = value.data_ptr()
        address = 0
    else:
        value = torch.empty_like(_SCALARS[value_type])  # a third of what torch.empty takes
        address = value.data_ptr()
    try:
        found = native.evaluate(
            values, epoch, reduction, scale, all_terms, rows, classes, flat.data_ptr(), logits_type, stride, target.data_ptr(),
            target_type, target_stride, weight_address, weight_type, row_weights_address, row_weights_type, gradient_address,
            gradient_stride, row_values, address, TYPES[value_type], torch.get_num_threads())
    except ValueError as error:
        said = _options.in_own_words(error)
        if dimensions > 2:
            said = ValueError(re.sub(r"\brow (\d+) has", lambda found: f"index {_place_of(int(found[1]), lead)} has", str(said)))
        raise said from None
    if reduction == _NONE and grad_output is None:  # were written as doubles
        value = value.to(value_type)
    if gradient is not None and dimensions != 2:
        gradient = gradient.view(moved.shape).movedim(-1, 1) if dimensions > 2 else gradient.view(shape)
    return value, gradient, found
