"""The statistics of the C library (include/mixent/statistics.h) on arrays: what may be concluded from several runs, and from a
model's predictions. docs/STATISTICS.md says which function answers which question, and names the sources.

>>> from mixent.lab import statistics
>>> statistics.paired([94.8, 94.9, 94.7, 94.9, 94.8], [94.6, 94.7, 94.6, 94.5, 94.7])
Difference(mean=0.2, error=0.054…, freedom=4.0, low=0.047…, high=0.352…, t=3.65…, p=0.021…)

Values are finite numbers: leave out runs that failed. All tests and intervals are two-sided, but for those of `equivalence`.
Confidences and accuracies are fractions, logarithms natural. Each function raises ValueError for values and counts that are out of
range, and lets other threads run while it computes. A bootstrap with the same seed gives the same interval on every machine.
"""
from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _native

__all__ = ["Bootstrap", "Calibration", "Component", "Difference", "Equivalence", "Estimate", "McNemar", "Profile", "Sample", "Temperature",
           "bootstrap_crossed", "calibration", "components", "describe", "equivalence", "holm", "improvement", "interquartile",
           "least_difference", "least_seeds", "mcnemar", "paired", "power", "profile", "resampled", "risk_coverage", "temperature", "welch"]


class Sample(NamedTuple):
    """The values of runs."""

    runs: int
    mean: float
    deviation: float  #: standard deviation, divided by count - 1
    low: float  #: t interval of the mean
    high: float


class Difference(NamedTuple):
    """A difference a - b that is known with a standard error; (mean - the true one) / error follows Student's t."""

    mean: float
    error: float  #: standard error
    freedom: float  #: degrees of freedom
    low: float  #: t interval of the true difference
    high: float
    t: float
    p: float  #: of no difference


class Equivalence(NamedTuple):
    """Whether a true difference is smaller than a margin."""

    t_low: float  #: (difference + margin) / error
    t_high: float  #: (difference - margin) / error
    p_low: float  #: of a true difference of -margin or less
    p_high: float  #: of a true difference of margin or more
    p: float  #: of a true difference that matters: the larger of both
    within: float  #: P(-margin < true difference < margin), under the usual flat prior


class McNemar(NamedTuple):
    """Two single models on the same images."""

    only_a: int  #: images that only a has right
    only_b: int
    difference: float  #: of the accuracies a - b, a fraction
    error: float  #: its standard error over test sets like this one
    p: float  #: exact, of both being right equally often


class Bootstrap(NamedTuple):
    """A difference of accuracies a - b, as fractions, where both seeds and test images are a sample."""

    difference: float
    error: float  #: standard error
    freedom: float  #: degrees of freedom
    low: float  #: the interval to use
    high: float
    p: float  #: of no difference
    percentile_low: float  #: of the replicates as they are
    percentile_high: float
    deviation: float  #: of the replicates
    seed_variance: float  #: components of the variance of one entry (seed, image), without bias: below 0 is too small to be seen
    image_variance: float
    rest_variance: float


class Estimate(NamedTuple):
    """A value with its bootstrap interval."""

    value: float
    low: float
    high: float


class Profile(NamedTuple):
    """A performance profile: arrays with an entry per threshold."""

    thresholds: NDArray[np.float64]
    value: NDArray[np.float64]  #: share of runs that score above the threshold
    low: NDArray[np.float64]
    high: NDArray[np.float64]


class Component(NamedTuple):
    """What one factor brings to the variance of single runs."""

    levels: int  #: different ones; of the rest: the runs
    variance: float  #: in the values' unit, squared; unbiased, and therefore below 0 at times
    share: float  #: of the sum of all components; NaN where that is not above 0
    negative: bool  #: the variance is below 0: too small to be seen


class Calibration(NamedTuple):
    """Scores of a model's predictions."""

    accuracy: float
    nll: float
    brier: float
    ece: float  #: 15 bins of equal width
    ece_equal_mass: float  #: 15 bins of equally many images
    entropy: float  #: mean over all images
    entropy_right: float  #: over the images classified rightly; NaN without any
    entropy_wrong: float
    auroc: float  #: P(entropy of a wrong one > of a right one) + half P(equal); NaN without either kind
    aurc: float  #: mean of the risk-coverage curve


