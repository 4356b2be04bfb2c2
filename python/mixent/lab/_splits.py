"""How much the splits of one data set overlap: the test rows over the training rows of a split, which the corrected resampled t test of
Nadeau and Bengio needs. Asked of a splitter by its public interface alone."""
from __future__ import annotations

import copy
import itertools
import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

INDEPENDENT = "independent"
_ROWS = (840, 1680)  # of the data sets that a splitter is tried on; most numbers of folds divide them
_MOST_SPLITS = 2000

_INDICES = "call cross_validate with return_indices=True and leave cv away, or give cv the share of the rows that a split tests"
_HOW = ("say how the splits were made: cv=10 (folds), cv=0.2 (the share of the rows that was tested), a splitter of scikit-learn's, or "
        "cv='independent' where every run had training and test rows of its own")


def _sizes(splitter: Any, rows: int, most: int) -> list[tuple[int, int, bytes]]:
    """Of each of the first splits: test rows, training rows, which the test rows are."""
    order = np.arange(rows)
    splits = splitter.split(np.zeros((rows, 1)), order % 2, order)
    return [(len(test), len(train), np.sort(test).tobytes()) for train, test in itertools.islice(splits, most)]


def _ratio(sizes: list[tuple[int, int, bytes]]) -> float:
    return float(np.mean([test / train for test, train, _ in sizes]))


def _ask(splitter: Any, count: int | None) -> float:
    name, most = type(splitter).__name__, _MOST_SPLITS if count is None else count + 1
    own = copy.deepcopy(splitter)  # a generator of random numbers in it moves on
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of groups, which few splitters look at
            first, again, larger = (_sizes(own, rows, most) for rows in (_ROWS[0], _ROWS[0], _ROWS[1]))
    except Exception as error:
        raise ValueError(f"cv: {name} cannot be asked how much its splits overlap ({error}); {_INDICES}") from None
    if first != again:
        raise ValueError(f"cv: {name} makes other splits at each call, so that the scores of two variants are of different splits; give "
                         "it a random_state, and cross_validate all variants with it")
    if len(first) != (len(first) if count is None else count):
        raise ValueError(f"cv: expected a score for each split, got {count} scores, and {name} makes "
                         f"{f'{len(first)} splits' if len(first) < most else 'more splits'} of {_ROWS[0]} rows; {_INDICES}")
    if not math.isclose(_ratio(first), _ratio(larger), rel_tol=0.05):
        raise ValueError(f"cv: how much the splits of {name} overlap depends on the rows of the data set; {_INDICES}")
    return _ratio(first)


def overlap_of(cv: Any, count: int | None = None) -> float:
    """Test rows over training rows of a split, where `count` splits (None: not known) were made as cv says; 0: nothing is shared."""
    if isinstance(cv, str) and cv == INDEPENDENT:
        return 0.0
    if isinstance(cv, (int, np.integer)) and not isinstance(cv, bool) and cv >= 2:
        if count is not None and count % int(cv):
            raise ValueError(f"cv: expected {count} scores to be repetitions of {cv} folds")
        return 1 / (int(cv) - 1)
    if isinstance(cv, (float, np.floating)) and 0 < cv < 1:
        return float(cv) / (1 - float(cv))
    if hasattr(cv, "split") and hasattr(cv, "get_n_splits"):
        return _ask(cv, count)
    raise ValueError(f"cv: expected 'independent', 2 or more folds, a share between 0 and 1 or a splitter, got {cv!r}")


def _indices_of(variants: Mapping[Any, Mapping[str, Any]]) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """(training rows, test rows) of each split, if cross_validate returned them for every variant, which must agree."""
    known: list[tuple[np.ndarray, np.ndarray]] | None = None
    for variant, result in variants.items():
        if "indices" not in result:
            return None
        given = result["indices"]
        splits = [(np.sort(train), np.sort(test)) for train, test in zip(given["train"], given["test"])]
        known = splits if known is None else known
        same = len(known) == len(splits) and all(np.array_equal(a, b) for one, other in zip(known, splits) for a, b in zip(one, other))
        if not same:
            raise ValueError(f"{variant}: expected the splits of the first variant, got others; give cv a random_state, and cross_validate "
                             "all variants with it")
    return known


def overlap_of_validation(variants: Mapping[Any, Mapping[str, Any]], cv: Any) -> float:
    """The same for results of cross_validate: from their indices, else as cv says; it must be known."""
    count = max(len(next((values for key, values in one.items() if key.startswith("test_")), ())) for one in variants.values())
    splits = _indices_of(variants)
    if cv is not None:
        return overlap_of(cv, count)
    if splits is None:
        raise ValueError("cv: the training parts of cross_validate's splits overlap, and the plain paired t test would see differences "
                         f"that are not there; {_HOW}")
    if all(len(np.intersect1d(one[0], other[0])) == 0 for i, one in enumerate(splits) for other in splits[:i]):
        return 0.0
    return float(np.mean([len(test) / len(train) for train, test in splits]))
