"""Five data sets or more: mean effect, probability of improvement, interquartile mean and performance profile, against plain arithmetic."""
import json
import math
import random
import statistics

import pytest

from events import read_last

SETS, SEEDS = 6, 5
T_5 = 2.570581836  # Student's quantile at 0.975 for 5 degrees of freedom


def make(seed=1, effect=1.0, scale=1.0):
    """{variant: [[accuracy of each seed] of each data set]}"""
    draw = random.Random(seed)
    return {name: [[scale * (80 + 2 * data + (name == "mix") * effect + draw.gauss(0, 0.5)) for _ in range(SEEDS)] for data in range(SETS)] for name in ("ce", "mix")}


@pytest.fixture
def compare(mixent, tmp_path):
    def run(values, metric="accuracy", *options):
        rows = [{"variant": name, "data": f"d{data}", "seed": seed, metric: value} for name, sets in values.items() for data, runs in enumerate(sets) for seed, value in enumerate(runs)]
        (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        done = mixent("compare", "--results", "r.jsonl", *options, "--json")
        assert done.code == 0, done.err
        return read_last(done.out)["comparison"]["across"]
    return run


def improvement(values, better=1):
    shares = [statistics.mean((better * a > better * b) + 0.5 * (a == b) for a in runs for b in values["ce"][data]) for data, runs in enumerate(values["mix"])]
    return statistics.mean(shares)


def interquartile(runs):
    runs = sorted(runs)
    cut = len(runs) // 4
    return statistics.mean(runs[cut:len(runs) - cut])


@pytest.mark.parametrize("metric, better", [("accuracy", 1), ("nll", -1)])
def test_measures_across_data_sets(compare, metric, better):
    values = make()
    across = compare(values, metric)
    (pair,) = across["comparisons"]
    differences = [statistics.mean(runs) - statistics.mean(values["ce"][data]) for data, runs in enumerate(values["mix"])]
    half = T_5 * statistics.stdev(differences) / math.sqrt(SETS)
    assert (pair["variant"], pair["data_sets"], across["data_sets"], across["replicates"]) == ("mix", SETS, SETS, 10000)
    assert pair["effect"]["mean"] == pytest.approx(statistics.mean(differences))
    assert pair["effect"]["high"] - pair["effect"]["mean"] == pytest.approx(half)
    assert pair["better"] == sum(better * difference > 0 for difference in differences)
    assert pair["improvement"]["value"] == pytest.approx(improvement(values, better)) and pair["improvement"]["low"] <= pair["improvement"]["value"] <= pair["improvement"]["high"]
    for variant in across["variants"]:
        runs = [value for data in values[variant["name"]] for value in data]
        mean = variant["interquartile_mean"]
        assert mean["value"] == pytest.approx(interquartile(runs)) and mean["low"] < mean["value"] < mean["high"]
        share = [sum(better * (run - threshold) > 1e-9 for run in runs) / len(runs) for threshold in across["thresholds"]]
        assert [point["value"] for point in variant["profile"]] == pytest.approx(share)
    every = [value for sets in values.values() for data in sets for value in data]
    assert across["thresholds"][0] == pytest.approx(min(every)) and across["thresholds"][-1] == pytest.approx(max(every)) and len(across["thresholds"]) == 51


def test_too_few_data_sets(compare):
    assert compare({name: sets[:4] for name, sets in make().items()}) is None
    values = make()
    values["mix"] = [data[:1] if index < 2 else data for index, data in enumerate(values["mix"])]  # one run alone on two of six
    across = compare(values)
    (pair,) = across["comparisons"]
    assert (across["data_sets"], pair["data_sets"], pair["words"], pair["effect"]["mean"], pair["improvement"]["value"]) == (4, 4, None, None, None)
    assert across["thresholds"] == [] and across["variants"][0]["profile"] == []


def test_a_variant_that_lacks_data_sets_takes_no_other_with_it(compare):
    values = make()
    values["few"] = values["mix"][:2]
    across = compare(values)
    assert [(pair["variant"], pair["data_sets"], pair["words"] is None) for pair in across["comparisons"]] == [("mix", 6, False), ("few", 2, True)]
    assert across["data_sets"] == 2  # that all have


def test_the_words(compare, mixent):
    across = compare(make())
    text = " ".join(mixent("compare", "--results", "r.jsonl").out.split())
    assert "across 6 data sets: accuracy" in text and across["comparisons"][0]["words"] in text
    assert "t over the data sets, each of which counts the same" in text and "it is better on 6 of them" in text


def test_the_same_input_gives_the_same_numbers(compare):
    assert compare(make(3)) == compare(make(3))
