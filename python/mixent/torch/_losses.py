"""The losses as modules."""
from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from .. import _native, _options
from .._help import MODULES, help_on
from .._options import ALIASES, own_names
from . import _native_rows
from ._composed import is_compiling
from ._evaluate import check_backend, evaluate
from ._settings import Settings, bounds_of, learned_of
from ._tensors import refuse_others, refuse_sparse, why_special

OTHERS = {name for names in ALIASES.values() for name in names}
#: What makes weights of the raw values; a loss sees no held-out data, which a hypergradient needs.
TRANSFORMS = tuple(name for name in _native.TRANSFORMS if name != "hypergradient")
_CHANGEABLE = {*_options.NUMBERS, "ignore_index", "reduction"}


def class_weights(weight: Any) -> Tensor:
    """The classes' weights as a floating tensor; what is no tensor becomes float32."""
    if not isinstance(weight, Tensor):
        try:
            weight = torch.as_tensor(weight, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(f"weight takes a tensor or sequence of numbers of shape (classes,), got {weight!r}") from None
    refuse_sparse(weight)
    if not weight.is_floating_point():
        raise TypeError(f"weight must be floating, not {weight.dtype}")
    if weight.dim() == 0 and not is_compiling():
        raise ValueError(f"expected weight of shape (classes,), got the number {weight.item():g}; for the weight of a term write "
                         f"w1={weight.item():g} or w2={weight.item():g}")
    if weight.dim() != 1:
        raise ValueError(f"weight must have shape (classes,), not {tuple(weight.shape)}")
    return weight


def with_code_of_its_own(function: Callable[..., Any]) -> Callable[..., Any]:
    """A copy of a function. torch.compile counts its graphs by code object and stops after 8: losses that shared the code of forward()
    would share that limit."""
    made = FunctionType(function.__code__.replace(), function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    made.__dict__.update(function.__dict__)
    made.__doc__, made.__qualname__, made.__annotations__ = function.__doc__, function.__qualname__, function.__annotations__
    return made


class Loss(nn.Module):
    r"""The common part of all losses: a sum of terms T_i of the logits, :math:`L = \sum_i w_i T_i / \ln b_i`.

    help() on a loss, such as MinEntLoss, explains its arguments. This class is what they share; it is not a loss itself.
    """

    kind: str
    weight: Tensor | None
    epoch: Tensor | None
    _learned: tuple[str, ...]  # the names of its own parameters; a class made from it may have more
    _settings: Settings

    def __init__(self, weight: Tensor | Sequence[float] | None = None, *, ignore_index: int | None = -100, reduction: str = "mean",
                 label_smoothing: float | None = None, w1: float | None = None, w2: float | None = None,
                 w3: float | None = None, b1: float | None = None, b2: float | None = None, b3: float | None = None,
                 eps: float | None = None, gamma: float | None = None, q: float | None = None, t1: float | None = None,
                 t2: float | None = None, alpha: float | None = None, beta: float | None = None, epsilon: float | None = None,
                 transform: str = "free", max_interval: float | None = None, learnable: Sequence[str] = (),
                 inplace: bool = False, backend: str = "auto", **unknown: NoReturn) -> None:
        super().__init__()
        for name in unknown:
            known = [name for name in inspect.signature(type(self)).parameters]
            raise TypeError(f"{type(self).__name__} has no {name} (it has {', '.join(known)}){_options.meant(name, known)}")
        numbers = _options.resolve(self.kind, own_names(self.kind, dict(
            label_smoothing=label_smoothing, w1=w1, w2=w2, w3=w3, b1=b1, b2=b2, b3=b3, eps=eps, gamma=gamma, q=q, t1=t1,
            t2=t2, max_interval=max_interval, alpha=alpha, beta=beta, epsilon=epsilon)))
        if transform == "hypergradient":
            raise ValueError("a hypergradient needs held-out data, which a loss does not see: set w2 in the training loop")
        if isinstance(transform, str) and transform not in TRANSFORMS:
            raise ValueError(f"there is no transform {transform!r}; there are {', '.join(TRANSFORMS)}"
                             f"{_options.meant(transform, TRANSFORMS)}")
        self.register_buffer("weight", None if weight is None else class_weights(weight))
        self.transform, self.inplace, self.backend = transform, inplace, check_backend(backend)
        self._reset(Settings(self.kind, transform, _options.mask_of(self.kind, learnable), ignore_index,
                             _options.complete(self.kind, numbers), _options.reduction_of(reduction, transform)))
        for name, value in numbers.items():
            if name not in learnable:
                continue
            if name[0] == "w":
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
        for name, own_name in ALIASES.get(cls.kind, {}).items():
            setattr(cls, name, property(lambda self, own_name=own_name: getattr(self, own_name), doc=f"Another name of {own_name}."))
        setattr(cls, "forward", with_code_of_its_own(cls.forward))
        numbers = _options.numbers_of(cls.kind)
        signature = inspect.signature(Loss)
        cls.__signature__ = signature.replace(parameters=[  # type: ignore[attr-defined]
            parameter.replace(default=numbers.get(name, parameter.default))
            for name, parameter in signature.parameters.items() if parameter.kind is not parameter.VAR_KEYWORD
            if name in numbers or (name not in _options.NUMBERS and name not in OTHERS) or name in ALIASES.get(cls.kind, {})])
        cls.__doc__ = help_on(MODULES[cls.kind][1], cls.kind, list(inspect.signature(cls).parameters))

    def _reset(self, settings: Settings) -> None:
        """Takes settings over; raises ValueError for what is out of range."""
        if not is_compiling():
            settings.make()
        learned = learned_of(settings)
        numbers = dict(zip(_options.NUMBERS, settings.numbers))
        reduction = next(word for word, code in _options.REDUCTIONS.items() if code == settings.reduction)
        self.__dict__.update(_settings=settings, reduction=reduction, ignore_index=settings.ignore_index, **{
            name: numbers[name] for name in _options.numbers_of(self.kind) if name not in learned})

    def __setattr__(self, name: str, value: Any) -> None:
        """What is fixed may be changed, say from epoch to epoch: criterion.w2 = 0.5, criterion.reduction = "sum"."""
        settings = self.__dict__.get("_settings")
        name = ALIASES.get(self.kind, {}).get(name, name)
        if settings is None or name not in self.__dict__ or name not in _CHANGEABLE:
            if settings is not None and name in ("transform", "learnable"):
                raise AttributeError(f"{name} is fixed when the loss is made: make another {type(self).__name__}")
            if settings is not None and type(self).__module__.startswith(f"{__package__}."):
                self._refuse_foreign(name)
            if name == "inplace" and not isinstance(value, bool):
                raise TypeError(f"inplace takes True or False, got {value!r}")
            if settings is not None and isinstance(value, (int, float)) and name in learned_of(settings):
                parameter = name if name[0] == "w" else f"log_{name}"
                raise TypeError(f"{name} is learned: to change it, change the parameter {parameter}, as in {parameter}.data.fill_(0.1)")
            if name == "weight" and value is not None and settings is not None:
                value = class_weights(value)
            super().__setattr__(name, check_backend(value) if name == "backend" else value)
        elif name == "reduction":
            self._reset(settings._replace(reduction=_options.reduction_of(value, self.transform)))
        elif name == "ignore_index":
            self._reset(settings._replace(ignore_index=value))
        else:
            number = _options.resolve(self.kind, {name: value})[name]
            self._reset(settings._replace(numbers=tuple(
                number if name == other else old for other, old in zip(_options.NUMBERS, settings.numbers))))

    def _refuse_foreign(self, name: str) -> None:
        """Raises AttributeError for a number of another loss. (A class of a user's may have an attribute of that name.)"""
        own = _options.numbers_of(self.kind)
        if name in OTHERS or (name in _options.NUMBERS and name not in own):
            raise AttributeError(f"{type(self).__name__} has no {name} (it has {', '.join((*own, *ALIASES.get(self.kind, {})))})")

    def _apply(self, fn: Any, *arguments: Any, **keywords: Any) -> Any:
        """What .to(), .half() and the like do; the epoch is a count, which no type may round."""
        before = self.epoch
        super()._apply(fn, *arguments, **keywords)
        if before is not None and self.epoch is not None and self.epoch.dtype is not before.dtype:
            self.epoch = before.to(self.epoch.device)
        return self

    def __prepare_scriptable__(self) -> Any:
        """What torch.jit.script asks first."""
        raise NotImplementedError("mixent's losses cannot be compiled by torch.jit.script: use torch.compile or torch.export "
                                  "(PyTorch 2.4), or keep the loss outside what is scripted")

    def set_epoch(self, epoch: float) -> None:
        """Tells a transform that depends on the epoch where training stands (from 0; may be fractional)."""
        if self.epoch is None:
            raise ValueError(f"transform '{self.transform}' does not depend on the epoch")
        if isinstance(epoch, str) or not 0 <= float(epoch) < math.inf:
            raise ValueError(f"expected an epoch >= 0, got {epoch!r}")
        self.epoch.fill_(epoch)

    def _hold(self) -> list[Tensor]:
        """What is learned, brought back within its bounds if an optimizer has moved it out."""
        learned = [getattr(self, name) for name in self._learned]
        for name, value in zip(self._learned, learned):
            if is_compiling():
                with torch.no_grad():
                    value.clamp_(*bounds_of(name))
            elif isinstance(value, nn.Parameter) and why_special(value) is None:  # and not a tensor of torch.func.functional_call
                value.data.clamp_(*bounds_of(name))
        return learned

    def weights(self) -> dict[str, float]:
        """The weights and bases in force: {"w1": …, "b1": …}."""
        values = tuple(value.item() for value in self._hold())
        w, b = self._settings.make().weights(values, 0.0 if self.epoch is None else self.epoch.item())
        return {name: value for name, value in zip(_native.PARAMETERS, w + b) if name in _options.parameters_of(self.kind)}

    @torch.no_grad()
    def terms(self, logits: Tensor, target: Tensor) -> dict[str, float]:
        """The terms of a batch in natural logarithms, reduced as the loss is (summed, for "none"): {"ce1": …, "h": …, "ce2": …,
        "kl": …}, and those of the loss. Weights and bases do not enter."""
        self._refuse_terms(logits, target)
        return self._reduce_terms(logits, target, self._settings.reduction)

    @staticmethod
    def _refuse_terms(*tensors: Tensor) -> None:
        refuse_others(*tensors)
        reason = why_special(*tensors)
        if reason:
            raise NotImplementedError(f"terms() gives numbers, and so cannot read tensors {reason}: use the functional form with "
                                      "return_terms=True")

    def _reduce_terms(self, logits: Tensor, target: Tensor, reduction: int) -> dict[str, float]:
        weight = None if self.weight is None else self.weight.cpu()
        values = tuple(value.item() for value in self._hold()) or None
        _, _, found = _native_rows.evaluate(self._settings.make(), reduction, values,
                                            0.0 if self.epoch is None else self.epoch.item(), logits.cpu(), target.cpu(), weight, False,
                                            all_terms=True)
        return _options.terms_of(self.kind, found[2])

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch."""
        buffers = self._buffers  # found faster than by the names of what is in them
        return evaluate(self._settings if not is_compiling() else self._traced_settings(), input, target, buffers["weight"],
                        buffers["epoch"], self._hold() if self._learned else (), self.backend, self.inplace)

    def _traced_settings(self) -> Settings:
        """The settings, from attributes alone: a compiler makes inputs of its graph of the numbers among them once they change."""
        own = [name[-2:] for name in self._learned]
        numbers = {name: getattr(self, name) for name in _options.numbers_of(self.kind) if name not in own}
        return Settings(self.kind, self.transform, _options.mask_of(self.kind, own), self.ignore_index,
                        _options.complete(self.kind, numbers), _options.REDUCTIONS[self.reduction])

    def extra_repr(self) -> str:
        """What differs from the defaults; what is learned as it stands now."""
        usual = {**_options.numbers_of(self.kind), "ignore_index": -100, "reduction": "mean", "transform": "free",
                 "inplace": False, "backend": "auto"}
        learned = learned_of(self._settings)
        current = {name: (parameter if name[0] == "w" else parameter.exp()).item()
                   for name, parameter in zip(learned, (getattr(self, name) for name in self._learned))}
        chosen = {name: current.get(name, getattr(self, name, None)) for name in usual}
        shown = [f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value!r}" for name, value in chosen.items()
                 if name in learned or value != usual[name]]
        return ", ".join(shown + ([f"learnable={tuple(learned)}"] if learned else []))


class CrossEntropyLoss(Loss):
    kind = "ce"


class MinEntLoss(Loss):
    kind = "min-ent"


class MixEntLoss(Loss):
    kind = "mix-ent"


class MixEntSplitLoss(Loss):
    kind = "mix-ent-split"


class KLLoss(Loss):
    kind = "kl"


class LabelSmoothingLoss(Loss):
    kind = "label-smoothing"


class FocalLoss(Loss):
    kind = "focal"


class ConfidencePenaltyLoss(Loss):
    kind = "confidence-penalty"


class SymmetricCELoss(Loss):
    kind = "symmetric-ce"


class GCELoss(Loss):
    kind = "gce"


class MAELoss(Loss):
    kind = "mae"


class Poly1Loss(Loss):
    kind = "poly1"


class BiTemperedLoss(Loss):
    kind = "bi-tempered"


class BrierLoss(Loss):
    kind = "brier"


#: All losses, by the names of their modules.
NAMES = tuple(sorted(cls.__name__ for cls in Loss.__subclasses__()))


class EntropyLoss(nn.Module):
    """weight * H(q), the entropy of the prediction alone, in nats: no target. For test-time adaptation and semi-supervised learning
    (Grandvalet and Bengio 2005; Tent: Wang et al. 2021, arXiv 2006.10726).

    Args:
        weight: a number that multiplies the entropy; a negative one raises it.
        reduction: "mean", "sum" or "none".
        backend: "auto", "native" or "composed".

    Shape: input (C,), (N, C) or (N, C, d1, …); mask, if given, of bool and of the shape of a value per row.
    """

    def __init__(self, weight: float = 1.0, *, reduction: str = "mean", backend: str = "auto") -> None:
        super().__init__()
        self.weight, self.reduction, self.backend = weight, reduction, backend

    def __setattr__(self, name: str, value: Any) -> None:
        """What was given when it was made may be changed."""
        if name == "weight":
            try:
                value = float(value)
            except (TypeError, ValueError, RuntimeError):
                raise TypeError(f"weight takes a number, got {value!r}; class weights are not for the entropy") from None
        elif name == "reduction":
            _options.reduction_of(value, "free")
        elif name == "backend":
            check_backend(value)
        super().__setattr__(name, value)

    def forward(self, input: Tensor, mask: Tensor | None = None) -> Tensor:
        """The entropy of a batch; rows where the mask is False do not count."""
        from .functional import entropy
        return self.weight * entropy(input, mask=mask, reduction=self.reduction, backend=self.backend)

    def extra_repr(self) -> str:
        return f"weight={self.weight:g}, reduction={self.reduction!r}"
