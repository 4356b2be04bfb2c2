"""The tables of docs/results and README: each is tied to the runs of docs/studies, to docs/results/data, or to a reason."""
import csv
import functools
import json
import math
import re
import statistics
import subprocess
import sys

import pytest

from support import PROGRAM, ROOT, environment

sys.path.append(str(ROOT / "tools"))
import exports

DIRECTORY = exports.STUDIES
STUDIES = sorted(path.name.removesuffix(".jsonl.gz") for path in DIRECTORY.glob("*.jsonl.gz"))
QUICK = ("letters-fast", "paper-claim", "paper-claim-half", "table", "parts", "test-selected")  # of two seconds each; the others take up to ten
GRIDS = ("rate-weight",)  # many variants, of which tables of their own are made, each with a test below
PAGES = [ROOT / "README.md", ROOT / "docs/RESULTS.md", ROOT / "docs/FINDINGS.md", ROOT / "docs/PAPER-JUDGED.md", *sorted((ROOT / "docs/results").glob("*.md"))]

# What each table with numbers is tied to, in order, by page and heading: ("study", NAME): rows of `mixent compare NAME`, both ways;
# ("test", NAME): the test below that works it out again; ("reason", WORDS): why no runs are kept of it. Files named there are in the tree.
TIES = {
    ("README.md", "What we found"): [("test", "test_a_difference_that_is_quoted_stands_in_a_table")],
    ("README.md", "Three commands"): [("study", "paper-claim-half")],
    ("PAPER-JUDGED.md", "What our runs say"): [("test", "test_a_difference_that_is_quoted_stands_in_a_table")],
    ("PAPER-JUDGED.md", "How the runs were made"): [("reason", "methods")],
    ("RESULTS.md", "Where every figure comes from"): [("reason", "revisions and processors")],
    ("accuracy.md", "The demo"): [("reason", "two runs, which `make demo` trains")],
    ("accuracy.md", "Accuracy against minutes"): [("test", "test_the_epochs_of_letters_fast"), ("study", "letters-fast")],
    ("accuracy.md", "The record"): [("study", "letters-record"), ("test", "test_the_seeds_of_the_record")],
    ("accuracy.md", "With Winograd and without"): [("test", "test_winograds_table_is_that_of_the_scores_kept"),
                                                   ("reason", "errors, which bench/winograd.c prints")],
    ("accuracy.md", "Views of an image averaged"): [("reason", "one model, which the command above it trains and scores")] * 2,
    ("accuracy.md", "Replicas"): [("study", "replicas")],
    ("FINDINGS.md", "In short"): [("test", "test_a_difference_that_is_quoted_stands_in_a_table")],
    ("label-noise.md", "noise-tuned"): [("study", "noise-tuned-40"), ("study", "noise-tuned-20"), ("study", "noise-tuned-pair"), ("study", "noise-tuned-confusable"), *[("test", "test_the_trials_of_noise")] * 4,
                                         *[("test", "test_probabilities_under_noise")] * 4],
    ("label-noise.md", "default-weights-noise"): [("study", "default-weights-noise")],
    ("label-noise.md", "noise"): [("study", "noise-0"), ("study", "noise-20"), ("study", "noise-40")],
    ("losses.md", "paper-claim-half"): [("study", "paper-claim-half")],
    ("losses.md", "paper-claim"): [("study", "paper-claim")],
    ("losses.md", "relatives"): [("study", "relatives")],
    ("losses.md", "relatives-tuned"): [("test", "test_the_table_of_trials_is_that_of_the_trials_kept"), ("study", "relatives-tuned"),
                                       ("study", "relatives-shared")],
    ("losses.md", "min-ent-fixed"): [("study", "min-ent-fixed")],
    ("losses.md", "parts"): [("study", "parts")],
    ("losses.md", "default-weights"): [("study", "default-weights"), ("study", "default-weights"),
                                       ("test", "test_the_nll_of_default_weights")],
    ("losses.md", "Calibration, before and after temperature"): [("test", "test_the_calibration_of_relatives")],
    ("losses.md", "test-selected"): [("study", "test-selected")],
    ("losses.md", "other-data"): [("study", "other-data")] * 3,
    ("losses.md", "table"): [("study", "table")],
    ("losses.md", "rate-weight"): [("test", "test_the_means_of_rate_weight"), ("test", "test_the_best_rates_of_rate_weight")],
    ("speed.md", "Training speed beside PyTorch"): [("reason", "speeds, which bench/train.c and bench/train.py print")],
    ("speed.md", "With AVX2 and with AVX-512 and bfloat16, on one processor"): [("reason", "speeds, which bench/train.py prints")],
    ("speed.md", "What made a step faster, and what did not"): [("reason", "speeds, which bench/train.c prints")],
    ("speed.md", "Inference beside PyTorch and ONNX Runtime"): [("reason", "speeds, which bench/infer.py prints")],
    ("speed.md", "The losses beside PyTorch and the speed of memory"): [("reason", "speeds, which bench/loss.c prints")] * 2,
    ("speed.md", "How long threads spin"): [("reason", "speeds, which bench/waiting.py prints")],
    ("speed.md", "Runs side by side, or one with two threads"): [("reason", "speeds, which bench/train.c prints")],
    ("speed.md", "Augmentation"): [("reason", "speeds, which bench/augment.c prints")],
    ("speed.md", "Photographs"): [("reason", "speeds, which bench/pictures.py and bench/memory_limit.py print")],
    ("speed.md", "A model as C"): [("reason", "speeds, which bench/exported.c prints")],
    ("statistics.md", "False alarms and power"): [("reason", "simulated studies, which bench/false_alarms.c prints")],
    ("statistics.md", "Few runs"): [("reason", "simulated studies, which bench/few_runs.c prints")],
    ("sweeps.md", "Sweeps"): [("test", "test_what_the_sweeps_printed_is_that_of_the_trials_kept"), ("study", "paper-found")],
    ("weights.md", "learned"): [("study", "learned")],
    ("weights.md", "styles"): [("study", "styles")],
}

