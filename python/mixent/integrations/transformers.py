"""The losses for the Trainer of Hugging Face's transformers, and for trainers made from it.

>>> trainer = transformers.Trainer(model, arguments, train_dataset=data, compute_loss_func=ComputeLossFunc("min-ent", w2=0.1))
"""
from __future__ import annotations

import copy
import inspect
from typing import Any

try:
    import transformers
except ImportError as error:
    raise ImportError("mixent.integrations.transformers needs transformers: pip install 'mixent[transformers]'") from error
if [int(part) for part in transformers.__version__.split(".")[:2]] < [4, 50]:
    raise ImportError("mixent.integrations.transformers needs transformers 4.50 or later, whose Trainer counts the labels of all batches "
                      f"of a step, got {transformers.__version__}: pip install --upgrade transformers")

import torch
from torch import Tensor

from ..sweep.message import unknown
from ..torch import Loss, _linear_losses, _losses

__all__ = ["ComputeLossFunc"]

_KINDS = {cls.kind: cls for cls in Loss.__subclasses__() if cls.__module__ == _losses.__name__}
_SETTLED = ("ignore_index", "reduction", "learnable")  # options of a loss that cannot be chosen here
_IGNORED = -100  # what transformers' collators write, and what its Trainer leaves out when it counts labels
#: In the names of outputs: of models that are trained on the next token, and of those whose labels lie beside their logits.
_SHIFTED, _UNSHIFTED = ("CausalLM",), ("MaskedLM", "Seq2Seq", "TokenClassifier")


