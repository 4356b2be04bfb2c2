"""mixent.lab.record: what it writes, what it refuses, and that a run is whole or absent."""
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest

torch = pytest.importorskip("torch")
from mixent.lab import record  # noqa: E402


def run_of(rows=12, classes=3, seed=0):
    random = numpy.random.default_rng(seed)
    return {"test_logits": random.normal(size=(rows, classes)), "test_labels": random.integers(0, classes, rows)}


def test_what_is_written(tmp_path):
    validation = run_of(5, seed=1)
    path = record(tmp_path, variant="cross entropy", seed=3, data="letters", **run_of(), val_logits=validation["test_logits"],
                  val_labels=validation["test_labels"], metrics={"f1": numpy.float32(0.5), "loss": float("nan")}, class_names="abc")
    assert path == tmp_path / "letters" / "cross entropy-3" and sorted(os.listdir(path)) == ["predictions.safetensors", "record.json"]
    assert json.loads((path / "record.json").read_text()) == {
        "kind": "mixent record", "format": 1, "variant": "cross entropy", "seed": 3, "data": "letters",
        "metrics": {"f1": 0.5, "loss": None}, "class_names": ["a", "b", "c"]}
    data = (path / "predictions.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    assert header["__metadata__"]["class_names"] == '["a", "b", "c"]' and length % 8 == 0
    begin, end = header["validation.logits"]["data_offsets"]
    written = numpy.frombuffer(data[8 + length:][begin:end], "<f4").reshape(header["validation.logits"]["shape"])
    assert (written == validation["test_logits"].astype("f4")).all()
    assert os.listdir(tmp_path / "letters") == ["cross entropy-3"], "nothing temporary is left"


def test_arrays_of_other_libraries(tmp_path):
    run = run_of()
    run["test_logits"] = numpy.round(run["test_logits"] * 4) / 4  # as bfloat16 has them
    first = record(tmp_path / "numpy", variant="a", seed=0, **run)
    others = [{"test_logits": torch.tensor(run["test_logits"], dtype=torch.bfloat16, requires_grad=True),
               "test_labels": torch.tensor(run["test_labels"])},
              {key: value.tolist() for key, value in run.items()},
              {"test_logits": run["test_logits"].T.copy().T, "test_labels": run["test_labels"].astype("u1")}]
    for number, other in enumerate(others):
        path = record(tmp_path / str(number), variant="a", seed=numpy.int64(0), **other)
        assert (path / "predictions.safetensors").read_bytes() == (first / "predictions.safetensors").read_bytes()


def test_an_equal_run_stays_another_is_refused_or_replaced(tmp_path):
    path = record(tmp_path, variant="a", seed=0, **run_of())
    (path / "result.json").write_text("made by mixent compare")
    before = os.stat(path).st_ino
    assert record(tmp_path, variant="a", seed=0, **run_of()) == path and os.stat(path).st_ino == before
    for other in (run_of(seed=1), {"metrics": {"accuracy": 0.5}}, {**run_of(), "metrics": {"f1": 1}}):
        with pytest.raises(FileExistsError, match="a-0: expected no such run yet, or the same one.*replace=True"):
            record(tmp_path, variant="a", seed=0, **other)
        assert os.stat(path).st_ino == before
    record(tmp_path, variant="a", seed=0, metrics={"accuracy": 0.5}, replace=True)
    assert os.listdir(tmp_path) == ["a-0"] and os.listdir(path) == ["record.json"]


@pytest.mark.parametrize("exchange", [True, False], ids=["in one step", "where the system cannot"])
def test_a_replaced_run_is_the_new_one(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr("mixent.lab._record._exchange", lambda one, other: False)
    for number in range(3):
        path = record(tmp_path, variant="a", seed=0, metrics={"f1": number}, replace=True)
        assert json.loads((path / "record.json").read_text())["metrics"] == {"f1": number}
        assert os.listdir(tmp_path) == ["a-0"]


def test_many_at_once(tmp_path):
    """Of equal runs all are content, of unequal ones one is there and the others hear of it."""
    def try_it(number):
        try:
            return record(tmp_path, variant="a", seed=number // 8, metrics={"f1": number % 8 if number >= 8 else 0})
        except FileExistsError as error:
            return str(error)

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(try_it, range(16)))
    assert all(outcome == tmp_path / "a-0" for outcome in outcomes[:8])
    refused = [outcome for outcome in outcomes[8:] if isinstance(outcome, str)]
    assert len(refused) == 7 and all("a-1: expected no such run yet" in message for message in refused)
    assert sorted(os.listdir(tmp_path)) == ["a-0", "a-1"]


def test_what_a_killed_process_left_goes_after_an_hour(tmp_path):
    for name, age in ((".mixent-0123456789abcdef.new", 7200), (".mixent-fedcba9876543210.new", 60)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "record.json").write_text("{}")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    record(tmp_path, variant="a", seed=0, metrics={"f1": 1})
    assert sorted(os.listdir(tmp_path)) == [".mixent-fedcba9876543210.new", "a-0"]


def test_places_that_hold_something_else(tmp_path):
    record(tmp_path, variant="a", seed=0, metrics={"accuracy": 0.5})
    with pytest.raises(FileExistsError, match="expected a directory of runs, got a run"):
        record(tmp_path / "a-0", variant="b", seed=0, metrics={"accuracy": 0.5})
    with pytest.raises(FileExistsError, match="expected a directory of runs, got a run"):
        record(tmp_path, data="a-0", variant="b", seed=0, metrics={"accuracy": 0.5})
    (tmp_path / "b-0").mkdir()
    (tmp_path / "b-0" / "notes").write_text("mine")
    for replace in (False, True):
        with pytest.raises(FileExistsError, match="b-0: expected a recorded run or nothing there"):
            record(tmp_path, variant="b", seed=0, metrics={"accuracy": 0.5}, replace=replace)
    assert (tmp_path / "b-0" / "notes").read_text() == "mine"


def test_a_run_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(28, "No space left on device")

    path = record(tmp_path, variant="a", seed=0, **run_of())
    monkeypatch.setattr(os, "fsync", fail)
    for replace, variant in ((True, "a"), (False, "b")):
        with pytest.raises(OSError, match="No space"):
            record(tmp_path, variant=variant, seed=0, **run_of(seed=1), replace=replace)
    assert os.listdir(tmp_path) == ["a-0"] and len(os.listdir(path)) == 2


REFUSED = [
    ({"variant": "a/b"}, ValueError, "variant: expected a name for a directory"),
    ({"variant": ""}, ValueError, "variant: expected a name"),
    ({"variant": ".a"}, ValueError, "variant: expected a name"),
    ({"variant": "a\n"}, ValueError, "variant: expected a name"),
    ({"variant": "é" * 101}, ValueError, "variant: expected a name"),
    ({"variant": 3}, TypeError, "variant: expected a text, got 3"),
    ({"data": ".."}, ValueError, "data: expected a name"),
    ({"seed": -1}, ValueError, "seed: expected a whole number from 0 to 2\\^63 - 1, got -1"),
    ({"seed": 1.0}, ValueError, "seed: expected a whole number"),
    ({"seed": True}, ValueError, "seed: expected a whole number"),
    ({"test_logits": None, "test_labels": None}, ValueError, "expected test_logits with test_labels, or metrics, got none"),
    ({"test_labels": None}, ValueError, "test_labels: expected with test_logits, got None"),
    ({"val_logits": [[1, 2, 3]]}, ValueError, "val_labels: expected with val_logits, got None"),
    ({"val_logits": [[1, 2]], "val_labels": [0]}, ValueError, "val_logits: expected 3 classes as in test_logits, got 2"),
    ({"test_logits": None, "test_labels": None, "val_logits": [[1, 2]], "val_labels": [0]}, ValueError,
     "test_logits: expected with val_logits"),
    ({"test_logits": [1, 2]}, ValueError, r"test_logits: expected the shape \(rows, classes\) with two classes or more, got \(2,\)"),
    ({"test_logits": [[1], [2]]}, ValueError, "of one logit z per row make the columns 0 and z"),
    ({"test_logits": [[1, 2], [3]]}, TypeError, "test_logits: expected an array, got list"),
    ({"test_logits": [["a", "b"]]}, TypeError, "test_logits: expected an array of numbers"),
    ({"test_logits": [[0.0, float("nan")]] * 12}, ValueError, r"test_logits: expected finite logits, .* got \[0.0, nan\] in row 0"),
    ({"test_logits": [[0.0, 1e300]] * 12}, ValueError, "test_logits: expected finite logits"),
    ({"test_logits": [[-float("inf")] * 2] * 12}, ValueError, "test_logits: expected finite logits"),
    ({"test_logits": [[0.25, 0.75]] * 12}, ValueError, r"expected logits, got probabilities \(every row sums to 1\); pass their log"),
    ({"test_labels": [0] * 11}, ValueError, r"test_labels: expected a label for each of the 12 rows of logits, got the shape \(11,\)"),
    ({"test_labels": [0.0] * 12}, TypeError, "test_labels: expected whole numbers, got float64"),
    ({"test_labels": [0] * 11 + [3]}, ValueError, "test_labels: expected labels from 0 to 2, got 3 in row 11"),
    ({"class_names": ["a", "b"]}, ValueError, "class_names: expected 3 names, one for each column of test_logits, got 2"),
    ({"metrics": {"f1": "good"}}, TypeError, "metrics: expected a number for 'f1', got 'good'"),
    ({"metrics": {3: 1.0}}, TypeError, "metrics: expected names of metrics as keys, got 3"),
]


@pytest.mark.parametrize("given, error, message", REFUSED, ids=[message[:40] for _, _, message in REFUSED])
def test_one_clear_message_each(tmp_path, given, error, message):
    with pytest.raises(error, match=message):
        record(tmp_path / "runs", **{"variant": "a", "seed": 0, **run_of(), **given})
    assert not (tmp_path / "runs").exists()


def test_logarithms_of_probabilities_are_logits(tmp_path):
    with numpy.errstate(divide="ignore"):
        logits = numpy.log([[0.0, 0.25, 0.75]] * 4)
    assert record(tmp_path, variant="a", seed=0, test_logits=logits, test_labels=[0, 1, 2, 2]).is_dir()
