"""Random losses with random batches, the same for every implementation of the losses: `cases(count)`. Edge cases come up often: ignored
and masked rows, class weights of 0, rows without a distribution, near-sure and far-apart logits."""
import math
import random
from dataclasses import dataclass, field

import numpy as np

import mixent

PARTS = mixent._options.PARTS
TRANSFORMS = [name for name in mixent.TRANSFORMS if name != "hypergradient"]


@dataclass
class Case:
    kind: str
    options: dict  # of the loss: numbers, ignore_index, reduction, transform
    learnable: tuple
    epoch: float
    logits: np.ndarray  # (N, C), float64
    target: np.ndarray  # (N,) labels or (N, C)
    weight: object  # (C,) or None
    notes: set = field(default_factory=set)  # which edges: "masked label", "undefined", "far"


def draw_logits(draw, numbers, rows, classes, notes):
    scale = draw.choice([0.1, 1, 3, 10, 40])
    logits = numbers.normal(0, scale, (rows, classes))
    if draw.random() < 0.1:
        notes.add("far")
        logits[draw.randrange(rows)] *= 1e4
    if draw.random() < 0.2 and classes > 1:
        logits[numbers.random((rows, classes)) < 0.3] = -math.inf
        logits[np.isneginf(logits).all(1), 0] = 0
    if draw.random() < 0.1:
        notes.add("undefined")
        logits[draw.randrange(rows), draw.randrange(classes)] = draw.choice([math.nan, math.inf])
    return logits


def draw_target(draw, numbers, rows, classes, ignore_index):
    if draw.random() < 0.4:
        target = numbers.random((rows, classes)) ** draw.choice([1, 8])
        target[numbers.random((rows, classes)) < 0.2] = 0
        return target / np.maximum(target.sum(1, keepdims=True), 1e-9)
    target = numbers.integers(0, classes, rows)
    if draw.random() < 0.4:
        target[numbers.random(rows) < draw.choice([0.3, 1])] = ignore_index
    return target


def draw_case(seed):
    draw, numbers, notes = random.Random(seed), np.random.default_rng(seed), set()
    kind = draw.choice(mixent.LOSSES)
    rows, classes = draw.choice([1, 2, 5, 17]), draw.choice([1, 2, 3, 7, 26, 130])
    options = {"ignore_index": draw.choice([-100, -1, classes - 1]), "reduction": draw.choice(["mean", "sum", "none"])}
    if draw.random() < 0.4:
        options["label_smoothing"] = draw.choice([0.05, 0.3, 1.0])
    own = {"eps": [1e-8, 1e-3], "gamma": [0, 0.5, 1, 3], "q": [0.05, 0.5, 1], "t1": [0, 0.5, 0.9], "t2": [1, 1.3, 3]}
    known = mixent._options.numbers_of(kind)
    options.update({name: draw.choice(values) for name, values in own.items() if name in known and draw.random() < 0.7})
    parts = len(PARTS[kind])
    transform = draw.choice(TRANSFORMS) if draw.random() < 0.4 else "free"
    if transform == "uncertainty" and (options["reduction"] != "mean" or "kl" in PARTS[kind]):
        transform = "square"
    options["transform"] = transform
    for i in range(1, parts + 1):
        if draw.random() < 0.5:
            options[f"w{i}"] = draw.choice([0, 0.3, -0.5, 1.5]) if transform in ("free", "square") else draw.choice([0.3, 1.5])
        if draw.random() < 0.3:
            options[f"b{i}"] = draw.choice([2.0, 10.0])
    learnable = tuple(name for name in mixent._options.parameters_of(kind) if draw.random() < 0.3)
    options["max_interval"] = draw.choice([10, 200])
    logits = draw_logits(draw, numbers, rows, classes, notes)
    weight = numbers.choice([0, 0.5, 1, 3], classes) if draw.random() < 0.3 else None
    epoch, target = draw.choice([0, 3.5, 1000]), draw_target(draw, numbers, rows, classes, options["ignore_index"])
    return Case(kind, options, learnable, epoch, logits, target, weight, notes)


def cases(count):
    return [draw_case(seed) for seed in range(count)]