COMMAND = re.compile(r" +(\$ )?(mixent|make|for|done|build/|bench/|--)")


def run(place, *words):
    done = subprocess.run([PROGRAM, *words], cwd=place, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def cells(line):
    return " ".join(line.split())


def has_numbers(line):
    return len(re.findall(r"(?<![\w.])[+−-]?\d[\d,]*(?:\.\d+)?(?: %)?(?![\w.])", line)) >= 2


def tables_of(text):
    """(heading, lines) of each pipe table or indented block of which two lines or more hold two numbers or more, commands aside; and of
    each table of variants."""
    found, heading, block, fenced = [], "", [], False
    for line in [*text.splitlines(), "# end"]:
        kind = "|" if line.startswith("|") else " " if line.startswith("    ") else "" if line else "blank"
        if not fenced and block and (kind == block[0][0] or (kind == "blank" and block[0][0] == " ")):
            block.append(line)
            continue
        rows = [row for row in block if has_numbers(row) and not COMMAND.match(row)]
        if len(rows) >= 2 or (rows and block[0].split()[0] == "variant"):
            found.append((heading, [row for row in block if row]))
        block = [line] if kind in ("|", " ") and not fenced else []
        fenced ^= line.startswith("```")
        if line.startswith("#") and not fenced:
            heading = line.strip("# ").split(":")[0]
    return found


def tables():
    """(page, heading, lines, tie) of each."""
    found, counts = [], {}
    for page in PAGES:
        for heading, lines in tables_of(page.read_text()):
            place = page.name, heading
            ties = TIES.get(place, [])
            counts[place] = counts.get(place, 0) + 1
            assert counts[place] <= len(ties), f"{place}: the table '{lines[0].strip()[:60]}' is tied to nothing; add it to TIES"
            found.append((*place, lines, ties[counts[place] - 1]))
    return found


def test_every_table_has_a_tie():
    found = tables()
    for place, ties in TIES.items():
        assert sum(each[:2] == place for each in found) == len(ties), f"TIES names tables of {place} that are not there"
    for *place, _, (kind, what) in found:
        assert kind in ("study", "test", "reason"), place
        assert kind != "study" or what in STUDIES, f"{place}: no study {what}"
        assert kind != "test" or what in globals(), f"{place}: no test {what}"
        for path in re.findall(r"\b(?:bench|tools|src)/[\w/.]+", what):
            assert (ROOT / path).exists(), f"{place}: {path} is not there"


def test_tables_are_found():
    text = """# A: more
| a | 1 | 2.0 |
|---|---|---|
| b | 2 | 3 % |
    c   1.5   2

    d  −1.5   2

    mixent compare 1 2
# B
```
    e 1 2
    f 1 2
```
| g | 1 |
"""
    assert tables_of(text) == [("A", ["| a | 1 | 2.0 |", "|---|---|---|", "| b | 2 | 3 % |"]),
                               ("A", ["    c   1.5   2", "    d  −1.5   2", "    mixent compare 1 2"])]


runs_of = functools.lru_cache(maxsize=2)(exports.runs)


def values_of(study, variant, value):
    """Of each run of a variant, by seed."""
    return [value(metrics, result) for run, metrics, result in runs_of(study) if run.rpartition("-")[0] == variant]


def table_tied_to(what):
    return next(lines for _, _, lines, tie in tables() if tie == ("test", what))


def test_they_are_packed_without_a_time():
    assert len(STUDIES) >= 20 and {path.name for path in DIRECTORY.iterdir()} == {f"{study}.jsonl.gz" for study in STUDIES}
    for study in STUDIES:
        assert (DIRECTORY / f"{study}.jsonl.gz").read_bytes()[:9] == b"\x1f\x8b\x08\0\0\0\0\0\2", study


@pytest.mark.parametrize("study", [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in STUDIES])
def test_it_comes_in_and_says_what_is_published(tmp_path, study):
    path = DIRECTORY / f"{study}.jsonl.gz"
    assert f"{len(exports.runs(study))} runs came in, 0 were there already" in run(tmp_path, "study", "import", str(path))
    published = [cells(line) for _, _, lines, tie in tables() if tie == ("study", study) for line in lines if not COMMAND.match(line)]
    if study in GRIDS or study.endswith("-search") or study.startswith("screen-"):  # held-out scores that choose; no page quotes a test table
        assert not published
        return
    text = run(tmp_path, "compare", study, "--no-train")
    assert re.search(r"Runs vary init, order(\.|, split\.|, split, noise\.)", text)
    said = [cells(line) for line in text.splitlines()]
    rows = [line for line in said if re.match(r"\S+ (\d+ \d+\.\d+ (\d+\.\d+|-) .* (baseline|[+−]?\d+\.\d+ (- -|.* to) .*)|0 - - - )", line)]
    assert rows
    for row in rows:
        assert any(line == row or line.startswith(row + " ") for line in published), f"no page of docs/results says: {row}"
    for line in published:  # behind a row may stand the weights at the end, of the next test
        if has_numbers(line) and re.match(r"\S+ \d+ ", line):
            assert any(line == row or line.startswith(row + " ") for row in said), f"`mixent compare {study}` does not say: {line}"


@pytest.mark.parametrize("study, keys", [("learned", ("w1", "w2", "b1", "b2")), ("styles", ("w1", "w2"))])
def test_the_weights_at_the_end(study, keys):
    """The last columns of the two tables: means over the seeds."""
    lines = next(lines for _, _, lines, tie in tables() if tie == ("study", study))
    assert cells(lines[0]).endswith("verdict " + " ".join(keys))
    checked = 0
    for line in lines[1:]:
        variant, count, *_ = line.split()
        if count == "0":
            continue
        shown = line.split()[-len(keys):]
        for key, cell in zip(keys, shown):
            mean = statistics.mean(values_of(study, variant, lambda metrics, result: metrics[-1][key]))
            value = math.e if cell == "e" else float(cell.replace("−", "-"))
            shown_to = len(cell.partition(".")[2]) or 3
            right = mean == pytest.approx(value) if cell == "e" else abs(mean - value) <= 0.51 * 10**-shown_to
            assert right, f"{variant}: {key} is {mean:.4g}, not {cell}"
            checked += 1
    assert checked >= 20


def test_the_epochs_of_letters_fast():
    runs = runs_of("letters-fast")
    rows = [line for line in table_tied_to("test_the_epochs_of_letters_fast") if has_numbers(line)]
    assert len(rows) == 6
    for epoch, row in enumerate(rows):
        held_out = [100 * metrics[epoch]["validation"]["accuracy"] for _, metrics, _ in runs]
        minutes = sum(line["seconds"] for line in runs[2][1][:epoch + 1]) / 60
        assert row == f"| {epoch + 1} | {minutes:.1f} | {statistics.mean(held_out):.2f} ± {statistics.stdev(held_out):.2f} |"


def test_the_seeds_of_the_record():
    rows = [line for line in table_tied_to("test_the_seeds_of_the_record") if has_numbers(line)]
    runs = runs_of("letters-record")
    assert len(rows) == len(runs) >= 2
    for seed, (row, (_, metrics, result)) in enumerate(zip(rows, runs)):
        test = result["test"]
        assert row.startswith(f"| {seed} | {100 * test['accuracy']:.2f} % | {test['nll']:.4f} | ")
        assert row.endswith(f" {sum(epoch['seconds'] for epoch in metrics) / 60:.1f} |")


def test_the_nll_of_default_weights():
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table_tied_to("test_the_nll_of_default_weights")]
    assert [line[0] for line in lines] == ["NLL as trained", "---", "letters", "clothes"] and len(lines[0]) == 8
    for line, data in ((lines[2], "emnist-letters"), (lines[3], "fashion-mnist")):
        for variant, cell in zip(lines[0][1:], line[1:]):
            values = values_of("default-weights", f"{data}/{variant}", lambda _, result: result["test"]["nll"])
            assert cell == f"{statistics.mean(values):.4f}"


