"""The C library as an operator that torch.compile takes as it is, for backend="native" (PyTorch 2.4 and later)."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import _options
from . import _native_rows
from ._settings import Settings, make_native
from ._tensors import why_unreadable

_NONE = _options.REDUCTIONS["none"]


def evaluate(settings: Settings, logits: Tensor, target: Tensor, weight: Tensor | None, epoch: Tensor | None,
             learned: Sequence[Tensor]) -> Tensor:
    """The loss of a batch, in a graph that is being compiled."""
    scalars = [*([] if epoch is None else [epoch]), *learned]
    kind, transform, learn, ignore_index, numbers, reduction = settings
    late = reduction == _NONE or logits.dtype is torch.float16
    want_gradient = torch.is_grad_enabled() and logits.requires_grad and not late
    value: Tensor = torch.ops.mixent.evaluate(logits, target, weight, scalars, None, kind, transform, learn, ignore_index, numbers,
                                              reduction, want_gradient)[0]
    return value


if hasattr(torch.library, "custom_op"):
    @torch.library.custom_op("mixent::evaluate", mutates_args=(), schema=(
        "(Tensor logits, Tensor target, Tensor? weight, Tensor[] scalars, Tensor? grad_output, str kind, str transform, "
        "int learn, int? ignore_index, Scalar[] numbers, int reduction, bool want_gradient) -> (Tensor, Tensor, Tensor)"))
    def _run(logits: Tensor, target: Tensor, weight: Tensor | None, scalars: list[Tensor], grad_output: Tensor | None,
                  kind: str, transform: str, learn: int, ignore_index: int | None, numbers: list[float], reduction: int,
                  want_gradient: bool) -> tuple[Tensor, Tensor, Tensor]:
        """(value, gradient or nothing, slopes); scalars are what is learned, after the epoch if the transform needs it."""
        reason = why_unreadable(logits, target, *scalars)
        if reason:
            raise NotImplementedError(f"mixent's losses with backend='native' cannot read tensors {reason}: use backend='auto'")
        native = make_native(kind, transform, learn, ignore_index, tuple(numbers))
        values = [scalar.item() for scalar in scalars]
        epoch = values.pop(0) if len(values) > bin(learn).count("1") else 0.0
        value, gradient, found = _native_rows.evaluate(native, reduction, tuple(values), epoch, logits, target, weight, want_gradient,
                                           grad_output)
        return value, logits.new_empty(0) if gradient is None else gradient, torch.tensor(found[1], dtype=torch.float32)

    @_run.register_fake
    def _(logits: Tensor, target: Tensor, weight: Tensor | None, scalars: list[Tensor], grad_output: Tensor | None, kind: str,
          transform: str, learn: int, ignore_index: int | None, numbers: list[float], reduction: int,
          want_gradient: bool) -> tuple[Tensor, Tensor, Tensor]:
        moved = logits.movedim(1, -1) if logits.dim() > 1 else logits
        gradient = logits.new_empty(moved.shape if want_gradient else (0,))
        if want_gradient and logits.dim() > 2:
            gradient = gradient.movedim(-1, 1)
        value_type = torch.float64 if logits.dtype is torch.float64 else torch.float32
        shape = moved.shape[:-1] if reduction == _NONE and grad_output is None else ()
        return logits.new_empty(shape, dtype=value_type), gradient, torch.empty(bin(learn).count("1"), dtype=torch.float32)

    def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        logits, target, weight, scalars, _, *ctx.settings = inputs
        ctx.late = ctx.settings[-2] == _NONE or logits.dtype is torch.float16
        ctx.scalars = len(scalars)
        ctx.save_for_backward(*(logits, target, weight, *scalars) if ctx.late else output[1:])

    def _backward(ctx: Any, grad_output: Tensor, *_: Any) -> tuple[Any, ...]:
        if torch.is_grad_enabled():  # in a backward pass that is to say create_graph=True
            raise RuntimeError("a compiled loss with backend='native' cannot be differentiated twice: use backend='auto'")
        if ctx.late:
            logits, target, weight, *scalars = ctx.saved_tensors
            _, gradient, slopes = torch.ops.mixent.evaluate(logits, target, weight, scalars, grad_output, *ctx.settings[:-1],
                                                            True)
            if ctx.settings[-2] != _NONE:
                slopes = slopes * grad_output
        else:
            gradient, slopes = (saved * grad_output for saved in ctx.saved_tensors)
        learned = list(slopes.unbind())
        return gradient, None, None, [None] * (ctx.scalars - len(learned)) + learned, None, *[None] * len(ctx.settings)

    _run.register_autograd(_backward, setup_context=_setup)
