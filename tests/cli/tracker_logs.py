"""What the logs of test_trackers.py and test_trackers_tensorboard.py hold: runs of two variants, a curve each, and what
`mixent compare --results` must say of them."""
import csv

import pytest

from events import read_last

ACCURACIES = {"ce": [91.2, 91.5, 91.1, 91.4, 91.3, 91.6], "mix": [92.0, 92.2, 91.8, 92.3, 92.0, 92.4]}
RUNS = [(variant, seed, value) for variant, values in ACCURACIES.items() for seed, value in enumerate(values)]
EPOCHS = 4
BEST = 2  # of `curve`, by accuracy and by loss


def curve(final):
    """Validation accuracies: the best is not the last."""
    return [final - 5, final - 2, final + 0.3, final]


def loss(accuracy):
    return round((100 - accuracy) / 10, 6)


@pytest.fixture
def compare(mixent, tmp_path):
    """compare(paths and options…): the last event, or the message of a failure."""
    def run(*words, code=0):
        done = mixent("compare", "--results", *words, "--json")
        assert done.code == code, done.err
        last = read_last(done.out)
        return last if code == 0 else last["message"]
    return run


def values_of(event):
    """{variant: {seed: value}} of the only data set."""
    (data,) = event["comparison"]["data"]
    return {variant["name"]: dict(zip(variant["seeds"], variant["measures"][event["comparison"]["metric"]]["values"])) for variant in data["variants"]}


def pair_of(event):
    """The only comparison, and what it says of the metric that was asked for."""
    (pair,) = event["comparison"]["data"][0]["comparisons"]
    return pair | pair["measures"][event["comparison"]["metric"]]


def metrics_of(event):
    return [metric["name"] for metric in event["metrics"]]


def check(event, change=0.0, near=1e-9):
    """The accuracies, each changed by as much, in pairs."""
    values = values_of(event)
    assert set(values) == set(ACCURACIES)
    for variant, right in ACCURACIES.items():
        assert list(values[variant]) == [str(seed) for seed in range(6)]
        assert list(values[variant].values()) == pytest.approx([value + change for value in right], abs=near)
    pair = pair_of(event)
    assert (pair["test"], pair["seeds"], pair["verdict"]) == ("paired", 6, "better")


def readers(event):
    return sorted({file["reader"] for file in event["sources"]["files"]})


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as stream:
        writer = csv.DictWriter(stream, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
