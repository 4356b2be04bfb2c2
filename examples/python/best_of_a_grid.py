"""Each method at its own best learning rate: chosen by the mean accuracy on held-out images, compared on test images.

    mixent study import docs/studies/rate-weight.jsonl.gz     # or: mixent compare rate-weight
    python3 best_of_a_grid.py runs/rate-weight ce

The study's variants are named METHOD-RATE, as in recipes/studies/rate-weight.yaml; the last word is the method to compare with. Needs
NumPy, and the program mixent on the path or in MIXENT_PROGRAM.
"""
import json
import statistics
import sys
from pathlib import Path

from mixent import lab


def main(study, baseline):
    accuracies = {}  # of (method, rate): a pair (held out, test) per seed
    for file in sorted(Path(study).glob("*/summary.json")):
        method, rate, seed = file.parent.name.rsplit("-", 2)
        summary = json.loads(file.read_text())
        accuracies.setdefault((method, rate), {})[seed] = summary["validation"]["accuracy"], summary["test"]["accuracy"]
    if not accuracies:
        sys.exit(f"{study}: expected the directory of a study with finished runs")
    held_out = {variant: statistics.mean(pair[0] for pair in runs.values()) for variant, runs in accuracies.items()}
    results = []
    for method in dict.fromkeys(method for method, _ in held_out):
        best = max((variant for variant in held_out if variant[0] == method), key=held_out.get)
        print(f"{method:12} learning rate {best[1]:>4}: {100 * held_out[best]:.2f} % of the held-out images right")
        results += [{"variant": method, "seed": seed, "accuracy": 100 * pair[1]} for seed, pair in accuracies[best].items()]
    print(lab.compare(results, baseline=baseline))


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
