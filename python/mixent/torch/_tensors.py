"""What kind of tensors a loss is given. The C library reads and writes memory behind PyTorch's back: it takes dense tensors whose
memory is what they stand for, and not those of torch.func and vmap, of tracers, of other devices, and those with a tangent."""
from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils import _python_dispatch

_TRACERS = ("ProxyTorchDispatchMode", "FakeTensorMode", "FunctionalTensorMode")
_PLAIN = Tensor.__torch_dispatch__


def _is_transforming_1() -> bool:
    """Whether a transformation may be at work, in PyTorch 1: its own vmap (is_grads_batched), or the package functorch."""
    level = torch._C._vmapmode_increment_nesting()  # the only way to ask
    torch._C._vmapmode_decrement_nesting()
    return level > 1 or "functorch" in sys.modules


_functorch: Any = getattr(torch._C, "_functorch", None)
_legacy = getattr(_functorch, "is_legacy_batchedtensor", None)  # of is_grads_batched
if hasattr(_functorch, "peek_interpreter_stack"):
    _is_transforming: Callable[[], object] = _functorch.peek_interpreter_stack  # None, or what is at work
else:
    _is_transforming = _is_transforming_1


def _is_tracing() -> bool:
    """Whether operations are being recorded, or only their shapes computed."""
    return torch._C._get_tracing_state() is not None or any(
        type(mode).__name__ in _TRACERS for mode in _python_dispatch._get_current_dispatch_mode_stack())


def whole(size: Any) -> int:
    """A size as a number. torch.jit.trace gives sizes as tensors, and warns of those that decide something; those that do here, such as the
    number of classes, belong to the trace."""
    if not isinstance(size, Tensor):
        return size
    state = torch._C._get_tracing_state()
    torch._C._set_tracing_state(None)
    try:
        return int(size)
    finally:
        torch._C._set_tracing_state(state)


def _is_wrapped(tensor: Tensor) -> bool:
    if _legacy is not None:  # a tenth of the time that the keys take
        return bool(_functorch.is_functorch_wrapped_tensor(tensor) or _legacy(tensor))
    keys = str(torch._C._dispatch_keys(tensor))
    return "Batched" in keys or "FuncTorch" in keys


def refuse_sparse(tensor: Tensor) -> None:
    if tensor.layout is not torch.strided:
        raise TypeError(f"mixent's losses take dense tensors, got one of layout {tensor.layout}; pass tensor.to_dense()")


def refuse_others(*tensors: Any, names: Sequence[str] = ("input", "target")) -> None:
    """Raises TypeError for what is no tensor, and NotImplementedError for what torch.fx passes in place of one. names: of the tensors."""
    for tensor in tensors:
        if isinstance(tensor, Tensor):
            refuse_sparse(tensor)
        elif type(tensor).__module__.startswith("torch.fx"):
            raise NotImplementedError("mixent's losses cannot be traced by torch.fx: make the loss a leaf module of the tracer, or use "
                                      "torch.compile or torch.export (PyTorch 2.4)")
        else:
            name = next(name for name, other in zip(names, tensors) if other is tensor)
            raise TypeError(f"{name}: expected a tensor, got {type(tensor).__name__}; pass torch.as_tensor({name}) "
                            "(mixent.evaluate takes NumPy arrays)")


def why_special(*tensors: Tensor, within_backward: bool = False) -> str | None:
    """What sets these tensors apart from memory with numbers in it; None: nothing. In a backward pass PyTorch does not tell which
    transformation is at work."""
    for tensor in tensors:
        if type(tensor).__torch_dispatch__ is not _PLAIN:
            return f"of the class {type(tensor).__name__}, whose memory only PyTorch knows"
    if _is_tracing():
        return "that are traced (make_fx, torch.jit.trace, FakeTensorMode)"
    if (within_backward or _is_transforming()) and any(map(_is_wrapped, tensors)):
        return "that torch.func or vmap transforms (grad, vjp, jvp, jacrev, hessian, is_grads_batched)"
    if forward_ad._current_level >= 0 and any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in tensors):
        return "with a tangent (forward mode)"
    return None


def why_unreadable(*tensors: Tensor) -> str | None:
    """Why the C library cannot read these tensors; None: it can."""
    for tensor in tensors:
        if not tensor.is_cpu:
            return f"on {tensor.device}"
    return why_special(*tensors)
