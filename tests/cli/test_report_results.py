"""`mixent report --results` and reports of recorded runs: the page shows what anybody's results allow, and no more."""
import csv
import re
import shutil

import numpy
import pytest

from events import read_last
from page import Page
from test_results_items import write_npz

WITHOUT_PREDICTIONS = ["verdict", "measures"]
WITH_PREDICTIONS = ["verdict", "measures", "reliability", "certainty", "confusion"]
gnuplot = pytest.mark.skipif(not shutil.which("gnuplot"), reason="gnuplot is not installed (tools/install-dependencies report)")


@pytest.fixture
def report(mixent, tmp_path):
    """report(words…): the page, or the message of a refusal."""
    def run(*words, code=0):
        done = mixent("report", *words, "--output", "page.html")
        assert done.code == code, done.err
        return Page(tmp_path / "page.html").check() if code == 0 else done.err
    return run


def write_table(path, rows):
    with open(path, "w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def table(data=("one",), seeds=range(6), seed=str):
    """Rows of three variants, of which the second has an accuracy that is higher and a perplexity that is lower; the third shares no seed."""
    chance = numpy.random.default_rng(1)
    rows = []
    for name in data:
        for variant, gain in (("base", 0), ("<b>good</b>", 0.02), ("other", 0)):
            for k in seeds:
                noise = chance.normal(0, 0.002)
                rows.append({"data": name, "variant": variant, "seed": seed(k) + ("x" if variant == "other" else ""),
                             "accuracy": f"{0.8 + gain + noise:.5f}", "perplexity": f"{20 - 100 * gain + 50 * noise:.3f}"})
    return rows


def test_metrics_alone(report, mixent, tmp_path):
    """Verdicts, words and intervals are those of compare; sections that need predictions are left out."""
    write_table(tmp_path / "runs.csv", table(seed=lambda k: f"seed {k}"))
    page = report("--results", "runs.csv")
    assert page.sections() == [*WITHOUT_PREDICTIONS, "making"] and page.charts == 2 and not page.images
    (data,) = read_last(mixent("compare", "--results", "runs.csv", "--json").out)["comparison"]["data"]
    assert [pair["verdict"] for pair in data["comparisons"]] == ["better", "undecided"]
    for pair in data["comparisons"]:
        assert pair["words"] in page.text
    low, high = data["comparisons"][0]["measures"]["accuracy"]["low"], data["comparisons"][0]["measures"]["accuracy"]["high"]
    assert f"[+{low:.5f}, +{high:.5f}]" in page.text
    assert "▲" not in page.text and 'class="outcome better"' in page.source  # the style sheet draws the sign
    assert "<b>good</b>" in page.text and "<b>good" not in page.source
    assert "6 and 6 runs, unpaired" in page.source and "18 runs" in page.text and "ECE" not in page.text
    assert "mixent report --results runs.csv" in page.text


def test_a_copy_of_the_baseline_does_not_set_the_scale(report, tmp_path):
    """Where most differences are far from it, those are the scale."""
    values = {"base": [0.9] * 6, "copy": [0.9] * 6, "shifted": [0.93] * 6, "better": [0.91 + k / 1000 for k in range(6)]}
    write_table(tmp_path / "runs.csv", [{"variant": name, "seed": k, "accuracy": value} for name in values for k, value in enumerate(values[name])])
    page = report("--results", "runs.csv")
    assert "An arrow stands" not in page.text and 'class="beyond"' not in page.source and page.source.count("<circle") == 4  # one each, and #mark


def test_a_metric_of_which_lower_is_better(report, tmp_path):
    write_table(tmp_path / "runs.csv", table())
    page = report("--results", "runs.csv", "--metric", "perplexity")
    answers = page.source.partition('class="answers"')[2].partition("</ul>")[0]
    assert 'class="outcome better">better</span> than base: <b>&lt;b&gt;good&lt;/b&gt;</b> −2.' in answers
    assert "points" not in page.text.partition("Measures")[0] and "shaded band" not in page.text  # no difference is known to matter
    page = report("--results", "runs.csv", "--metric", "perplexity", "--difference", "5", "--baseline", "other")
    assert "less than ±5, too small to matter" in page.text and "--metric perplexity --baseline other --difference 5" in page.text


def test_nobody_knows_which_is_better(report, tmp_path):
    rows = [{**row, "size": row["perplexity"]} for row in table()]
    write_table(tmp_path / "runs.csv", rows)
    page = report("--results", "runs.csv", "--metric", "size")
    assert 'class="outcome lower">lower</span> than base' in page.source and 'class="outcome better"' not in page.source


def test_several_data_sets_and_few_runs(report, tmp_path):
    write_table(tmp_path / "runs.csv", table(data=("one", "two"), seeds=range(1)))
    page = report("--results", "runs.csv")
    assert page.sections() == [*WITHOUT_PREDICTIONS * 2, "making"] and {"data-0", "data-1"} <= set(page.ids)
    assert page.source.count("<small>one run</small>") == 4


@gnuplot
def test_five_data_sets_begin_with_all_together(report, mixent, tmp_path):
    """Mean effect, probability of improvement and profile are those of compare; the sections of each data set are not named one by one."""
    write_table(tmp_path / "runs.csv", table(data=("one", "two", "three", "four", "five")))
    page = report("--results", "runs.csv")
    assert page.sections() == ["across", *WITHOUT_PREDICTIONS * 5, "making"] and "5 data sets" in page.text
    assert page.source.partition("<nav")[2].partition("</nav>")[0].count("<a ") == 1 + 5 + 1
    across = read_last(mixent("compare", "--results", "runs.csv", "--json").out)["comparison"]["across"]
    section = page.source.partition('<section id="across-0">')[2].partition("</section>")[0]
    good = across["comparisons"][0]
    assert f"+{good['effect']['mean']:.5f}<span" in section and f"[+{good['effect']['low']:.5f}, +{good['effect']['high']:.5f}]" in section
    assert f"{good['improvement']['value']:.2f} <span" in section and "5 of 5" in section
    shares = [point["value"] for point in across["variants"][1]["profile"]]
    assert re.findall(r'<td class="v1">(\d+) %', section) == [f"{100 * share:.0f}" for share in shares]
    assert all(pair["words"] in page.text for pair in across["comparisons"])


@gnuplot
def test_predictions_bring_calibration_and_confusions(report, tmp_path):
    files = write_npz(tmp_path)
    page = report("--results", *files)
    assert page.sections() == [*WITH_PREDICTIONS, "making"]
    assert "Pictures are left out" not in page.text and "on samples like these" in page.text
    assert page.source.count("<figure") == 2 + 2 + 1  # reliability and entropy of each variant, risk
    assert "--results better-0.npz" not in page.text and "--results plain-0.npz" in page.text


@gnuplot
def test_a_directory_of_recorded_runs_needs_no_option(report, mixent, tmp_path):
    from test_record import record_runs  # needs the Python package: else this test is skipped
    record_runs(tmp_path / "mine", metrics={"f1": 0.5})
    page = report("mine")
    assert page.sections() == [*WITH_PREDICTIONS, "making"]
    assert "f1" in page.text and "400 test samples" in page.text and "mixent report mine" in page.text
    assert mixent("report", "mine").code == 0 and (tmp_path / "mine" / "report.html").exists()


def test_options_of_results_belong_to_results(report, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "recipe.yaml").write_text("recipe: demo\n")
    assert "--metric is for results: mixent report --results" in report("own", "--metric", "nll", code=2)
    write_table(tmp_path / "runs.csv", table())
    assert "--metric: expected one of accuracy, perplexity, got 'acc'" in report("--results", "runs.csv", "--metric", "acc", code=2)
    assert not (tmp_path / "page.html").exists()
