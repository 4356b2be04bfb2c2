"""A table of rows in classes of unequal size, and what training and scoring make of it, written out in NumPy."""
import csv

import numpy

COUNTS = {"rare": 30, "usual": 200, "common": 600}  # one to twenty


def draw_rows(counts, seed):
    """(features [rows, 3], labels [rows]): three clouds that overlap."""
    generator = numpy.random.default_rng(seed)
    labels = numpy.repeat(numpy.arange(len(counts)), counts)
    generator.shuffle(labels)
    centers = numpy.array([[1.2, 0, 0], [0, 1.2, 0], [0, 0, 1.2]])
    return centers[labels] + generator.normal(0, 1, (len(labels), 3)), labels


def write_rows(path, rows, labels, names):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "y", "z", "kind"])
        writer.writerows([*(f"{value:.7g}" for value in row), names[label]] for row, label in zip(rows, labels))


def make_imbalanced(directory, seed=0):
    """A directory with train.csv of one to twenty, and a test.csv with as many rows of each class."""
    directory.mkdir(parents=True)
    names = list(COUNTS)
    write_rows(directory / "train.csv", *draw_rows(list(COUNTS.values()), seed), names)
    write_rows(directory / "test.csv", *draw_rows([100] * 3, seed + 1), names)
    return directory


def scores_by_class(labels, predicted):
    """(balanced accuracy, macro F1, recalls), by their definitions."""
    recalls, f1 = {}, []
    for k in numpy.union1d(labels, predicted):
        right = numpy.sum((labels == k) & (predicted == k))
        f1.append(2 * right / (numpy.sum(labels == k) + numpy.sum(predicted == k)))
        if numpy.any(labels == k):
            recalls[int(k)] = right / numpy.sum(labels == k)
    return numpy.mean(list(recalls.values())), numpy.mean(f1), recalls
