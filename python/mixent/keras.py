"""The losses for Keras 3 on its back ends JAX, PyTorch and TensorFlow: a class for each, and a function with a value per example.

>>> model.compile("adam", loss=mixent.keras.MinEntLoss(w2=0.1, from_logits=True))

The conventions are Keras's: y_pred holds probabilities unless from_logits=True, a mean divides by the number of examples, labels and
distributions are told apart by their shape. The C library defines every loss (docs/LOSSES.md); this is the same once more in
keras.ops, and tests hold the two together. Keras's back end numpy gives values, but no gradients.
"""
from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np

from . import _options
from ._help import MODULES, help_text

try:
    import keras
    from keras import ops
    from keras.src.backend import set_keras_mask  # how Keras's own losses leave out a class; it has no public name
except ImportError as error:
    if (error.name or "").split(".")[0] == "keras":
        raise ImportError("mixent.keras needs Keras 3.10 or later: pip install 'mixent[keras]', and one of Keras's back ends: pip install "
                          "jax (or torch, or tensorflow-cpu)") from error
    raise ImportError(f"mixent.keras needs a back end of Keras, and the one that Keras looks for is missing ({error}): pip install "
                      "tensorflow-cpu (or jax, or torch), and set KERAS_BACKEND to tensorflow (or jax, or torch)") from error

__all__ = ["Loss", "entropy"]

_SOLVING = 60  # steps that halve the interval in which lambda lies, until nothing is left of it in float64


def _is_distribution(true: Any, pred: Any, axis: int) -> bool:
    """Whether y_true holds distributions, of y_pred's shape; else labels: without the axis of classes, or with 1 in its place."""
    labels = [n for i, n in enumerate(pred.shape) if i != axis]
    one = [1 if i == axis else n for i, n in enumerate(pred.shape)]
    for shape, soft in (list(pred.shape), True), (one, False), (labels, False):
        if len(shape) == len(true.shape) and all(m is None or n is None or m == n for m, n in zip(shape, true.shape)):
            return soft
    raise ValueError(f"y_pred of shape {tuple(pred.shape)} goes with labels of shape {tuple(labels)} or {tuple(one)}, or distributions of "
                     f"shape {tuple(pred.shape)}, not with y_true of shape {tuple(true.shape)}")


def _where(condition: Any, x: Any, number: float) -> Any:
    """x where the condition is met, else a number of x's type. (Beside a plain number, ops.where and ops.maximum round float64.)"""
    return ops.where(condition, x, ops.full_like(x, number))


def _hold(x: Any, low: float) -> Any:
    """x, held above a number; NaN stays."""
    return _where(ops.logical_not(x < low), x, low)


def _at(places: Any, classes: int) -> Any:
    """[..., classes], true at the place of each row."""
    return ops.equal(ops.arange(classes, dtype="int32"), ops.expand_dims(places, -1))


