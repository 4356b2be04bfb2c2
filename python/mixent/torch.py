"""The losses for PyTorch, on the CPU: modules that take the place of `torch.nn.CrossEntropyLoss`.

>>> criterion = mixent.torch.MinEntLoss(w2=0.1)
>>> criterion(model(images), labels).backward()

The forward pass computes value and gradient at once, over `torch.get_num_threads()` threads; the backward pass hands the gradient
out. The value is float32 (float64 for float64 logits); logits of 16 bits are computed in float32, under autocast too.
"""
from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from . import _memory, _native, _options
from ._help import help_on
from ._tensors import refuse_sparse, refuse_unreadable

__all__ = ["BiTemperedLoss", "BrierLoss", "ConfidencePenaltyLoss", "CrossEntropyLoss", "FocalLoss", "GCELoss", "KLLoss",
           "LabelSmoothingLoss", "Loss", "MAELoss", "MinEntLoss", "MixEntLoss", "MixEntSplitLoss", "Poly1Loss",
           "SymmetricCELoss"]

_TYPES = {torch.float32: _native.FLOAT32, torch.float64: _native.FLOAT64, torch.bfloat16: _native.BFLOAT16,
          torch.float16: _native.FLOAT16, torch.int8: _native.INT8, torch.uint8: _native.UINT8, torch.int16: _native.INT16,
          torch.int32: _native.INT32, torch.int64: _native.INT64}
_FLOATING = _native.FLOAT16  # the last of the floating types' codes
_SCALARS = {type_: torch.empty((), dtype=type_, device="cpu") for type_ in (torch.float32, torch.float64)}  # see _evaluate
_FIXED = {*_options.NUMBERS, "ignore_index", "reduction", "transform"}
_NONE = _options.REDUCTIONS["none"]


def _matrix(array: Tensor) -> tuple[Tensor, int]:
    """[rows, classes] with the classes side by side (copied only if it must be), and its row stride in elements."""
    rows, classes = array.shape
    row_stride, stride = array.stride()
    if stride == 1 and row_stride >= classes:
        return array, row_stride
    return array.contiguous(), classes


def _evaluate(native: _native.Loss, reduction: int, values: tuple[float, ...] | None, epoch: float, logits: Tensor,
              target: Tensor, weight: Tensor | None, want_gradient: bool, grad_output: Tensor | None = None,
              all_terms: bool = False, inplace: bool = False) -> tuple[Tensor, Tensor | None, tuple[Any, ...]]:
    """One call of the library: (value, gradient, what it returned). `grad_output` multiplies the gradient."""
    logits_type = _TYPES.get(logits.dtype, _FLOATING + 1)
    target_type = _TYPES.get(target.dtype)
    if logits_type > _FLOATING or target_type is None:
        raise TypeError(f"mixent takes floating logits and floating or integer targets, not {logits.dtype} and {target.dtype}")
    if not (logits.is_cpu and target.is_cpu):
        raise RuntimeError(f"mixent runs on the CPU, but the logits are on {logits.device}, the target on {target.device}")
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
        if not weight.is_cpu:
            raise RuntimeError(f"mixent runs on the CPU, but weight is on {weight.device}")
        weight = weight.contiguous()
        weight_address, weight_type = weight.data_ptr(), _TYPES[weight.dtype]
    scale, row_weights_address, row_weights_type = 1.0, 0, 0
    if grad_output is not None:
        if reduction == _NONE:
            row_weights = grad_output.contiguous()
            row_weights_address, row_weights_type = row_weights.data_ptr(), _TYPES[row_weights.dtype]
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
            gradient_stride, row_values, address, _TYPES[value_type], torch.get_num_threads())
    except ValueError as error:
        raise _options.in_own_words(error) from None
    if reduction == _NONE and grad_output is None:  # were written as doubles
        value = value.to(value_type)
    if gradient is not None and dimensions != 2:
        gradient = gradient.view(moved.shape).movedim(-1, 1) if dimensions > 2 else gradient.view(shape)
    return value, gradient, found


