"""The losses for PyTorch: modules that take the place of `torch.nn.CrossEntropyLoss`, on any device.

>>> criterion = mixent.torch.MinEntLoss(w2=0.1)
>>> criterion(model(images), labels).backward()

Two back ends give the same values. "native" is the C library: on the CPU it finds value and gradient in one pass over
`torch.get_num_threads()` threads. "composed" is made of PyTorch's operations, for other devices, torch.compile, torch.func and
second derivatives. "auto", the default, takes what fits. The value is float32 (float64 for float64 logits); logits of 16 bits are
computed in float32, under autocast too.

Each has a sister with a linear layer of its own, such as LinearMinEntLoss(in_features, num_classes), for many classes: the logits are never
whole in memory.
"""
try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ImportError("mixent.torch needs PyTorch: pip install 'mixent[torch]'") from error

from . import _linear_losses, functional
from ._losses import (
    BiTemperedLoss, BrierLoss, ConfidencePenaltyLoss, CrossEntropyLoss, EntropyLoss, FocalLoss, GCELoss, KLLoss, LabelSmoothingLoss,
    Loss, MAELoss, MinEntLoss, MixEntLoss, MixEntSplitLoss, Poly1Loss, SymmetricCELoss)

__all__ = [
    "BiTemperedLoss", "BrierLoss", "ConfidencePenaltyLoss", "CrossEntropyLoss", "EntropyLoss", "FocalLoss", "GCELoss", "KLLoss",
    "LabelSmoothingLoss", "Loss", "MAELoss", "MinEntLoss", "MixEntLoss", "MixEntSplitLoss", "Poly1Loss", "SymmetricCELoss", "functional"]

globals().update({name: getattr(_linear_losses, name) for name in _linear_losses.NAMES})
__all__ += _linear_losses.NAMES