class Temperature(NamedTuple):
    """The temperature with the least NLL."""

    temperature: float  #: 1 where none was found
    nll_before: float
    nll_after: float
    found: bool  #: False: the likelihood goes on rising, as it does when no image is wrong or the logits say nothing


def _array(values: ArrayLike, what: str, dtype: Any = np.float64, dimensions: int = 1) -> NDArray[Any]:
    """In C order. A list of a wrong shape, words, or numbers that the type cannot hold are refused."""
    given = np.asarray(values)
    if given.dtype.kind not in "biuf":
        raise TypeError(f"{what}: expected numbers, got {given.dtype}")
    if given.ndim != dimensions:
        raise ValueError(f"{what}: expected {dimensions} dimension{'s' * (dimensions > 1)}, got an array of shape {given.shape}")
    array = np.require(given, dtype, ("C", "A"))
    if np.dtype(dtype).kind in "iu" and not np.array_equal(array, given):
        raise ValueError(f"{what}: expected whole numbers within {np.dtype(dtype)}, got others")
    return array


def _pair(a: ArrayLike, b: ArrayLike, dtype: Any = np.float64, dimensions: int = 1) -> tuple[NDArray[Any], NDArray[Any]]:
    first, second = _array(a, "a", dtype, dimensions), _array(b, "b", dtype, dimensions)
    if first.shape != second.shape:
        raise ValueError("a and b: expected the same shape, because entry i of both belongs together; "
                         f"got {first.shape} and {second.shape}")
    return first, second


def _whole(value: int, what: str, most: int = 2**62) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what}: expected a whole number, got {value!r}") from None
    if not 0 <= number <= most:
        raise ValueError(f"{what}: expected a whole number from 0 to {most}, got {number}")
    return number


def _resampling(replicates: int, seed: int, confidence: float) -> tuple[int, int, float]:
    return _whole(seed, "seed", 2**64 - 1), _whole(replicates, "replicates"), confidence


def describe(values: ArrayLike, confidence: float = 0.95) -> Sample:
    """Mean, standard deviation and t interval of values [count], two or more."""
    array = _array(values, "values")
    return Sample(len(array), *_native.describe(array.ctypes.data, len(array), confidence))


