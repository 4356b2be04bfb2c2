#!/usr/bin/env python3
"""Writes tests/golden/statistics.h: what SciPy and statsmodels say, for tests/unit/lab_*.c (python3-scipy, python3-statsmodels)."""
from pathlib import Path

import numpy as np
import pandas
import scipy
import statsmodels
from scipy import integrate, optimize, special, stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

PATH = Path(__file__).with_name("statistics.h")
A = [0.9312, 0.9345, 0.9301, 0.9388, 0.9327, 0.9333, 0.9351, 0.9319, 0.9366, 0.9340]
B = [0.9299, 0.9340, 0.9310, 0.9352, 0.9301, 0.9330, 0.9322, 0.9325, 0.9338, 0.9318]
P = [0.01, 0.04, 0.03, 0.005, 0.2, 0.04, 0.9]
IMAGES, CLASSES = 97, 5
VARIANTS, SEEDS, STUDY_IMAGES = 4, 6, 300  # of `study`


def noncentral_tail(t, freedom, shift):
    """P(T > t), integrated over the chi: SciPy's own nct is right to fewer digits."""
    def inside(u):
        chi = np.exp(u)
        return special.ndtr(shift - t * chi / np.sqrt(freedom)) * stats.chi.pdf(chi, freedom) * chi
    centre = np.log(np.sqrt(freedom))
    points = sorted({centre + k / np.sqrt(freedom) for k in (-30, -8, -4, -2, -1, 0, 1, 2, 4, 8)})
    return sum(integrate.quad(inside, a, b, epsabs=0, epsrel=1e-13, limit=400)[0] for a, b in zip(points, points[1:]))


def student_quantile(p, freedom):
    """stats.t.ppf is right to 1e-9; its distribution function, in logarithms, to more."""
    if p > 0.5:
        return -student_quantile(1 - p, freedom)
    start = stats.t.ppf(p, freedom)
    return optimize.brentq(lambda t: np.log(stats.t.cdf(t, freedom) / p), start * 1.001, start * 0.999, xtol=1e-300, rtol=9e-16)


def logits():
    """The same numbers as `draw` in tests/unit/lab_calibration.c: exact in single precision."""
    i, k = np.mgrid[0:IMAGES, 0:CLASSES]
    labels = np.arange(IMAGES) * 31 % CLASSES
    values = (i * 7919 + k * 104729 + i * i * k * 13) % 1024 / 128.0
    values[np.arange(IMAGES), labels] += 2.5
    return values, labels


