"""docs/PYTHON.md: each of its snippets runs by itself, and its table lists the examples, which run and find what they claim. What
needs a library that is not installed is skipped."""
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/PYTHON.md"
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
EXAMPLES = ROOT / "examples/python"
PROGRAM = os.environ.get("MIXENT_PROGRAM", ROOT / "build/release/mixent")
OPTIONAL = ("accelerate", "fastai", "jax", "keras", "lightning", "optax", "pytorch_lightning", "sklearn", "tensorflow",
            "transformers")


def skip_without(name):
    if name not in OPTIONAL:
        pytest.fail(f"no module named {name}")
    pytest.skip(f"needs {name}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_every_snippet_runs(number, tmp_path, monkeypatch):
    snippet = SNIPPETS[number]
    if "transformers.Trainer" in snippet:
        pytest.importorskip("accelerate")  # which it needs
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "torch"))
    try:
        exec(compile(snippet, f"{PAGE}, snippet {number}", "exec"), {})
    except ModuleNotFoundError as error:
        skip_without(error.name)


def output_of(name):
    """What an example prints: three lines at most."""
    done = subprocess.run([sys.executable, EXAMPLES / f"{name}.py"], capture_output=True, text=True,
                          env=dict(os.environ, OMP_NUM_THREADS="1", PYTHONPATH=os.pathsep.join(filter(None, sys.path))))
    missing = re.search(r"^ModuleNotFoundError: No module named '(\w+)", done.stderr, re.MULTILINE)
    if missing:
        skip_without(missing[1])
    assert done.returncode == 0, done.stderr
    assert 0 < len(done.stdout.splitlines()) <= 3
    return done.stdout


def run(name):
    """The numbers that an example prints."""
    return [float(number) for number in re.findall(r"(?<![\w.=])\d+(?:\.\d+)?", output_of(name))]


def test_plain_pytorch():
    accuracy, cross_entropy, entropy = run("plain_pytorch")
    assert accuracy > 0.85 and 0 < entropy < cross_entropy < 0.5


def test_with_lightning():
    accuracy, before, after = run("with_lightning")
    assert accuracy > 0.8 and 0 < after < before


def test_with_fastai():
    wrong, found = run("with_fastai")
    assert wrong == 20 and 15 <= found <= 20


def test_segmentation():
    recall, _, weighted_recall, weighted_false = run("segmentation")
    assert recall < 50 and weighted_recall > 80 and weighted_false < 5


def test_entropy_at_test_time():
    _, trained, shifted, by_batch, adapted = run("entropy_at_test_time")
    assert shifted < by_batch < adapted < trained


def test_noisy_labels():
    cross_entropy, _, mix_ent, _, gce, _ = run("noisy_labels")
    assert cross_entropy + 0.02 < mix_ent < gce


def test_compare_runs():
    words = output_of("compare_runs")
    assert words.startswith("gce is better than ce: accuracy differs by +") and "paired over 6 seeds" in words


def test_transformer(tmp_path):
    rows = [f"{''.join(word)},{language},{'train' if number % 4 else 'test'}" for language, letters in (("one", "abc"), ("two", "xyz"))
            for number, word in enumerate(itertools.islice(itertools.product(letters, repeat=5), 160))]
    (tmp_path / "words.csv").write_text("\n".join(["word,language,part", *rows, ""]))

    def read(*more):
        return subprocess.run([sys.executable, EXAMPLES / "transformer.py", "words.csv", "--losses", "ce", "mix-ent", *more], cwd=tmp_path,
                              capture_output=True, text=True, env=dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path))))

    first = read("--seeds", "2", "--trials", "1", "--epochs", "4")
    assert first.returncode == 0, first.stderr
    right = [float(number) for number in re.findall(r": (\S+)% of the test words right$", first.stdout, re.MULTILINE)]
    assert len(right) == 4 and min(right) > 70  # by chance 50
    runs = tmp_path / "runs/words-transformer"
    again = read("--seeds", "3", "--trials", "1", "--epochs", "4")
    assert re.findall(r"^(\S+):", again.stdout, re.MULTILINE) == ["runs/words-transformer/ce-2", "runs/words-transformer/mix-ent-2"]
    other = read("--seeds", "3", "--trials", "1", "--epochs", "3")
    assert other.returncode == 1 and "settings.json: expected {'epochs': 3" in other.stderr  # no mixture of runs
    compared = subprocess.run([PROGRAM, "compare", runs], capture_output=True, text=True)
    assert "2 variants, 3 seeds, 80 test samples; baseline ce" in compared.stdout, compared.stderr


def test_best_of_a_grid(tmp_path):
    held_out = {"ce-0.1": 0.9, "ce-1": 0.8, "min-ent-0.1": 0.7, "min-ent-1": 0.85}
    for variant, value in held_out.items():
        for seed in range(5):
            right = 1 - value + 0.001 * seed * (1 + len(variant) % 3)  # the test images would choose the other rate
            (tmp_path / f"{variant}-{seed}").mkdir()
            (tmp_path / f"{variant}-{seed}" / "summary.json").write_text(
                json.dumps({"validation": {"accuracy": value}, "test": {"accuracy": right}}))
    done = subprocess.run([sys.executable, EXAMPLES / "best_of_a_grid.py", tmp_path, "ce"], capture_output=True, text=True,
                          env=dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path))))
    assert done.returncode == 0, done.stderr
    assert "ce           learning rate  0.1: 90.00 %" in done.stdout and "min-ent      learning rate    1: 85.00 %" in done.stdout
    row = next(line.split() for line in done.stdout.splitlines() if re.match(r"min-ent +5 ", line))
    assert row[1] == "5" and float(row[2]) == pytest.approx(100 * (0.15 + 0.002 * (1 + len("min-ent-1") % 3)))


def test_the_table_lists_all_examples():
    listed = re.findall(r"^\| \[(\S+)\]\(\.\./examples/python/(\S+)\) \| \S", PAGE.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted((file.name, file.name) for file in EXAMPLES.glob("*.py"))
    assert {f"test_{file.stem}" for file in EXAMPLES.glob("*.py")} <= set(globals())


def test_the_table_of_arguments_lists_all():
    import inspect

    import mixent
    import mixent.torch
    _, table = PAGE.read_text().split("## Arguments\n")
    rows = [line.split(" | ") for line in table.split("\n## ")[0].splitlines() if line.startswith("| `")]
    named = [re.findall(r"`(\w+)`", row[0]) for row in rows]
    parameters = inspect.signature(mixent.torch.Loss).parameters.values()
    assert sorted(sum(named, [])) == sorted(one.name for one in parameters if one.kind is not one.VAR_KEYWORD)  # what is misspelt
    assert sum(named[:2], []) == list(mixent._native.PARAMETERS) and all(len(row) == 6 for row in rows)