def _refuse_double_backward() -> None:
    if torch.is_grad_enabled():  # in a backward pass that is to say create_graph=True
        raise RuntimeError("mixent's losses cannot be differentiated twice: call backward() without create_graph=True, "
                           "or use a loss composed of PyTorch's operations")


class _Function(torch.autograd.Function):
    """The loss as autograd sees it. What is learned comes last, so that each gets its slope."""

    @staticmethod
    def forward(ctx: Any, settings: tuple[Any, ...], logits: Tensor, target: Tensor, *learned: Tensor) -> Tensor:
        native, reduction, values, epoch, weight, inplace = settings
        # Float16 has no room below the gradients of a mean: they wait until they can be multiplied by what GradScaler sends.
        late = reduction == _NONE or logits.dtype is torch.float16
        value, gradient, found = _evaluate(native, reduction, values, epoch, logits, target, weight,
                                           ctx.needs_input_grad[1] and not late, inplace=inplace)
        ctx.late, ctx.slopes = late, found[1]
        if late:
            ctx.settings = settings
            ctx.save_for_backward(logits, target)
        else:
            ctx.save_for_backward(gradient)
        return value

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Any, ...]:
        _refuse_double_backward()
        refuse_unreadable(grad_output, within_backward=True)
        slopes = ctx.slopes
        if ctx.late:
            native, reduction, values, epoch, weight, _ = ctx.settings
            logits, target = ctx.saved_tensors
            _, gradient, found = _evaluate(native, reduction, values, epoch, logits, target, weight, ctx.needs_input_grad[1],
                                           grad_output)
            if reduction == _NONE:  # the rows' weights are inside
                return (None, gradient, None, *(torch.tensor(slope, dtype=torch.float32) for slope in found[1]))
        else:
            gradient, = ctx.saved_tensors
            if gradient is not None and grad_output.item() != 1:
                gradient = gradient * grad_output
        return (None, gradient, None, *(grad_output * slope for slope in slopes))


def _bounds(parameter: str) -> tuple[float, float]:
    """Between which values a learned raw weight, or ln b, is held."""
    return (_native.W_LOW, _native.W_HIGH) if parameter[0] == "w" else (_native.LOG_B_LOW, _native.LOG_B_HIGH)


