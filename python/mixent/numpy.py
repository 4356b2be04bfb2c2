"""The losses for NumPy arrays: `evaluate`."""
from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native, _options

_FLOATS = {np.dtype("f4"): _native.FLOAT32, np.dtype("f8"): _native.FLOAT64, np.dtype("f2"): _native.FLOAT16}
_INTEGERS = {np.dtype("i1"): _native.INT8, np.dtype("u1"): _native.UINT8, np.dtype("i2"): _native.INT16,
             np.dtype("i4"): _native.INT32, np.dtype("i8"): _native.INT64}


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found. Terms are in natural logarithms, and reduced as the value is."""

    value: float | NDArray[np.float64]  #: the loss; with reduction "none" an array of the logits' leading shape
    gradient: NDArray[Any] | None  #: d value / d logits (with reduction "none": of the sum of the values)
    terms: dict[str, float]  #: "ce1", "h", "ce2", "kl" and the loss's own; with reduction "none" their sums
    slopes: dict[str, float]  #: d value / d raw weight ("w1", …) and d value / d ln b ("b1", …) for what is learnable
    weights: dict[str, float]  #: the weights in force: the transforms of w1, w2, … at that epoch
    divisor: float  #: what a mean was divided by; otherwise 1
    counted: int  #: rows that were not ignored
    undefined: int  #: rows without a distribution (NaN or +inf among the logits, or only -inf); they give NaN


@lru_cache(maxsize=256)
def _make(kind: str, transform: str, learnable: tuple[str, ...], ignore_index: int | None,
          given: tuple[tuple[str, float | None], ...]) -> tuple[_native.Loss, tuple[str, ...]]:
    mask = _options.mask_of(kind, learnable)
    learned = tuple(name for bit, name in enumerate(_native.PARAMETERS) if mask >> bit & 1)
    numbers = _options.complete(kind, _options.resolve(kind, dict(given)))
    return _options.make(kind, transform, mask, ignore_index, numbers), learned


def _default_threads() -> int:
    text = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if text.isdigit() and int(text) > 0:
        return int(text)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _floating(array: NDArray[Any], what: str) -> int:
    code = _FLOATS.get(array.dtype)
    if code is None:
        raise TypeError(f"{what} must be float16, float32 or float64 in this machine's byte order, not {array.dtype}")
    return code


def _fits(matrix: NDArray[Any]) -> bool:
    """Whether the library takes a matrix as it lies: elements of a row side by side, rows apart by whole elements."""
    rows, columns = matrix.shape
    if not matrix.flags.aligned or (columns > 1 and matrix.strides[1] != matrix.itemsize):
        return False
    return rows < 2 or (matrix.strides[0] % matrix.itemsize == 0 and matrix.strides[0] >= columns * matrix.itemsize)


def _contiguous(array: NDArray[Any]) -> NDArray[Any]:
    """In C order and aligned, copied only if it must be."""
    return np.require(array, requirements=("C", "A"))


def _matrix(array: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The array as [rows, classes], copied only if it must be, and its row stride in elements."""
    matrix = array.reshape(-1 if array.size else int(np.prod(array.shape[:-1])), array.shape[-1])
    if not _fits(matrix):
        matrix = _contiguous(matrix)
    return matrix, matrix.strides[0] // matrix.itemsize if len(matrix) > 1 else matrix.shape[1]


def _weights(array: ArrayLike | None, shape: tuple[int, ...], what: str) -> tuple[NDArray[Any] | None, int, int]:
    """The array as the library takes it, its address and type."""
    if array is None:
        return None, 0, 0
    array = np.asarray(array)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{what} takes numbers, not {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"{what} must have shape {shape}, not {array.shape}")
    array = _contiguous(array if array.dtype in _FLOATS else array.astype(np.float64))
    return array, array.ctypes.data, _FLOATS[array.dtype]