class _Row:
    """What the terms see of rows [..., classes]: the prediction q, without cancellation where one class is nearly sure, and the target
    p, smoothed, times the class weights. ln q is held above -sqrt(largest number), that of masked classes too: derivatives multiply it
    by the scale of a loss and then by q = 0, and infinity times 0 is NaN."""

    def __init__(self, true: Any, pred: Any, from_logits: bool, axis: int, weight: Any, ignore_class: int | None,
                 numbers: dict[str, Any]) -> None:
        true, pred = ops.convert_to_tensor(true), ops.convert_to_tensor(pred)
        if not -len(pred.shape) <= axis < len(pred.shape):
            raise ValueError(f"axis {axis} is none of y_pred's, of shape {tuple(pred.shape)}")
        axis %= len(pred.shape)
        if weight is not None and weight.shape != pred.shape[axis:axis + 1]:
            raise ValueError(f"weight must have shape {tuple(pred.shape[axis:axis + 1])}, for as many classes, not {weight.shape}")
        soft, self.numbers = _is_distribution(true, pred, axis), numbers
        self.dtype = "float64" if keras.backend.standardize_dtype(pred.dtype) == "float64" else "float32"
        self.tiny, self.lowest = float(np.finfo(self.dtype).tiny), -math.sqrt(np.finfo(self.dtype).max)
        z = ops.moveaxis(ops.cast(pred, self.dtype), axis, -1)
        if not from_logits:  # the logits of probabilities; below 0, and where all are 0, there are none
            some = ops.any(z > 0, -1, keepdims=True)
            z = _where(ops.logical_and(z >= 0, some), ops.log(_hold(z, self.tiny)), math.nan)
        weight = None if weight is None else ops.cast(weight, self.dtype)
        self.kept = self.counted = None  # the mask of ignore_class; what is looked at
        if soft:
            p, valid = ops.moveaxis(ops.cast(true, self.dtype), axis, -1), None
        else:
            p, valid = self._read_labels(ops.squeeze(true, axis) if len(true.shape) == len(pred.shape) else true, z, weight, ignore_class)
        self._find_prediction(z if self.counted is None else _where(ops.expand_dims(self.counted, -1), z, 0.0), valid)
        present, smoothing = ops.cast(self.present, self.dtype), numbers["label_smoothing"]
        self.p = (1 - smoothing) * p + smoothing * present / ops.sum(present, -1, keepdims=True)
        self.weighted = self.p if weight is None else self.p * weight
        self.whole = 1.0 if weight is None else ops.sum(self.weighted, -1)
        masked = ops.any(ops.logical_and(ops.logical_not(self.present), self.weighted > 0), -1)
        self.masked_labels = _where(ops.logical_not(masked), ops.zeros_like(self.x[..., 0]), math.inf)

    def _read_labels(self, labels: Any, z: Any, weight: Any, ignore_class: int | None) -> tuple[Any, Any]:
        """(the distributions that labels stand for, which labels are classes or not looked at); finds what is looked at."""
        if "float" not in keras.backend.standardize_dtype(labels.dtype):
            labels = ops.cast(labels, "int32")
        if ignore_class is not None:
            self.kept = self.counted = ops.not_equal(labels, ignore_class)
        valid = ops.logical_and(labels >= 0, labels < z.shape[-1])
        labels = ops.cast(ops.where(valid, labels, 0), "int32")
        if weight is not None and self.numbers["label_smoothing"] == 0:  # of a class whose weight is 0, nothing is looked at
            weighty = ops.logical_or(ops.take(weight, labels) != 0, ops.logical_not(valid))
            self.counted = weighty if self.counted is None else ops.logical_and(self.counted, weighty)
        if self.counted is not None:
            valid = ops.logical_or(valid, ops.logical_not(self.counted))
        return ops.cast(_at(labels, z.shape[-1]), self.dtype), valid

    def _find_prediction(self, z: Any, valid: Any) -> None:
        """q, 1 - q and ln q; all NaN in rows without a distribution or a valid label."""
        first = _at(ops.cast(ops.argmax(z, -1), "int32"), z.shape[-1])
        largest = ops.sum(_where(first, z, 0.0), -1, keepdims=True)
        defined = ops.logical_and(ops.isfinite(largest), ops.logical_not(ops.any(ops.isnan(z), -1, keepdims=True)))
        if valid is not None:
            defined = ops.logical_and(defined, ops.expand_dims(valid, -1))
        self.defined = ops.squeeze(defined, -1)
        zero, largest = ops.zeros_like(largest), _where(defined, largest, 0.0)
        held = self.lowest - (largest - ops.stop_gradient(largest))  # whose derivative by the largest logit is that of any other
        self.x = ops.where(z - largest < self.lowest, held, z - largest) + _where(defined, zero, math.nan)
        self.present = ops.logical_and(defined, z > -math.inf)
        e = ops.exp(self.x)
        beyond = ops.sum(_where(ops.logical_not(first), e, 0.0), -1, keepdims=True) + _where(defined, zero, math.nan)
        total = 1 + beyond
        self.log, self.q, self.rest = self.x - ops.log1p(beyond), e / total, ops.where(first, beyond, total - e) / total

    def log_p(self) -> Any:
        return ops.log(_hold(self.p, self.numbers["eps"]))

    def difference(self) -> Any:
        """p - q, from 1 - q where p is large."""
        return ops.where(self.p > 0.5, self.rest - (1 - self.p), self.p - self.q)


def _focal(row: _Row) -> Any:
    rest = _where(row.present, _hold(row.rest, row.tiny), 1.0)  # whose powers have derivatives
    return row.masked_labels - ops.sum(row.weighted * rest ** row.numbers["gamma"] * row.log, -1)


