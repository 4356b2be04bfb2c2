#!/usr/bin/env python3
"""Prints what scikit-learn says of the predictions and class sizes in tests/unit/classes.c and tests/unit/balance.c (scikit-learn 1.x)."""
import numpy
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_recall_fscore_support
from sklearn.utils.class_weight import compute_class_weight

LABELS = [0, 0, 0, 0, 1, 1, 1, 2, 2, 4, 4, 4, 4, 4]
PREDICTED = [0, 0, 1, 3, 1, 1, 0, 2, 4, 4, 4, 4, 1, 0]  # class 3 has a prediction and no image, class 5 neither
SIZES = [40, 3, 0, 157]

print("balanced accuracy", repr(float(balanced_accuracy_score(LABELS, PREDICTED))))
print("macro F1", repr(float(f1_score(LABELS, PREDICTED, average="macro", zero_division=0))))
precision, recall, f1, support = precision_recall_fscore_support(LABELS, PREDICTED, labels=range(6), zero_division=numpy.nan)
for k in range(6):
    print(k, support[k], *(repr(float(values[k])) for values in (recall, precision, f1)))
labels = numpy.repeat(range(4), SIZES)
present = numpy.unique(labels)
print("balanced weights", [repr(float(weight)) for weight in compute_class_weight("balanced", classes=present, y=labels)])
weights = numpy.array([(1 - 0.99) / (1 - 0.99 ** size) if size else 0 for size in SIZES])  # Cui et al. 2019, equation 3
print("effective weights", [repr(float(weight)) for weight in weights * sum(SIZES) / (weights * SIZES).sum()])
