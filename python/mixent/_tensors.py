"""Tensors whose memory is not what they stand for: those of torch.func and vmap, of tracers, and those with a tangent. The library
reads and writes memory behind PyTorch's back, so that it must refuse them; else a gradient were lost, or memory read that nobody
has written."""
from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils import _python_dispatch

_TRACERS = ("ProxyTorchDispatchMode", "FakeTensorMode", "FunctionalTensorMode")
_PLAIN = Tensor.__torch_dispatch__
_INSTEAD = ("call the loss on whole batches of plain tensors, with backward() or torch.autograd.grad (reduction='none' gives a value per "
            "row), or use a loss composed of PyTorch's operations")




def _is_transforming_1() -> bool:
    """Whether a transformation may be at work, in PyTorch 1: its own vmap (is_grads_batched), or the package functorch."""
    level = torch._C._vmapmode_increment_nesting()  # the only way to ask
    torch._C._vmapmode_decrement_nesting()
    return level > 1 or "functorch" in sys.modules


if hasattr(getattr(torch._C, "_functorch", None), "peek_interpreter_stack"):
    _is_transforming: Callable[[], object] = torch._C._functorch.peek_interpreter_stack  # None, or what is at work
else:
    _is_transforming = _is_transforming_1


def _is_tracing() -> bool:
    """Whether operations are being recorded, or only their shapes computed."""
    return torch._C._get_tracing_state() is not None or any(
        type(mode).__name__ in _TRACERS for mode in _python_dispatch._get_current_dispatch_mode_stack())


def _refuse_wrapped(tensors: tuple[Tensor, ...]) -> None:
    for keys in (str(torch._C._dispatch_keys(tensor)) for tensor in tensors):
        if "Batched" in keys or "FuncTorch" in keys:
            raise NotImplementedError("mixent's losses do not go through torch.func and vmap (grad, vjp, jvp, jacrev, hessian, "
                                      f"is_grads_batched): {_INSTEAD}")


def refuse_sparse(tensor: Tensor) -> None:
    if tensor.layout is not torch.strided:
        raise TypeError(f"mixent's losses take dense tensors, got one of layout {tensor.layout}; pass tensor.to_dense()")


def refuse_unreadable(*tensors: Any, within_backward: bool = False) -> None:
    """Raises NotImplementedError for what the library cannot read, and TypeError for what is no tensor. In a backward pass PyTorch
    does not tell which transformation is at work."""
    for tensor in tensors:
        if isinstance(tensor, Tensor):
            refuse_sparse(tensor)
            if type(tensor).__torch_dispatch__ is not _PLAIN:
                raise NotImplementedError(f"mixent's losses cannot read a {type(tensor).__name__}, whose memory only PyTorch knows: "
                                          f"{_INSTEAD}")
        elif type(tensor).__module__.startswith("torch.fx"):
            raise NotImplementedError("mixent's losses cannot be traced by torch.fx: make the loss a leaf module of the tracer, or use "
                                      "torch.compile or torch.export (PyTorch 2.4)")
        else:
            raise TypeError(f"mixent.torch expected tensors, got {type(tensor).__name__}; mixent.evaluate takes NumPy arrays")
    if _is_tracing():
        raise NotImplementedError("mixent's losses cannot be traced (make_fx, torch.jit.trace, FakeTensorMode): use torch.compile or "
                                  "torch.export (PyTorch 2.4), or keep the loss outside what is traced")
    if within_backward or _is_transforming():
        _refuse_wrapped(tensors)
    if forward_ad._current_level >= 0 and any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in tensors):
        raise NotImplementedError(f"mixent's losses have no derivative in forward mode, so that a tangent would be lost: {_INSTEAD}")