def calibration():
    values, labels = logits()
    def nll(b):
        return np.mean(special.logsumexp(b * values, axis=1) - b * values[np.arange(IMAGES), labels])
    q = special.softmax(values, axis=1)
    wrong = values.argmax(axis=1) != labels
    entropy, confidence = special.entr(q).sum(axis=1), q.max(axis=1)
    def derivative(b):
        s = special.softmax(b * values, axis=1)
        return np.sum((s * values).sum(axis=1) - values[np.arange(IMAGES), labels])
    b = optimize.brentq(derivative, 1e-3, 1e3, xtol=1e-300, rtol=1e-14)
    auroc = stats.mannwhitneyu(entropy[wrong], entropy[~wrong]).statistic / wrong.sum() / (~wrong).sum()
    order = np.argsort(-confidence, kind="stable")
    edges = [IMAGES * k // 15 for k in range(16)]
    mass = sum(abs((~wrong[order] - confidence[order])[a:e].sum()) for a, e in zip(edges, edges[1:])) / IMAGES
    area = np.mean(np.cumsum(wrong[order]) / np.arange(1, IMAGES + 1))
    return [1 - wrong.mean(), nll(1), ((q - np.eye(CLASSES)[labels]) ** 2).sum(axis=1).mean(), mass, entropy.mean(),
            entropy[~wrong].mean(), entropy[wrong].mean(), auroc, area, 1 / b, nll(b)]


def study():
    """The same numbers as `fill_study` in tests/unit/lab_study.h: which images are right, and an NLL per run."""
    v, s, i = np.mgrid[0:VARIANTS, 0:SEEDS, 0:STUDY_IMAGES]
    right = (i * 7919 + s * s * 104729 + v * v * 12979 + i * s * v * 31 + i * i * 17) % 1009 < 900 + 9 * v - 6 * (s * 5 % 7)
    v, s = np.mgrid[0:VARIANTS, 0:SEEDS]
    return right.astype(float), 0.2 + v / 256 + (s * 37 + v * 11) % 13 / 1024


def crossed(difference):
    """Difference, standard error, degrees of freedom, p: two-way analysis of variance with both factors random, without
    replication (statsmodels' anova_lm for the sums of squares), Satterthwaite's degrees of freedom."""
    n, m = difference.shape
    seed, image = np.mgrid[0:n, 0:m]
    frame = pandas.DataFrame({"d": difference.ravel(), "seed": seed.ravel(), "image": image.ravel()})
    square = anova_lm(ols("d ~ C(seed) + C(image)", frame).fit()).mean_sq
    of_seed, of_image, rest = square["C(seed)"], square["C(image)"], square["Residual"]
    parts, fourths = of_seed, of_seed ** 2 / (n - 1)
    if of_image > rest:
        parts += of_image - rest
        fourths += of_image ** 2 / (m - 1) + rest ** 2 / ((n - 1) * (m - 1))
    error, freedom = np.sqrt(parts / n / m), parts ** 2 / fourths
    mean, reach = difference.mean(), student_quantile(0.975, freedom) * error
    likely = mean, error, freedom, 2 * stats.t.sf(abs(mean) / error, freedom)
    return likely, (mean - reach, mean + reach), ((of_seed - rest) / m, (of_image - rest) / n, rest)


def equivalence(difference, error, freedom, margin):
    """p of two one-sided tests, and the probability of a difference within the margin under a flat prior."""
    posterior = stats.t(freedom, difference, error)
    return max(posterior.cdf(-margin), posterior.sf(margin)), posterior.cdf(margin) - posterior.cdf(-margin)


def described(a):
    reach = student_quantile(0.975, len(a) - 1) * stats.sem(a)
    return [a.mean(), a.std(ddof=1), a.mean() - reach, a.mean() + reach]


def paired(a, b):
    test = stats.ttest_rel(a, b)
    return [*described(a - b), test.statistic, test.pvalue]


def least_difference(deviation, alpha):
    power = lambda d: TTestPower().power(d / deviation, SEEDS, alpha) - 0.8
    return optimize.brentq(power, deviation / 10, 20 * deviation, xtol=1e-16)


def least_shift(freedom, alpha, power=0.8):
    critical = student_quantile(1 - alpha / 2, freedom)
    miss = lambda d: noncentral_tail(critical, freedom, d) + noncentral_tail(critical, freedom, -d) - power
    return optimize.brentq(miss, 0.1, 50, xtol=1e-14)


def comparison():
    right, nll = study()
    accuracy = right.mean(axis=2)
    pairs = [paired(accuracy[v], accuracy[0]) for v in range(1, VARIANTS)]
    analyses = [crossed(right[v] - right[0]) for v in range(1, VARIANTS)]
    likes = [likely for likely, *_ in analyses]
    margin = 0.05
    tosts = [ttost_paired(accuracy[v], accuracy[0], -margin, margin)[0] for v in range(1, VARIANTS)]
    same = [equivalence(pair[0], pair[1] / np.sqrt(SEEDS), SEEDS - 1, margin) for pair in pairs]
    assert np.allclose(tosts, [p for p, _ in same], rtol=1e-9)
    same_like = [equivalence(*likely[:3], margin) for likely in likes]
    equal = [[*here, *multiple] for here, multiple in zip(
        ((*a, *b) for a, b in zip(same, same_like)),
        zip(*(multipletests([p for p, _ in of], method="holm")[1] for of in (same, same_like))))]
    alpha = 0.05 / len(pairs)
    power = []
    for pair, like in zip(pairs, likes):
        seeds = 2
        while TTestPower().power(0.02 / pair[1], seeds, alpha) < 0.8:
            seeds += 1
        least = least_difference(pair[1], alpha)
        power.append([least, max(least, least_shift(like[2], alpha) * like[1]), seeds])
    nlls = [paired(nll[v], nll[0]) for v in range(1, VARIANTS)]
    holms = [multipletests([row[column] for row in table], method="holm")[1] for table, column in
             ((pairs, 5), (likes, 3), (nlls, 5))]
    variants = [described(a) for a in accuracy]
    only = [(int((right[v, 0] > right[0, 0]).sum()), int((right[0, 0] > right[v, 0]).sum())) for v in range(1, VARIANTS)]
    tests = [(b, c, mcnemar([[50, b], [c, 40]], exact=True).pvalue) for b, c in only]
    return "".join([
        "/* a study of the crossed test's kind: accuracy of each variant: mean, deviation, interval */\n",
        rows("golden_study", 4, variants),
        "/* each against the first, accuracy: difference, deviation, interval, t, p, Holm's p */\n",
        rows("golden_study_paired", 7, [[*row, p] for row, p in zip(pairs, holms[0])]),
        "/* over seeds and images: difference, error, freedom, p, Holm's p */\n",
        rows("golden_study_crossed", 5, [[*row, p] for row, p in zip(likes, holms[1])]),
        "/* its interval; components of variance of seeds, images, the rest */\n",
        rows("golden_study_components", 5, [[*interval, *parts] for _, interval, parts in analyses]),
        "/* smaller than 5 points: p and probability over seeds, over seeds and images; both p after Holm's correction */\n",
        rows("golden_study_equivalence", 6, equal),
        "/* least difference seen with 80 %, on images like these, fewest seeds that show 2 points */\n",
        rows("golden_study_power", 3, power),
        "/* NLL: difference, deviation, interval, t, p, Holm's p */\n",
        rows("golden_study_nll", 7, [[*row, p] for row, p in zip(nlls, holms[2])]),
        "/* McNemar's test of the first seeds: only the variant, only the first, p */\n", rows("golden_study_mcnemar", 3, tests)])


def rows(name, columns, table):
    lines = ["  {" + ", ".join(f"{float(v):.17g}" for v in row) + "}" for row in table]
    return f"static const double {name}[][{columns}] = {{\n" + ",\n".join(lines) + "};\n"


def values(name, numbers):
    return rows(name, len(numbers), [numbers])


def main():
    beta = [(a, b, x, special.betainc(a, b, x)) for a, b, x in
            [(0.5, 0.5, 0.3), (2, 3, 0.9), (10, 0.5, 0.99), (1e3, 0.5, 0.995), (200, 300, 0.35), (5e3, 5e3, 0.51),
             (1.5, 40, 1e-5), (0.01, 3, 0.2)]]
    normal = [(x, stats.norm.cdf(x)) for x in (-30, -8, -1.96, -0.1, 0, 0.7, 3)]
    normal_quantile = [(p, stats.norm.ppf(p)) for p in (1e-300, 1e-20, 1e-5, 0.025, 0.3, 0.5, 0.75, 0.999)]
    student = [(t, v, stats.t.cdf(t, v)) for v in (1, 2, 4.5, 9, 99, 20000)
               for t in (-40, -5, -2.2, -0.5, -1e-6, 0.3, 2.7)]
    quantiles = [(p, v, student_quantile(p, v)) for v in (1, 2, 4.5, 9, 99, 20000)
                 for p in (1e-8, 0.0005, 0.025, 0.2, 0.3, 0.4999, 0.6, 0.975)]
    noncentral = [(t, v, d, noncentral_tail(t, v, d)) for t, v, d in
                  [(2.262, 9, 3), (2.262, 9, 0.5), (4.3, 2, 5), (2.0, 40, 2.8), (2.8, 4, 1.5), (3.5, 9, 12), (1.0, 9, 0),
                   (1.96, 1000, 3), (2.262, 9, -1), (-2.262, 9, 2), (12.7, 1, 20), (30, 20, 25)]]
    binomial = [(k, n, p, stats.binom.cdf(k, n, p), stats.binom.sf(k - 1, n, p)) for k, n, p in
                [(0, 10, 0.5), (3, 20, 0.5), (40, 120, 0.5), (10, 10, 0.3), (5, 1000, 0.01), (450, 1000, 0.5)]]
    difference = np.subtract(A, B)
    low, high = stats.t.interval(0.95, len(A) - 1, difference.mean(), stats.sem(difference))
    test = stats.ttest_rel(A, B)
    tables = [(b, c, mcnemar([[50, b], [c, 40]], exact=True).pvalue) for b, c in [(3, 12), (12, 3), (0, 0), (7, 7), (90, 60)]]
    power = [(n, d, a, TTestPower().power(d, n, a)) for n, d, a in
             [(10, 1, 0.05), (5, 1.5, 0.05), (20, 0.5, 0.01), (3, 2, 0.05), (100, 0.3, 0.05)]]
    seeds = [(d, a, p, np.ceil(TTestPower().solve_power(effect_size=d, alpha=a, power=p))) for d, a, p in
             [(1, 0.05, 0.8), (0.5, 0.05, 0.8), (2, 0.05, 0.9), (0.2, 0.01, 0.8)]]
    least = [(n, a, p, optimize.brentq(lambda d: TTestPower().power(d, n, a) - p, 0.01, 5, xtol=1e-14)) for n, a, p in
             [(10, 0.05, 0.8), (5, 0.05, 0.8), (30, 0.01, 0.9)]]
    text = "".join([
        f"/* Written by make_statistics.py with SciPy {scipy.__version__}, statsmodels {statsmodels.__version__}, ",
        f"NumPy {np.__version__}. */\n#ifndef GOLDEN_STATISTICS_H\n#define GOLDEN_STATISTICS_H\n\n/* clang-format off */\n",
        "/* a, b, x, I_x(a, b) */\n", rows("golden_beta", 4, beta),
        "/* x, P */\n", rows("golden_normal", 2, normal), "/* p, x */\n", rows("golden_normal_quantile", 2, normal_quantile),
        "/* t, freedom, P */\n", rows("golden_student", 3, student), "/* p, freedom, t */\n", rows("golden_student_quantile", 3, quantiles),
        "/* t, freedom, shift, P(T > t) */\n", rows("golden_noncentral", 4, noncentral),
        "/* k, n, p, P(X <= k), P(X >= k) */\n", rows("golden_binomial", 5, binomial),
        "/* two samples; mean, deviation, interval, t and p of their difference */\n", values("golden_a", A), values("golden_b", B),
        values("golden_paired", [difference.mean(), difference.std(ddof=1), low, high, test.statistic, test.pvalue]),
        "/* p values and Holm's */\n", values("golden_p", P), values("golden_holm", multipletests(P, method="holm")[1]),
        "/* only a, only b, p */\n", rows("golden_mcnemar", 3, tables),
        "/* seeds, difference / deviation, alpha, power */\n", rows("golden_power", 4, power),
        "/* difference / deviation, alpha, power, seeds */\n", rows("golden_seeds", 4, seeds),
        "/* seeds, alpha, power, difference / deviation */\n", rows("golden_least", 4, least),
        "/* freedom, alpha, power, difference / its standard error */\n",
        rows("golden_shift", 4, [(f, a, p, least_shift(f, a, p)) for f, a, p in
                                 [(5.6, 0.05, 0.8), (9, 0.05 / 3, 0.8), (2.3, 0.05, 0.8), (1234.5, 0.01, 0.9)]]),
        "/* accuracy, nll, brier, ece_equal_mass, entropy, of right, of wrong, auroc, area, temperature, nll at it */\n",
        values("golden_calibration", calibration()), comparison(), "/* clang-format on */\n\n#endif\n"])
    PATH.write_text(text)


if __name__ == "__main__":
    main()