def test_the_means_of_rate_weight():
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table_tied_to("test_the_means_of_rate_weight")]
    assert rows[0] == ["loss", "0.1", "0.25", "0.5", "1", "2"] and len(rows) == 2 + 9
    for loss, *row in rows[2:]:
        for rate, cell in zip(rows[0][1:], row, strict=True):
            values = values_of("rate-weight", f"{loss}-{rate}", lambda _, result: 100 * result["test"]["accuracy"])
            assert len(values) == 10 and cell == f"{statistics.mean(values):.2f}"


def test_the_best_rates_of_rate_weight(tmp_path):
    """Each loss at the rate that is best on held-out images; what examples/python/best_of_a_grid.py prints."""
    held_out, right = {}, {}
    for run_name, metrics, result in runs_of("rate-weight"):
        loss, rate, seed = run_name.rsplit("-", 2)
        held_out.setdefault(loss, {}).setdefault(rate, []).append(max(epoch["validation"]["accuracy"] for epoch in metrics))
        right[loss, rate, seed] = result["test"]["accuracy"]
    best = {loss: max(rates, key=lambda rate: statistics.mean(rates[rate])) for loss, rates in held_out.items()}
    table = tmp_path / "best.csv"
    table.write_text("variant,seed,accuracy\n" + "".join(f"{loss},{seed},{100 * value}\n" for (loss, rate, seed), value in right.items() if rate == best[loss]))
    said = [cells(line) for line in run(tmp_path, "compare", "--results", str(table), "--baseline", "ce").splitlines()]
    lines = [cells(line) for line in table_tied_to("test_the_best_rates_of_rate_weight")]
    assert len(lines) == 1 + 9
    for line in lines[1:]:
        loss, rate, *row = line.split()
        assert rate == best[loss] and " ".join([loss, *row]) in said, line


