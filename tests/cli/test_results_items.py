"""`mixent compare --results` of runs that say more than one number: a row per test item, and a .npz file per run."""
import json

import numpy
import pytest

from events import read_last

ITEMS, CLASSES = 300, 4


def draw_run(seed, shift):
    """(logits, labels) of a run: the same labels in all, and what the seed does is the same in all variants."""
    labels = numpy.arange(ITEMS) % CLASSES
    logits = numpy.random.default_rng(seed).normal(size=(ITEMS, CLASSES))
    logits[numpy.arange(ITEMS), labels] += shift
    return logits, labels


VARIANTS = {"plain": 1.0, "better": 2.0}
RUNS = [(variant, seed, *draw_run(seed, shift)) for variant, shift in VARIANTS.items() for seed in range(6)]


def accuracy(logits, labels):
    return float((logits.argmax(1) == labels).mean())


@pytest.fixture
def compare(mixent, tmp_path):
    """compare(options…): the comparison in the last event, with all metrics; or the message of a refusal."""
    def run(*options, code=0):
        done = mixent("compare", "--results", *options, "--json")
        assert done.code == code, done.err
        last = read_last(done.out)
        return {**last["comparison"], "metrics": last["metrics"]} if code == 0 else last["message"]
    return run


def write_npz(directory, **more):
    for variant, seed, logits, labels in RUNS:
        numpy.savez(directory / f"{variant}-{seed}.npz", variant=variant, seed=seed, test_logits=logits, test_labels=labels,
                    f1=logits.mean(), **more)
    return [f"{variant}-{seed}.npz" for variant, seed, *_ in RUNS]


def item_rows(item=str, correct=bool):
    return [{"variant": variant, "seed": seed, "item": item(i), "correct": correct(right), "note": "x"}
            for variant, seed, logits, labels in RUNS for i, right in enumerate(logits.argmax(1) == labels)]


def write_rows(path, rows):
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(",".join(rows[0]) + "\n" + "".join(",".join(map(str, row.values())) + "\n" for row in rows))
    return path.name


def test_runs_that_lack_most_items(compare, tmp_path):
    """A run takes room for every item that comes before its own; few rows must not take the whole memory."""
    most = 10_100
    rows = [f"a,0,{i},1" for i in range(most)] + [f"b,{seed},{most - 1},1" for seed in range(most)]
    (tmp_path / "rows.csv").write_text("\n".join(["variant,seed,item,correct", *rows]))
    assert "rows.csv: expected at most 100000000 runs times items in all files together, got more" in compare("rows.csv", code=1)


def check_accuracies(results):
    (data,) = results["data"]
    assert [variant["name"] for variant in data["variants"]] == ["plain", "better"]
    for variant in data["variants"]:
        expected = [accuracy(logits, labels) for name, _, logits, labels in RUNS if name == variant["name"]]
        assert variant["measures"]["accuracy"]["values"] == pytest.approx(expected, abs=1e-12)
    assert data["comparisons"][0]["verdict"] == "better"


def test_a_file_per_run_has_all_measures_of_its_logits(compare, tmp_path):
    results = compare(*write_npz(tmp_path))
    check_accuracies(results)
    names = {metric["name"] for metric in results["metrics"]}
    assert {"accuracy", "nll", "ece", "brier", "f1"} <= names and "nll_calibrated" not in names, "nothing was held out"
    nll = compare(*write_npz(tmp_path, val_logits=RUNS[0][2], val_labels=RUNS[0][3]), "--metric", "nll_calibrated")
    assert nll["metric"] == "nll_calibrated" and nll["data"][0]["variants"][0]["measures"]["nll_calibrated"]["count"] == 6


@pytest.mark.parametrize("name, item, correct", [("items.csv", str, int), ("items.csv", "q{}".format, bool), ("items.jsonl", int, bool),
                                                 ("items.jsonl", str, float)])
def test_a_row_per_item(compare, tmp_path, name, item, correct):
    check_accuracies(compare(write_rows(tmp_path / name, item_rows(item, correct))))


def test_rows_in_any_order_and_in_several_files(compare, tmp_path):
    rows = item_rows()
    numpy.random.default_rng(0).shuffle(rows)
    rows.sort(key=lambda row: row["variant"] != "plain")
    names = [write_rows(tmp_path / "a.csv", rows[:100]), write_rows(tmp_path / "b.jsonl", rows[100:])]
    (data,) = compare(*names)["data"]
    for variant in data["variants"]:
        expected = {str(seed): accuracy(logits, labels) for name, seed, logits, labels in RUNS if name == variant["name"]}
        assert dict(zip(variant["seeds"], variant["measures"]["accuracy"]["values"])) == pytest.approx(expected, abs=1e-12)


def test_items_in_npz_and_names_that_are_mapped(compare, tmp_path):
    for variant, seed, logits, labels in RUNS:
        numpy.savez_compressed(tmp_path / f"{variant}{seed}.npz", group=variant, seed=f"s{seed}", item=[f"i{i}" for i in range(ITEMS)],
                               correct=logits.argmax(1) == labels)
    check_accuracies(compare(*[f"{variant}{seed}.npz" for variant, seed, *_ in RUNS], "--columns", "variant=group"))


