"""mixent.lab.statistics: published values, and those of NumPy's formulas, always; SciPy and statsmodels on random data where they are
installed; what is refused."""
import inspect
import math
import threading
import time

import mixent.lab
import numpy as np
import pytest
from mixent.lab import statistics

# Student 1908 (Biometrika 6), section IX, after Cushny and Peebles: additional hours of sleep by two drugs. R's data set `sleep`, and what
# R's t.test(paired = TRUE) and t.test() print of it.
SLEEP = np.array([[0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]])


def random(seed=0):
    return np.random.default_rng(seed)


def predictions(images=400, classes=5, seed=3):
    logits = random(seed).normal(size=(images, classes)).astype(np.float32) * 2
    labels = np.where(random(seed + 1).random(images) < 0.6, logits.argmax(1), random(seed + 2).integers(classes, size=images))
    return logits, labels


def test_paired_has_the_published_values():
    found = statistics.paired(*SLEEP)
    assert (found.mean, found.freedom) == (pytest.approx(-1.58), 9)
    assert found.t == pytest.approx(-4.0621, abs=5e-5) and found.p == pytest.approx(0.002833, abs=5e-7)
    assert (found.low, found.high) == (pytest.approx(-2.4598858, abs=5e-8), pytest.approx(-0.7001142, abs=5e-8))


def test_welch_has_the_published_values():
    found = statistics.welch(*SLEEP)
    assert found.t == pytest.approx(-1.8608, abs=5e-5) and found.freedom == pytest.approx(17.776, abs=5e-4)
    assert found.p == pytest.approx(0.07939, abs=5e-6)
    assert (found.low, found.high) == (pytest.approx(-3.3654832, abs=5e-8), pytest.approx(0.2054832, abs=5e-8))


def test_the_corrected_test_widens_the_paired_one():
    plain, corrected = statistics.paired(*SLEEP), statistics.resampled(*SLEEP, test_to_train=1 / 9)
    assert corrected.error == pytest.approx(plain.error * math.sqrt(1 + 10 / 9))  # sqrt((1/n + ratio) / (1/n))
    assert corrected.mean == plain.mean and corrected.p > plain.p
    assert statistics.resampled(*SLEEP, test_to_train=0) == plain


def test_describe():
    found = statistics.describe(SLEEP[0], 0.9)
    reach = 1.8331129 * SLEEP[0].std(ddof=1) / math.sqrt(10)  # Student's 95 % quantile for 9 degrees of freedom
    assert found.runs == 10 and found.mean == pytest.approx(0.75) and found.deviation == pytest.approx(SLEEP[0].std(ddof=1))
    assert (found.low, found.high) == (pytest.approx(0.75 - reach, rel=1e-6), pytest.approx(0.75 + reach, rel=1e-6))


def test_equivalence_takes_any_difference():
    difference = statistics.paired(*SLEEP)
    found = statistics.equivalence(difference, 3.0)
    assert found.t_high == pytest.approx((difference.mean - 3) / difference.error)
    assert found.p == max(found.p_low, found.p_high) and found.p_low + found.within + found.p_high == pytest.approx(1)
    assert statistics.equivalence(tuple(difference)[:3], 3.0) == found
    assert (statistics.equivalence(statistics.paired(*SLEEP, confidence=0.9), 2.45).p < 0.05) == (
        statistics.paired(*SLEEP, confidence=0.9).low > -2.45)


def test_holm_by_hand():
    given = [0.01, 0.04, 0.03, 0.005]
    assert statistics.holm(given) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert given[0] == 0.01


def test_mcnemar_by_hand():
    a, b = np.zeros(20, bool), np.zeros(20, bool)
    a[:7], b[6:8] = True, True  # six right by a alone, one by b alone
    found = statistics.mcnemar(a, b)
    assert (found.only_a, found.only_b, found.difference) == (6, 1, 0.25)
    assert found.p == pytest.approx(2 * (1 + 7) / 2**7)
    assert found.error == pytest.approx(math.sqrt((7 - 25 / 20) / 400))


def test_power_has_cohens_values():
    assert statistics.least_seeds(0.5, 1) == 34 and statistics.least_seeds(0.8, 1) == 15  # Cohen's medium and large effect
    assert statistics.power(34, 0.5, 1) == pytest.approx(0.808, abs=5e-4)
    assert statistics.power(10, statistics.least_difference(10, 2.0), 2.0) == pytest.approx(0.8, abs=1e-9)


