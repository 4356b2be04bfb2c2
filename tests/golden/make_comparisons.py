#!/usr/bin/env python3
"""Writes tests/golden/comparisons.h: what SciPy, statsmodels and matrices in NumPy say of unpaired runs, resampled splits, equivalence,
several data sets and components of variance, for tests/unit/stats_*.c (python3-scipy, python3-statsmodels)."""
from pathlib import Path

import numpy as np
import pandas
import scipy
import statsmodels
from scipy import integrate, stats
from statsmodels.formula.api import ols
from statsmodels.stats import weightstats
from statsmodels.stats.anova import anova_lm

from make_statistics import A, B, rows, student_quantile, values

PATH = Path(__file__).with_name("comparisons.h")
FEW = [0.9415, 0.9102, 0.9377, 0.9298, 0.9521, 0.9263]  # scatters more than A
COUNTS = [3, 6, 2, 5]  # runs of each data set
MARGINS = [0.0005, 0.0015, 0.004, 0.02]
THRESHOLDS = [-1, 0.2, 0.5, 0.7, 0.9]
REPLICATES = 20000


def interval_of(mean, error, freedom):
    reach = student_quantile(0.975, freedom) * error
    return [mean - reach, mean + reach]


def unpaired(a, b):
    """difference, error, freedom, interval of 95 %, t, p"""
    test = stats.ttest_ind(a, b, equal_var=False)
    means = weightstats.CompareMeans(weightstats.DescrStatsW(a), weightstats.DescrStatsW(b))
    difference, error, freedom = np.mean(a) - np.mean(b), means.std_meandiff_separatevar, means.dof_satt()
    ends = interval_of(difference, error, freedom)
    assert np.allclose(ends, means.tconfint_diff(usevar="unequal"), rtol=0, atol=1e-8 * error)
    return [difference, error, freedom, *ends, test.statistic, test.pvalue]


def resampled(a, b, ratio):
    """Nadeau and Bengio's: ratio, difference, error, interval of 95 %, t, p"""
    difference = np.subtract(a, b)
    n, mean = len(difference), difference.mean()
    error = np.sqrt((1 / n + ratio) * difference.var(ddof=1))
    return [ratio, mean, error, *interval_of(mean, error, n - 1), mean / error, 2 * stats.t.sf(abs(mean) / error, n - 1)]


def equivalence(margin, test, mean, error, freedom):
    """margin, t and p of the lower side, of the upper side, p, P(within), the last by integrating the density"""
    p, lower, upper = test
    density = lambda x: stats.t.pdf((x - mean) / error, freedom) / error
    within = integrate.quad(density, -margin, margin, epsabs=0, epsrel=1e-12, points=[mean] if abs(mean) < margin else None)[0]
    return [margin, lower[0], lower[1], upper[0], upper[1], p, within]


def equivalences():
    difference = np.subtract(A, B)
    paired = [equivalence(m, weightstats.ttost_paired(np.array(A), np.array(B), -m, m), difference.mean(), stats.sem(difference), 9)
              for m in MARGINS]
    mean, error, freedom = unpaired(A, FEW)[:3]
    apart = [equivalence(m, weightstats.ttost_ind(A, FEW, -m, m, usevar="unequal"), mean, error, freedom) for m in MARGINS]
    return paired, apart


def scores():
    """Two methods' scores, rounded to few digits so that there are ties."""
    generator = np.random.default_rng(1)
    draw = lambda better: [np.round(generator.normal(0.3 + 0.15 * k + better, 0.15, n), 2) for k, n in enumerate(COUNTS)]
    return draw(0.08), draw(0)


def improvement(a, b):
    return np.mean([stats.mannwhitneyu(x, y, alternative="greater").statistic / len(x) / len(y) for x, y in zip(a, b)])


def improvement_by_pairs(a, b):
    return np.mean([np.mean((x[:, None] > y) + 0.5 * (x[:, None] == y)) for x, y in zip(a, b)])


def interquartile(a):
    """Whole runs are left out from both ends as long as they weigh a quarter or less; of equal counts SciPy's trim_mean."""
    if len({len(x) for x in a}) == 1:
        return stats.trim_mean(np.concatenate(a), 0.25)
    runs = sorted((value, 1 / len(a) / len(x)) for x in a for value in x)
    for end in 0, -1:
        left_out = 0
        while left_out + runs[end][1] <= 0.25 + 1e-9:
            left_out += runs.pop(end)[1]
    value, weight = np.transpose(runs)
    return np.average(value, weights=weight)