def _bi_tempered(row: _Row) -> Any:
    t1, t2, p = row.numbers["t1"], row.numbers["t2"], row.p
    q = _tempered_softmax(row.x, row.present, t2)
    return ops.sum(p * (_power(p, 1 - t1) - _power(q, 1 - t1)) / (1 - t1) - (_power(p, 2 - t1) - _power(q, 2 - t1)) / (2 - t1), -1)


def _power(x: Any, a: float) -> Any:
    """x^a, 0 at 0 with a derivative of 0 there."""
    inside = x > 0
    return ops.where(inside, _where(inside, x, 1.0) ** a, x * 0)


def _tempered_softmax(x: Any, present: Any, t: float) -> Any:
    """exp_t(x - lambda), x <= 0, lambda such that it sums to 1. The interval of lambda is halved until nothing is left of it; two of
    Newton's steps from there have the right first and second derivatives."""
    if t == 1:
        e = _where(present, ops.exp(x), 0.0)
        return e / ops.sum(e, -1, keepdims=True)

    def exp_t(level: Any, x: Any) -> Any:
        return _where(present, (1 + (t - 1) * (level - x)) ** (-1 / (t - 1)), 0.0)

    def halve(_: Any, ends: Any) -> Any:
        level = (ends[0] + ends[1]) / 2
        above = ops.sum(exp_t(level, fixed), -1, keepdims=True) > 1
        return ops.where(above, level, ends[0]), ops.where(above, ends[1], level)

    fixed = ops.stop_gradient(x)
    count = ops.sum(ops.cast(present, x.dtype), -1, keepdims=True)
    low, high = ops.fori_loop(0, _SOLVING, halve, (ops.zeros_like(count), (count ** (t - 1) - 1) / (t - 1)))
    level = ops.stop_gradient((low + high) / 2)
    for _ in range(2):
        q = exp_t(level, x)
        level = level + (ops.sum(q, -1, keepdims=True) - 1) / ops.sum(q ** t, -1, keepdims=True)
    return exp_t(level, x)


#: Each term of a row, in natural logarithms, class weights included.
_TERMS: dict[str, Callable[[_Row], Any]] = {
    "ce1": lambda row: row.masked_labels - ops.sum(row.weighted * row.log, -1),
    "focal": _focal,
    "gce": lambda row: -ops.sum(row.weighted * ops.expm1(row.numbers["q"] * row.log), -1) / row.numbers["q"],
    "poly1": lambda row: ops.sum(row.weighted * row.rest, -1),
    "h": lambda row: -row.whole * ops.sum(row.q * row.log, -1),
    "ce2": lambda row: -row.whole * ops.sum(row.q * row.log_p(), -1),
    "kl": lambda row: row.whole * ops.sum(row.q * (row.log - row.log_p()), -1),
    "mae": lambda row: row.whole * ops.sum(ops.abs(row.difference()), -1),
    "brier": lambda row: row.whole * ops.sum(ops.square(row.difference()), -1),
    "bi-tempered": lambda row: row.whole * _bi_tempered(row),
}


def _class_weights(weight: Any) -> Any:
    if weight is None:
        return None
    try:
        values = np.asarray(weight, "float64")
    except (TypeError, ValueError):
        values = np.empty(())
    if values.ndim != 1 or not (np.isfinite(values) & (values >= 0)).all():
        raise ValueError(f"weight takes a finite number >= 0 for each class, got {weight!r}")
    return values


def _class_number(ignore_class: Any) -> int | None:
    try:
        return None if ignore_class is None else index(ignore_class)
    except TypeError:
        raise TypeError(f"ignore_class takes a whole number or None, got {ignore_class!r}") from None