def test_crossed_bootstrap():
    rights = random().random((2, 6, 300)) < np.array([0.8, 0.7])[:, None, None]
    found = statistics.bootstrap_crossed(*rights, replicates=400, seed=5)
    difference = rights[0].mean() - rights[1].mean()
    assert found.difference == pytest.approx(difference) and found.low < difference < found.high
    assert found.percentile_low < difference < found.percentile_high
    assert statistics.bootstrap_crossed(*rights.astype(int), replicates=400, seed=5) == found
    assert statistics.bootstrap_crossed(*rights, replicates=400, seed=6) != found
    assert found.error >= statistics.paired(*rights.mean(2)).error * (1 - 1e-12)  # images like these are never surer than these images
    drawn = random(1)
    seeds, images = drawn.integers(6, size=(3000, 6)), drawn.integers(300, size=(3000, 300))
    replicates = [(rights[0][np.ix_(s, i)].mean() - rights[1][np.ix_(s, i)].mean()) for s, i in zip(seeds[:600], images[:600])]
    assert found.deviation == pytest.approx(np.std(replicates), rel=0.15)


def test_several_data_sets():
    a, b = [[3, 4, 5], [1, 1, 2, 2]], [[1, 2, 4], [1, 2]]
    first, second = 7.5 / 9, (2 * 0.5 + 2 * 1.5) / 8
    assert statistics.improvement(a, b, replicates=200).value == pytest.approx((first + second) / 2)
    scores = random(2).random((3, 8))
    middle = statistics.interquartile(scores, replicates=200)
    assert middle.value == pytest.approx(np.sort(scores.ravel())[6:18].mean()) and middle.low < middle.value < middle.high
    found = statistics.profile(scores, [0.2, 0.5], replicates=200)
    assert found.value == pytest.approx([(scores > 0.2).mean(), (scores > 0.5).mean()]) and (found.low <= found.value).all()


def test_components_of_a_balanced_design():
    split = np.repeat(["a", "b", "c"], 4)
    values = random(4).normal(size=12) + np.repeat([0.0, 3.0, 5.0], 4)
    groups = values.reshape(3, 4)
    within = groups.var(1, ddof=1).mean()
    found = statistics.components(values, {"split": split})
    assert list(found) == ["split", "rest"] and found["split"].levels == 3
    assert found["rest"].variance == pytest.approx(within)  # the analysis of variance
    assert found["split"].variance == pytest.approx(groups.mean(1).var(ddof=1) - within / 4)
    assert found["split"].share + found["rest"].share == pytest.approx(1) and not found["split"].negative


def test_calibration_by_the_formulas():
    logits, labels = predictions()
    found = statistics.calibration(logits, labels, 2.0)
    exponentials = np.exp(logits.astype(np.float64) / 2)
    p = exponentials / exponentials.sum(1, keepdims=True)
    right, confidence, rows = p.argmax(1) == labels, p.max(1), np.arange(len(p))
    entropy = -(p * np.log(p)).sum(1)
    bins = np.minimum(np.ceil(confidence * 15).astype(int) - 1, 14)
    ece = sum(abs(right[bins == k].sum() - confidence[bins == k].sum()) for k in range(15)) / len(p)
    assert found.accuracy == right.mean() and found.nll == pytest.approx(-np.log(p[rows, labels]).mean())
    assert found.brier == pytest.approx(((p - np.eye(5)[labels]) ** 2).sum(1).mean()) and found.ece == pytest.approx(ece)
    assert found.entropy == pytest.approx(entropy.mean()) and found.entropy_right == pytest.approx(entropy[right].mean())
    assert found.auroc == pytest.approx((entropy[~right][:, None] > entropy[right]).mean())
    risk = statistics.risk_coverage(logits, labels)
    assert risk[-1] == pytest.approx(1 - right.mean())
    assert risk.mean() == pytest.approx(statistics.calibration(logits, labels).aurc)


def test_temperature_is_the_best():
    logits, labels = predictions()
    found = statistics.temperature(logits, labels)
    nll = [statistics.calibration(logits, labels, found.temperature * factor).nll for factor in (0.99, 1, 1.01)]
    assert found.found and nll[1] == pytest.approx(found.nll_after) and nll[1] < min(nll[0], nll[2])
    assert found.nll_before == pytest.approx(statistics.calibration(logits, labels).nll)
    assert not statistics.temperature(logits, logits.argmax(1)).found


