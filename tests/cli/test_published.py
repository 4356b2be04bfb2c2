"""The studies of docs/studies: each still comes in, and says what docs/results quotes of it."""
import csv
import gzip
import json
import re
import statistics
import subprocess

import pytest

from support import PROGRAM, ROOT, environment

DIRECTORY = ROOT / "docs/studies"
STUDIES = sorted(path.name.removesuffix(".jsonl.gz") for path in DIRECTORY.glob("*.jsonl.gz"))
QUICK = ("letters-fast", "paper-claim-half", "table", "parts", "test-selected")  # of two seconds each; the others take up to ten
PAGES = [ROOT / "README.md", ROOT / "docs/RESULTS.md", *sorted((ROOT / "docs/results").glob("*.md"))]


def run(place, *words):
    done = subprocess.run([PROGRAM, *words], cwd=place, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows_of(text):
    """The rows of accuracy tables that have differences, with single spaces between cells."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if re.match(r"\S+ \d+ \d+\.\d+ \d+\.\d+ .* (baseline|[+−]?\d+\.\d+ .* to .*)$", line)]


def test_rows_are_found():
    text = """
    variant  runs  accuracy %  deviation   95 % interval  difference   these images  Holm p  images like these  Holm p
    ce         10       94.32       0.11  94.24 to 94.40    baseline
    w2-0.1     10       94.33       0.09  94.26 to 94.39        0.00  −0.05 to 0.06    0.85      −0.05 to 0.06    0.86
    NLL  lower  0.0212 ± 0.0008    0.0203 ± 0.0009    0.0241 ± 0.0015"""
    assert rows_of(text) == ["ce 10 94.32 0.11 94.24 to 94.40 baseline",
                             "w2-0.1 10 94.33 0.09 94.26 to 94.39 0.00 −0.05 to 0.06 0.85 −0.05 to 0.06 0.86"]


def test_they_are_packed_without_a_time():
    assert len(STUDIES) >= 20 and {path.name for path in DIRECTORY.iterdir()} == {f"{study}.jsonl.gz" for study in STUDIES}
    for study in STUDIES:
        assert (DIRECTORY / f"{study}.jsonl.gz").read_bytes()[:9] == b"\x1f\x8b\x08\0\0\0\0\0\2", study


@pytest.mark.parametrize("study", [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in STUDIES])
def test_it_comes_in_and_says_what_is_published(tmp_path, study):
    path = DIRECTORY / f"{study}.jsonl.gz"
    runs = len(gzip.decompress(path.read_bytes()).splitlines()) - 1
    assert f"{runs} runs came in, 0 were there already" in run(tmp_path, "study", "import", str(path))
    if study.endswith("-search") or study.startswith("screen-"):  # held-out scores that choose; no page quotes a test table
        return
    said = rows_of(run(tmp_path, "compare", study, "--no-train"))
    published = [" ".join(line.split()) for page in PAGES for line in page.read_text().splitlines()]
    assert said
    for row in said:
        assert any(line == row or line.startswith(row + " ") for line in published), f"no page of docs/results says: {row}"


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
