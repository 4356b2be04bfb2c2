"""`record`: one run of anybody's training, written so that `mixent compare DIRECTORY` and `mixent report DIRECTORY` read it.

    DIRECTORY/[DATA/]VARIANT-SEED/record.json               variant, seed, data set, metrics
                                  predictions.safetensors   logits and labels, as mixent's own runs keep them (docs/FORMATS.md)
"""
from __future__ import annotations

import contextlib
import ctypes
import json
import math
import operator
import os
import secrets
import shutil
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy

from .._printable import printable
from .._safetensors import safetensors_parts

FORMAT = 1
_MOST_CLASSES, _MOST_ROWS, _MOST_BYTES = 4096, 100_000_000, 200  # the last: of a name


def _name(what: str, value: object) -> str:
    """A text that a directory can be called by."""
    if not isinstance(value, str):
        raise TypeError(f"{what}: expected a text, got {value!r}")
    good = value.strip() and value.isprintable() and "/" not in value and not value.startswith(".")
    if not good or len(value.encode()) > _MOST_BYTES:
        raise ValueError(f"{what}: expected a name for a directory (1 to {_MOST_BYTES} bytes, printable, without '/', no '.' first), "
                         f"got {value!r}")
    return value


def _seed(value: Any) -> int:
    try:
        seed = operator.index(value)
    except TypeError:
        seed = -1
    if isinstance(value, bool) or not 0 <= seed < 2**63:
        raise ValueError(f"seed: expected a whole number from 0 to 2^63 - 1, got {value!r}")
    return seed


def _metrics(values: Mapping[str, Any]) -> dict[str, float | None]:
    """What is not finite becomes null: the run has no such value."""
    found: dict[str, float | None] = {}
    for name, value in values.items():
        if not isinstance(name, str) or not name.strip():
            raise TypeError(f"metrics: expected names of metrics as keys, got {name!r}")
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise TypeError(f"metrics: expected a number for {name!r}, got {value!r}") from None
        found[name] = number if math.isfinite(number) else None
    return found


def _array(what: str, value: Any) -> numpy.ndarray:
    """Of a tensor of PyTorch, JAX or Keras, an array of NumPy or nested lists."""
    if hasattr(value, "detach"):  # PyTorch
        value = value.detach().cpu()
        value = value.float() if value.is_floating_point() else value  # NumPy has no bfloat16
    try:
        array = numpy.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what}: expected an array, got {type(value).__name__} that is none ({error})") from None
    if array.dtype.kind in "cSUOMm":
        raise TypeError(f"{what}: expected an array of numbers, got {array.dtype}")
    return array


def _logits(what: str, value: Any) -> numpy.ndarray:
    array = _array(what, value)
    if array.ndim != 2 or array.shape[0] < 1 or array.shape[1] < 2:
        raise ValueError(f"{what}: expected the shape (rows, classes) with two classes or more, got {array.shape}; "
                         "of one logit z per row make the columns 0 and z")
    rows, classes = array.shape
    if rows > _MOST_ROWS or classes > _MOST_CLASSES:
        raise ValueError(f"{what}: expected at most {_MOST_ROWS} rows and {_MOST_CLASSES} classes, got {array.shape}")
    with numpy.errstate(over="ignore"):  # what has no float32 is told below
        logits = numpy.ascontiguousarray(array, dtype=numpy.float32)
    bad = numpy.isnan(logits).any(1) | (logits.max(1) == numpy.inf) | (logits.max(1) == -numpy.inf)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"{what}: expected finite logits, or -inf for some classes, got {logits[row].tolist()[:8]} in row {row}")
    if (logits >= 0).all() and (numpy.abs(logits.sum(1, dtype=numpy.float64) - 1) < 1e-3).all():
        raise ValueError(f"{what}: expected logits, got probabilities (every row sums to 1); pass their logarithm")
    return logits


def _labels(what: str, value: Any, logits: numpy.ndarray) -> numpy.ndarray:
    array = _array(what, value)
    rows, classes = logits.shape
    if array.dtype.kind not in "iub":
        raise TypeError(f"{what}: expected whole numbers, got {array.dtype}")
    if array.shape != (rows,):
        raise ValueError(f"{what}: expected a label for each of the {rows} rows of logits, got the shape {array.shape}")
    outside = (array < 0) | (array >= classes)
    if outside.any():
        row = int(outside.argmax())
        raise ValueError(f"{what}: expected labels from 0 to {classes - 1}, got {array[row]} in row {row}")
    return numpy.ascontiguousarray(array, dtype=numpy.int32)


def _part(what: str, logits: Any, labels: Any) -> tuple[numpy.ndarray, numpy.ndarray] | None:
    if logits is None and labels is None:
        return None
    if logits is None or labels is None:
        given, missing = ("logits", "labels") if labels is None else ("labels", "logits")
        raise ValueError(f"{what}_{missing}: expected with {what}_{given}, got None")
    array = _logits(f"{what}_logits", logits)
    return array, _labels(f"{what}_labels", labels, array)


def _class_names(names: Sequence[str] | None, classes: int | None) -> list[str] | None:
    if names is None:
        return None
    texts = list(names)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"class_names: expected texts, got {names!r}")
    if classes is None:
        raise ValueError("class_names: expected with test_logits, which has the classes")
    if len(texts) != classes:
        raise ValueError(f"class_names: expected {classes} names, one for each column of test_logits, got {len(texts)}")
    return texts


