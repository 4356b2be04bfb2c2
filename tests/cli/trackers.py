"""What `mixent compare --results` must say of the runs that tests/golden/make_trackers.py logs: of its samples, and of what the
packages of the day write. `compare(*words)` runs in the directory of the logs and gives the last event; `seeds` is how many runs
a variant has."""
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
from make_trackers import ACCURACIES, DOCUMENTS, RIGHT, SEEDS

LEAST_SEEDS = 5  # of a conclusion


def check(event, reader, seeds, right=ACCURACIES, change=0.0, near=1e-9):
    """Reader, variants, seeds, values, and the verdict; the data set."""
    (data,) = event["comparison"]["data"]
    metric = event["comparison"]["metric"]
    assert {file["reader"] for file in event["sources"]["files"]} == {reader}
    assert [variant["name"] for variant in data["variants"]] == list(right)
    for variant in data["variants"]:
        assert variant["seeds"] == [str(seed) for seed in range(seeds)]
        values = [value + change for value in right[variant["name"]][:seeds]]
        assert variant["measures"][metric]["values"] == pytest.approx(values, abs=near)
    (pair,) = data["comparisons"]
    assert (pair["variant"], pair["measures"][metric]["test"], pair["measures"][metric]["count"]) == ("mix", "paired", seeds)
    if seeds < LEAST_SEEDS:
        assert (pair["verdict"], pair["reason"]) == ("undecided", "few-seeds")
        assert pair["words"].startswith("Too few seeds to conclude about mix and ce: it takes 5 that both have.")
    else:
        assert pair["verdict"] == "better"
        assert pair["words"].startswith("mix is better than ce")
    return data


def check_mlflow(compare, seeds):
    event = compare("mlflow.db", "--metric", "val_acc")
    check(event, "MLflow", seeds)
    assert event["sources"]["unfinished"] == 1
    event = compare("mlflow.db", "--metric", "test_acc", "--columns", "variant=params.loss,seed=rng", "--epoch", "best:val_loss")
    check(event, "MLflow", seeds, change=-1)


def check_tensorboard(compare, seeds, package):
    check(compare(package, "--metric", "acc/val"), "TensorBoard", seeds, near=1e-5)
    check(compare(package, "--metric", "acc/val", "--epoch", "best:loss/val"), "TensorBoard", seeds, change=0.3, near=1e-5)


def check_lightning(compare, seeds):
    reader = "Lightning CSVLogger"
    check(compare("lightning", "--metric", "val_acc"), reader, seeds, near=1e-4)
    check(compare("lightning", "--metric", "val_acc", "--epoch", "best:val_acc"), reader, seeds, change=0.3, near=1e-4)
    event = compare("lightning", "--metric", "test_acc", "--epoch", "best:val_acc", "--columns", "variant=loss")
    check(event, reader, seeds, change=-1, near=1e-4)


def check_keras(compare, seeds):
    files = [f"keras/{variant}_{seed}.csv" for variant in ACCURACIES for seed in range(seeds)]
    check(compare(*files, "--metric", "val_accuracy"), "Keras CSVLogger", seeds)
    check(compare("keras", "--metric", "val_accuracy", "--epoch", "best:val_loss"), "Keras CSVLogger", seeds, change=0.3)


def check_lm_eval(compare, seeds):
    """The samples are the items, and their means those that the harness gives."""
    right = {variant: [count / DOCUMENTS for count in counts] for variant, counts in RIGHT.items()}
    for metric in ("accuracy", "acc"):
        data = check(compare("lm_eval", "--metric", metric), "lm-evaluation-harness", seeds, right)
        assert (data["name"], data["test_images"], data["samples"]) == ("toy", DOCUMENTS, "items")
    data = check(compare("lm_eval"), "lm-evaluation-harness", seeds, right)
    assert data["comparisons"][0]["bootstrap"]["error"] > 0  # what each item says is known
