"""mixent.lab.compare: tables of every kind give what `mixent compare --results` says of the same table as a file; the object that comes
back; scikit-learn's results with the corrected test; what is refused."""
import copy
import csv
import gc
import html
import io
import json
import math
import os
import pickle
import re
import resource
import subprocess
import sys
import tracemalloc
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from mixent import lab
from mixent.lab import statistics

PROGRAM = os.environ.get("MIXENT_PROGRAM", str(Path(__file__).resolve().parents[2] / "build" / "release" / "mixent"))
A, B = [91.2, 91.5, 91.1, 91.4, 91.3, 91.6], [92.0, 92.2, 91.8, 92.3, 92.0, 92.4]
NEAR = [91.21, 91.49, 91.12, 91.38, 91.31, 91.6]


def columns_of(**variants):
    return {"variant": [name for name, values in variants.items() for _ in values],
            "seed": [seed for values in variants.values() for seed in range(len(values))],
            "accuracy": [value for values in variants.values() for value in values]}


def rows_of(columns):
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def by_program(columns, tmp_path, *options):
    """The text and the comparison of `mixent compare --results` of the table as CSV."""
    with open(tmp_path / "results.csv", "w", newline="") as file:
        csv.writer(file).writerows([list(columns), *zip(*columns.values())])
    words = [PROGRAM, "compare", "--results", str(tmp_path / "results.csv"), *options]
    text, events = (subprocess.run(words + more, capture_output=True, text=True, check=True).stdout for more in ([], ["--json"]))
    return text, json.loads(events.splitlines()[-1])["comparison"]


def same(a, b):
    return math.isnan(b) if a is None else b == pytest.approx(a, rel=1e-12)  # of the digits that JSON has


def all_of(found):
    """All that a comparison says; numbers that are not known are NaN, which nothing equals."""
    return repr(found), str(found), [(one.seeds, *map(repr, one.values)) for one in found.variants]


