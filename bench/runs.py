"""What the programs here that train share: a run that is begun, gone on with or finished already; what it recorded; Student's t."""
import json
import math
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build" / "release" / "mixent"


def train(program, place, options):
    """Trains the run in directory `place` with the options of `mixent train`, or what is left of it; one that is finished is not
    repeated. Returns what it recorded."""
    place = Path(place)
    if not (place / "summary.json").exists():
        words = ["--resume", place] if place.exists() else [*options, "--run", place]
        command = [str(word) for word in (program, "train", *words, "--json")]
        done = subprocess.run(command, stdout=subprocess.DEVNULL)  # standard error says why it fails
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\nexited with {done.returncode}")
    return read(place)


def read(place):
    """summary.json of a finished run, and as `epochs` the lines of metrics.jsonl."""
    try:
        summary = json.loads((Path(place) / "summary.json").read_text())
        lines = (Path(place) / "metrics.jsonl").read_text().splitlines()
    except OSError as error:
        raise SystemExit(f"{place} is no finished run: {error}") from None
    return dict(summary, epochs=[json.loads(line) for line in lines])


def keep_settings(directory, settings):
    """Writes down what the runs of a directory have in common; those of other settings must not pass for them."""
    kept = directory / ".settings.json"
    if kept.exists() and json.loads(kept.read_text()) != settings:
        raise SystemExit(f"{kept} says that the runs there are of other settings; name another directory with --runs")
    directory.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(settings, indent=1) + "\n")


def t_probability(t, freedom):
    """That Student's t with `freedom` degrees of freedom lies in [-t, t], by Simpson's rule over t = sqrt(freedom) tan x."""
    constant = 2 * math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
    end, steps = math.atan(t / math.sqrt(freedom)), 2000
    heights = [math.cos(i * end / steps) ** (freedom - 1) for i in range(steps + 1)]
    return constant * end / steps / 3 * (heights[0] + 4 * sum(heights[1::2]) + 2 * sum(heights[2:-1:2]) + heights[-1])


def t_quantile(freedom, share=0.95):
    """The t with probability `share` in [-t, t], by bisection."""
    low, high = 0.0, 1e6
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if t_probability(middle, freedom) < share else (low, middle)
    return high


def interval(differences):
    """Mean of paired differences, and half the width of its 95 % interval by Student's t; None for a single one."""
    if len(differences) < 2:
        return statistics.mean(differences), None
    spread = statistics.stdev(differences) / math.sqrt(len(differences))
    return statistics.mean(differences), t_quantile(len(differences) - 1) * spread
