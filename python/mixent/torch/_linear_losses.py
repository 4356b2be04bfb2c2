"""The losses as modules that hold the linear layer whose logits they judge, one for each of mixent.torch."""
from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .. import _options
from .._help import MODULES, help_on
from . import _composed, _evaluate, _linear, _losses

_Base = _losses.Loss if TYPE_CHECKING else object


class LinearLoss(_Base):
    """What the losses with a linear layer of their own share; the other half of each is the loss."""

    def __init__(self, in_features: int, num_classes: int, bias: bool = False, *, device: Any = None, dtype: torch.dtype | None = None,
                 weight: Tensor | Sequence[float] | None = None, **options: Any) -> None:
        if "inplace" in options:
            raise TypeError(f"{type(self).__name__} has no inplace: its logits are never whole in memory")
        super().__init__(weight, **options)
        if self.weight is not None and self.weight.shape != (num_classes,):
            raise ValueError(f"expected weight of shape ({num_classes},), got {tuple(self.weight.shape)}")
        if device is not None:
            self.to(device)
        self.linear = nn.Linear(in_features, num_classes, bias=bias, device=device, dtype=dtype)

    def _layer(self, input: Tensor) -> _linear.Layer:
        return _linear.Layer(input, self.linear.weight, self.linear.bias)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch of what goes into the layer."""
        settings = self._settings if not _composed.is_compiling() else self._traced_settings()
        return _linear.evaluate(settings, self._layer(input), target, self.weight, self.epoch, self._hold(), self.backend)

    @torch.no_grad()
    def terms(self, input: Tensor, target: Tensor) -> dict[str, float]:
        """As `terms` of the loss without a layer, of a batch of what goes into the layer."""
        layer = self._layer(input)
        self._refuse_terms(input, target)
        _linear.refuse_shapes(layer, target, self.weight)
        found = [self._reduce_terms(logits, rows, _options.REDUCTIONS["sum"]) for logits, rows in _linear.pieces(layer, target)]
        rows = target if target.is_floating_point() else target.long().reshape(-1)
        factor = float(_evaluate.factor_of(self._settings, self.linear.out_features, rows, self.weight, input))
        return {name: factor * sum(one[name] for one in found) for name in found[0]}


def _make(of: type[_losses.Loss]) -> type[_losses.Loss]:
    """The class of a loss with its own linear layer."""
    first = [parameter for parameter in inspect.signature(LinearLoss).parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    own = [parameter for parameter in inspect.signature(of).parameters.values()
           if parameter.kind is parameter.KEYWORD_ONLY and parameter.name != "inplace"]
    names = [parameter.name for parameter in (*first, *own)]
    made: type[_losses.Loss] = type(f"Linear{of.__name__}", (LinearLoss, of), {
        "__module__": __name__, "forward": _losses.with_code_of_its_own(LinearLoss.forward)})
    made.__signature__ = inspect.Signature([*first, *own])  # type: ignore[attr-defined]
    made.__doc__ = help_on(MODULES[of.kind][1], of.kind, names, linear=True)
    return made


#: The names of all of them.
NAMES = tuple(f"Linear{name}" for name in _losses.NAMES)

for _name in _losses.NAMES:
    _made = _make(getattr(_losses, _name))
    globals()[_made.__name__] = _made
