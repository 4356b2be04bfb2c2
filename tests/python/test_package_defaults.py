"""One default everywhere: the weights and options of a loss are the same in C, in Python and in `mixent train` with every recipe that
says nothing of them (all but paper-*)."""
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
import mixent
import mixent.torch as losses  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/cli"))
from support import PROGRAM, environment  # noqa: E402

RECIPES = sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml") if not path.stem.startswith("paper-"))
CLASSES = {cls.kind: cls for cls in losses.Loss.__subclasses__()}
NAMES = {"label_smoothing": "smoothing", "gamma": "focal_gamma", "q": "gce_q"}  # the recipe's, where they differ


def trained_with(recipe, kind):
    """The section `loss` of the recipe as `mixent train` resolves it."""
    words = [PROGRAM, "train", "--recipe", recipe, "--data", "anything", "--loss", kind, "--dry-run"]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    section = re.search(r"^loss:\n((?:  .*\n)*)", done.stdout, re.MULTILINE).group(1)
    return dict(re.findall(r"  (\w+): (.*)\n", section))


@pytest.mark.parametrize("kind", sorted(set(CLASSES) - {"ce"}))
@pytest.mark.parametrize("recipe", RECIPES)
def test_training_has_the_loss_s_own_defaults(recipe, kind):
    said = trained_with(recipe, kind)
    for name, value in mixent._options.numbers_of(kind).items():
        assert float(said[NAMES.get(name, name)]) == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize("kind, weights", [("min-ent", (1, 0.1)), ("mix-ent", (1, 0.1)), ("mix-ent-split", (1, 0.1, 0.1))])
def test_the_defaults_that_were_measured(kind, weights):
    """docs/LOSSES.md, "Default weights"."""
    in_force = CLASSES[kind]().weights()
    assert tuple(in_force[f"w{i + 1}"] for i in range(len(weights))) == weights
    assert all(in_force[f"b{i + 1}"] == pytest.approx(math.e, rel=1e-12) for i in range(len(weights)))


def test_the_paper_s_recipes_have_the_released_values():
    assert [trained_with("paper-min-ent", "min-ent")[key] for key in ("w1", "w2", "b1", "b2")] == ["0.839", "0.308", "2.02", "10.73"]
    assert [trained_with("paper-mix-ent", "mix-ent")[key] for key in ("w1", "w2", "b1", "b2")] == ["0.717", "0.943", "12.58", "12.45"]


def test_the_help_names_the_losses_that_differ():
    done = subprocess.run([PROGRAM, "help", "recipe"], env=environment(), capture_output=True, text=True)
    said = " ".join(re.search(r"^  loss\.w2\n((?: {6}.*\n)+)", done.stdout, re.MULTILINE).group(1).split())
    for kind, cls in CLASSES.items():
        w2 = cls().weights().get("w2", 1)
        assert (f"; {kind}: {w2:g}" in said) == (w2 != 1), kind
