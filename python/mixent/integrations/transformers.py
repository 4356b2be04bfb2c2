"""The losses for the Trainer of Hugging Face's transformers, and for trainers made from it.

>>> trainer = transformers.Trainer(model, arguments, train_dataset=data, compute_loss_func=ComputeLossFunc("min-ent", w2=0.1))
"""
from __future__ import annotations

import copy
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

from ..torch import Loss, _losses

__all__ = ["ComputeLossFunc"]

_KINDS = {cls.kind: cls for cls in Loss.__subclasses__() if cls.__module__ == _losses.__name__}
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
            callback may anneal it (`function.loss.w2 = 0.2`).
        shift: whether logits at a position predict the label of the next one, as in causal models. None: as the class of the
            model's outputs says (CausalLMOutput…: yes; MaskedLMOutput, Seq2SeqLMOutput, TokenClassifierOutput, …: no); logits of
            shape (N, C) are never shifted.
        options: of the loss, if it is given by name; help(mixent.torch.MinEntLoss) explains them.

    Learned weights: Trainer trains the parameters of its model alone. Register the loss there and give it here:

        model.criterion = mixent.torch.MinEntLoss(learnable=("w2",))
        Trainer(model, ..., compute_loss_func=ComputeLossFunc(model.criterion))

    On several processes they need TrainingArguments(ddp_find_unused_parameters=False), since they lie outside the model's forward.

    Raises ValueError for an ignore_index other than -100, the transform "uncertainty", which weighs means, and `learnable`
    beside a name; when called, for labels that do not fit the logits and outputs that do not say whether to shift.
    """

    def __init__(self, loss: str | Loss = "min-ent", *, shift: bool | None = None, **options: Any) -> None:
        if isinstance(loss, Loss):
            if options:
                raise TypeError(f"options go with the name of a loss: give {', '.join(options)} to {type(loss).__name__}")
        elif loss not in _KINDS:
            raise ValueError(f"expected the name of a loss ({', '.join(_KINDS)}) or a loss of mixent.torch, got {loss!r}")
        elif options.get("learnable"):
            raise ValueError("Trainer trains the parameters of its model alone: make the loss yourself, register it in the model "
                             "(model.criterion = loss), and give it here")
        elif "reduction" in options:
            raise TypeError("reduction is settled: a sum over the labels, divided by their number")
        else:
            loss = _KINDS[loss](**options)
        if loss.ignore_index != _IGNORED:
            raise ValueError(f"Trainer counts the labels that are not {_IGNORED}: expected ignore_index {_IGNORED}, "
                             f"got {loss.ignore_index}")
        self.loss, self.shift = loss, shift
        self._summed()

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

    def __call__(self, outputs: Any, labels: Tensor | None, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """The loss of a batch: a tensor of no dimension."""
        logits = outputs["logits"] if isinstance(outputs, dict) else outputs[0]
        if labels is None:
            raise ValueError("expected labels beside the model's inputs, got None: the data need a column 'labels'")
        if labels.is_floating_point() or labels.shape != logits.shape[:-1]:
            raise ValueError(f"logits of shape {tuple(logits.shape)} need whole-number labels of shape {tuple(logits.shape[:-1])}, "
                             f"got {labels.dtype} of shape {tuple(labels.shape)}")
        labels = labels.to(logits.device)
        if self._shifts(outputs, logits):
            labels = torch.nn.functional.pad(labels, (0, 1), value=_IGNORED)[..., 1:]  # of the labels: a copy of logits is larger
        value: Tensor = self._summed()(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))
        count = (labels != _IGNORED).sum() if num_items_in_batch is None else torch.as_tensor(num_items_in_batch, device=value.device)
        return value / count.reshape(-1)[0].clamp(min=1)  # under DataParallel the number comes once for each device