_is_compiling = torch.compiler.is_compiling if hasattr(torch.library, "custom_op") else lambda: False
if hasattr(torch.library, "custom_op"):  # PyTorch 2.4
    _make = lru_cache(maxsize=256)(_options.make)

    @torch.library.custom_op("mixent::evaluate", mutates_args=(), schema=(
        "(Tensor logits, Tensor target, Tensor? weight, Tensor[] scalars, Tensor? grad_output, str kind, str transform, "
        "int learn, int ignore_index, float[] numbers, int reduction, bool want_gradient) -> (Tensor, Tensor, Tensor)"))
    def _operator(logits: Tensor, target: Tensor, weight: Tensor | None, scalars: list[Tensor], grad_output: Tensor | None,
                  kind: str, transform: str, learn: int, ignore_index: int, numbers: list[float], reduction: int,
                  want_gradient: bool) -> tuple[Tensor, Tensor, Tensor]:
        """(value, gradient or nothing, slopes); scalars are what is learned, after the epoch if the transform needs it."""
        refuse_unreadable(logits, target, *scalars)
        native = _make(kind, transform, learn, ignore_index, tuple(numbers))
        values = [scalar.item() for scalar in scalars]
        epoch = values.pop(0) if len(values) > bin(learn).count("1") else 0.0
        value, gradient, found = _evaluate(native, reduction, tuple(values), epoch, logits, target, weight, want_gradient,
                                           grad_output)
        return value, logits.new_empty(0) if gradient is None else gradient, torch.tensor(found[1], dtype=torch.float32)

    @_operator.register_fake
    def _(logits: Tensor, target: Tensor, weight: Tensor | None, scalars: list[Tensor], grad_output: Tensor | None, kind: str,
          transform: str, learn: int, ignore_index: int, numbers: list[float], reduction: int,
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
        _refuse_double_backward()
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

    _operator.register_autograd(_backward, setup_context=_setup)


def _class_weights(weight: Any) -> Tensor:
    """The classes' weights as a floating tensor; what is no tensor becomes float32."""
    if not isinstance(weight, Tensor):
        try:
            weight = torch.as_tensor(weight, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(f"weight takes a tensor or sequence of numbers of shape (classes,), got {weight!r}") from None
    refuse_sparse(weight)
    if not weight.is_floating_point():
        raise TypeError(f"weight must be floating, not {weight.dtype}")
    if weight.dim() != 1:
        raise ValueError(f"weight must have shape (classes,), not {tuple(weight.shape)}")
    return weight


class Loss(nn.Module):
    r"""The common part of all losses: a sum of terms T_i of the logits, :math:`L = \sum_i w_i T_i / \ln b_i`.

    help() on a loss, such as MinEntLoss, explains its arguments. This class is what they share; it is not a loss itself.
    """

    kind: str
    weight: Tensor | None
    epoch: Tensor | None
    _learned: tuple[str, ...]  # the names of its own parameters; a class made from it may have more

    def __init__(self, weight: Tensor | Sequence[float] | None = None, *, ignore_index: int = -100, reduction: str = "mean",
                 label_smoothing: float | None = None, w1: float | None = None, w2: float | None = None,
                 w3: float | None = None, b1: float | None = None, b2: float | None = None, b3: float | None = None,
                 eps: float | None = None, gamma: float | None = None, q: float | None = None, t1: float | None = None,
                 t2: float | None = None, transform: str = "free", max_interval: float | None = None,
                 learnable: Sequence[str] = (), inplace: bool = False) -> None:
        super().__init__()
        numbers = _options.resolve(self.kind, dict(
            label_smoothing=label_smoothing, w1=w1, w2=w2, w3=w3, b1=b1, b2=b2, b3=b3, eps=eps, gamma=gamma, q=q, t1=t1,
            t2=t2, max_interval=max_interval))
        if transform == "hypergradient":
            raise ValueError("a hypergradient needs held-out data, which a loss does not see: set w2 in the training loop")
        self.register_buffer("weight", None if weight is None else _class_weights(weight))
        self.ignore_index, self.reduction, self.transform, self.inplace = ignore_index, reduction, transform, inplace
        self._reduction = _options.reduction_of(reduction, transform)
        self._learn = _options.mask_of(self.kind, learnable)
        self._numbers = _options.complete(self.kind, numbers)
        self._native = _options.make(self.kind, transform, self._learn, ignore_index, self._numbers)
        for name, value in numbers.items():
            if name not in learnable:
                setattr(self, name, value)
            elif name[0] == "w":
                self.register_parameter(name, nn.Parameter(torch.tensor(value, dtype=torch.float32)))
            else:
                self.register_parameter(f"log_{name}", nn.Parameter(torch.tensor(math.log(value), dtype=torch.float32)))
        self._learned = tuple(name if name[0] == "w" else f"log_{name}" for name in numbers if name in learnable)
        epochs = transform.startswith("epoch") or "decay" in transform or "wax" in transform
        self.register_buffer("epoch", torch.tensor(0.0, dtype=torch.float32) if epochs else None)  # a checkpoint remembers it

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Help and editors show the options that the loss has, with its defaults."""
        super().__init_subclass__(**keywords)
        if "__init__" in cls.__dict__:  # of a user's class
            own = list(inspect.signature(cls.__init__).parameters.values())
            cls.__signature__ = inspect.Signature(own[1:])  # type: ignore[attr-defined]
            return
        if "kind" not in cls.__dict__:
            return
        numbers = _options.numbers_of(cls.kind)
        signature = inspect.signature(Loss)
        cls.__signature__ = signature.replace(parameters=[  # type: ignore[attr-defined]
            parameter.replace(default=numbers.get(name, parameter.default))
            for name, parameter in signature.parameters.items() if name not in _options.NUMBERS or name in numbers])
        cls.__doc__ = help_on(cls.__doc__ or "", cls.kind, list(inspect.signature(cls).parameters))

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and name in self.__dict__ and "_native" in self.__dict__:
            raise AttributeError(f"{name} is fixed when the loss is made: make another {type(self).__name__}")
        super().__setattr__(name, value)

    def _apply(self, fn: Any, *arguments: Any, **keywords: Any) -> Any:
        """What .to(), .half() and the like do; the epoch is a count, which no type may round."""
        before = self.epoch
        super()._apply(fn, *arguments, **keywords)
        if before is not None and self.epoch is not None and self.epoch.dtype is not before.dtype:
            self.epoch = before.to(self.epoch.device)
        return self

    def __prepare_scriptable__(self) -> Any:
        """What torch.jit.script asks first."""
        raise NotImplementedError("mixent's losses cannot be compiled by torch.jit.script: use torch.compile or torch.export (PyTorch 2.4), or "
                                  "keep the loss outside what is scripted")

    def set_epoch(self, epoch: float) -> None:
        """Tells a transform that depends on the epoch where training stands (from 0; may be fractional)."""
        if self.epoch is None:
            raise ValueError(f"transform '{self.transform}' does not depend on the epoch")
        self.epoch.fill_(epoch)

    def _values(self) -> tuple[float, ...] | None:
        """What is learned as it stands now, each brought back within its bounds if an optimizer has moved it out."""
        values = []
        for name in self._learned:
            parameter = getattr(self, name)
            value = parameter.item()
            low, high = _bounds(name)
            if not low <= value <= high and value == value:
                value = min(max(value, low), high)
                parameter.data.fill_(value)
            values.append(value)
        return tuple(values)

    def weights(self) -> dict[str, float]:
        """The weights and bases in force: {"w1": …, "b1": …}."""
        w, b = self._native.weights(self._values(), self._epoch())
        return {name: value for name, value in zip(_native.PARAMETERS, w + b) if name in _options.parameters_of(self.kind)}

    def _epoch(self) -> float:
        return 0.0 if self.epoch is None else self.epoch.item()

    @torch.no_grad()
    def terms(self, logits: Tensor, target: Tensor) -> dict[str, float]:
        """The terms of a batch in natural logarithms, reduced as the loss is (summed, for "none"): {"ce1": …, "h": …, "ce2": …,
        "kl": …}, and those of the loss. Weights and bases do not enter."""
        refuse_unreadable(logits, target)
        _, _, found = _evaluate(self._native, self._reduction, self._values(), self._epoch(), logits, target, self.weight,
                                False, all_terms=True)
        return _options.terms_of(self.kind, found[2])

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch."""
        compiling = _is_compiling()
        learned = [getattr(self, name) for name in self._learned]
        if not compiling:
            refuse_unreadable(logits, target, *learned)
        differentiate = torch.is_grad_enabled()
        if differentiate and target.requires_grad:
            raise RuntimeError("mixent's losses have no gradient for the target: pass target.detach()")
        if compiling:
            return self._forward_compiled(logits, target)
        buffers = self._buffers  # found faster than by the names of what is in them
        settings = (self._native, self._reduction, self._values() if learned else None,
                    0.0 if buffers["epoch"] is None else self._epoch(), buffers["weight"], self.inplace)
        value: Tensor
        if differentiate and (logits.requires_grad or learned):
            if self.inplace and logits.requires_grad and (logits if logits._base is None else logits._base).is_leaf:
                raise RuntimeError("inplace=True would overwrite a leaf that requires a gradient, or what it is a view of")
            value = _Function.apply(settings, logits, target, *learned)
        else:
            value = _evaluate(*settings[:4], logits, target, settings[4], False)[0]
        return value

    def _forward_compiled(self, logits: Tensor, target: Tensor) -> Tensor:
        """The same by way of an operator that the compiler takes as it is."""
        scalars = [] if self.epoch is None else [self.epoch]
        for name in self._learned:
            parameter = getattr(self, name)
            with torch.no_grad():
                parameter.clamp_(*_bounds(name))
            scalars.append(parameter)
        late = self._reduction == _NONE or logits.dtype is torch.float16
        value: Tensor = torch.ops.mixent.evaluate(
            logits, target, self.weight, scalars, None, self.kind, self.transform, self._learn, self.ignore_index,
            self._numbers, self._reduction, torch.is_grad_enabled() and logits.requires_grad and not late)[0]
        return value

    def extra_repr(self) -> str:
        """What differs from the defaults; what is learned as it stands now."""
        usual = {**_options.numbers_of(self.kind), "ignore_index": -100, "reduction": "mean", "transform": "free",
                 "inplace": False}
        learned = [name for bit, name in enumerate(_native.PARAMETERS) if self._learn >> bit & 1]
        current = {name: (parameter if name[0] == "w" else parameter.exp()).item()
                   for name, parameter in zip(learned, (getattr(self, name) for name in self._learned))}
        chosen = {name: current.get(name, getattr(self, name, None)) for name in usual}
        shown = [f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value!r}" for name, value in chosen.items()
                 if name in learned or value != usual[name]]
        return ", ".join(shown + ([f"learnable={tuple(learned)}"] if learned else []))


class CrossEntropyLoss(Loss):
    """-sum p ln q: `torch.nn.CrossEntropyLoss`, in one pass."""

    kind = "ce"


class MinEntLoss(Loss):
    """MIN-ENT, w1 CE(p, q) + w2 H(q): also lowers the entropy of the prediction (arXiv 2501.13709)."""

    kind = "min-ent"


class MixEntLoss(Loss):
    """MIX-ENT, w1 CE(p, q) + w2 CE(q, p), with ln p held above ln eps (arXiv 2501.13709)."""

    kind = "mix-ent"


class MixEntSplitLoss(Loss):
    """MIX-ENT with a weight each for the two halves of CE(q, p): w1 CE(p, q) + w2 H(q) + w3 KL(q || p) (arXiv 2501.13709)."""

    kind = "mix-ent-split"


class KLLoss(Loss):
    """The reversed Kullback-Leibler divergence, KL(q || p), with ln p held above ln eps (Kullback and Leibler 1951)."""

    kind = "kl"


class LabelSmoothingLoss(Loss):
    """Cross entropy with label_smoothing 0.1 (Szegedy et al. 2016, arXiv 1512.00567)."""

    kind = "label-smoothing"


class FocalLoss(Loss):
    """sum p (1 - q)^gamma (-ln q) (Lin et al. 2017, arXiv 1708.02002)."""

    kind = "focal"


class ConfidencePenaltyLoss(Loss):
    """CE(p, q) - 0.1 H(q): raises the entropy of the prediction (Pereyra et al. 2017, arXiv 1701.06548)."""

    kind = "confidence-penalty"


class SymmetricCELoss(Loss):
    """0.1 CE(p, q) + CE(q, p), with p held above 1e-4 (Wang et al. 2019, arXiv 1908.06112)."""

    kind = "symmetric-ce"


class GCELoss(Loss):
    """Generalised cross entropy, sum p (1 - q^q) / q (Zhang and Sabuncu 2018, arXiv 1805.07836)."""

    kind = "gce"


class MAELoss(Loss):
    """Mean absolute error, sum |p - q| (Ghosh et al. 2017, arXiv 1712.09482)."""

    kind = "mae"


class Poly1Loss(Loss):
    """CE(p, q) + 2 sum p (1 - q) (Leng et al. 2022, arXiv 2204.12511)."""

    kind = "poly1"


class BiTemperedLoss(Loss):
    """The bi-tempered logistic loss, with a softmax of its own (Amid et al. 2019, arXiv 1906.03361)."""

    kind = "bi-tempered"


class BrierLoss(Loss):
    """sum (p - q)^2 (Brier 1950, Monthly Weather Review 78)."""

    kind = "brier"
