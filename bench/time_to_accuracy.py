#!/usr/bin/env python3
"""How accurate a recipe is after how many minutes of training: mean and deviation over seeds, as a table and as a picture.

  bench/time_to_accuracy.py [--draw FILE.svg [--level 'VALUE TEXT']...] [--program build/release/mixent] [--json] RUN...
  bench/time_to_accuracy.py --seeds 3 [--first-seed 0] [--runs runs/time] [...] [-- OPTIONS OF mixent train]

The first form reads finished runs; those that differ in the seed alone are one group. The second trains them, one after another, into
RUNS/SEED; killed, it goes on where it was, and finished runs are not repeated. Minutes are those of training (augmentation, optimiser,
EMA and its statistics included, validation not). The test images were scored at the end of each run; where that averaged over several
views, the same model is scored once more with the image alone, which is kept in the run as test-1-view.json. In the picture lines are
accuracy on held-out images, the image alone; points are the test score at the end; --level draws a published number beside them.
"""
import argparse
import json
import statistics
import subprocess
import sys
from itertools import accumulate
from pathlib import Path

import runs

sys.path.insert(0, str(runs.ROOT / "tools"))
from picture import COLOURS, DASHES, HEAD, draw  # noqa: E402


def score_one_view(program, place, run):
    """Accuracy on test without views; None if only the model could say it, and a study was imported without."""
    if run.get("test_views", 1) == 1:
        return run["test"]["accuracy"]
    kept = Path(place) / "test-1-view.json"
    if not kept.exists():
        if not (Path(place) / "best.safetensors").exists():
            return None
        command = [str(program), "eval", str(Path(place) / "best.safetensors"), "--views", "1", "--threads", str(run["threads"]), "--json"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr.strip())
        kept.write_text(done.stdout)
    return json.loads(kept.read_text())["accuracy"]


def read_recipe(place):
    """recipe.yaml but for the seed: what a group has in common."""
    return [line for line in (Path(place) / "recipe.yaml").read_text().splitlines() if not line.startswith("seed:")]


def group(places):
    """[[run, …], …] in the order given; a run knows its place."""
    groups = {}
    for place in places:
        run = dict(runs.read(place), place=place)
        groups.setdefault("\n".join(read_recipe(place)), []).append(run)
    return list(groups.values())


def summarize(values):
    """Mean and standard deviation, which for a single value is None; for no value None."""
    values = list(values)
    if not values or None in values:
        return None
    return {"mean": statistics.mean(values), "deviation": statistics.stdev(values) if len(values) > 1 else None}


def report(group, program):
    """What is printed of a group, as one object."""
    first = group[0]
    minutes = [list(accumulate(epoch["seconds"] / 60 for epoch in run["epochs"])) for run in group]
    epochs = []
    for i in range(len(first["epochs"])):
        validation = [run["epochs"][i]["validation"] for run in group]
        epochs.append({"epoch": i + 1, "minutes": statistics.mean(one[i] for one in minutes),
                       "validation": summarize(one and one["accuracy"] for one in validation)})
    return {"title": f"{first['recipe']}, {first['net']}, {first['loss']}", "seeds": [run["seed"] for run in group], "cpu": first["cpu"],
            "threads": first["threads"], "precision": first["precision"], "views": first.get("test_views", 1), "epochs": epochs,
            "validation": summarize(run["validation"] and run["validation"]["accuracy"] for run in group),
            "test": summarize(run["test"]["accuracy"] for run in group),
            "test_one_view": summarize(score_one_view(program, run["place"], run) for run in group)}


def words(summary):
    if summary is None:
        return "-"
    deviation = "" if summary["deviation"] is None else f" ± {100 * summary['deviation']:.2f}"
    return f"{100 * summary['mean']:.2f}{deviation}"


def show(one):
    count = len(one["seeds"])
    print(f"{one['title']}: {count} seed{'s' if count > 1 else ''}, {one['threads']} threads, {one['precision']}, {one['cpu']}")
    print(f"{'minutes':>8} {'epoch':>6}  validation %")
    for epoch in one["epochs"]:
        print(f"{epoch['minutes']:8.1f} {epoch['epoch']:6}  {words(epoch['validation'])}")
    views = f"with {one['views']} views {words(one['test'])}, " if one["views"] > 1 else ""
    print(f"test %: {views}image alone {words(one['test_one_view'])}\n", flush=True)


def script(reports, levels):
    """What gnuplot is told: a line and a point per group, bars of a standard deviation where there are several seeds."""
    lines = [*HEAD, "set xrange [0:*]", "set xlabel 'minutes of training' noenhanced", "set ylabel 'accuracy, %' noenhanced",
             "set key bottom right Left reverse noenhanced"]
    plots = []
    for i, one in enumerate(reports):
        colour = f"linecolor rgb '{COLOURS[i % len(COLOURS)]}'"
        rows = {"held": [(epoch["minutes"], epoch["validation"]) for epoch in one["epochs"] if epoch["validation"]],
                "test": [(one["epochs"][-1]["minutes"], one["test"])]}
        for name, points in rows.items():
            lines += [f"${name}{i} << END",
                      *(f"{x:.4f} {100 * y['mean']:.4f} {100 * (y['deviation'] or 0):.4f}" for x, y in points), "END"]
        title = one["title"].replace("'", "''")
        if rows["held"]:
            style = f"linewidth 2 dashtype {DASHES[i % len(DASHES)]}"
            plots.append(f"$held{i} using 1:2:3 with yerrorlines pointsize 0 {style} {colour} notitle")
        plots.append(f"$test{i} using 1:2:3 with yerrorbars linewidth 2 pointtype 7 pointsize 0.8 {colour} title '{title}' noenhanced")
    for i, level in enumerate(levels):
        value, _, text = level.partition(" ")
        text = text.replace("'", "''")
        plots.append(f"{float(value)} with lines linecolor rgb '#888888' dashtype {i + 2} title '{text}' noenhanced")
    return "\n".join([*lines, "plot " + ", ".join(plots), ""])


def train(arguments):
    """The directories of finished runs."""
    directory = Path(arguments.runs)
    runs.keep_settings(directory, {"options": arguments.options})
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    for seed in seeds:
        runs.train(arguments.program, directory / str(seed), [*arguments.options, "--seed", seed])
    return [directory / str(seed) for seed in seeds]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", nargs="*", metavar="RUN")
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--runs", default="runs/time")
    parser.add_argument("--program", default=str(runs.PROGRAM))
    parser.add_argument("--draw", metavar="FILE.svg")
    parser.add_argument("--level", action="append", default=[], metavar="'VALUE TEXT'", help="a published accuracy in %% and whose it is")
    parser.add_argument("--json", action="store_true", help="print a list of JSON instead; accuracies are 0 to 1 there")
    given = sys.argv[1:]
    cut = given.index("--") if "--" in given else len(given)
    arguments = parser.parse_args(given[:cut])
    arguments.options = given[cut + 1:]
    if bool(arguments.places) == (arguments.seeds > 0):
        parser.error("name finished runs, or say with --seeds how many to train")
    reports = [report(one, arguments.program) for one in group(arguments.places or train(arguments))]
    if arguments.json:
        print(json.dumps(reports))
    else:
        for one in reports:
            show(one)
    if arguments.draw:
        draw(script(reports, arguments.level), arguments.draw)


if __name__ == "__main__":
    main()
