"""The curves of docs/LOSSES.md: the library's values against formulas written out here, and the pictures."""
import math
import os
import re
import shutil
import subprocess
import xml.dom.minidom
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("MIXENT_BUILD", ROOT / "build" / "release")) / "bench" / "bench_loss_curves"
CLASSES, EPS = 26, 1e-6


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], check=True, capture_output=True, text=True).stdout.splitlines()


def tempered(z, t2=1.2):
    """exp_t2(z_k - lambda) with the sum 1, by bisection."""
    def exponentials(shift):
        return [(1 + (t2 - 1) * (shift - x)) ** (-1 / (t2 - 1)) for x in z]
    low, high = max(z), max(z) + 1000
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(exponentials(middle)) > 1 else (low, middle)
    return exponentials(low)


def bi_tempered(z, t1=0.8):
    q = tempered(z)
    return (1 - q[0] ** (1 - t1)) / (1 - t1) - (1 - sum(x ** (2 - t1) for x in q)) / (2 - t1)


def cross_entropy(q, smoothing=0.0):
    return -sum(((k == 0) * (1 - smoothing) + smoothing / len(q)) * math.log(x) for k, x in enumerate(q))


def entropy(q):
    return -sum(x * math.log(x) for x in q)


def swapped(q, eps=EPS):
    return -sum(q[1:]) * math.log(eps)


FORMULAS = {
    "ce": cross_entropy,
    "min-ent": lambda q: cross_entropy(q) + 0.1 * entropy(q),
    "mix-ent": lambda q: cross_entropy(q) + 0.1 * swapped(q),
    "mix-ent-split": lambda q: cross_entropy(q) + 0.1 * swapped(q),
    "kl": lambda q: swapped(q) - entropy(q),
    "label-smoothing": lambda q: cross_entropy(q, 0.1),
    "focal": lambda q: (1 - q[0]) ** 2 * cross_entropy(q),
    "confidence-penalty": lambda q: cross_entropy(q) - 0.1 * entropy(q),
    "symmetric-ce": lambda q: 0.1 * cross_entropy(q) + swapped(q, 1e-4),
    "gce": lambda q: (1 - q[0] ** 0.7) / 0.7,
    "mae": lambda q: 2 * (1 - q[0]),
    "poly1": lambda q: cross_entropy(q) + 2 * (1 - q[0]),
    "brier": lambda q: (1 - q[0]) ** 2 + sum(x * x for x in q[1:]),
}


def value_of(name, z):
    if name == "bi-tempered":
        return bi_tempered(z)
    total = sum(map(math.exp, z))
    return FORMULAS[name]([math.exp(x) / total for x in z])


def test_the_library_draws_the_formulas():
    rows = {}
    for line in run():
        name, *numbers = line.split()
        rows.setdefault(name, {})[numbers[0]] = [float(x) for x in numbers[1:]]
    assert set(rows) == {*FORMULAS, "bi-tempered"}
    for name, points in rows.items():
        assert len(points) == 101
        for q in ("0.001", "0.030", "0.250", "0.500", "0.900", "0.999"):
            z, step = [math.log(float(q) / (1 - float(q)) * (CLASSES - 1))] + [0.0] * (CLASSES - 1), 1e-5
            value, slope = points[q]
            difference = (value_of(name, [z[0] + step, *z[1:]]) - value_of(name, [z[0] - step, *z[1:]])) / (2 * step)
            assert value == pytest.approx(value_of(name, z), abs=2e-6), (name, q)
            assert slope == pytest.approx(difference, abs=2e-6), (name, q)


def test_what_losses_ask_for():
    """docs/LOSSES.md: what minimises the expected loss of two classes, where that is known in closed form."""
    _, *lines = run("--asked", *FORMULAS, "bi-tempered", "min-ent:1")
    asked = {name: [float(x) for x in numbers] for name, *numbers in map(str.split, lines)}
    for i, p in enumerate((0.6, 0.7, 0.8, 0.9, 0.99)):
        assert asked["ce"][i] == pytest.approx(p, abs=1e-4)
        assert asked["brier"][i] == pytest.approx(p, abs=1e-4)
        assert asked["label-smoothing"][i] == pytest.approx(0.9 * p + 0.05, abs=1e-4)
        power = 1 / (1 - 0.7)
        assert asked["gce"][i] == pytest.approx(p ** power / (p ** power + (1 - p) ** power), abs=1e-4)
        assert asked["mae"][i] == 1
        odds = asked["bi-tempered"][i] / (1 - asked["bi-tempered"][i])  # read as its own softmax, it asks for p
        if p < 0.99:  # four digits of the odds are too few there
            assert tempered([math.log(odds), 0])[0] == pytest.approx(p, abs=1e-3)
        for name, w2 in (("min-ent", 0.1), ("min-ent:1", 1)):
            q = asked[name][i]  # the expected gradient is 0
            assert q - p + w2 * q * (1 - q) * math.log((1 - q) / q) == pytest.approx(0, abs=1e-3)


def test_up_to_which_weight_min_ent_raises_the_true_class():
    """docs/LOSSES.md: with w1 = 1 the gradient at the true logit is never positive up to w2 = 3.59, where
    w2 q ln((1 - q) / q) touches 1."""
    def steepest(w2):
        return max(float(line.split()[3]) for line in run("--classes", "2", f"min-ent:{w2}"))
    assert steepest(3.5) <= 0 < steepest(3.7)


def test_wrong_arguments():
    for arguments in (["nothing"], ["min-ent:x"], ["--classes", "1"]):
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)
        assert done.returncode == 1 and done.stderr.startswith("bench_loss_curves: ")


@pytest.mark.skipif(not shutil.which("gnuplot"), reason="gnuplot is not installed (tools/install-dependencies docs)")
def test_the_pictures_are_drawn(tmp_path):
    for again in ("a", "b"):
        subprocess.run([ROOT / "tools" / "draw-losses", tmp_path / again], check=True)
    pictures = sorted(path.name for path in (tmp_path / "a").iterdir())
    page = (ROOT / "docs" / "LOSSES.md").read_text()
    assert pictures == sorted(set(re.findall(r"\(pictures/([^)]+)\)", page)))
    for name in pictures:
        drawn = (tmp_path / "a" / name).read_bytes()
        assert drawn == (tmp_path / "b" / name).read_bytes() and len(drawn) < 60_000
        assert (ROOT / "docs" / "pictures" / name).exists()
        svg = xml.dom.minidom.parseString(drawn).documentElement
        assert svg.tagName == "svg"
        assert len([path for path in svg.getElementsByTagName("path") if path.getAttribute("d").count("L") > 20]) >= 13