def test_the_calibration_of_relatives():
    lines = table_tied_to("test_the_calibration_of_relatives")
    assert cells(lines[0]) == "loss NLL ECE temperature NLL at it ECE at it" and len(lines) == 13
    for line in lines[1:]:
        variant = line.split()[0]
        columns = [(("test", "nll"), 4), (("test", "ece"), 4), (("temperature", "temperature"), 2), (("test_calibrated", "nll"), 4),
                   (("test_calibrated", "ece"), 4)]
        said = []
        for (part, key), digits in columns:
            values = values_of("relatives", variant, lambda _, result: result[part][key])
            assert len(values) == 10
            said.append(f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}")
        assert cells(line) == f"{variant} {' '.join(said)}"


# Differences from another variant than the study's baseline, by paired t; and the quantile of t for so many seeds.
FROM_ANOTHER = {("0.27", "−0.09", "0.63"): ("paper-found", "mix-ent-released", "ce-like-mix-ent"),
                ("0.10", "−0.01", "0.20"): ("relatives-tuned", "min-ent-learned", "min-ent"),
                ("−0.03", "−0.11", "0.05"): ("relatives-tuned", "mix-ent-learned", "mix-ent")}
QUANTILES = {5: 2.7764451, 10: 2.2621572}


@pytest.mark.parametrize("said", FROM_ANOTHER)
def test_a_difference_from_another_baseline(said):
    study, variant, other = FROM_ANOTHER[said]
    a, b = (values_of(study, name, lambda _, result: 100 * result["test"]["accuracy"]) for name in (variant, other))
    differences = [x - y for x, y in zip(a, b, strict=True)]
    count = len(differences)
    mean, half = statistics.mean(differences), QUANTILES[count] * statistics.stdev(differences) / math.sqrt(count)
    assert said == tuple(f"{value:.2f}".replace("-", "−") for value in (mean, mean - half, mean + half))