def evaluate(logits: ArrayLike, target: ArrayLike, loss: str = "ce", *, w1: float | None = None, w2: float | None = None,
             w3: float | None = None, b1: float | None = None, b2: float | None = None, b3: float | None = None,
             eps: float | None = None, gamma: float | None = None, q: float | None = None, t1: float | None = None,
             t2: float | None = None, weight: ArrayLike | None = None, sample_weight: ArrayLike | None = None,
             ignore_index: int | None = None, reduction: str = "mean", label_smoothing: float | None = None,
             transform: str = "free", epoch: float = 0.0, max_interval: float | None = None,
             learnable: Sequence[str] = (), gradient: bool = True, out: NDArray[Any] | None = None,
             threads: int | None = None) -> Evaluation:
    """Value, terms and gradient of a loss.

    >>> found = mixent.evaluate(logits, labels, "min-ent", w2=0.1)
    >>> found.value, found.terms["h"], found.gradient

    Value and terms are in nats (a base of e).
    Arrays are read where they lie if the classes of a row are side by side and rows do not overlap; otherwise copied first.

    Args:
        logits: [..., classes], float16, float32 or float64.
        target: labels of the logits' leading shape, whole numbers; or distributions of the logits' shape, floating.
        loss: one of `mixent.LOSSES`; help() on its class in mixent.torch, such as MinEntLoss, tells its formula and defaults.
        w1, w2, w3, b1, b2, b3: weight (finite) and log base (positive, not 1) of each part of the loss,
            L = sum w_i T_i / ln b_i; e gives natural logarithms. None: the loss's own.
        eps: in [1e-37, 1), floor of the target in CE2 and KL. gamma: in [0, 1000], of focal. q: in (0, 1], of gce.
        t1, t2: in [0, 1) and [1, 7], of bi-tempered. None: the loss's own.
        weight: [classes], the classes' weights, finite and not negative.
        sample_weight: of the logits' leading shape; multiplies all terms of a row, and does not enter a mean's divisor.
        ignore_index: rows with this label count for nothing.
        reduction: "mean" (labels: divided by the sum of the class weights of the rows counted; distributions: by the
            rows; 0 if no row counts), "sum" or "none".
        label_smoothing: in [0, 1]; spread over the classes whose logit is not -inf.
        transform: what makes weights of w1, w2, …: one of `mixent.TRANSFORMS`. epoch (from 0), max_interval (epochs, > 0):
            for those that depend on the epoch.
        learnable: names of weights and bases whose `slopes` are wanted.
        gradient: whether it is wanted.
        out: where the gradient goes, of the logits' shape and type; `logits` itself is allowed.
        threads: how many may work; None: OMP_NUM_THREADS, or as many as there are processors for this process.

    Raises:
        TypeError: for types of elements, and options that the loss does not have.
        ValueError: for shapes, names, options and labels that are out of range.
    """
    given = (("w1", w1), ("w2", w2), ("w3", w3), ("b1", b1), ("b2", b2), ("b3", b3), ("eps", eps), ("gamma", gamma), ("q", q),
             ("t1", t1), ("t2", t2), ("label_smoothing", label_smoothing), ("max_interval", max_interval))
    if not isinstance(loss, str):
        raise TypeError(f"loss takes a name, such as 'min-ent', got {type(loss).__name__}: the order is evaluate(logits, target, loss)")
    native, learned = _make(loss, transform, learnable if isinstance(learnable, str) else tuple(learnable), ignore_index, given)
    reduction_code = _options.reduction_of(reduction, transform)

    threads = _default_threads() if threads is None else threads
    if threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")

    logits = np.asarray(logits)
    if logits.ndim == 0:
        raise ValueError("logits must have at least one dimension, that of the classes")
    logits_type = _floating(logits, "logits")
    leading, classes = logits.shape[:-1], logits.shape[-1]
    matrix, stride = _matrix(logits)
    rows = len(matrix)

    target = np.asarray(target)
    target_stride = 0
    if target.dtype.kind == "f":
        target_type = _floating(target, "target")
        if target.shape != logits.shape:
            raise ValueError(f"a floating target must have the logits' shape {logits.shape}, not {target.shape}")
        target, target_stride = _matrix(target)
    elif target.dtype.kind in "iu":
        if target.shape != leading:
            raise ValueError(f"labels must have the logits' leading shape {leading}, not {target.shape}")
        if target.dtype not in _INTEGERS:
            target = target.astype(np.int64)
        target_type = _INTEGERS[target.dtype]
        target = _contiguous(target)
    else:
        raise TypeError(f"target must hold whole numbers (labels) or floating ones (distributions), not {target.dtype}")

    weight, weight_address, weight_type = _weights(weight, (classes,), "weight")
    sample_weight, sample_address, sample_type = _weights(sample_weight, leading, "sample_weight")

    slot = None
    if out is not None:
        if out.shape != logits.shape or out.dtype != logits.dtype:
            raise ValueError(f"out must have the logits' shape {logits.shape} and type {logits.dtype}, "
                             f"not {out.shape} and {out.dtype}")
        slot = out.reshape(matrix.shape)
        if not np.may_share_memory(slot, out) or not _fits(slot) or not slot.flags.writeable:
            raise ValueError("out must be writeable, with the classes of a row side by side")
        if np.may_share_memory(out, matrix) and (slot.ctypes.data != matrix.ctypes.data or slot.strides != matrix.strides):
            raise ValueError("out may be logits itself, but must not overlap with it otherwise")
    elif gradient:
        slot = np.empty_like(matrix, order="C")
    slot_stride = 0 if slot is None else slot.strides[0] // slot.itemsize if rows > 1 else classes
    values = np.empty(rows) if reduction == "none" else None

    try:
        value, slopes, terms, divisor, counted, undefined = native.evaluate(
            None, epoch, reduction_code, 1.0, True, rows, classes, matrix.ctypes.data, logits_type, stride,
            target.ctypes.data, target_type, target_stride, weight_address, weight_type, sample_address, sample_type,
            0 if slot is None else slot.ctypes.data, slot_stride, 0 if values is None else values.ctypes.data, 0, 0,
            threads)
    except ValueError as error:
        raise _options.in_own_words(error) from None
    written = out if out is not None else None if slot is None else slot.reshape(logits.shape)
    return Evaluation(value if values is None else values.reshape(leading), written,
                      _options.terms_of(loss, terms), dict(zip(learned, slopes)),
                      dict(zip(_native.PARAMETERS[:len(_native.parts(loss))], native.weights(None, epoch)[0])),
                      divisor, counted, undefined)
