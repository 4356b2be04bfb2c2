"""What a sweep leaves at its end: trials.csv, best.yaml, pictures, and a summary in words or as JSON."""
from __future__ import annotations

import csv
import json
import math
import shlex
import warnings
from dataclasses import asdict
from pathlib import Path

import optuna

from mixent._files import replacing
from mixent._printable import csv_cell, printable
from mixent.sweep.program import Program
from mixent.sweep.progress import best_of, number, score
from mixent.sweep.record import Record, count_ends, saved_by_pruning
from mixent.sweep.space import Sweep


def importances(sweep: Sweep, study: optuna.study.Study) -> dict[str, float]:
    """Each parameter's share, by PED-ANOVA: how far the best tenth of the finished trials differ in it from all. Empty where
    there are too few trials, or none better than another."""
    finished = [trial for trial in study.get_trials(deepcopy=False) if trial.state == optuna.trial.TrialState.COMPLETE]
    if len(finished) < 4 or len({trial.value for trial in finished}) < 2:
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that parameters which seldom counted are judged by few trials
            shares = optuna.importance.get_param_importances(study, evaluator=optuna.importance.PedAnovaImportanceEvaluator())
    except (ValueError, RuntimeError):  # no parameter that enough of the trials have
        return {}
    return {key: share for key, share in shares.items() if math.isfinite(share)}


def write_table(sweep: Sweep, records: list[Record], directory: Path) -> None:
    """trials.csv: a line per trial; a parameter that did not count is empty."""
    columns = ["number", "end", "value", "best_epoch", "epochs", "planned", "seconds"]
    with replacing(directory / "trials.csv", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        keys = [parameter.key for parameter in sweep.parameters]
        table.writerow([*columns, *keys, "message"])
        for record in records:
            row = asdict(record)
            table.writerow([*("" if row[name] is None else row[name] for name in columns),
                            *(csv_cell(record.chosen.get(key, "")) for key in keys), csv_cell(printable(record.message))])


def write_best(sweep: Sweep, program: Program, best: Record, directory: Path) -> None:
    """best.yaml: the recipe of the best trial, whole, with every option."""
    settings = sweep.settings_of(best.chosen) | {"name": f"{sweep.name}-best"}
    recipe = program.recipe_text(sweep.recipe, settings)
    with replacing(directory / "best.yaml", encoding="utf-8") as file:
        file.write(f"# The best of the sweep {sweep.name}: trial {best.number}, {sweep.objective} {best.value:.6g} at epoch "
                   f"{best.best_epoch} of {best.planned}.\n{recipe}")


def worst_shown(sweep: Sweep, records: list[Record]) -> float | None:
    """How bad a score the history shows at its place, for beside trials that failed the others could not be told apart: four times
    as far from the best of the finished as the worst quarter of them begins; None: all of them."""
    finished = sorted((record.value for record in records if record.end == "finished"), reverse=sweep.maximize)
    if len(finished) < 4:
        return None
    return finished[0] + 4 * (finished[3 * len(finished) // 4] - finished[0])


def draw(sweep: Sweep, records: list[Record], shares: dict[str, float], directory: Path) -> list[str]:
    """history and importance as SVG and PNG; the names of what was drawn."""
    import matplotlib
    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "mixent", "axes.spines.top": False, "axes.spines.right": False})
    from matplotlib import pyplot

    def save(name: str) -> str:
        pyplot.tight_layout()
        pyplot.savefig(directory / f"{name}.svg", metadata={"Date": None})
        pyplot.savefig(directory / f"{name}.png", dpi=120)
        pyplot.close()
        return f"{name}.svg"

    scale, label = (100, "validation accuracy, %") if sweep.maximize else (1, "validation NLL")
    edge = worst_shown(sweep, records)
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for end, mark, colour in (("pruned", "x", "0.6"), ("finished", "o", "C0")):
        points = [(record.number, record.value) for record in records if record.end == end and record.value is not None]
        outside = [edge is not None and sweep.better(edge, y) for _, y in points]
        for far, sign, name in ((False, mark, end), (True, "v" if sweep.maximize else "^", f"{end}, further out")):
            shown = [(x, scale * (edge if far else y)) for (x, y), beyond in zip(points, outside) if beyond == far]
            if shown:
                axes.plot(*zip(*shown), sign, color=colour, label=name, markersize=5)
    steps, best = [], None
    for record in records:
        if record.end == "finished" and sweep.better(record.value, best):
            best = record.value
        if best is not None:
            steps.append((record.number, scale * best))
    axes.step([x for x, _ in steps], [y for _, y in steps], where="post", color="C3", label="best so far")
    axes.set(xlabel="trial", ylabel=label, title=sweep.name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    drawn = [save("history")]
    if shares:
        keys = list(shares)[::-1]
        pyplot.subplots(figsize=(7, 1 + 0.35 * len(keys)))
        pyplot.barh(keys, [100 * shares[key] for key in keys], color="C0")
        pyplot.xlabel("importance, %")
        drawn.append(save("importance"))
    return drawn


def to_json(sweep: Sweep, records: list[Record], shares: dict[str, float], directory: Path) -> str:
    best = best_of(sweep, records)
    return json.dumps({"name": sweep.name, "directory": str(directory), "objective": sweep.objective,
                       "best": best and best.number, "saved_by_pruning": saved_by_pruning(records), "importances": shares,
                       "trials": [asdict(record) for record in records]})


def to_words(sweep: Sweep, records: list[Record], shares: dict[str, float], directory: Path, files: list[str]) -> str:
    best = best_of(sweep, records)
    lines = ["", f"{len(records)} trials: {count_ends(records)}."]
    if any(record.end == "pruned" for record in records):
        lines.append(f"Pruning saved {100 * saved_by_pruning(records):.0f} % of the epochs.")
    if best is None:
        return "\n".join(lines)
    wide = max(len(key) for key in best.chosen)
    lines += [f"Trial {best.number} is best: {score(sweep, best.value)} on the held-out images after epoch {best.best_epoch} of {best.planned}."]
    lines += [f"  {key:{wide}}  {number(value)}" for key, value in best.chosen.items()]
    if shares:
        wide = max(len(key) for key in shares)
        lines += ["What mattered (PED-ANOVA over the finished trials):"]
        lines += [f"  {key:{wide}}  {100 * share:3.0f} %" for key, share in shares.items()]
    lines += [f"In {directory}: {', '.join(['trials.csv', 'best.yaml', *files])}.",
              f"Train the best anew, and score it on the test set: mixent train --recipe {shlex.quote(str(directory / 'best.yaml'))}"]
    return "\n".join(lines)