def _evaluate(kind: str, y_true: Any, y_pred: Any, from_logits: bool, axis: int, weight: Any, ignore_class: int | None,
              **numbers: Any) -> Any:
    """The loss of each example, of y_pred's shape without the axis of classes; with ignore_class it carries Keras's mask."""
    row = _Row(y_true, y_pred, from_logits, axis, _class_weights(weight), _class_number(ignore_class), numbers)
    total = 0 * ops.sum(row.q, -1)  # rows without a distribution are NaN, their gradient too, whatever the weights
    for i, term in enumerate(_options.PARTS[kind], 1):
        w, base = numbers[f"w{i}"], numbers[f"b{i}"]
        log = math.log(base) if isinstance(base, (int, float)) else ops.log(ops.cast(base, row.dtype))
        c = w / log if isinstance(w, (int, float)) else ops.cast(w, row.dtype) / log
        if isinstance(c, float) and c == 0:
            continue
        value = _TERMS[term](row)
        if not isinstance(c, float):
            value = _where(ops.logical_or(ops.not_equal(c, 0), ops.isfinite(value)), value, 0.0)
        total = total + c * value
    total = _where(row.defined, total, math.nan)
    if row.counted is not None:
        total = _where(row.counted, total, 0.0)
    if row.kept is not None:
        set_keras_mask(total, row.kept)
    return total


_ARGUMENTS = {
    "from_logits": "whether y_pred holds logits. False, as in Keras: it holds probabilities, such as a softmax layer gives. Logits keep "
                   "digits that probabilities near 0 or 1 have lost; a logit of -inf leaves a class out.",
    "axis": "the axis of y_pred that holds the classes.",
    "weight": "sequence of C finite numbers, not negative: the classes' weights. They enter the terms, not what a mean divides by.",
    "ignore_class": "rows with this label count for nothing, and a mean does not divide by them, as in Keras's "
                    "SparseCategoricalCrossentropy (not looked at with distributions).",
    "reduction": "Keras's: \"sum_over_batch_size\" or \"mean\", \"sum\", \"mean_with_sample_weight\", \"none\" or None.",
    "name": "name of the loss.",
    "dtype": "the type to compute in; None: keras.config.floatx(). float16 and bfloat16 become float32."}
_REST = """
Shape:
    - y_pred: [..., C], C classes; of any floating type.
    - y_true: labels [...] or [..., 1], whole numbers in [0, C); or distributions [..., C]. The shape decides.
    - output: a scalar, or [...] with reduction "none"; in nats (a base of e).

A label out of range, or a row without a distribution (NaN, a probability below 0 or 0 alone, a logit of +inf or -inf alone),
gives NaN.

Numbers may be changed (criterion.w2 = 0.2). On JAX and TensorFlow a compiled model keeps the numbers it was compiled with, as of every
Keras loss: model.compile(model.optimizer, loss=criterion) takes new ones over and keeps the optimizer's state. Weights and bases may be
variables of no dimension. A weight of one of the model's layers (add_weight) is learned if it is trainable, and may be assigned between
epochs on every back end. Saving the loss keeps the value of a variable.

Probabilities are divided by their sum; those below the smallest normal number of their type are held there. sample_weight
multiplies as in Keras, where 0 times NaN is NaN.

Raises:
    ValueError: for shapes and numbers out of range.
    TypeError: for arguments that the loss does not have, and values of the wrong kind.
"""
#: Arguments of mixent.torch, and what takes their place here.
_INSTEAD = {
    "ignore_index": "use ignore_class",
    "learnable": "pass a layer's weight, as in w2=layer.w2, which the model trains",
    "transform": "transform the weight, and pass it to the function"}


def _plain(value: Any) -> Any:
    """The value of a variable as a number; anything else as it is."""
    return float(ops.convert_to_numpy(value)) if hasattr(value, "shape") else value


