"""`mixent compare --ledger`: every comparison below a directory, with Holm's correction over all, counted by hand here."""
import gzip
import json
import re
import shutil

import pytest

from events import read_last
from support import ROOT

STUDIES = ROOT / "docs" / "studies"


@pytest.fixture
def ledger(mixent, tmp_path):
    def run(directory=".", code=0):
        done = mixent("compare", "--ledger", directory, "--json")
        assert done.code == code, done.err
        last = read_last(done.out)
        return last["ledger"] if code == 0 else last["message"]
    return run


def holm(values):
    """Holm's step-down p values, by his definition."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    out, highest = [0.0] * len(values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[i]))
        out[i] = highest
    return out


def names(found):
    return [study["name"] for study in found["studies"]]


def shared(found):
    return {tuple(sorted(names(found)[study] for study in pair["studies"])): pair["runs"] for pair in found["shared"]}


def test_the_studies_of_the_project(ledger):
    found = ledger(STUDIES)
    assert sorted(names(found)) == sorted(path.name.split(".")[0] for path in STUDIES.glob("*.jsonl.gz"))
    counted = [entry for entry in found["comparisons"] if entry["p"] is not None and entry["same_as"] is None]
    assert found["tested"] == len(counted) > 100
    assert [entry["holm_over_all"] for entry in counted] == pytest.approx(holm([entry["p"] for entry in counted]))
    for entry in found["comparisons"]:
        if entry["same_as"] is not None:
            first = found["comparisons"][entry["same_as"]]
            assert first["same_as"] is None and first["p"] == pytest.approx(entry["p"], rel=1e-9) and entry["holm_over_all"] == first["holm_over_all"]
            assert {first["variant"], first["baseline"]} == {entry["variant"], entry["baseline"]}
        if entry["over_all"]["verdict"] in ("better", "worse"):
            assert entry["holm_over_all"] < 0.05 and entry["alone"]["verdict"] == entry["over_all"]["verdict"]
        assert entry["p"] is None or entry["holm_over_all"] >= entry["p"]
    assert shared(found)["noise-0", "relatives-shared"] == 20  # two variants, ten seeds
    assert "the verdict changes of:" in found["words"] and "noise-0 and relatives-shared 20" in found["words"]


def test_what_stands_of_the_findings(ledger):
    """The table of docs/RESULTS.md."""
    found = ledger(STUDIES)
    page = (ROOT / "docs/RESULTS.md").read_text()
    decided = [one for one in found["comparisons"] if one["alone"]["verdict"] != "undecided" and one["same_as"] is None]
    lost = [one for one in decided if one["over_all"]["verdict"] == "undecided"]
    assert f"over all {found['tested']} comparisons of the studies: {len(decided)} of them" in " ".join(page.split())
    assert f"and {len(lost)} of those become undecided" in " ".join(page.split())
    rows = re.findall(r"^\| (label|MI[NX]|two replicas).* \| (stands|undecided) \|$", page[page.index("## What stands"):], re.M)
    of = [("relatives-tuned", "label-smoothing"), ("paper-claim-half", "mix-ent"), ("noise-tuned-40", "mix-ent"), ("noise-tuned-40", "min-ent"),
          ("noise-tuned-20", "mix-ent"), ("noise-tuned-20", "min-ent"),
          ("noise-tuned-pair", "mix-ent"), ("noise-tuned-pair", "min-ent"), ("noise-tuned-confusable", "mix-ent"), ("noise-tuned-confusable", "min-ent"),
          ("noise-20", "mix-ent"), ("relatives-shared", "min-ent"),
          ("default-weights-noise", "mix-ent-1"), ("noise-40", "mix-ent"),
          ("replicas", "halves")]
    studies = [one["name"] for one in found["studies"]]
    verdicts = {(studies[one["study"]], one["variant"]): one for one in found["comparisons"]}
    assert len(rows) == len(of)
    for (_, word), key in zip(rows, of):
        one = verdicts[key]
        assert one["alone"]["verdict"] in ("better", "worse", "equivalent") and (one["over_all"] == one["alone"]) == (word == "stands"), key


def test_the_text(ledger, mixent, tmp_path):
    for name in ("min-ent-fixed", "parts"):
        shutil.copy(STUDIES / f"{name}.jsonl.gz", tmp_path)
    found = ledger()
    lines = [" ".join(line.split()) for line in mixent("compare", "--ledger", ".").out.splitlines()]
    assert lines[0] == "study data variant against difference p Holm p over all verdict over all"
    assert len([line for line in lines if line.startswith(("min-ent-fixed emnist", "parts emnist"))]) == len(found["comparisons"])
    assert found["words"] in " ".join(lines) and "min-ent-fixed and parts 5" in found["words"]


def test_verdicts_within_a_study_are_the_studys_own(ledger, mixent, tmp_path):
    shutil.copy(STUDIES / "noise-20.jsonl.gz", tmp_path)
    found = ledger()
    assert mixent("study", "import", "noise-20.jsonl.gz").code == 0
    own = read_last(mixent("compare", "runs/noise-20", "--no-train", "--json").out)["comparison"]["data"][0]["comparisons"]
    assert [(pair["variant"], pair["verdict"], pair["scope"], pair["measures"]["accuracy"]["holm"]) for pair in own] == [
        (entry["variant"], entry["alone"]["verdict"], entry["alone"]["scope"], entry["holm"]) for entry in found["comparisons"]]
    assert all(entry["alone"] == entry["over_all"] and entry["holm"] == pytest.approx(entry["holm_over_all"]) for entry in found["comparisons"])  # alone it is all there is
    both = ledger()  # the file and the directory: one study twice
    assert names(both) == ["noise-20", "noise-20"] and both["tested"] == found["tested"] and shared(both) == {("noise-20", "noise-20"): both["studies"][0]["runs"]}
    assert [entry["same_as"] for entry in both["comparisons"]] == [None] * len(own) + list(range(len(own)))
    assert [entry["holm_over_all"] for entry in both["comparisons"]] == pytest.approx(2 * [entry["holm_over_all"] for entry in found["comparisons"]])


@pytest.mark.parametrize("order", [("narrow", "wide"), ("wide", "narrow")])
def test_one_comparison_with_two_margins(ledger, mixent, tmp_path, order):
    """The same runs in two studies: each is equivalent or not by the difference that its own study says matters."""
    text = gzip.decompress((STUDIES / "table.jsonl.gz").read_bytes()).decode()
    for name, margin in (("narrow", "0.5"), ("wide", "5")):
        changed = text.replace("difference: 0.5\\n", f"difference: {margin}\\n", 1).replace("name: table\\n", f"name: {name}\\n", 1)
        (tmp_path / f"{order.index(name)}.jsonl").write_text(changed)
    found = ledger()
    assert names(found) == list(order) and found["tested"] == 3 and [entry["same_as"] for entry in found["comparisons"]] == [None] * 3 + [0, 1, 2]
    verdicts = {names(found)[entry["study"]]: (entry["alone"]["verdict"], entry["over_all"]["verdict"])
                for entry in found["comparisons"] if entry["variant"] == "min-ent"}
    assert verdicts == {"narrow": ("undecided", "undecided"), "wide": ("equivalent", "equivalent")}
    assert "no verdict changes" in found["words"]
    lines = [" ".join(line.split()) for line in mixent("compare", "--ledger", ".").out.splitlines()]
    assert any(line.startswith(f"{order[1]} breast-cancer.npz min-ent") and line.endswith("the same") for line in lines)
    assert any(line.startswith(f"{order[1]} breast-cancer.npz mix-ent") and line.endswith(f"as in {order[0]}") for line in lines)


def test_recorded_runs(ledger, mixent, tmp_path):
    for variant, values in {"ce": [91.2, 91.5, 91.1, 91.4, 91.3], "mix": [92.0, 92.2, 91.8, 92.3, 92.0]}.items():
        for seed, value in enumerate(values):
            run = tmp_path / "mine" / f"{variant}-{seed}"
            run.mkdir(parents=True)
            (run / "record.json").write_text(json.dumps({"kind": "mixent record", "format": 1, "variant": variant, "seed": seed, "data": None, "metrics": {"accuracy": value}, "class_names": None}))
    (tmp_path / "notes.jsonl").write_text('{"no": "study"}\n')
    (tmp_path / "deep" / "er").mkdir(parents=True)
    shutil.copy(STUDIES / "table.jsonl.gz", tmp_path / "deep" / "er")
    found = ledger()
    assert sorted(names(found)) == ["mine", "table"]
    (entry,) = [entry for entry in found["comparisons"] if names(found)[entry["study"]] == "mine"]
    assert (entry["variant"], entry["baseline"], entry["alone"]["verdict"], entry["seeds"]) == ("mix", "ce", "better", 5) and entry["holm_over_all"] > entry["holm"]


def test_what_cannot_be_read(ledger, mixent, tmp_path):
    assert "expected studies below this directory" in ledger(code=2)
    lines = gzip.decompress((STUDIES / "table.jsonl.gz").read_bytes()).decode().splitlines(keepends=True)
    (tmp_path / "cut.jsonl").write_text("".join(lines[:10]))
    assert "cut.jsonl:10: the file ends here with 9 of 40 runs" in ledger(code=1)
    lines[3] = lines[3].replace('\\"accuracy\\": 0.9', '\\"accuracy\\": 0.8')
    (tmp_path / "cut.jsonl").write_text("".join(lines))
    assert "cut.jsonl:4: " in ledger(code=1)
    for words, said in ((["--ledger", ".", "--results"], "--results does not go with --ledger"), (["--ledger", ".", "--seeds", "3"], "--seeds does not go"),
                        (["--ledger", ".", "--metric", "nll"], "--metric does not go"), (["--ledger", ".", "--csv", "x"], "--csv does not go"),
                        (["--ledger", ".", "x"], "expected one directory for --ledger")):
        done = mixent("compare", *words)
        assert done.code == 2 and said in done.message
