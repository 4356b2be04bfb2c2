"""mixent.Classifier: the C library's trainer with scikit-learn's interface."""
from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Mapping
from typing import Any

import numpy

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_array, check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("mixent.Classifier needs scikit-learn 1.6 or later: pip install 'mixent[sklearn]'") from error
try:
    from . import _trainer
except ImportError as error:
    raise ImportError(
        "mixent.Classifier needs the trainer, which this package was built without: where mixent's source is, 'make dependencies' installs "
        "oneDNN and the other libraries, then 'pip install .' builds it") from error

LEAST_ROWS_TO_HOLD_OUT = 50  # of fewer, a tenth says too little to choose an epoch by
SIDES = (16, 256)


class Classifier(ClassifierMixin, BaseEstimator):
    """A network that the trainer of `mixent train` trains on arrays.

    X: a table, numbers [N, F]; or images [N, H, H], [N, H, H, C] or [N, C, H, H] of 16 to 256 pixels and C = 1 or 3 channels, uint8, or
    floats from 0 to 1, which are rounded to 8 bits. Tables of float32, and images of uint8 with the channels last, are not copied.

    net: a built-in network's name, or the path of a description; None: mlp for tables, conv3 for images.
    loss: the name of a loss (`mixent.LOSSES`).
    epochs, batch, learning_rate: None: those of the recipe; a batch has no more rows than there are.
    recipe: a recipe's name or file; None: tabular, or demo with 10 epochs.
    settings: further options by name, as {"loss.w2": 0.2}; 'mixent help recipe' lists them.
    threads: 0: one per processor.
    random_state: seed of everything that is drawn.

    Of 50 rows or more a tenth is held out (`validation.fraction`) to choose the best epoch; of fewer the last one is kept. Ctrl-C ends
    the training early; the classifier is then that of the best epoch so far, or KeyboardInterrupt is raised in the first epoch.

    Probabilities are those at the temperature that fits the held-out rows best, as 'mixent predict --temperature fitted' gives them.

    classes_, n_iter_ (epochs), history_ (of each epoch what metrics.jsonl says), interrupted_; checkpoint_: the bytes of the model's
    file, which `mixent predict` reads once they are written.
    """

    def __init__(self, net: str | None = None, loss: str = "min-ent", *, epochs: int | None = None, batch: int | None = None,
                 learning_rate: float | None = None, recipe: str | None = None, settings: Mapping[str, object] | None = None,
                 threads: int = 0, random_state: Any = None) -> None:
        self.net = net
        self.loss = loss
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.recipe = recipe
        self.settings = settings
        self.threads = threads
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Classifier:
        table = _is_table(X)
        if table:
            X, y = validate_data(self, X, y, dtype=numpy.float32, order="C")
        else:
            X, y = validate_data(self, X, y, dtype=None, ensure_2d=False, allow_nd=True)
        check_classification_targets(y)
        self.classes_, labels = numpy.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y: expected at least 2 classes, got 1 class, {self.classes_[0]!r}")
        values = X if table else _pixels(X)
        self.shape_ = values.shape[1:]
        side, channels = (1, values.shape[1]) if table else (values.shape[1], values.shape[3])
        labels = numpy.ascontiguousarray(labels.reshape(-1), dtype=numpy.int32)
        recipe = self.recipe or ("tabular" if table else "demo")
        with tempfile.TemporaryDirectory(prefix="mixent-") as directory:
            run = os.path.join(directory, "run")
            address = values.ctypes.data
            epochs, said, self.interrupted_ = _trainer.train(
                0 if table else address, address if table else 0, labels.ctypes.data, len(values), side, channels, len(self.classes_),
                recipe, self._make_settings(table, len(values)), run)
            best = os.path.join(run, "best.safetensors")
            if self.interrupted_ and not os.path.exists(best):
                raise KeyboardInterrupt
            with open(best, "rb") as file:
                self.checkpoint_ = file.read()
        for message in said:
            warnings.warn(message, UserWarning, stacklevel=2)
        self.history_ = [json.loads(line) for line in epochs]
        self.n_iter_ = len(epochs)
        return self

    def _make_settings(self, table: bool, rows: int) -> tuple[tuple[str, str], ...]:
        hold_out = rows >= LEAST_ROWS_TO_HOLD_OUT
        batch = (32 if table else 50) if self.batch is None else self.batch
        epochs = 10 if self.epochs is None and not (table or self.recipe) else self.epochs
        chosen: dict[str, object] = {
            "net": self.net or (None if self.recipe else "mlp" if table else "conv3"), "loss.name": self.loss,
            "epochs": epochs, "optimizer.learning_rate": self.learning_rate,
            "threads": self.threads, "seed": check_random_state(self.random_state).randint(1 << 31),
            "validation.fraction": 0.1 if hold_out else 0, "select": "validation" if hold_out else "last",
            "batch": min(batch, rows - rows // 10 if hold_out else rows), "test.views": 1, **(self.settings or {})}
        return tuple((key, str(value)) for key, value in chosen.items() if value is not None)

    def predict_proba(self, X: Any) -> numpy.ndarray:
        check_is_fitted(self)
        if len(self.shape_) == 1:
            values = validate_data(self, X, reset=False, dtype=numpy.float32, order="C")
        else:
            values = _pixels(check_array(X, dtype=None, ensure_2d=False, allow_nd=True))
            if values.shape[1:] != self.shape_:
                raise ValueError(f"X: expected images of shape {self.shape_}, as in training, got {values.shape[1:]}")
        table = len(self.shape_) == 1
        out = numpy.empty((len(values), len(self.classes_)), numpy.float32)
        with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
            file.write(self.checkpoint_)
            file.flush()
            address = values.ctypes.data
            _trainer.predict(file.name, 0 if table else address, address if table else 0, len(values), out.ctypes.data)
        return out

    def predict(self, X: Any) -> numpy.ndarray:
        best = self.predict_proba(X).argmax(1)
        return self.classes_[best]


def _is_table(X: Any) -> bool:
    return (X if hasattr(X, "ndim") else numpy.asarray(X)).ndim not in (3, 4)


def _pixels(images: numpy.ndarray) -> numpy.ndarray:
    """uint8 [N, H, H, C]."""
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4:
        raise ValueError(f"X: expected images [N, H, H], [N, H, H, C] or [N, C, H, H], got shape {images.shape}")
    if images.shape[3] not in (1, 3) and images.shape[1] in (1, 3):
        images = images.transpose(0, 2, 3, 1)
    if images.shape[1] != images.shape[2] or not SIDES[0] <= images.shape[1] <= SIDES[1] or images.shape[3] not in (1, 3):
        hint = "; smaller ones are rows of a table, as X.reshape(len(X), -1)" if max(images.shape[1:3]) < SIDES[0] else ""
        raise ValueError(f"X: expected square images of {SIDES[0]} to {SIDES[1]} pixels a side with 1 or 3 channels, got shape "
                         f"{images.shape}{hint}")
    if images.dtype.kind == "f":
        if not (images.min() >= 0 and images.max() <= 1):
            raise ValueError(f"X: expected pixels from 0 to 1 where they are floats, got {images.min():g} to {images.max():g}")
        images = numpy.rint(images * 255)
    elif images.dtype != numpy.uint8:
        raise ValueError(f"X: expected images of uint8, or of floats from 0 to 1, got {images.dtype}")
    return numpy.ascontiguousarray(images, dtype=numpy.uint8)