def profile(a):
    return [np.mean([np.mean(x > threshold) for x in a]) for threshold in THRESHOLDS]


def interval(measure, *methods):
    """Percentiles over runs drawn anew within each data set."""
    generator = np.random.default_rng(2)
    drawn = lambda a: [generator.choice(x, len(x)) for x in a]
    return np.quantile([measure(*map(drawn, methods)) for _ in range(REPLICATES)], [0.025, 0.975], axis=0)


def design():
    """Values and levels of seed, split, order: fully crossed, and half of those runs without any order, so not balanced."""
    generator = np.random.default_rng(3)
    levels = np.array([(i, j, k) for i in range(5) for j in range(4) for k in range(3)])
    effects = [generator.normal(0, s, 5) for s in (0.3, 1.2, 0.05)]
    value = 94 + sum(e[levels[:, f]] for f, e in enumerate(effects)) + generator.normal(0, 0.4, len(levels))
    return np.round(value, 3), levels, np.sort(generator.choice(len(levels), 30, replace=False))


def balanced_components(value, levels):
    """By the mean squares of statsmodels' analysis of variance: (mean square - the rest's) / runs per level."""
    frame = pandas.DataFrame({"y": value, **{f"f{k}": levels[:, k] for k in range(3)}})
    square = anova_lm(ols("y ~ C(f0) + C(f1) + C(f2)", frame).fit()).mean_sq
    rest = square["Residual"]
    return [*((square[f"C(f{k})"] - rest) * (levels[:, k].max() + 1) / len(value) for k in range(3)), rest]


def components(value, levels):
    """MINQUE(0), written in matrices."""
    n = len(value)
    centre = np.eye(n) - np.full((n, n), 1 / n)
    parts = [centre @ (level[:, None] == level[None, :]) @ centre for level in [*levels.T, np.arange(n)]]
    traces = [[np.trace(f @ g) for g in parts] for f in parts]
    return np.linalg.solve(traces, [value @ f @ value for f in parts])


def main():
    a, b = scores()
    equal = [x[:2] for x in a]
    value, levels, some = design()
    assert np.allclose(balanced_components(value, levels), components(value, levels), rtol=1e-9, atol=1e-9)
    paired, apart = equivalences()
    text = "".join([
        f"/* Written by make_comparisons.py with SciPy {scipy.__version__}, statsmodels {statsmodels.__version__}, ",
        f"NumPy {np.__version__}. */\n#ifndef GOLDEN_COMPARISONS_H\n#define GOLDEN_COMPARISONS_H\n\n/* clang-format off */\n",
        "/* samples: of the same runs, and one that scatters more */\n", values("golden_first", A), values("golden_second", B),
        values("golden_few", FEW),
        "/* Welch: first against few, few against first, the first 2 against the first 3: difference, error, freedom, interval, t, p */\n",
        rows("golden_unpaired", 7, [unpaired(A, FEW), unpaired(FEW, A), unpaired(A[:2], FEW[:3])]),
        "/* first against second: ratio, difference, error, interval, t, p */\n",
        rows("golden_resampled", 7, [resampled(A, B, ratio) for ratio in (0, 1 / 9, 0.25, 2)]),
        "/* margin, t and p of the lower side, of the upper side, p, P(within); paired, unpaired with few */\n",
        rows("golden_equivalence_paired", 7, paired), rows("golden_equivalence_unpaired", 7, apart),
        "/* scores of two methods; runs of each data set */\n", values("golden_scores_a", np.concatenate(a)),
        values("golden_scores_b", np.concatenate(b)), values("golden_counts", COUNTS),
        "/* value and a bootstrap's interval: probability of improvement, interquartile mean of a, of a's first two runs each */\n",
        values("golden_improvement", [improvement(a, b), *interval(improvement_by_pairs, a, b)]),
        values("golden_interquartile", [interquartile(a), *interval(interquartile, a)]),
        values("golden_interquartile_equal", [interquartile(equal), *interval(interquartile, equal)]),
        "/* threshold, value, interval */\n",
        rows("golden_profile", 4, zip(THRESHOLDS, profile(a), *interval(profile, a))),
        "/* value; levels of seed, split, order; whether it is among some */\n",
        rows("golden_runs", 5, [[v, *l, i in some] for i, (v, l) in enumerate(zip(value, levels))]),
        "/* components of all, of some: seed, split, order, rest */\n", values("golden_components", balanced_components(value, levels)),
        values("golden_components_some", components(value[some], levels[some])), "/* clang-format on */\n\n#endif\n"])
    PATH.write_text(text)


if __name__ == "__main__":
    main()