class Loss(keras.losses.Loss):  # type: ignore[misc]
    """The common part of all losses; it is not a loss itself. help() on a loss, such as MinEntLoss, explains its arguments."""

    kind: str
    _names: tuple[str, ...]  # of the arguments that it keeps as attributes

    def __init__(self, *, from_logits: bool = False, axis: int = -1, weight: Sequence[float] | None = None, ignore_class: int | None = None,
                 reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: Any = None, **numbers: float) -> None:
        if keras.dtype_policies.get(dtype or keras.config.floatx()).compute_dtype in ("float16", "bfloat16"):
            dtype = "float32"
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        weights = _class_weights(weight)
        arguments = {"from_logits": bool(from_logits), "axis": index(axis), "weight": None if weights is None else weights.tolist(),
                     "ignore_class": _class_number(ignore_class), **_options.fixed_numbers(self.kind, numbers, _INSTEAD)}
        self.__dict__.update(arguments, _names=tuple(arguments))

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Help and editors show the options that the loss has, with its defaults; Keras can save it."""
        super().__init_subclass__(**keywords)
        if "kind" not in cls.__dict__:
            return
        signature = inspect.signature(Loss)
        own = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value)
               for name, value in _options.fixed_arguments(cls.kind).items()]
        for name, own_name in _options.ALIASES.get(cls.kind, {}).items():
            setattr(cls, name, property(lambda self, own_name=own_name: getattr(self, own_name), doc=f"Another name of {own_name}."))
        parameters = [*own, *list(signature.parameters.values())[:-1]]
        cls.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        cls.__doc__ = help_text(MODULES[cls.kind][1], cls.kind, [parameter.name for parameter in parameters], _ARGUMENTS, _REST)
        keras.saving.register_keras_serializable("mixent")(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        """Numbers may be changed, say from epoch to epoch: criterion.w2 = 0.5."""
        name = _options.ALIASES.get(self.kind, {}).get(name, name)
        super().__setattr__(name, _options.fixed_numbers(self.kind, {name: value})[name] if name in _options.NUMBERS else value)

    def __repr__(self) -> str:
        """What differs from the defaults; of a variable only its type, for TensorFlow asks where variables have no value."""
        usual = {**_options.fixed_numbers(self.kind, {}), "from_logits": False, "axis": -1, "ignore_class": None,
                 "reduction": "sum_over_batch_size"}
        chosen = {name: getattr(self, name) for name in usual}
        shown = [f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value!r}" for name, value in chosen.items()
                 if not hasattr(value, "shape") and value != usual[name]]
        shown += [f"{name}=<{type(value).__name__}>" for name, value in chosen.items() if hasattr(value, "shape")]
        return f"{type(self).__name__}({', '.join(shown)})"

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each example."""
        return _evaluate(self.kind, y_true, y_pred, **self._arguments())

    def get_config(self) -> dict[str, Any]:
        """What makes the same loss again."""
        return {**super().get_config(), "dtype": self.dtype, **{name: _plain(value) for name, value in self._arguments().items()}}

    def _arguments(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names}


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


_DOC = """{about}

p is the target, q the prediction. The arguments are those of mixent.keras.{module}, whose help() explains them. Weights and bases
(w1, …, b1, …) may be tensors of no dimension, which then get their gradient, such as a weight of one of the model's layers.

Returns the loss of each example, of y_pred's shape without the axis of classes; float64 for a y_pred of float64, otherwise float32.
"""


def _make(kind: str, about: str, module: str) -> Callable[..., Any]:
    def function(y_true: Any, y_pred: Any, *, from_logits: bool = False, axis: int = -1, weight: Any = None,
                 ignore_class: int | None = None, **numbers: Any) -> Any:
        return _evaluate(kind, y_true, y_pred, from_logits, axis, weight, ignore_class,
                         **_options.fixed_numbers(kind, numbers, _INSTEAD))

    signature = inspect.signature(function)
    *first, _ = signature.parameters.values()
    own = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value)
           for name, value in _options.fixed_arguments(kind).items()]
    function.__signature__ = signature.replace(parameters=[*first, *own])  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = "cross_entropy" if kind == "ce" else kind.replace("-", "_")
    function.__doc__ = _DOC.format(about=about, module=module)
    return keras.saving.register_keras_serializable("mixent")(function)


for _kind, (_module, _about) in MODULES.items():
    _function = _make(_kind, _about, _module)
    globals()[_function.__name__] = _function
    __all__ += [_module, _function.__name__]


def entropy(y_pred: Any, *, from_logits: bool = False, axis: int = -1) -> Any:
    """H(q) = -sum q ln q of the prediction q, for each example, in nats; no labels are needed. To train with it, let a layer call
    self.add_loss(keras.ops.mean(entropy(logits, from_logits=True))).

    y_pred: probabilities, or logits with from_logits=True; axis: the one of the classes.
    """
    labels = ops.zeros_like(ops.take(y_pred, 0, axis))
    return _evaluate("min-ent", labels, y_pred, from_logits, axis, None, None, **_options.fixed_numbers("min-ent", {"w1": 0.0, "w2": 1.0}))