class ComputeLossFunc:
    """The argument `compute_loss_func` of transformers.Trainer.

    The value is the sum over the labels that are not -100, divided by `num_items_in_batch`, which Trainer counts over all batches
    that make one step; where that is None, by the number of labels that count here. So gradients do not depend on how a step is
    cut into batches. Class weights multiply the rows and leave the divisor alone.

    Args:
        loss: the name of a loss, such as "min-ent" (mixent.LOSSES has all), or a loss of mixent.torch. It is kept as `.loss`: a
            callback may anneal it (`function.loss.w2 = 0.2`). Its own reduction is overruled by the sum and the divisor above.
            Losses with a linear layer of their own, such as LinearMinEntLoss, are refused, because models give logits.
        shift: whether logits at a position predict the label of the next one, as in causal models. None: as the class of the
            model's outputs says (CausalLMOutput…: yes; MaskedLMOutput, Seq2SeqLMOutput, TokenClassifierOutput, …: no); logits of
            shape (N, C) are never shifted.
        options: of the loss, if it is given by name; help(mixent.torch.MinEntLoss) explains them.

    Learned weights: Trainer trains the parameters of its model alone. A ComputeLossFunc does not see the model: a learned weight that
    is not among the model's parameters keeps its value, and no error says so. Register the loss in the model and give it here:

        model.criterion = mixent.torch.MinEntLoss(learnable=("w2",))
        Trainer(model, ..., compute_loss_func=ComputeLossFunc(model.criterion))

    On several processes they need TrainingArguments(ddp_find_unused_parameters=False), since they lie outside the model's forward.

    label_smoothing_factor of TrainingArguments is not used: give label_smoothing to ComputeLossFunc.

    Raises ValueError for the name of no loss, an ignore_index other than -100, the transform "uncertainty", which weighs means, and
    `learnable` beside a name; when called, for outputs without logits, labels that do not fit the logits, and outputs that do not say
    whether to shift. Raises TypeError for what is no loss of logits, for options that the loss does not have, and for other types.
    """

    def __init__(self, loss: str | Loss = "min-ent", *, shift: bool | None = None, **options: Any) -> None:
        if shift is not None and not isinstance(shift, bool):
            raise TypeError(f"shift takes True, False or None, got {shift!r}")
        if isinstance(loss, _linear_losses.LinearLoss):
            raise TypeError(f"{type(loss).__name__} makes logits by a linear layer of its own, and Trainer's models give logits: "
                            f"use {_KINDS[loss.kind].__name__}")
        if isinstance(loss, Loss):
            if options:
                raise TypeError(f"options go with the name of a loss: give {', '.join(options)} to {type(loss).__name__}")
        elif isinstance(loss, type):
            raise TypeError(f"expected the name of a loss or a loss of mixent.torch, got the class {loss.__name__}: make it: "
                            f"{loss.__name__}()")
        elif not isinstance(loss, str):
            raise TypeError(f"expected the name of a loss or a loss of mixent.torch, got {loss!r}")
        elif loss not in _KINDS:
            raise ValueError(unknown("loss", loss, _KINDS))
        elif options.get("learnable"):
            raise ValueError("Trainer trains the parameters of its model alone: make the loss yourself, register it in the model "
                             "(model.criterion = loss), and give it here")
        elif "reduction" in options:
            raise TypeError("reduction is settled: a sum over the labels, divided by their number")
        else:
            loss = self._make(_KINDS[loss], options)
        if loss.ignore_index != _IGNORED:
            raise ValueError(f"Trainer counts the labels that are not {_IGNORED}: expected ignore_index {_IGNORED}, "
                             f"got {loss.ignore_index}")
        self.loss, self.shift = loss, shift
        self._summed()

    @staticmethod
    def _make(cls: type[Loss], options: dict[str, Any]) -> Loss:
        for name in options:
            if name not in inspect.signature(Loss).parameters:  # those that other losses have are refused by the loss, which lists its own
                own = [own for own in inspect.signature(cls).parameters if own not in _SETTLED]
                raise TypeError(f"ComputeLossFunc: {unknown('option', name, [*own, 'shift'])}")
        return cls(**options)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.loss!r}, shift={self.shift})"

    def _summed(self) -> Loss:
        """The loss as it stands now, with the same parameters, as a sum."""
        loss = copy.copy(self.loss)
        loss.reduction = "sum"
        return loss

    def _shifts(self, outputs: Any, logits: Tensor) -> bool:
        if logits.dim() == 2:
            return False
        if self.shift is not None:
            return self.shift
        name = type(outputs).__name__
        if any(part in name for part in _SHIFTED):
            return True
        if any(part in name for part in _UNSHIFTED):
            return False
        raise ValueError(f"outputs of the class {name} do not say whether logits predict the next label: make "
                         f"{type(self).__name__} with shift=True (causal models) or shift=False")

    @staticmethod
    def _logits_of(outputs: Any) -> Tensor:
        if isinstance(outputs, dict):
            logits, named = outputs.get("logits"), f" with {', '.join(map(str, outputs)) or 'nothing'}"
        else:
            logits, named = outputs[0] if isinstance(outputs, (tuple, list)) and outputs else None, ""
        if not isinstance(logits, Tensor):
            raise ValueError(f"expected a model's outputs with 'logits', or a tuple that begins with them, got {type(outputs).__name__}"
                             f"{named}: use a model with a head, such as AutoModelForCausalLM")
        return logits

    def __call__(self, outputs: Any, labels: Tensor | None, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """The loss of a batch: a tensor of no dimension."""
        logits = self._logits_of(outputs)
        if not isinstance(labels, Tensor):
            got = None if labels is None else type(labels).__name__
            raise ValueError(f"expected labels, a tensor, beside the model's inputs, got {got}: the data need a column "
                             "'labels', of which the collator makes a tensor")
        if labels.is_floating_point() or labels.shape != logits.shape[:-1]:
            raise ValueError(f"logits of shape {tuple(logits.shape)} need whole-number labels of shape {tuple(logits.shape[:-1])}, "
                             f"got {labels.dtype} of shape {tuple(labels.shape)}")
        labels = labels.to(logits.device)
        if self._shifts(outputs, logits):
            labels = torch.nn.functional.pad(labels, (0, 1), value=_IGNORED)[..., 1:]  # of the labels: a copy of logits is larger
        value: Tensor = self._summed()(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))
        if isinstance(num_items_in_batch, int):
            return value / max(num_items_in_batch, 1)
        count = (labels != _IGNORED).sum() if num_items_in_batch is None else num_items_in_batch.to(value.device)
        return value / count.reshape(-1)[0].clamp(min=1)  # under DataParallel the number comes once for each device
