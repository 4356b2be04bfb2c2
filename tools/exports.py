"""Reads what `mixent study export` wrote: docs/studies/NAME.jsonl.gz."""
import gzip
import json
from pathlib import Path

STUDIES = Path(__file__).resolve().parents[1] / "docs/studies"


def runs(study):
    """(name, epochs of metrics.jsonl, result.json) of each run that an export keeps. `study` is the name of one in docs/studies, or a file."""
    path = Path(study) if Path(study).suffix else STUDIES / f"{study}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        next(lines)  # the study itself
        return [(line["run"], [json.loads(epoch) for epoch in line["metrics.jsonl"].splitlines()], json.loads(line["result.json"]))
                for line in map(json.loads, lines)]