def _predictions(test: tuple[numpy.ndarray, numpy.ndarray], validation: tuple[numpy.ndarray, numpy.ndarray] | None,
                 names: list[str] | None) -> list[bytes]:
    classes = test[0].shape[1]
    if validation and validation[0].shape[1] != classes:
        raise ValueError(f"val_logits: expected {classes} classes as in test_logits, got {validation[0].shape[1]}")
    tensors = {"test.logits": test[0], "test.labels": test[1]}
    if validation:
        tensors.update({"validation.logits": validation[0], "validation.labels": validation[1]})
    texts = names or [str(label) for label in range(classes)]
    checksum = 0
    for part in safetensors_parts(tensors, {})[2:]:
        checksum = zlib.crc32(part, checksum)
    metadata = {"class_names": json.dumps(texts, ensure_ascii=False), "mixent_format": "2", "payload_crc32": f"{checksum:08x}"}
    return safetensors_parts(tensors, metadata)


def _is_equal(run: Path, files: Mapping[str, list[bytes]]) -> bool:
    for name in ("record.json", "predictions.safetensors"):
        path = run / name
        if path.exists() != (name in files):
            return False
        if path.exists():
            with open(path, "rb") as file:
                if any(file.read(len(part)) != part for part in files[name]) or file.read(1):
                    return False
    return True


def _write(path: Path, parts: list[bytes]) -> None:
    with open(path, "xb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_place(directory: Path, place: Path, run: Path) -> None:
    """Runs lie side by side, or below the directories of their data sets; none lies in another."""
    for path in {directory, place}:
        if (path / "record.json").exists():
            raise FileExistsError(f"{printable(str(path))}: expected a directory of runs, got a run; name another directory or data set")
    if run.exists() and not (run / "record.json").exists():
        raise FileExistsError(f"{printable(str(run))}: expected a recorded run or nothing there, got something without record.json")


def _exchange(one: Path, other: Path) -> bool:
    """Both take the other's name in one step; False where the system cannot do that."""
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of Linux
    return bool(renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0)


def _settle(temporary: Path, run: Path, files: Mapping[str, list[bytes]], replace: bool) -> None:
    """Puts a run that is whole in its place. What it replaces goes when the temporary names go."""
    old = temporary.with_suffix(".old.new")
    if replace and run.exists():
        if _exchange(temporary, run):
            return
        run.rename(old)
    try:
        temporary.rename(run)
    except OSError:
        if old.exists():
            with contextlib.suppress(OSError):
                old.rename(run)
            raise
        if not (run / "record.json").exists():
            raise
        if not _is_equal(run, files):
            raise FileExistsError(f"{printable(str(run))}: expected no such run yet, or the same one, got a run with other contents; "
                                  "give another variant or seed, or replace=True") from None


def _sweep(place: Path) -> None:
    """Removes what ended processes left, unless it was written to within the hour."""
    for left in place.glob(".mixent-*.new"):
        with contextlib.suppress(OSError):
            if left.stat().st_mtime < time.time() - 3600:
                shutil.rmtree(left)


def record(directory: str | os.PathLike[str], *, variant: str, seed: int, data: str | None = None, test_logits: Any = None,
           test_labels: Any = None, val_logits: Any = None, val_labels: Any = None, metrics: Mapping[str, Any] | None = None,
           class_names: Sequence[str] | None = None, replace: bool = False) -> Path:
    """Records one run, at the end of its training, and returns its directory: DIRECTORY/VARIANT-SEED, with `data`
    DIRECTORY/DATA/VARIANT-SEED. `mixent compare DIRECTORY` and `mixent report DIRECTORY` then say what the runs show.

    directory     of all runs that are to be compared; it is made if need be
    variant       what is compared: the method's name
    seed          whole number; runs of two variants with one seed are a pair, so give the same seeds to all variants
    data          the data set's name, if there are several; each is compared for itself
    test_logits   (rows, classes), of the test samples in the same order in all runs: an array of NumPy, a tensor of PyTorch, JAX or
                  Keras, or lists. Not probabilities: of those pass the logarithm
    test_labels   (rows,), whole numbers from 0 to classes - 1
    val_logits, val_labels
                  the same of held-out samples that the training did not use; the temperature is fitted on them
    metrics       {name: number}, whatever else the run measured; alone if there are no logits. NaN and infinities count as no value.
                  What the logits tell (accuracy, nll, ece, brier, …) is taken from them, and need not be here
    class_names   (classes,), for the table of confusions
    replace       True: takes the place of a run that is there. False: an equal run is left as it is, another one is an error

    A run appears whole or not at all. TypeError and ValueError name the argument, FileExistsError the run."""
    directory = Path(directory)
    variant, seed = _name("variant", variant), _seed(seed)
    place = directory if data is None else directory / _name("data", data)
    run = place / f"{variant}-{seed}"
    test, validation = _part("test", test_logits, test_labels), _part("val", val_logits, val_labels)
    if validation and not test:
        raise ValueError("test_logits: expected with val_logits, got None")
    if not test and not metrics:
        raise ValueError("expected test_logits with test_labels, or metrics, got none of them")
    names = _class_names(class_names, test[0].shape[1] if test else None)
    about = {"kind": "mixent record", "format": FORMAT, "variant": variant, "seed": seed, "data": data,
             "metrics": _metrics(metrics or {}), "class_names": names}
    files = {"record.json": [json.dumps(about, ensure_ascii=False, indent=1).encode() + b"\n"]}
    if test:
        files["predictions.safetensors"] = _predictions(test, validation, names)
    _check_place(directory, place, run)
    if run.exists() and _is_equal(run, files):
        return run
    place.mkdir(parents=True, exist_ok=True)
    _sweep(place)
    temporary = place / f".mixent-{secrets.token_hex(8)}.new"
    temporary.mkdir()
    try:
        for name, parts in files.items():
            _write(temporary / name, parts)
        _sync(temporary)
        _settle(temporary, run, files, replace)
        _sync(place)
    finally:
        for left in (temporary, temporary.with_suffix(".old.new")):
            shutil.rmtree(left, ignore_errors=True)
    return run