TABLES = {
    "wide": columns_of(a=A, b=B, near=NEAR) | {"nll": np.linspace(0.2, 0.4, 18)},
    "long": {"variant": np.repeat(["a", "b"], 10), "seed": [i // 2 for i in range(10)] * 2, "metric": ["accuracy", "nll"] * 10,
             "value": np.random.default_rng(0).random(20)},
    "data sets": {"data": ["x"] * 12 + ["y"] * 12, "variant": (["a"] * 6 + ["b"] * 6) * 2, "seed": list(range(6)) * 4,
                  "top1 error": [9.1, 9.3, 9.0, 9.2, 9.4, 9.1, 8.1, 8.2, 8.0, 8.4, 8.3, 8.2] * 2},
    "no seeds": {"variant": ["a"] * 5 + ["b"] * 6, "reward": [1.0, 2, 3, 2, 1, 5, 6, 7, 6, 5, 5.5]},
    "few, missing, one": {"variant": ["a", "a", "a", "b", "b", "b", "c"], "seed": [1, 2.0, "3", 1, 2, 3, 1],
                          "accuracy": [0.9, 0.91, None, 0.8, "NA", 0.82, 0.5]},
    "items": {"variant": ["a"] * 40 + ["b"] * 40, "seed": [i // 8 for i in range(40)] * 2, "item": list(range(8)) * 10,
              "correct": (np.random.default_rng(1).random(80) < 0.7).astype(int)},
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_says_what_the_program_says_of_the_file(name, tmp_path):
    table = {key: list(values) for key, values in TABLES[name].items()}
    found = lab.compare(table)
    text, by_file = by_program(table, tmp_path)
    assert str(found) == text
    assert all_of(found) == all_of(lab.compare(rows_of(table)))
    pairs = [(data["name"], pair) for data in by_file["data"] for pair in data["comparisons"]]
    assert len(pairs) == len(found.pairs) > 0
    for pair, (data, other) in zip(found.pairs, pairs):
        number = other["measures"][found.metric]
        assert (pair.data, pair.variant, pair.verdict, pair.reason, pair.scope, pair.words) == (
            data, *(other[key] for key in ("variant", "verdict", "reason", "scope", "words")))
        assert all(same(number[key], getattr(pair, key)) for key in ("error", "freedom", "low", "high", "t", "p", "holm"))
        assert same(number["mean"], pair.difference) and same((other["bootstrap"] or {}).get("low"), pair.like_low)


def test_across_data_sets(tmp_path):
    draw = np.random.default_rng(5)
    table = {"data": [f"d{i // 10}" for i in range(60)], "variant": (["a"] * 5 + ["b"] * 5) * 6, "seed": list(range(5)) * 12,
             "accuracy": [float(90 + i // 10 + (i // 5 % 2) + draw.normal()) for i in range(60)]}
    found = lab.compare(table)
    text, by_file = by_program(table, tmp_path)
    assert str(found) == text and len(found.across) == 1
    (across,), (other,) = found.across, by_file["across"]["comparisons"]
    said = tuple(other[key] for key in ("variant", "data_sets", "better", "words"))
    assert (across.variant, across.data_sets, across.better, across.words) == said
    assert across.effect == pytest.approx(tuple(other["effect"][key] for key in ("count", "mean", "deviation", "low", "high")))
    assert found.words.endswith(across.words) and across.words in html.unescape(found._repr_html_())
    assert found.words.startswith(f"d0: {found.pairs[0].words}\n\nd1: ")
    values = np.array(table["accuracy"]).reshape(6, 2, 5)
    assert across.improvement.value == pytest.approx(statistics.improvement(values[:, 1], values[:, 0], replicates=100).value)
    assert across.interquartile.value == pytest.approx(statistics.interquartile(values[:, 1], replicates=100).value)
    assert lab.compare(table, cv=5).across == () and lab.compare(columns_of(a=A, b=B)).across == ()  # folds are no independent runs


MESSY = [0.5, 1, 2, "3", 2.0, "1.0", "-0", 1e-300, 1e200, "1e400", None, "", " ", math.nan, math.inf, "NA", "<NA>", "none", "word", "0,5",
         "0x10", True, "\u00e4", 12345678901234567890, "a, \"b\"", "-Inf", "=1+1"]


@pytest.mark.parametrize("seed", range(40))
def test_messy_cells_mean_what_they_mean_in_a_file(seed, tmp_path):
    """The same text, or the same message but for the place, of random cells as a table and as CSV."""
    draw = np.random.default_rng(seed)
    rows, share = 24, draw.choice([0.02, 0.2])

    def cells(usual):
        return [MESSY[draw.integers(len(MESSY))] if draw.random() < share else usual(i) for i in range(rows)]

    table = {"variant": cells(lambda i: "abc"[i // 8]), "seed": cells(lambda i: i % 8), "accuracy": cells(lambda i: draw.normal())}
    table |= {"nll": cells(lambda i: float(draw.random()))} if draw.random() < 0.5 else {}
    try:
        mine = str(lab.compare(table))
    except ValueError as error:
        mine = str(error)
    with open(tmp_path / "results.csv", "w", newline="") as file:
        csv.writer(file).writerows([list(table), *zip(*table.values())])
    done = subprocess.run([PROGRAM, "compare", "--results", tmp_path / "results.csv"], capture_output=True, text=True)
    by_file = done.stdout if done.returncode == 0 else done.stderr.strip().removeprefix("mixent: ")
    assert re.sub(r"(?<!\w)results(:\d+)+", "R", mine) == re.sub(re.escape(f"{tmp_path}/results.csv") + r"(:\d+)+", "R", by_file)


def test_pandas_and_polars_frames():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    table = TABLES["wide"]
    expected = lab.compare(table)
    frames = [pandas.DataFrame(table), polars.DataFrame(table), pandas.DataFrame(table).convert_dtypes(),
              pandas.DataFrame(table).astype({"variant": "category"}), pandas.DataFrame(table).set_index(["variant", "seed"]),
              pandas.DataFrame(table, index=range(100, 118)),
              polars.DataFrame(table).with_columns(polars.col("variant").cast(polars.Categorical))]
    for frame in frames:
        assert all_of(lab.compare(frame)) == all_of(expected)
    wanted = list(expected.records()[0])
    for frame in (frames[0], table):
        made = lab.compare(frame).frame
        assert type(made) is pandas.DataFrame and list(made.columns) == wanted
        assert made["verdict"].tolist() == ["baseline", "better", "equivalent"]
    made = lab.compare(frames[1]).to_frame()
    assert type(made) is polars.DataFrame and made.columns == wanted


def test_missing_values_of_pandas_and_polars():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    table = columns_of(a=A, b=B[:-1] + [None])
    for frame in (pandas.DataFrame(table), pandas.DataFrame(table).convert_dtypes(), polars.DataFrame(table), table):
        found = lab.compare(frame)
        assert found.variants[1].missing == 1 and found.pairs[0].seeds == 5
    table["seed"][0] = None
    for frame in (pandas.DataFrame(table), pandas.DataFrame(table).convert_dtypes(), polars.DataFrame(table), table):
        with pytest.raises(ValueError, match="^results:1:2: expected the seed of this row in 'seed', got"):
            lab.compare(frame)


def test_without_pandas_a_frame_is_its_records(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    found = lab.compare(columns_of(a=A, b=B))
    frame = found.frame
    assert repr(frame) == repr(found.records())
    assert [row["variant"] for row in frame] == ["a", "b"] and [row["verdict"] for row in frame] == ["baseline", "better"]


def test_the_numbers_are_those_of_the_statistics():
    found = lab.compare(columns_of(a=A, b=B, near=NEAR))
    by_hand = [statistics.paired(B, A), statistics.paired(NEAR, A)]
    holm = statistics.holm([one.p for one in by_hand])
    for pair, one, adjusted in zip(found.pairs, by_hand, holm):
        assert (pair.difference, pair.error, pair.p, pair.holm) == pytest.approx((one.mean, one.error, one.p, adjusted))
        assert pair.within == pytest.approx(statistics.equivalence(one, 0.1).within) and pair.test == "paired"
    assert found.verdicts == {"b": "better", "near": "equivalent"} and found.difference == 0.1 and found.better == 1
    assert found.words == "\n\n".join(pair.words for pair in found.pairs) and "b is better than a" in found.words
    assert found.variants[0].values == tuple(A) and found.variants[0].seeds == tuple("012345")


def test_the_question():
    table = columns_of(a=A, b=B) | {"bits": B + A}
    found = lab.compare(table, metric="bits", baseline="b", lower="bits", difference=0.5)
    assert (found.metric, found.baseline, found.better, found.difference) == ("bits", "b", -1, 0.5)
    assert found.verdicts == {"a": "worse"} and found.metrics == {"accuracy": 1, "bits": 0} | {"bits": -1}
    assert lab.compare(table, metric="bits", higher=["bits"]).better == 1 and lab.compare(table, metric="bits").verdicts == {"b": "lower"}
    renamed = {"group": table["variant"], "rng": table["seed"], "accuracy": table["accuracy"]}
    assert str(lab.compare(renamed, columns={"variant": "group", "seed": "rng"})) == str(lab.compare(columns_of(a=A, b=B)))
    log = {key: [value for value in values for _ in range(2)] for key, values in columns_of(a=A, b=B).items()} | {"epoch": [1, 2] * 12}
    log |= {"accuracy": [value + i % 2 for i, value in enumerate(log["accuracy"])], "val_loss": [1, 2] * 12}
    assert lab.compare(log).variants[0].values == tuple(a + 1 for a in A)
    assert lab.compare(log, epoch="best:val_loss").variants[0].values == tuple(A)
    assert lab.compare({1: table["accuracy"], **table}, metric="1").metric == "1"


@pytest.mark.parametrize("results, options, message", [
    (columns_of(a=A, b=B), {"metric": "f1"}, "^metric: expected one of accuracy, got 'f1'"),
    (columns_of(a=A, b=B), {"baseline": "c"}, "^baseline: expected one of a, b, got 'c'"),
    (columns_of(a=A, b=B), {"lower": "nll"}, "^lower: expected one of accuracy"),
    (columns_of(a=A, b=B), {"difference": 0}, "^difference: expected a number above 0"),
    (columns_of(a=A, b=B), {"difference": math.nan}, "^difference: expected a number above 0"),
    (columns_of(a=A, b=B), {"columns": {"group": "x"}}, "^columns: expected .* got 'group'"),
    (columns_of(a=A, b=B), {"columns": {"seed": "rng"}}, "^results:1:1: expected a column 'rng'"),
    (columns_of(a=A, b=B), {"cv": 1}, "^cv: "),
    (columns_of(a=A, b=B), {"epoch": "best:val_loss"}, "^epoch: expected a metric of a log, got 'val_loss', which no run has"),
    (columns_of(a=A, b=B), {"epoch": "first"}, "^epoch: expected last or best:METRIC, got 'first'"),
    ({"variant": ["a"] * 5 + ["b"] * 5, "accuracy": list(range(10))}, {"cv": 5},
     "^b and a: expected two or more splits that both have, got 0"),
    ({"group": ["a"], "accuracy": [1]}, {}, r"expected a column 'variant', got .*; name it: columns=\{'variant': NAME\}"),
    ({"variant": ["a", "a"], "seed": [1, 1], "accuracy": [1, 2]}, {},
     "^results:2:3: expected one value of 'accuracy' .*the first is in results:1"),
    ({"variant": 2 * ["a" + 60 * "é"], "seed": [1, 1], "accuracy": [1, 2]}, {},  # the message cuts the name within a letter
     "^results:2:3: expected one value of 'accuracy' .*aéé.*the first is in results:1"),
    ({"variant": ["a", "a"], "seed": [1, 2], "accuracy": [1, "x"]}, {}, "^results:2:3: expected a number in column 'accuracy', got 'x'"),
    ({"variant": ["a"], "seed": [1, 2]}, {}, "columns of equal length, got variant: 1, seed: 2"),
    ({"variant": [], "seed": []}, {}, "^results: expected rows, got none"),
    ({"variant": ["a\0b"], "accuracy": [1]}, {}, "without a zero byte"),
    ({"a": {"test_score": [1, 2]}, "b": {"test_score": [1], "fit_time": [1, 2]}}, {"cv": 2}, "b: expected what cross_validate returns"),
    ({"a": {}}, {"cv": 2}, "a: expected what cross_validate returns")])
def test_what_is_wrong_is_said(results, options, message):
    with pytest.raises(ValueError, match=message):
        lab.compare(results, **options)


@pytest.mark.parametrize("results", ["runs.csv", 3, None, [1, 2], [], np.zeros((3, 3)), {"variant": "ab", "seed": [1, 2]}])
def test_what_is_no_table_is_refused(results):
    with pytest.raises((TypeError, ValueError), match="results: expected a data frame|variant: expected a column of values"):
        lab.compare(results)


def test_names_are_one_in_every_spelling():
    composed, apart = "caf\u00e9", "cafe\u0301"
    table = {"variant": ["a"] * 5 + [composed] * 3 + [apart] * 2, "seed": list(range(5)) * 2, "accuracy": list(range(10))}
    assert [one.variant for one in lab.compare(table).variants] == ["a", composed]


def validation(scores, splits=None):
    times = np.ones(len(scores))
    found = {"fit_time": times, "score_time": times, "test_accuracy": np.array(scores), "estimator": [None] * 3}
    return found if splits is None else found | {"indices": splits}


def test_folds_get_the_corrected_test():
    results = {"a": validation(A), "b": validation(B)}
    with pytest.raises(ValueError, match="the plain paired t test would see differences that are not there"):
        lab.compare(results)
    (pair,) = lab.compare(results, cv=6).pairs
    corrected = statistics.resampled(B, A, 1 / 5)
    assert pair.test == "resampled" and (pair.error, pair.p, pair.low) == pytest.approx((corrected.error, corrected.p, corrected.low))
    assert "overlap" in pair.words
    assert lab.compare(results, cv=6).metric == "accuracy" and lab.compare(results, cv=6).overlap == 1 / 5
    (of_scores,) = lab.compare({"a": np.array(A), "b": B}, cv=6).pairs  # of cross_val_score
    assert of_scores.error == pair.error and lab.compare({"a": A, "b": B}, cv=6).metric == "score"
    (plain,) = lab.compare(results, cv="independent").pairs
    assert plain.test == "paired" and plain.error == pytest.approx(statistics.paired(B, A).error)
    rows = np.array_split(np.arange(60), 6)
    splits = {"test": rows, "train": [np.setdiff1d(np.arange(60), one) for one in rows]}
    assert lab.compare({"a": validation(A, splits), "b": validation(B, splits)}).pairs[0].error == pytest.approx(corrected.error)
    (of_frame,) = lab.compare(columns_of(a=A, b=B), cv=6).pairs
    assert of_frame.error == pair.error


def test_scikit_learns_results():
    pytest.importorskip("sklearn")
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import RepeatedKFold, cross_validate
    from sklearn.tree import DecisionTreeClassifier
    x, y = load_iris(return_X_y=True)
    folds = RepeatedKFold(n_splits=5, n_repeats=2, random_state=0)
    scores = {name: cross_validate(model, x, y, cv=folds, scoring=["accuracy", "neg_log_loss"])
              for name, model in [("tree", DecisionTreeClassifier(random_state=0)), ("logistic", LogisticRegression(max_iter=500))]}
    found = lab.compare(scores, cv=folds)
    assert found.metrics == {"accuracy": 1, "neg_log_loss": 1, "fit_time": -1, "score_time": -1} and found.overlap == pytest.approx(1 / 4)
    expected = statistics.resampled(scores["logistic"]["test_accuracy"], scores["tree"]["test_accuracy"], 1 / 4)
    assert found.pairs[0].p == pytest.approx(expected.p)
    assert lab.compare(scores, cv=folds, metric="neg_log_loss").better == 1
    indexed = {name: cross_validate(model, x, y, cv=5, return_indices=True)
               for name, model in [("tree", DecisionTreeClassifier(random_state=0)), ("logistic", LogisticRegression(max_iter=500))]}
    assert lab.compare(indexed).overlap == pytest.approx(1 / 4) and lab.compare(indexed).metric == "score"


def test_a_notebook_sees_table_picture_and_words():
    found = lab.compare(columns_of(**{"a": A, "b<script>alert(1)</script>": B, "near": NEAR, "one": [91.0]}))
    page = found._repr_html_()
    tags = Tags()
    tags.feed(page)
    assert not tags.open and {"table", "svg", "p"} <= set(tags.seen) and "script" not in tags.seen
    assert tags.seen.count("circle") == 3 and "better" in tags.words and "undecided: one-run" in tags.words
    assert "currentColor" in page and "background" not in page  # the notebook's colours, light or dark
    picture = ElementTree.fromstring(re.search("<svg.*</svg>", page)[0])
    width = float(picture.get("viewBox").split()[2])
    for line in picture.iter("line"):
        assert 0 <= float(line.get("x1")) <= float(line.get("x2")) <= width
    lines = [line for line in picture.iter("line") if line.get("stroke-width") == "3"]
    circles = [circle for circle in picture.iter("circle")]
    for line, circle, pair in zip(lines, circles, found.pairs):
        low, middle, high = float(line.get("x1")), float(circle.get("cx")), float(line.get("x2"))
        share = (pair.difference - pair.low) / (pair.high - pair.low)
        assert (middle - low) / (high - low) == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("values", [[1, 1, 1, 1, 1], [1e-9, 2e-9, 1.5e-9, 3e-9, 1e-9], [1e140, 2e140, 3e140, 1e140, 2e140], [None] * 5,
                                    [5]])
def test_a_picture_of_any_numbers(values):
    found = lab.compare({"variant": ["a"] * 5 + ["b"] * len(values), "seed": [*range(5), *range(len(values))],
                         "accuracy": [1, 2, 3, 2, 1, *values]})
    page = found._repr_html_()
    assert "nan" not in re.sub("<p.*", "", page).lower() and "inf" not in re.sub("<p.*", "", page)


def test_one_variant_alone():
    found = lab.compare(columns_of(a=A))
    assert found.pairs == () and found.verdicts == {} and "svg" not in found._repr_html_() and found.variants[0].runs == 6


def test_copies_and_pickles():
    found = lab.compare(columns_of(a=A, b=B))
    assert all_of(pickle.loads(pickle.dumps(found))) == all_of(copy.deepcopy(found)) == all_of(found)


def test_nothing_leaks():
    """Neither Python's memory, which tracemalloc counts, nor the library's, which the process's peak shows."""
    table = rows_of(columns_of(**{f"v{i}": A for i in range(20)}))

    def work(times):
        for _ in range(times):
            lab.compare(table)
            for options in ({"metric": "x"}, {"epoch": "best:val_loss"}):
                with pytest.raises(ValueError):
                    lab.compare(table, **options)
        gc.collect()

    work(10)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work(100)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096  # kB
    tracemalloc.start()
    try:
        work(3)
        before, _ = tracemalloc.get_traced_memory()
        work(20)
        assert tracemalloc.get_traced_memory()[0] - before < 10000  # bytes
    finally:
        tracemalloc.stop()


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen, self.words = [], [], []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.seen.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.words.append(text)


def stand_in(path, script):
    """A program in place of mixent that keeps its words in the file `words`."""
    path.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$*\" > {path.parent}/words\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_the_page_is_written_by_the_program(tmp_path, monkeypatch):
    table = {"group": ["a"] * 6 + ["b, c"] * 6, "seed": list(range(6)) * 2, "accuracy": A + B}
    found = lab.compare(table, columns={"variant": "group"}, difference=0.2)
    page = tmp_path / "page.html"
    monkeypatch.setenv("MIXENT_PROGRAM", stand_in(tmp_path / "mixent", f'for last; do :; done; cp "$last" {page}'))
    found.to_html(page)
    assert (tmp_path / "words").read_text().startswith(f"report --results --difference 0.2 --columns variant=group --output {page} ")
    rows = list(csv.reader(io.StringIO(page.read_text())))
    assert rows[0] == ["group", "seed", "accuracy"] and rows[7] == ["b, c", "0", "92.0"] and len(rows) == 13
    monkeypatch.setenv("MIXENT_PROGRAM", stand_in(tmp_path / "failing", "echo 'mixent: no room' >&2; exit 1"))
    with pytest.raises(ValueError, match="^no room$"):
        found.to_html(page)


def test_the_page_shows_what_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("MIXENT_PROGRAM", PROGRAM)
    for found in (lab.compare(columns_of(a=A, b=B)), lab.compare({"a": validation(A), "b": validation(B)}, cv=6)):
        found.to_html(tmp_path / "page.html")
        page = html.unescape(re.sub("<[^>]*>", " ", (tmp_path / "page.html").read_text()))
        assert " ".join(found.words.split()) in " ".join(page.split())


def test_without_the_program_it_is_said_what_to_do(tmp_path, monkeypatch):
    found = lab.compare(columns_of(a=A, b=B))
    monkeypatch.setenv("MIXENT_PROGRAM", "/no/such/program")
    for call in (lambda: found.to_html(tmp_path / "page.html"), lambda: lab.runs(tmp_path)):
        with pytest.raises(FileNotFoundError, match="MIXENT_PROGRAM names /no/such/program, which is no program; build it with 'make'"):
            call()
    monkeypatch.delenv("MIXENT_PROGRAM")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="the program 'mixent' is not on the path"):
        found.to_html(tmp_path / "page.html")


def test_runs_as_a_frame(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setenv("MIXENT_PROGRAM", stand_in(tmp_path / "mixent", """echo '{"run": "a", "seed": 1}'; echo '{"run": "b"}'"""))
    assert lab.runs(tmp_path, "seed<5", columns=["run", "seed"], sort="run") == [{"run": "a", "seed": 1}, {"run": "b"}]
    assert (tmp_path / "words").read_text().strip() == f"runs --runs {tmp_path} --json --columns run,seed --sort run seed<5"
    monkeypatch.setenv("MIXENT_PROGRAM", PROGRAM)
    with pytest.raises(ValueError, match="no such directory of runs"):
        lab.runs(tmp_path / "none")
    assert lab.runs(tmp_path) == []
    for seed in range(3):
        lab.record(tmp_path / "runs", variant="a", seed=seed, metrics={"accuracy": 0.9 + seed / 100})
    found = lab.runs(tmp_path / "runs", "seed>0", columns=["run", "seed", "metrics.accuracy"], sort="seed")
    assert [(row["run"], row["seed"], row["metrics.accuracy"]) for row in found] == [("a-1", 1, 0.91), ("a-2", 2, 0.92)]
