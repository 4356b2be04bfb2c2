"""The losses as functions, with the argument names of `torch.nn.functional.cross_entropy`."""
from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from .. import _native, _options
from . import _evaluate, _linear, _losses
from ._composed import is_compiling
from ._linear import Layer
from ._losses import class_weights
from ._settings import Settings, learned_of
from ._tensors import refuse_others

__all__ = ["entropy"]


def _make_settings(kind: str, ignore_index: int | None, reduction: str, numbers: tuple[tuple[str, float], ...],
                   learned: tuple[str, ...]) -> Settings:
    resolved = _options.resolve(kind, dict(numbers))
    settings = Settings(kind, "free", _options.mask_of(kind, learned), ignore_index, _options.complete(kind, resolved),
                        _options.reduction_of(reduction, "free"))
    if not is_compiling():
        settings.make()
    return settings


_kept_settings = lru_cache(maxsize=256)(_make_settings)


def _settings_of(*arguments: Any) -> Settings:
    return _make_settings(*arguments) if is_compiling() else _kept_settings(*arguments)  # a compiler warns of caches


def _call(kind: str, input: Tensor | Layer, target: Tensor, weight: Tensor | Sequence[float] | None, ignore_index: int | None,
          reduction: str, backend: str, return_terms: bool, given: dict[str, Any]) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
    """The loss of logits, or of a layer that makes them."""
    _evaluate.check_backend(backend)
    given = _options.own_names(kind, given)
    _options.refuse_unknown(kind, given, tuple(name for name in _options.numbers_of(kind) if name != "max_interval"))
    tensors = {name: value for name, value in given.items() if isinstance(value, Tensor) and name in _native.PARAMETERS}
    for name, value in tensors.items():
        if value.dim():
            raise ValueError(f"{name} takes a number or a tensor of no dimension, not one of shape {tuple(value.shape)}")
    for name, value in given.items():
        if isinstance(value, Tensor) and name not in tensors:
            raise TypeError(f"{name} cannot be learned: pass a number")
    numbers = tuple((name, value if isinstance(value, float) else _options.number_of(kind, name, value))
                    for name, value in given.items() if name not in tensors)
    settings = _settings_of(kind, ignore_index, reduction, numbers, tuple(tensors))
    learned = [tensors[name] if name[0] == "w" else tensors[name].log() for name in learned_of(settings)]
    weight = None if weight is None else class_weights(weight)
    module: Any = _linear if isinstance(input, Layer) else _evaluate
    value = module.evaluate(settings, input, target, weight, None, learned, backend)
    return (value, module.row_terms(settings, input, target, weight)) if return_terms else value


def _make(kind: str, about: str) -> Iterator[Any]:
    """The function of the logits, and that of a linear layer."""
    numbers = _options.fixed_arguments(kind)

    def function(input: Tensor, target: Tensor, *, weight: Tensor | Sequence[float] | None = None, ignore_index: int | None = -100,
                 reduction: str = "mean", backend: str = "auto", return_terms: bool = False, **given: Any) -> Any:
        return _call(kind, input, target, weight, ignore_index, reduction, backend, return_terms, given)

    def of_layer(input: Tensor, linear_weight: Tensor, target: Tensor, *, linear_bias: Tensor | None = None,
                 weight: Tensor | Sequence[float] | None = None, ignore_index: int | None = -100, reduction: str = "mean",
                 backend: str = "auto", return_terms: bool = False, **given: Any) -> Any:
        return _call(kind, Layer(input, linear_weight, linear_bias), target, weight, ignore_index, reduction, backend, return_terms, given)

    annotations = {name: "float | Tensor | None" if _options.ALIASES.get(kind, {}).get(name, name) in _native.PARAMETERS else "float | None"
                   for name in numbers}
    own = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=annotations[name])
           for name, value in numbers.items()]
    name = kind.replace("-", "_") if kind != "ce" else "cross_entropy"
    made: Any
    for made, prefix, text in ((function, "", _REST), (of_layer, "linear_", f"{_OF_LAYER.format(name)}\n\n{_REST}")):
        signature = inspect.signature(made)
        *first, _ = signature.parameters.values()
        made.__signature__ = signature.replace(parameters=[*first, *own])
        made.__name__ = made.__qualname__ = prefix + name
        made.__doc__ = f"{about}\n\n{text}"
        yield made


_OF_LAYER = """Of the logits of a linear layer with many classes, in chunks of rows: the same as

    {0}(torch.nn.functional.linear(input, linear_weight, linear_bias), target, ...)

in far less memory, because the logits are never whole in memory. (`torch.nn.functional.linear_cross_entropy` takes its arguments alike.)

Args:
    input: (in_features,) or (N, in_features); flatten a sequence with input.flatten(0, -2).
    linear_weight: (C, in_features), C classes.
    target: labels () or (N,), or floating targets (C,) or (N, C).
    linear_bias: (C,)."""
_REST = """p is the target, q the softmax of the logits. The arguments are those of the module of this loss in mixent.torch, whose help()
explains them, and of `torch.nn.functional.cross_entropy`. Weights and bases (w1, …, b1, …) may be tensors of no dimension, which then
get their gradient and are held within bounds, as learned ones are: see `learnable` there.

With return_terms=True the result is (value, terms): {"ce1": …, …}, each term of the loss for each row, of the labels' shape, in
natural logarithms, times the class weights, without a gradient."""

for _module in (getattr(_losses, _name) for _name in _losses.NAMES):
    for _function in _make(_module.kind, _module.__doc__.split("\n")[0]):
        globals()[_function.__name__] = _function
        __all__.append(_function.__name__)


def entropy(input: Tensor, *, mask: Tensor | None = None, reduction: str = "mean", backend: str = "auto") -> Tensor:
    """H(q) = -sum q ln q of q = softmax(input), in nats; no target is needed. (Shannon 1948; as a loss: Grandvalet and Bengio 2005.)

    Args:
        input: logits (C,), (N, C) or (N, C, d1, …), on any device.
        mask: bool, of the shape of a value per row, () or (N,) or (N, d1, …): rows that count. None: all.
        reduction: "mean" over the rows that count (0 if there are none), "sum", or "none" (a value per row; 0 where the mask is False).
        backend: "auto", "native" or "composed", as of the losses.

    Raises ValueError for shapes that do not fit, TypeError for a mask that is not of bool.
    """
    _evaluate.check_backend(backend)
    if not is_compiling():
        refuse_others(input, *([] if mask is None else [mask]), names=("input", "mask"))
    lead = input.shape[:1] + input.shape[2:] if input.dim() > 1 else input.shape[:0]
    if mask is None:
        target = torch.zeros(lead, dtype=torch.int64, device=input.device)
    elif mask.dtype is not torch.bool:
        raise TypeError(f"mask must be of torch.bool, not {mask.dtype}")
    elif mask.shape != lead:
        raise ValueError(f"logits of shape {tuple(input.shape)} go with a mask of shape {tuple(lead)}, not {tuple(mask.shape)}")
    else:
        target = torch.where(mask, 0, -1)
    settings = _settings_of("min-ent", -1, reduction, (("w1", 0.0), ("w2", 1.0)), ())
    return _evaluate.evaluate(settings, input, target, None, None, (), backend)