def test_scipy_and_statsmodels_agree():
    scipy = pytest.importorskip("scipy.stats")
    weights = pytest.importorskip("statsmodels.stats.weightstats")
    from scipy.optimize import minimize_scalar
    from statsmodels.stats import contingency_tables, multitest
    from statsmodels.stats import power as powers
    for seed in range(50):
        draw = random(seed)
        count = int(draw.integers(2, 30))
        a, b = draw.normal(size=count), draw.normal(0.3, 2, size=count)
        found, by_scipy = statistics.paired(a, b), scipy.ttest_rel(a, b)
        assert (found.t, found.p) == (pytest.approx(by_scipy.statistic), pytest.approx(by_scipy.pvalue))
        by_scipy = scipy.ttest_ind(a[:-1], b, equal_var=False) if count > 2 else None
        if by_scipy:
            found = statistics.welch(a[:-1], b)
            assert (found.t, found.p) == (pytest.approx(by_scipy.statistic), pytest.approx(by_scipy.pvalue))
        assert statistics.equivalence(statistics.paired(a, b), 0.7).p == pytest.approx(weights.ttost_paired(a, b, -0.7, 0.7)[0])
        p = draw.random(count)
        assert statistics.holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])
        assert statistics.power(count, 0.4, 1.5) == pytest.approx(powers.TTestPower().power(0.4 / 1.5, count, 0.05), abs=1e-8)
        assert statistics.improvement([a], [b], replicates=100).value == pytest.approx(scipy.mannwhitneyu(a, b).statistic / count**2)
        if count > 3:
            assert statistics.interquartile([a], replicates=100).value == pytest.approx(scipy.trim_mean(a, 0.25))
        right = draw.random((2, 60)) < 0.7
        table = [[(x & y).sum() for y in (right[1], ~right[1])] for x in (right[0], ~right[0])]
        assert statistics.mcnemar(*right).p == pytest.approx(contingency_tables.mcnemar(table, exact=True).pvalue)
    logits, labels = predictions()
    best = minimize_scalar(lambda t: statistics.calibration(logits, labels, t).nll, bounds=(0.1, 10), method="bounded",
                           options={"xatol": 1e-9})
    assert statistics.temperature(logits, labels).temperature == pytest.approx(best.x, rel=1e-4)


@pytest.mark.parametrize("call, message", [
    (lambda: statistics.paired([1, 2], [1, 2, 3]), "a and b: expected the same shape"),
    (lambda: statistics.paired([1.0], [2.0]), "two|2"),
    (lambda: statistics.paired([1, math.nan], [1, 2]), "value 1 is nan; leave out runs that failed"),
    (lambda: statistics.paired([[1, 2]], [[1, 2]]), "a: expected 1 dimension, got an array of shape"),
    (lambda: statistics.welch([1, 2], [3, 4], 1.0), "1 is not between 0 and 1"),
    (lambda: statistics.resampled([1, 2], [3, 5], -1), "test_to_train: expected a number >= 0, got -1"),
    (lambda: statistics.equivalence((0, 1, 5), 0), "margin: expected a difference > 0"),
    (lambda: statistics.holm([0.5, 1.5]), "1.5"),
    (lambda: statistics.mcnemar([0, 2], [0, 1]), "0 or 1"),
    (lambda: statistics.mcnemar([0, 1.5], [0, 1]), "a: expected whole numbers within uint8"),
    (lambda: statistics.power(-3, 1, 1), "seeds: expected a whole number"),
    (lambda: statistics.bootstrap_crossed([[1, 0]], [[1, 0]]), "seeds"),
    (lambda: statistics.bootstrap_crossed([[1, 0]] * 2, [[1, 0]] * 2, replicates=5), "replicates"),
    (lambda: statistics.bootstrap_crossed([[1, 0]] * 2, [[1, 0]] * 2, seed=-1), "seed: expected a whole number from 0"),
    (lambda: statistics.improvement([[1, 2]], [[1, 2], [3, 4]]), "expected the same data sets, got 1 and 2"),
    (lambda: statistics.interquartile([]), "data_sets: expected 1 or more, got 0"),
    (lambda: statistics.components([1, 2, 3], {"seed": [1, 2]}), "seed: expected a level for each of 3 runs, got 2"),
    (lambda: statistics.components([1, 2, 3], {"seed": [1, 1, 1]}), "level"),
    (lambda: statistics.components([1, 2, 3], {str(i): [1, 1, 2] for i in range(9)}), "factors"),
    (lambda: statistics.calibration([[1.0, 2.0]], [2]), "label"),
    (lambda: statistics.calibration([[1.0, math.nan]], [1]), "NaN|nan"),
    (lambda: statistics.temperature([[1.0, 2.0]], [1, 0]), "as many rows as labels, got 1 and 2")])
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_words_are_refused():
    with pytest.raises(TypeError, match="a: expected numbers"):
        statistics.paired(["a", "b"], [1, 2])
    with pytest.raises(TypeError, match="seeds: expected a whole number, got 2.5"):
        statistics.power(2.5, 1, 1)


def test_other_threads_run_meanwhile():
    rights = random().random((2, 10, 20000)) < 0.7
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.perf_counter()
    statistics.bootstrap_crossed(*rights, replicates=300)
    end = time.perf_counter()
    done.set()
    thread.join()
    assert sum(begin < at < end for at in ticks) >= 3  # with the lock held there would be none


def test_every_function_is_documented():
    for name in statistics.__all__:
        assert inspect.getdoc(getattr(statistics, name)), name
    assert mixent.lab.statistics is statistics