LOGITS, LABELS = draw_run(0, 1)
GOOD = {"variant": "a", "seed": 0, "test_logits": LOGITS, "test_labels": LABELS}
REFUSED_FILES = [
    ({"variant": None}, "r.npz: expected an array 'variant' that holds the variant, got none"),
    ({"variant": ["a", "b"]}, "r.npz: variant: expected a single text or number, got 2"),
    ({"test_labels": None}, "r.npz: expected the arrays 'test_logits' and 'test_labels', got one of them"),
    ({"val_logits": LOGITS}, "r.npz: expected the arrays 'val_logits' and 'val_labels', got one of them"),
    ({"val_logits": LOGITS[:, :3], "val_labels": LABELS}, "r.npz: val_logits: expected numbers of the shape (rows, classes)"),
    ({"test_logits": LOGITS[:, :1]}, "r.npz: test_logits: expected numbers of the shape (rows, classes)"),
    ({"test_logits": numpy.full((ITEMS, CLASSES), 0.25)}, "r.npz: test_logits: expected logits, got probabilities"),
    ({"test_logits": LOGITS * numpy.nan}, "r.npz: image 0: its logit of class 0 is nan"),
    ({"test_labels": LABELS[1:]}, "r.npz: test_labels: expected a label for each of the 300 rows of logits"),
    ({"test_labels": LABELS + 0.5}, "r.npz: test_labels: expected whole numbers from 0 on, got 0.5 in row 0"),
    ({"test_labels": LABELS + 1}, "r.npz: image 3: label 4 is not within 0 and 3"),
    ({"class_names": ["a"]}, "r.npz: class_names: expected 4 names, one a class, got 1"),
    ({"item": LABELS}, "r.npz: expected the arrays 'item' and 'correct' with a 'seed', got some of them"),
    ({"item": LABELS, "correct": LABELS}, "r.npz: expected 'correct' or 'test_logits', got both"),
]


@pytest.mark.parametrize("changes, message", REFUSED_FILES, ids=[message[7:50] for _, message in REFUSED_FILES])
def test_files_that_are_refused(compare, tmp_path, changes, message):
    numpy.savez(tmp_path / "r.npz", **{key: value for key, value in {**GOOD, **changes}.items() if value is not None})
    assert message in compare("r.npz", code=1)


def test_damaged_archives(compare, tmp_path):
    numpy.savez(tmp_path / "r.npz", **GOOD)
    data = bytearray((tmp_path / "r.npz").read_bytes())
    data[5000] ^= 1
    (tmp_path / "r.npz").write_bytes(data)
    assert "r.npz: test_logits.npy in it is damaged" in compare("r.npz", code=1)
    (tmp_path / "r.npz").write_bytes(data[:5000])
    assert "r.npz is not a zip archive" in compare("r.npz", code=1)


def test_runs_on_other_test_sets_are_not_compared(compare, tmp_path):
    numpy.savez(tmp_path / "a.npz", **GOOD)
    for changes in ({"test_labels": LABELS[::-1]}, {"test_logits": LOGITS[1:], "test_labels": LABELS[1:]}, {"class_names": list("abcd")}):
        numpy.savez(tmp_path / "b.npz", **{**GOOD, "variant": "b", **changes})
        message = compare("a.npz", "b.npz", code=2)
        assert "a.npz and b.npz: expected the same test labels and classes in the same order" in message
        numpy.savez(tmp_path / "b.npz", **{**GOOD, "variant": "b", "data": "another", **changes})
        assert [data["name"] for data in compare("a.npz", "b.npz")["data"]] == ["", "another"]
    numpy.savez(tmp_path / "b.npz", **GOOD)
    assert "a.npz and b.npz: expected runs of different variants, seeds or data sets, got variant 'a', seed 0 twice" in compare(
        "a.npz", "b.npz", code=1)


REFUSED_ROWS = [
    ("a,0,p,1\na,0,q,1\nb,0,p,1\n", "r.csv: expected every item for every run on a data set, got no row of item 'q' for variant 'b', seed 0"),
    ("a,0,p,1\na,0,p,0\n", "r.csv:3:5: expected each item once in a run (variant 'a', seed 0), got 'p' a second time"),
    ("a,0,p,2\n", "r.csv:2:7: expected 0 or 1, true or false in 'correct', got '2'"),
    ("a,0,p,\n", "r.csv:2:7: expected 0 or 1, true or false in 'correct', got ''"),
    ("a,0,,1\n", "r.csv:2:5: expected the item of this row in 'item', got a blank"),
]


@pytest.mark.parametrize("rows, message", REFUSED_ROWS, ids=[message[:40] for _, message in REFUSED_ROWS])
def test_rows_that_are_refused(compare, tmp_path, rows, message):
    (tmp_path / "r.csv").write_text("variant,seed,item,correct\n" + rows)
    assert message in compare("r.csv", code=1)


def test_items_need_a_seed_and_no_metric_rows(compare, tmp_path):
    (tmp_path / "r.csv").write_text("variant,item,correct\na,p,1\n")
    assert "expected a column 'seed' in a table with a row per item" in compare("r.csv", code=1)
    (tmp_path / "r.csv").write_text("variant,seed,item,correct,metric,value\na,0,p,1,f1,0\n")
    assert "expected a row per metric ('metric', 'value') or per item ('item', 'correct'), got both" in compare("r.csv", code=1)
    (tmp_path / "r.csv").write_text("variant,seed,item,accuracy\na,0,3,0.5\nb,0,4,0.6\n")  # a metric that is called so
    assert {"item", "accuracy"} == {metric["name"] for metric in compare("r.csv")["metrics"]}


@pytest.mark.parametrize("order", [1, -1])
def test_what_is_known_of_a_run_may_stand_in_several_files(compare, tmp_path, order):
    names = write_npz(tmp_path)
    rows = [{"variant": variant, "seed": seed, "recall": seed / 10} for variant, seed, *_ in RUNS]
    more = [write_rows(tmp_path / "more.csv", rows)]
    results = compare(*(names + more if order > 0 else more + names))
    check_accuracies(results)
    for variant in results["data"][0]["variants"]:
        assert sorted(variant["measures"]["recall"]["values"]) == [0, 0.1, 0.2, 0.3, 0.4, 0.5] and variant["measures"]["nll"]["count"] == 6
