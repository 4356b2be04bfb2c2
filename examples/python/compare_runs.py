"""Which loss is better? A small network trained six times with each, compared seed by seed, with an interval and a verdict.

    python3 compare_runs.py

Needs NumPy alone. The data are made here, and 30 % of the training labels are drawn anew at random. In a notebook, `found` on a line of
its own shows the intervals.
"""
import mixent
import numpy
from mixent import lab

SEEDS, CLASSES, NOISE = 6, 5, 0.3


def test_accuracy(loss, seed):
    random = numpy.random.default_rng(seed)  # the same data, start and batches for every loss
    centres, labels = random.normal(size=(CLASSES, 20)), random.integers(CLASSES, size=2300)
    images = centres[labels] + 1.5 * random.normal(size=(2300, 20))
    given = numpy.where(random.random(2300) < NOISE, random.integers(CLASSES, size=2300), labels)
    first, second = random.normal(size=(20, 64)) / 5, random.normal(size=(64, CLASSES)) / 8
    for _ in range(40):
        for rows in numpy.split(random.permutation(300), 6):  # the first 300 are trained on, the others test
            hidden = numpy.maximum(images[rows] @ first, 0)
            gradient = mixent.evaluate(hidden @ second, given[rows], loss).gradient
            first -= images[rows].T @ (gradient @ second.T * (hidden > 0))
            second -= hidden.T @ gradient
    predicted = (numpy.maximum(images[300:] @ first, 0) @ second).argmax(1)
    return 100 * (predicted == labels[300:]).mean()


results = [{"variant": loss, "seed": seed, "accuracy": test_accuracy(loss, seed)} for loss in ("ce", "gce") for seed in range(SEEDS)]
found = lab.compare(results)
print(found.words)