QUOTED = re.compile(r"([+−]?\d+\.\d+)(?: points)? \((−?\d+\.\d+) to (−?\d+\.\d+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_difference_that_is_quoted_stands_in_a_table(page):
    """A difference with its interval, wherever prose quotes it."""
    rows = [f" {cells(line)} ".replace(" +", " ") for _, _, lines, (kind, what) in tables()
            if kind == "study" or what == "test_the_best_rates_of_rate_weight" for line in lines]
    quoted = QUOTED.findall(cells(page.read_text()))
    for difference, low, high in quoted:
        words = f" {difference.lstrip('+')} {low} to {high} "
        turned = f" −{difference} −{high} to −{low} ".replace("−−", "")  # "less accurate by"
        known = (difference.lstrip("+"), low, high) in FROM_ANOTHER or any(words in row or turned in row for row in rows)
        assert known, f"no table says{words}"
    assert len(quoted) >= {"README.md": 5, "FINDINGS.md": 6, "PAPER-JUDGED.md": 6}.get(page.name, 0)


def test_winograds_table_is_that_of_the_scores_kept():
    kept = json.loads((ROOT / "docs/results/data/winograd.json").read_text())
    page = (ROOT / "docs/results/accuracy.md").read_text()
    for part, name in (("test", "test, 20,800 images"), ("validation", "held out, 49,920 images")):
        a, b = (100 * statistics.mean(seed[which][part] for seed in kept["seeds"]) for which in "ab")
        difference = kept["difference"][part]
        assert difference["mean"] * 100 == pytest.approx(b - a)
        assert f"| {name} | {a:.3f} | {b:.3f} | {b - a:.3f} ± {100 * difference['half_width']:.3f} |" in page


def test_the_table_of_trials_is_that_of_the_trials_kept():
    page = (ROOT / "docs/results/losses.md").read_text()
    files = sorted((ROOT / "docs/results/data/tune").glob("*.csv"))
    assert len(files) == 14
    for path in files:
        finished = [row for row in csv.DictReader(path.read_text().splitlines()) if row["end"] == "finished"]
        best = max(finished, key=lambda row: float(row["value"]))
        name = path.stem.replace("-learned", ", learned")
        line = f"    {name:22} {len(finished):8}  {100 * float(best['value']):5.2f}  {float(best['optimizer.learning_rate']):.3f}"
        assert f"\n{line}" in page, line


@pytest.mark.parametrize("loss", ["min-ent", "mix-ent"])
def test_what_the_sweeps_printed_is_that_of_the_trials_kept(loss):
    rows = list(csv.DictReader((ROOT / f"docs/results/data/paper-small/{loss}.csv").read_text().splitlines()))
    finished = [row for row in rows if row["end"] == "finished"]
    best = max(finished, key=lambda row: float(row["value"]))
    page = (ROOT / "docs/results/sweeps.md").read_text()
    assert f"{len(rows)} trials: {len(finished)} finished, {len(rows) - len(finished)} pruned." in page
    assert f"Trial {best['number']} is best: {100 * float(best['value']):.2f} % on the held-out images" in page
    assert re.search(rf"optimizer\.learning_rate +{float(best['optimizer.learning_rate']):.4g}\b", page)


NOISE = {"noise-tuned-40": 2, "noise-tuned-20": 2, "noise-tuned-pair": 1, "noise-tuned-confusable": 2}  # study, and how many searches of twenty trials each loss had


@pytest.mark.parametrize("study", NOISE)
def test_the_trials_of_noise(study):
    """Table of label-noise.md: the best held-out accuracy of each search, and what the best of all found, which is what the study trains."""
    tied = [lines for _, _, lines, tie in tables() if tie == ("test", "test_the_trials_of_noise")]
    rows = {cells[0]: cells[1:] for line in tied[list(NOISE).index(study)] for cells in [[cell.strip() for cell in line.strip("|").split("|")]]}
    recipe = (ROOT / f"recipes/studies/{study}.yaml").read_text()
    files = sorted((ROOT / f"docs/results/data/{study}").glob("*.csv"))
    assert len(files) == 7
    for path in files:
        trials = [trial for trial in csv.DictReader(path.open()) if trial["end"] == "finished"]
        assert len(trials) == 20 * NOISE[study]
        searches = [max(float(trial["value"]) for trial in trials if int(trial["number"]) // 20 == number) for number in range(NOISE[study])]
        best = max(trials, key=lambda trial: float(trial["value"]))
        own = {key.removeprefix("loss."): f"{float(value):.3g}" for key, value in best.items() if key.startswith("loss.") and value}
        rate = f"{float(best['optimizer.learning_rate']):.3g}"
        assert rows[path.stem] == [*(f"{100 * value:.2f}" for value in searches), rate, ", ".join(f"{key} = {value}" for key, value in own.items())], path.stem
        options = "".join(f", {key}: {value}" for key, value in own.items())
        assert f"  {path.stem}: {{loss: {{name: {path.stem}{options}}}, optimizer: {{learning_rate: {rate}}}}}" in recipe


@pytest.mark.parametrize("study", NOISE)
def test_probabilities_under_noise(study):
    """Table of label-noise.md: as trained, and at the temperature of the noisy held-out labels."""
    tied = [lines for _, _, lines, tie in tables() if tie == ("test", "test_probabilities_under_noise")][list(NOISE).index(study)]
    found = {}
    for name, _, result in runs_of(study):
        scores = (result["test"], result["test_calibrated"])
        values = [part[key] for part in scores for key in ("nll", "ece")] + [result["temperature"]["temperature"]]
        found.setdefault(name.rpartition("-")[0], []).append(values)
    for loss, runs in found.items():
        nll, ece, fitted_nll, fitted_ece, temperature = map(statistics.mean, zip(*runs))
        assert f"| {loss} | {nll:.3f} | {ece:.3f} | {temperature:.2f} | {fitted_nll:.3f} | {fitted_ece:.3f} |" in tied
    assert len(tied) == 2 + len(found)


def test_the_trials_of_the_claim():
    """docs/record.md, claim: the best trial of each loss is the best of its file, with its values."""
    section = (ROOT / "docs/record.md").read_text().split("## claim:")[1].split("\n## ")[0]
    rows = {row[0]: row[1:] for row in re.findall(r"^\| ([\w-]+) \| ([\d.]+) % \| ([\d.]+) \| (?:\w+ = ([\d.]+) )?\|$", section, re.MULTILINE)}
    files = sorted((ROOT / "docs/results/data/claim").glob("*.csv"))
    assert {path.stem for path in files} == set(rows)
    for path in files:
        trials = list(csv.DictReader(path.open()))
        best = max(trials, key=lambda trial: float(trial["value"]))
        own = [float(best[key]) for key in ("loss.w2", "loss.smoothing") if best.get(key)]
        accuracy, rate, option = rows[path.stem]
        assert len(trials) == 8 and accuracy == f"{100 * float(best['value']):.2f}", path.stem
        assert rate == f"{float(best['optimizer.learning_rate']):.3f}" and option == "".join(f"{value:.3f}" for value in own)
