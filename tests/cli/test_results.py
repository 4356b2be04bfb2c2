"""`mixent compare --results`: anybody's results, in every layout; each thing that can be wrong with them has one outcome."""
import csv
import gzip
import io
import json
import math
import os
import re
import statistics
import subprocess

import numpy
import pytest

from comparison import of_metric
from events import read_last
from support import PROGRAM, ROOT, environment

A = [91.2, 91.5, 91.1, 91.4, 91.3, 91.6]
B = [92.0, 92.2, 91.8, 92.3, 92.0, 92.4]
NEAR = [91.21, 91.49, 91.12, 91.38, 91.31, 91.6]


def student(t, freedom):
    """Two-sided p of Student's t, by the trapezoid rule over its density."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    x = numpy.linspace(0, abs(t), 200001)
    y = scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
    return 1 - 2 * float(((y[:-1] + y[1:]) / 2).sum() * (x[1] - x[0]))


def rows_of(**variants):
    return [{"variant": name, "seed": seed, "accuracy": value} for name, values in variants.items() for seed, value in enumerate(values)]


def write(path, rows):
    """By the path's ending: CSV or JSON Lines, plain or in gzip."""
    if ".jsonl" in path.name:
        text = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        out = io.StringIO()
        writer = csv.DictWriter(out, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
        text = out.getvalue()
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path.name


@pytest.fixture
def compare(mixent, tmp_path):
    """compare(rows or text, options…): what the last event says of the results."""
    def run(content, *options, name="r.csv", code=0):
        if isinstance(content, str):
            (tmp_path / name).write_text(content)
        else:
            write(tmp_path / name, content)
        done = mixent("compare", "--results", name, *options, "--json")
        assert done.code == code, done.err
        last = read_last(done.out)
        return of_metric(last) if code == 0 else last["message"]
    return run


def only(results):
    (data,) = results["data"]
    (pair,) = data["comparisons"]
    return pair


def test_seeds_are_pairs(compare):
    results = compare(rows_of(a=A, b=B))
    pair = only(results)
    differences = [b - a for a, b in zip(A, B)]
    error = statistics.stdev(differences) / math.sqrt(6)
    assert (results["metric"], results["baseline"], results["better"], results["difference"]) == ("accuracy", "a", 1, 0.1)
    assert (pair["test"], pair["seeds"], pair["verdict"], pair["reason"]) == ("paired", 6, "better", None)
    assert pair["difference"] == pytest.approx(statistics.mean(differences)) and pair["error"] == pytest.approx(error)
    assert pair["p"] == pair["holm"] == pytest.approx(student(pair["difference"] / error, 5), abs=1e-9)
    assert pair["low"] < pair["difference"] < pair["high"] and pair["freedom"] == 5
    assert pair["high"] - pair["difference"] == pytest.approx(2.570581836 * error)  # Student's quantile for 5 degrees of freedom
    variant = results["data"][0]["variants"][1]
    assert variant["values"] == B and variant["seeds"] == list("012345") and variant["mean"] == pytest.approx(statistics.mean(B))


def test_splits_that_overlap_get_the_corrected_test(compare, mixent):
    pair, plain = only(compare(rows_of(a=A, b=B), "--overlap", "0.2")), only(compare(rows_of(a=A, b=B)))
    wider = math.sqrt(1 + 6 * 0.2)  # (1 / 6 + 0.2) s^2 in place of s^2 / 6: Nadeau and Bengio 2003
    assert pair["test"] == "resampled" and pair["error"] == pytest.approx(wider * plain["error"]) and pair["freedom"] == 5
    assert pair["p"] == pytest.approx(student(pair["difference"] / pair["error"], 5), abs=1e-9) and pair["p"] > plain["p"]
    assert "over 6 splits, corrected because their training parts overlap" in pair["words"]
    corrected, naive = (compare(rows_of(a=A, b=B), *more)["data"][0]["variants"][0] for more in (["--overlap", "0.2"], []))
    assert corrected["high"] - corrected["mean"] == pytest.approx(wider * (naive["high"] - naive["mean"]))
    assert "corrected resampled t over the splits" in mixent("compare", "--results", "r.csv", "--overlap", "0.2").out
    for wrong in ("0", "-1", "x", "nan"):
        assert compare(rows_of(a=A, b=B), "--overlap", wrong, code=2).startswith("--overlap: expected the test items of a split")
    alone = [dict(row, seed=f"{row['variant']}-{row['seed']}") for row in rows_of(a=A, b=B)]
    assert compare(alone, "--overlap", "0.2", code=2) == (
        "b and a: expected two or more splits that both have, got 0; splits whose training parts overlap are compared in pairs")


def test_every_layout_says_the_same(compare, mixent, tmp_path):
    wide = [dict(row, nll=row["accuracy"] / 100) for row in rows_of(a=A, b=B, c=NEAR)]
    long = [{"variant": row["variant"], "seed": row["seed"], "metric": metric, "value": row[metric]} for row in wide for metric in ("accuracy", "nll")]
    shuffled = sorted(long, key=lambda row: (row["variant"], row["metric"], -row["seed"]))
    mapped = [{"group": row["variant"], "rng": float(row["seed"]), "acc. %": row["accuracy"]} for row in wide]
    right = compare(wide)
    assert [metric["name"] for metric in right["metrics"]] == ["accuracy", "nll"] and len(right["data"][0]["comparisons"]) == 2
    for name in ("r.csv", "r.csv.gz", "r.jsonl", "r.jsonl.gz", "no-ending"):
        assert compare(wide, name=name) == right and compare(long, name=name) == right
    again = compare(shuffled)
    for mine, other in zip(again["data"][0]["comparisons"], right["data"][0]["comparisons"]):
        assert mine["difference"] == pytest.approx(other["difference"]) and mine["p"] == pytest.approx(other["p"])
    other = compare(mapped, "--columns", "variant=group,seed=rng", "--metric", "acc. %")
    assert [pair["p"] for pair in other["data"][0]["comparisons"]] == [pair["p"] for pair in right["data"][0]["comparisons"]]
    text = "\ufeff" + "".join(f" {row['variant']} ,{row['seed']},{row['accuracy']}\r\n" for row in [dict(variant="Variant", seed="SEED", accuracy="accuracy"), *wide])
    assert compare(text)["data"][0]["comparisons"] == right["data"][0]["comparisons"]
    write(tmp_path / "first.csv", [row for row in wide if row["variant"] == "a"])  # several files, another format each
    write(tmp_path / "second.jsonl.gz", [row for row in wide if row["variant"] != "a"])
    assert of_metric(read_last(mixent("compare", "--results", "first.csv", "second.jsonl.gz", "--json").out)) == right
    write(tmp_path / "more.csv", [{"variant": row["variant"], "seed": row["seed"], "f1": 0.5} for row in wide])  # more metrics of the same runs
    both = of_metric(read_last(mixent("compare", "--results", "r.csv", "more.csv", "--json").out))
    assert both["data"] == compare(wide)["data"] and both["metrics"][-1] == {"name": "f1", "better": 1}


@pytest.mark.parametrize("rows, said", [
    ([{"variant": row["variant"], "accuracy": row["accuracy"]} for row in rows_of(a=A, b=B)], "No seeds are told"),
    ([dict(row, seed=f"{row['variant']}-{row['seed']}") for row in rows_of(a=A, b=B)], "share no seeds"),
    ([dict(row, seed=row["seed"] + 5 * (row["variant"] == "b")) for row in rows_of(a=A, b=B)], "share one seed alone"),
], ids=["no column", "other seeds", "one in common"])
def test_without_common_seeds_runs_are_unpaired(compare, rows, said):
    pair = only(compare(rows))
    squares = [statistics.variance(values) / 6 for values in (A, B)]
    error = math.sqrt(sum(squares))
    freedom = sum(squares) ** 2 / sum(square ** 2 / 5 for square in squares)  # Satterthwaite's
    assert (pair["test"], pair["verdict"]) == ("unpaired", "better") and said in pair["words"] and "Welch" in pair["words"]
    assert pair["error"] == pytest.approx(error) and pair["freedom"] == pytest.approx(freedom)
    assert pair["p"] == pytest.approx(student((statistics.mean(B) - statistics.mean(A)) / error, freedom), abs=1e-9)


def test_unequal_seeds(compare):
    results = compare(rows_of(a=A, b=B + [99.0, 99.5]))
    pair, right = only(results), only(compare(rows_of(a=A, b=B)))
    assert (pair["seeds"], pair["difference"], pair["p"]) == (6, right["difference"], right["p"])
    assert results["data"][0]["variants"][1]["count"] == 8 and pair["mean"] == pytest.approx(statistics.mean(B))
    assert "no partner: 2 of 8 runs of b; over the seeds that both have, the means are 92.12 and 91.35" in pair["words"]


@pytest.mark.parametrize("name, missing", [("r.csv", ["", "NA", "nan", "null", "inf", "-Infinity", "1e999"]),
                                           ("r.jsonl", [None, math.nan, math.inf, -math.inf, "", "NaN", "Infinity"])])
def test_missing_values_are_left_out_and_said_to_be(compare, name, missing):
    for value in missing:
        results = compare(rows_of(a=A, b=[*B, value]), name=name)
        pair = only(results)
        assert results["data"][0]["variants"][1]["missing"] == 1 and results["data"][0]["variants"][1]["values"][-1] is None
        assert pair["seeds"] == 6 and "no value: 1 of 7 runs of b; if such runs failed, the others flatter it" in pair["words"]


def reason_of(compare, a, b):
    pair = only(compare(rows_of(a=a, b=b)))
    assert pair["verdict"] == "undecided"
    return pair


def test_too_little_to_test(compare):
    for a, b, reason, said in [
            (A, [None] * 6, "no-runs", "no run of b has a value"), ([None] * 6, B, "no-runs", "no run of a has a value"),
            (A[:1], B[:1], "one-run", "there are 1 and 1"), (A, B[:1], "one-run", "there are 1 and 6"),
            (A, A, "identical", "check that these are different runs"),
            ([0.1, 0.2, 0.3, 0.4, 0.5], [0.4, 0.5, 0.6, 0.7, 0.8], "no-scatter", "by +0.3000 in all runs")]:
        pair = reason_of(compare, [value for value in a], b)
        assert pair["reason"] == reason and said in pair["words"], pair
        assert all(pair[key] is None for key in ("test", "p", "holm", "low", "high", "t", "equivalence_p", "within")), pair


def test_few_seeds_conclude_nothing(compare):
    for count in (2, 3, 4):
        pair = reason_of(compare, A[:count], [value + 1 + 0.001 * i for i, value in enumerate(A[:count])])
        assert pair["reason"] == "few-seeds" and pair["p"] < 0.001 and "it takes 5" in pair["words"]
    assert only(compare(rows_of(a=A[:5], b=B[:5])))["verdict"] == "better"


def test_what_has_no_scatter_is_no_comparison_for_holm(compare):
    pairs = compare(rows_of(a=A, b=[a + d for a, d in zip(A, [.1, .3, .2, -.1, .1, .2])], same=A, one=A[:1]))["data"][0]["comparisons"]
    assert pairs[0]["holm"] == pairs[0]["p"] and [pair["holm"] for pair in pairs[1:]] == [None, None]
    pairs = compare(rows_of(a=A, b=[a + d for a, d in zip(A, [.1, .3, .2, -.1, .1, .2])], c=NEAR))["data"][0]["comparisons"]
    assert pairs[0]["holm"] == pytest.approx(2 * pairs[0]["p"]) and pairs[1]["holm"] == pytest.approx(max(pairs[1]["p"], pairs[0]["holm"]))


def test_equivalence(compare):
    pair = only(compare(rows_of(a=A, b=NEAR)))
    upper = student((abs(pair["difference"]) - 0.1) / pair["error"], 5) / 2
    assert (pair["verdict"], pair["reason"]) == ("equivalent", None) and "less than the 0.1 points that matter" in pair["words"]
    assert pair["equivalence_p"] == pytest.approx(upper, abs=1e-9) and pair["within"] > 0.99
    assert only(compare(rows_of(a=A, b=NEAR), "--difference", "0.001"))["reason"] == "open"
    shares = rows_of(a=[value / 100 for value in A], b=[value / 100 for value in NEAR])
    assert compare(shares)["difference"] == 0.001 and only(compare(shares))["verdict"] == "equivalent"
    losses = [{"variant": row["variant"], "seed": row["seed"], "nll": row["accuracy"]} for row in rows_of(a=A, b=NEAR)]
    assert compare(losses)["difference"] is None and only(compare(losses))["verdict"] == "undecided"
    assert only(compare(losses))["equivalence_p"] is None
    assert only(compare(losses, "--difference", "0.1"))["verdict"] == "equivalent"
    # different, and by less than matters: both are said
    shifted = only(compare(rows_of(a=A, b=[value + 0.05 + 0.001 * (i % 2) for i, value in enumerate(A)])))
    assert shifted["verdict"] == "better" and "less than the 0.1 points that matter" in shifted["words"]


def test_fractions_beside_per_cent(compare):
    assert "is one a fraction, the other per cent?" in only(compare(rows_of(a=A, b=[value / 100 for value in B])))["words"]
    assert "per cent" not in only(compare(rows_of(a=A, b=B)))["words"]


BETTER = {
    "accuracy": 1, "test/acc": 1, "val_f1": 1, "AUC": 1, "top5": 1, "R2": 1, "neg_log_loss": 1, "reward": 1, "pass@1": 1, "testAccuracy": 1,
    "nll": -1, "val_loss": -1, "valLoss": -1, "ECE": -1, "top1_error": -1, "perplexity": -1, "brier": -1, "negative_log_likelihood": -1, "seconds": -1,
    "entropy": 0, "temperature": 0, "lossless": 0, "metric7": 0}


def test_which_direction_is_better(compare):
    rows = [dict(row, **{name: row["accuracy"] for name in BETTER}) for row in rows_of(a=A, b=B)]
    assert {metric["name"]: metric["better"] for metric in compare(rows)["metrics"]} == BETTER
    told = compare(rows, "--lower", "entropy,accuracy", "--higher", "temperature")
    assert {metric["name"]: metric["better"] for metric in told["metrics"]} == dict(BETTER, entropy=-1, accuracy=-1, temperature=1)
    assert only(told)["verdict"] == "worse" and only(compare(rows, "--metric", "nll"))["verdict"] == "worse"
    assert only(compare(rows, "--metric", "nll", "--baseline", "b"))["verdict"] == "better"
    unknown = only(compare(rows, "--metric", "entropy"))
    assert unknown["verdict"] == "higher" and "Nothing says whether higher or lower is better" in unknown["words"]
    assert only(compare(rows, "--metric", "entropy", "--baseline", "b"))["verdict"] == "lower"
    assert "expected one of accuracy," in compare(rows, "--lower", "nll,lost", code=2)


def test_the_metric_by_default(compare):
    def chosen(*names):
        return compare([{"variant": "a", "seed": 0, **{name: 1 for name in names}}])["metric"]
    assert chosen("nll", "test_acc", "accuracy") == "accuracy" and chosen("nll", "test_acc", "val_acc") == "test_acc" and chosen("nll", "f1") == "nll"
    assert compare("variant,seed,note\na,0,x\n", code=1).startswith("r.csv: expected a column of numbers")
    assert compare("variant,seed,accuracy,nll\na,0,91 %,1\na,1,92,1\n", code=1) == "r.csv:2:5: expected a number in column 'accuracy', got '91 %'"
    rows = rows_of(a=A)
    assert compare(rows, "--metric", "f1", code=2) == "--metric: expected one of accuracy, got 'f1'"
    assert compare(rows, "--baseline", "x", code=2) == "--baseline: expected one of a, got 'x'"


def test_data_sets_are_compared_each_for_itself(compare):
    rows = [dict(row, data=data) for data, values in (("one", B), ("two", [a + d for a, d in zip(A, [.1, .3, .2, -.1, .1, .2])])) for row in rows_of(a=A, b=values)]
    results = compare(rows)
    first, second = (data["comparisons"][0] for data in results["data"])
    assert [data["name"] for data in results["data"]] == ["one", "two"]
    assert first["holm"] == pytest.approx(2 * first["p"]) and second["holm"] == pytest.approx(second["p"])
    renamed = [{"task": row.pop("data"), **row} for row in rows]
    assert compare(renamed, "--columns", "data=task") == results


def test_columns_that_are_no_metrics(compare):
    """Words, the number of a row that data frames write, a list or an object of JSON."""
    rows = [{"": i, "note": "fine", **row, "tags": "x"} for i, row in enumerate(rows_of(a=A, b=B))]
    assert [metric["name"] for metric in compare(rows)["metrics"]] == ["accuracy"]
    rows = [dict(row, config={"lr": 1}, tags=["x"], done=True) for row in rows_of(a=A, b=B)]
    assert [metric["name"] for metric in compare(rows, name="r.jsonl")["metrics"]] == ["accuracy"]


HEAD = "variant,seed,accuracy\n"
WRONG = {
    "a duplicate": (HEAD + "a,1,2\na,2,2\na,1.0,3\n", "r.csv:4:7: expected one value of 'accuracy' for this run (variant 'a', seed 1), got a second one; the first is in r.csv:2"),
    "a column twice": ("variant,accuracy,accuracy\na,1,2\n", "r.csv:2:5: expected one column 'accuracy', got two; rename one of them"),
    "a word": (HEAD + "a,1,2\na,2,good\n", "r.csv:3:5: expected a number in column 'accuracy', got 'good'; leave the cell empty"),
    "no variant": ("group,seed,accuracy\na,1,2\n", "r.csv:1:1: expected a column 'variant', got 'group', 'seed', 'accuracy'; name it: --columns variant=NAME"),
    "a blank variant": (HEAD + "a,1,2\n,2,3\n", "r.csv:3:1: expected the variant of this row in 'variant', got a blank"),
    "a blank seed": (HEAD + "a,,2\n", "r.csv:2:3: expected the seed of this row in 'seed', got a blank"),
    "a seed that is NaN": (HEAD + "a,NaN,2\n", "r.csv:2:3: expected the seed of this row in 'seed', got NaN"),
    "two seeds": ("variant,seed,Seed,accuracy\na,1,1,2\n", "r.csv:1:1: expected one column for the seed, got 'seed' and 'Seed'"),
    "long without seeds": ("variant,metric,value\na,accuracy,1\n", "r.csv:1:1: expected a column 'seed' in a table with a row per metric"),
    "a metric without a name": ("variant,seed,metric,value\na,1,,1\n", "r.csv:2:5: expected the name of a metric"),
    "a short row": (HEAD + "a,1\n", "r.csv:2:3: expected 3 cells as in the header, got 2"),
    "semicolons": ("variant;seed;accuracy\na;1;0,9\n", "r.csv:1:1: expected columns with commas between them, got semicolons; write the table with commas"),
    "tabs": ("variant\tseed\taccuracy\na\t1\t2\n", "r.csv:1:1: expected columns with commas between them, got tabs"),
    "a header alone": (HEAD, "r.csv: expected rows below the header, got none"),
    "nothing": ("", "r.csv: expected a table of results, got an empty file"),
    "an open quote": (HEAD + 'a,1,"2\n', "r.csv:2:5: this quote is not closed"),
    "a list": ('[{"variant": "a"}]', "r.csv: expected CSV or JSON Lines, got a list of JSON"),
    "JSON cut off": ('{"variant": "a", "seed": 1, "accuracy": 1}\n{"variant": "a", "se', "r.csv:2:"),
    "JSON, no object": ('{"variant": "a", "accuracy": 1}\n\n3\n', "r.csv:3:1: expected an object on each line"),
    "JSON, no variant": ('{"accuracy": 1}\n', "r.csv:1:1: expected a column 'variant', got 'accuracy'"),
    "JSON, a list as the variant": ('{"variant": [1], "accuracy": 1}\n', "r.csv:1:1: expected the variant of this row in 'variant', got a list or an object"),
    "JSON, a key twice": ('{"variant": "a", "accuracy": 1, "accuracy": 2}\n', "r.csv:1:"),
    "JSON, nesting": ('{"variant": ' + "[" * 100000 + "\n", "r.csv:1:"),
    "JSON, a long line": ('{"variant": "' + "a" * 2000000 + '"}\n', "r.csv:1:1: expected a line of at most 1048576 bytes"),
    "a web page": ("<!DOCTYPE html>\n<html>", "r.csv: expected results (CSV or JSON Lines), got a web page"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_its_place(compare, name):
    content, message = WRONG[name]
    assert compare(content, code=1).startswith(message)


def test_hostile_files(mixent, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "zip").write_bytes(b"PK\3\4" + bytes(100))
    (tmp_path / "cut.gz").write_bytes(gzip.compress(HEAD.encode() + b"a,1,2\n" * 1000)[:-20])
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"\n" * (65 << 20)))
    for name, message in {"pipe": "it is a pipe", "directory": "expected results below this directory", "binary": "binary:", "zip": "is not a zip archive that can be read", "cut.gz": "damaged or truncated",
                          "bomb.gz": "more than 67108864 bytes", "missing": "No such file", "/dev/zero": "character device"}.items():
        done = mixent("compare", "--results", name, timeout=20)
        assert done.code == 1 and message in done.message and name in done.message
    (tmp_path / "r.csv").write_bytes(HEAD.encode() + b"a,1,2\n\xff,2,3\n")
    assert mixent("compare", "--results", "r.csv").message.startswith("mixent: r.csv:3:1: not UTF-8")
    bad = "\x1b]0;x\x07\u202e"
    write(tmp_path / "r.csv", [dict(row, variant=row["variant"] + bad, **{f"acc{bad}": row["accuracy"]}, data=bad) for row in rows_of(a=A, b=B)])
    for words in ([], ["--metric", f"acc{bad}"], ["--metric", bad], ["--baseline", bad], ["--columns", f"seed={bad}"]):
        done = mixent("compare", "--results", "r.csv", *words)
        assert not set(done.out + done.err) & set(bad) - {"x", "0", "]", ";"} and (done.out or done.message)
    many = [dict(variant=f"v{v}{bad}" + "é" * 60, seed=i, **{f"m{m}{bad}" + "ü" * 60: value * (m + v) for m in range(12)}) for v in range(7) for i, value in enumerate(A)]
    write(tmp_path / "r.csv", many)  # more names than are kept escaped at once; titles are cut between letters
    done = mixent("compare", "--results", "r.csv")
    titles = [line for line in done.out.splitlines() if line.startswith("measure ")]
    assert not set(done.out) & set(bad) - {"x", "0", "]", ";"} and len(titles) == 2
    assert [re.findall(r"v(\d)", line) for line in titles] == [list("01234"), list("56")] and "é…" in titles[0]


def test_the_text(mixent, tmp_path):
    write(tmp_path / "r.csv", [dict(row, nll=1) for row in rows_of(ce=A, **{"min-ent": B, "few": A[:2]})])
    text = mixent("compare", "--results", "r.csv").out
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[:6] == ["3 variants, 6 seeds; baseline ce", "", "variant runs accuracy % deviation 95 % interval difference 95 % interval Holm p verdict",
                         "ce 6 91.35 0.19 91.15 to 91.55 baseline", "min-ent 6 92.12 0.22 91.88 to 92.35 +0.77 0.68 to 0.85 < 0.0001 better",
                         "few 2 91.35 0.21 89.44 to 93.26 0.00 - - undecided: identical"]
    assert "\nmin-ent is better than ce: accuracy differs by +0.77 points (95 %: 0.68 to 0.85, paired" in text
    assert " ".join(text.split()).endswith("Verdicts on another metric (--metric NAME): nll.") and "difference of 0.1 points matters" in " ".join(text.split())


def test_one_variant_alone(mixent, tmp_path):
    write(tmp_path / "r.csv", rows_of(a=A))
    assert mixent("compare", "--results", "r.csv").out.endswith("91.15 to 91.55    baseline\n\nOne variant alone: there is nothing to compare it with.\n")


def test_options_of_studies_and_of_results_do_not_mix(mixent, tmp_path):
    write(tmp_path / "r.csv", rows_of(a=A))
    for words, said in ((["--results", "r.csv", "--seeds", "3"], "--seeds is for a study"), (["--results", "r.csv", "--jobs", "2"], "--jobs is for a study"),
                        (["r.csv", "--metric", "nll"], "--metric is for results"), (["r.csv"], "compare --results PATH"), (["a", "b"], "expected one study"),
                        (["--results"], "more words are needed"), (["--results", "r.csv", "--difference", "-1"], "--difference: expected a number above 0"),
                        (["--results", "r.csv", "--difference", "0.1x"], "got '0.1x'"), (["--results", "r.csv", "--columns", "variants=a"], "--columns: expected variant=NAME"),
                        (["--results", "r.csv", "--columns", "seed=variant,variant=variant"], "expected a column for each role"),
                        (["--results", "r.csv", "--columns", "seed=a,seed=b"], "at most once"), (["--results", "r.csv", "--lower", ""], "--lower: expected one of accuracy"),
                        (["--results", "r.csv", "--lower", "accuracy", "--higher", "accuracy"], "expected each metric in one of them, got 'accuracy' in both")):
        done = mixent("compare", *words)
        assert done.code == 2 and said in done.message, done
    done = mixent("compare", "--results", "r.csv", "--columns", "seed=rng")
    assert done.code == 1 and done.message == "mixent: r.csv:1:1: expected a column 'rng', got 'variant', 'seed', 'accuracy'"


def test_a_study_of_ours_says_the_same_as_a_file(mixent, tmp_path):
    """Every measure of a study, written as a CSV and read back: the same differences, intervals and p values."""
    subprocess.run([PROGRAM, "study", "import", ROOT / "docs/studies/paper-claim-half.jsonl.gz"], cwd=tmp_path, env=environment(), check=True, capture_output=True)
    ours = read_last(mixent("compare", "runs/paper-claim-half", "--no-train", "--json").out)["comparison"]
    (data,) = ours["data"]
    rows = [dict(variant=variant["name"], seed=seed, **{name: of["values"][i] for name, of in variant["measures"].items()})
            for variant in data["variants"] for i, seed in enumerate(variant["seeds"])]
    write(tmp_path / "study.csv", rows)
    for measure in ("accuracy", "nll", "ece", "aurc", "nll_calibrated"):
        theirs = of_metric(read_last(mixent("compare", "--results", "study.csv", "--metric", measure, "--json").out))
        for variant, other in zip(data["variants"], theirs["data"][0]["variants"], strict=True):
            for key in ("count", "mean", "deviation", "low", "high"):
                assert other[key] == pytest.approx(variant["measures"][measure][key], rel=1e-9), (measure, key)
        for pair, other in zip(data["comparisons"], theirs["data"][0]["comparisons"], strict=True):
            assert other["variant"] == pair["variant"] and other["seeds"] == pair["seeds"]
            of = pair["measures"][measure]
            for key, mine in (("difference", "mean"), ("low", "low"), ("high", "high"), ("t", "t"), ("p", "p"), ("holm", "holm")):
                assert other[key] == pytest.approx(of[mine], rel=1e-9), (measure, key)


def test_the_page_shows_what_the_program_prints(mixent, tmp_path):
    page = (ROOT / "docs/COMPARING.md").read_text()
    section = page[page.index("## Anybody's results"):page.index("## For programs")]
    given, shown = ("\n".join(line[4:] for line in block.strip("\n").splitlines()) + "\n" for block in re.findall(r"\n\n((?:    .*\n|\n)+)", section)[:2])
    (tmp_path / "runs.csv").write_text(given)
    assert mixent("compare", "--results", "runs.csv").out == shown
    verdicts = page[page.index("## Verdicts"):page.index("## Two questions")]
    pair = json.loads((ROOT / "docs/events.schema.json").read_text())["$defs"]["compared_pair"]["properties"]
    for name in pair["verdict"]["enum"] + pair["reason"]["enum"]:
        assert name in (None, "undecided") or re.search(rf"`(undecided: )?{name}`", verdicts), name


def test_small_numbers_have_digits(mixent, tmp_path):
    rows = [{"variant": name, "seed": seed, "mse": (3 + seed + 7 * (name == "b")) * 1e-12, "time": 0.01 * (seed + 1)} for name in "ab" for seed in range(3)]
    write(tmp_path / "r.csv", rows)
    said = mixent("compare", "--results", "r.csv", "--metric", "mse").out
    assert "0.0000000000040" in said and "+0.0000000000070" in said and " 0.020 " in said
