"""What comes from files reaches the terminal as text: no control characters, no marks that turn a line round, no formulas in CSV."""
import csv
import json
import re
import struct
import unicodedata

import pytest

from support import ROOT

EVIL = "a\x1b]0;title\x07b\rc\x9bd\u202ee\u2066f\x7fg\nmixent: fake"
SHOWN = r"a\x1b]0;title\x07b\x0dc\x9bd\u{202e}e\u{2066}f\x7fg"


def harmless(text):
    return all(letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Zl", "Zp") for letter in text)


def rename(path, **changes):
    """Other texts in the description of a checkpoint."""
    data = path.read_bytes()
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:begin])
    header["__metadata__"].update(changes)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[begin:])


@pytest.fixture
def run(mixent, tmp_path, tiny):
    done = mixent("train", *tiny, "--epochs", "1", "--run", "runs/a")
    assert done.code == 0, done.err
    return tmp_path / "runs/a"


def test_names_in_a_checkpoint(mixent, run, tmp_path):
    from PIL import Image
    Image.new("L", (16, 16)).save(tmp_path / "x.png")
    (tmp_path / "e\x1b[2Jvil.png").write_bytes((tmp_path / "x.png").read_bytes())
    rename(run / "best.safetensors", class_names=json.dumps([EVIL, "b", "c", "d"]), data=EVIL)
    for words in (["predict", "runs/a", "x.png", "e\x1b[2Jvil.png"], ["info", "runs/a"], ["eval", "runs/a", "--data", "bars"],
                  ["predict", "runs/a", "gone\x1b[2J.png"], ["eval", "no\x1b[2Jrun"]):
        done = mixent(*words)
        assert harmless(done.out + done.err), words
        assert not re.search("^mixent: fake", done.out + done.err, re.M)
    assert SHOWN in mixent("info", "runs/a").out


def test_what_a_run_says_of_itself(mixent, run):
    summary = json.loads((run / "summary.json").read_text())
    summary.update(cpu=EVIL, data=EVIL)
    (run / "summary.json").write_text(json.dumps(summary))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    lines[0]["warnings"] = [EVIL]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (run / "failure.txt").write_text(EVIL)
    for words in (["show", "runs/a"], ["runs", "--columns", "run,data,cpu,failure"], ["runs"], ["runs", "--csv", "--columns", "run,cpu"]):
        done = mixent(*words)
        assert done.code == 0 and harmless(done.out + done.err), words
    assert SHOWN in mixent("show", "runs/a").out


@pytest.mark.parametrize("text, words", [
    ("name: \"{}\"\nrecipe: demo\nseeds: 2\nvariants: {{ce: }}\n", ["compare", "f.yaml", "--no-train"]),
    ("\"{}\": 1\n", ["train", "--recipe", "./f.yaml", "--dry-run"]),
    ("epochs: \"{}\"\n", ["train", "--recipe", "./f.yaml", "--dry-run"]),
    ("loss: {{name: \"{}\"}}\n", ["train", "--recipe", "./f.yaml", "--dry-run"]),
    ("name: x\nlayers: [{{\"{}\": {{}}}}]\n", ["info", "./f.yaml"])])
def test_keys_and_values_of_yaml(mixent, tmp_path, text, words):
    (tmp_path / "f.yaml").write_text(text.format(EVIL.encode("unicode_escape").decode()))
    done = mixent(*words)
    assert done.code == 1 and harmless(done.out + done.err)
    assert SHOWN in done.message


def test_what_a_study_says_of_itself(mixent, tmp_path):
    """Its `about` comes with a file from elsewhere."""
    lines = (ROOT / "tests/golden/formats-d2249e4/defaults.jsonl").read_text().splitlines()
    head = json.loads(lines[0])
    head["study.yaml"] += f"about: {json.dumps(EVIL)}\n"
    (tmp_path / "s.jsonl").write_text("\n".join([json.dumps(head), *lines[1:]]) + "\n")
    assert mixent("study", "import", "s.jsonl").code == 0
    done = mixent("compare", "runs/defaults", "--no-train")
    assert done.code == 0 and harmless(done.out + done.err)
    assert "".join(SHOWN.split()) in "".join(done.out.split())


def test_no_formulas_in_csv(mixent, run, tmp_path):
    recipe = run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("name: emnist-letters-short", 'name: "=HYPERLINK(1)"').replace(
        "dropout: 0.3", "dropout: -1").replace("data_alternative: \"\"", "data_alternative: \"@a,b\""))
    out = mixent("runs", "--csv", "--columns", "run,name,dropout,data_alternative", "--rebuild").out
    row, = csv.DictReader(out.splitlines())
    assert row["name"] == "'=HYPERLINK(1)" and row["data_alternative"] == "'@a,b" and row["dropout"] == "-1"