def paired(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Difference:
    """Paired t test of a [count] against b [count]: a[i] and b[i] share a seed, and the seeds are independent.

    Differences that are all equal give t = ±inf and p = 0, or t = 0 and p = 1 where all are 0. Folds and splits of one data set are
    not independent: see `resampled`.
    """
    return resampled(a, b, 0.0, confidence)


def resampled(a: ArrayLike, b: ArrayLike, test_to_train: float, confidence: float = 0.95) -> Difference:
    """Corrected resampled t test (Nadeau and Bengio 2003): a[i] and b[i] were trained and tested on split i, and training parts overlap.

    Args:
        a, b: [count], two or more splits; of r repetitions of k folds all r k.
        test_to_train: test images over training images of a split, 0 or more: 1 / (k - 1) for k folds; 0: nothing is shared.
        confidence: of the interval.
    """
    first, second = _pair(a, b)
    return Difference(*_native.resampled(first.ctypes.data, second.ctypes.data, len(first), test_to_train, confidence))


def welch(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Difference:
    """Welch's t test of a [count_a] against b [count_b], two or more each: runs that share no seeds."""
    first, second = _array(a, "a"), _array(b, "b")
    return Difference(*_native.welch(first.ctypes.data, len(first), second.ctypes.data, len(second), confidence))


def equivalence(difference: Difference | Bootstrap | tuple[float, float, float], margin: float) -> Equivalence:
    """Two one-sided tests (Schuirmann 1987): is the true difference smaller than `margin`?

    Args:
        difference: what `paired`, `welch`, `resampled` or `bootstrap_crossed` found; or (difference, standard error, degrees of freedom).
        margin: the smallest difference that matters, above 0, in the difference's unit. Choose it before you look.
    """
    value, error, freedom = difference[:3]
    return Equivalence(*_native.equivalence(value, error, freedom, margin))


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """P values [count] after Holm's step-down correction (1979) over all of them."""
    adjusted = np.array(_array(p, "p"))
    _native.holm(adjusted.ctypes.data, len(adjusted))
    return adjusted


def mcnemar(right_a: ArrayLike, right_b: ArrayLike) -> McNemar:
    """McNemar's exact test of two single models: right_a, right_b [images], 1 or True where the image was classified rightly.

    It speaks of these two models, not of how they were trained.
    """
    a, b = _pair(right_a, right_b, np.uint8)
    return McNemar(*_native.mcnemar(a.ctypes.data, b.ctypes.data, len(a)))


def power(seeds: int, difference: float, deviation: float, alpha: float = 0.05) -> float:
    """The probability that the paired t test over `seeds` pairs sees a true mean difference (Cohen 1988).

    Args:
        seeds: two or more.
        difference, deviation: the true mean, and the standard deviation (> 0) of single differences, in one unit.
        alpha: level of the two-sided test.
    """
    return _native.power_of_seeds(_whole(seeds, "seeds"), difference, deviation, alpha)


def least_seeds(difference: float, deviation: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """The fewest seeds with which the paired t test sees a true difference with probability `power`."""
    return _native.least_seeds(difference, deviation, alpha, power)


def least_difference(seeds: int, deviation: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest true difference that the paired t test over `seeds` pairs sees with probability `power`."""
    return _native.least_difference(_whole(seeds, "seeds"), deviation, alpha, power)


def bootstrap_crossed(right_a: ArrayLike, right_b: ArrayLike, *, replicates: int = 10000, seed: int = 0,
                      confidence: float = 0.95) -> Bootstrap:
    """Crossed bootstrap: would the difference of the accuracies be seen with other seeds and on other images like these?

    Args:
        right_a, right_b: [seeds, images], 1 or True where the run classified the image rightly; row i of both shares a seed.
            Two seeds and two images or more.
        replicates: 100 or more. seed: of the resampling, not of a run; 0 or more.
    """
    a, b = _pair(right_a, right_b, np.uint8, 2)
    return Bootstrap(*_native.bootstrap(a.ctypes.data, b.ctypes.data, a.shape[0], a.shape[1], *_resampling(replicates, seed, confidence)))


def _table(scores: Sequence[ArrayLike] | NDArray[Any], what: str) -> tuple[NDArray[np.float64], NDArray[np.uintp]]:
    """[all runs], [data sets]: how many of each."""
    sets = [_array(one, f"{what}[{i}]") for i, one in enumerate(scores)]
    counts = np.array([len(one) for one in sets], np.uintp)
    return np.concatenate([*sets, np.empty(0)]), counts


def improvement(a: Sequence[ArrayLike], b: Sequence[ArrayLike], *, replicates: int = 10000, seed: int = 0,
                confidence: float = 0.95) -> Estimate:
    """Probability of improvement (Agarwal et al. 2021): that a run of a scores higher than one of b, averaged over the data sets.

    Args:
        a, b: a sequence of the runs' values [count] for each data set, the same data sets in the same order; two or more runs each.
            Nothing is paired. Higher is better: negate losses.
    """
    values_a, counts_a = _table(a, "a")
    values_b, counts_b = _table(b, "b")
    if len(counts_a) != len(counts_b):
        raise ValueError(f"a and b: expected the same data sets, got {len(counts_a)} and {len(counts_b)}")
    return Estimate(*_native.improvement(values_a.ctypes.data, counts_a.ctypes.data, values_b.ctypes.data, counts_b.ctypes.data,
                                         len(counts_a), *_resampling(replicates, seed, confidence)))


def interquartile(scores: Sequence[ArrayLike], *, replicates: int = 10000, seed: int = 0, confidence: float = 0.95) -> Estimate:
    """Interquartile mean over data sets: of all runs without the lowest and the highest quarter.

    Args:
        scores: a sequence of the runs' values [count] for each data set, all on one scale; two or more runs each.
    """
    values, counts = _table(scores, "scores")
    return Estimate(*_native.interquartile(values.ctypes.data, counts.ctypes.data, len(counts), *_resampling(replicates, seed, confidence)))


def profile(scores: Sequence[ArrayLike], thresholds: ArrayLike, *, replicates: int = 10000, seed: int = 0,
            confidence: float = 0.95) -> Profile:
    """Performance profile over data sets: the share of runs that score above each of thresholds [count], 1 to 10,000.

    Args:
        scores: a sequence of the runs' values [count] for each data set, all on one scale; two or more runs each.
    """
    values, counts = _table(scores, "scores")
    limits = _array(thresholds, "thresholds")
    found = np.empty((len(limits), 3))
    _native.profile(values.ctypes.data, counts.ctypes.data, len(counts), limits.ctypes.data, len(limits),
                    *_resampling(replicates, seed, confidence), found.ctypes.data)
    return Profile(limits, *found.T)


def components(values: ArrayLike, factors: Mapping[str, Sequence[Any] | NDArray[Any]]) -> dict[str, Component]:
    """How much of the variance of single runs each factor brings (Bouthillier et al. 2021; MINQUE(0), Rao 1971).

    >>> statistics.components(accuracies, {"init": init_seeds, "split": split_seeds})

    Args:
        values: [count], 2 to 10,000 runs.
        factors: 1 to 8 names, each with the level (any hashable: a seed, a name) that each run has, [count].

    Returns:
        a Component for each factor, and "rest": interactions, and what no factor names.

    Raises:
        ValueError: also where the runs do not tell factors apart: one level, a level for each run, two that change together.
    """
    array = _array(values, "values")
    levels = np.empty((len(factors), len(array)), np.int64)
    for row, (name, given) in zip(levels, factors.items()):
        known: dict[Any, int] = {}
        numbers = [known.setdefault(level, len(known)) for level in np.asarray(given, object).tolist()]
        if len(numbers) != len(array):
            raise ValueError(f"{name}: expected a level for each of {len(array)} runs, got {len(numbers)}")
        row[:] = numbers
    if "rest" in factors:
        raise ValueError("factors: expected other names than 'rest', which is what no factor names")
    found = _native.components(array.ctypes.data, len(array), levels.ctypes.data, len(levels))
    return {name: Component(*one) for name, one in zip([*factors, "rest"], found)}


def _predictions(logits: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    scores, targets = _array(logits, "logits", np.float32, 2), _array(labels, "labels", np.int32)
    if len(scores) != len(targets):
        raise ValueError(f"logits and labels: expected as many rows as labels, got {len(scores)} and {len(targets)}")
    return scores, targets


def calibration(logits: ArrayLike, labels: ArrayLike, temperature: float = 1.0) -> Calibration:
    """Whether a model's certainty is worth believing.

    Args:
        logits: [images, classes]; computed in float32. Of probabilities give the logarithms.
        labels: [images], 0 to classes - 1.
        temperature: what the logits are divided by, above 0.
    """
    scores, targets = _predictions(logits, labels)
    return Calibration(*_native.calibration(scores.ctypes.data, targets.ctypes.data, scores.shape[0], scores.shape[1], temperature, 0))


def risk_coverage(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """risk [images]: risk[i] is the share of errors among the i + 1 most confident images, a coverage of (i + 1) / images."""
    scores, targets = _predictions(logits, labels)
    risk = np.empty(len(scores))
    _native.calibration(scores.ctypes.data, targets.ctypes.data, scores.shape[0], scores.shape[1], 1.0, risk.ctypes.data)
    return risk


def temperature(logits: ArrayLike, labels: ArrayLike) -> Temperature:
    """The temperature that the logits [images, classes] of held-out images are divided by for the least NLL (Guo et al. 2017)."""
    scores, targets = _predictions(logits, labels)
    return Temperature(*_native.temperature(scores.ctypes.data, targets.ctypes.data, scores.shape[0], scores.shape[1]))
