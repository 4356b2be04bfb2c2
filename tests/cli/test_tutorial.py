"""docs/TUTORIAL.md can be followed: its files and commands do what it says, here with fewer pictures, epochs and seeds."""
import functools
import os
import re
import shutil
import subprocess
import sys
import xml.dom.minidom

import pytest
from PIL import Image

from support import PROGRAM, ROOT, environment

sys.path.insert(0, str(ROOT / "tools"))
from walkthrough import commands, files, save  # noqa: E402

TUTORIAL = (ROOT / "docs/TUTORIAL.md").read_text()
PICTURES, OWN = TUTORIAL.split("## 6. Compare runs of your own program")
SMALLER = {"draw.py": [('("train", 250)', '("train", 25)'), ('("test", 100)', '("test", 8)')],
           "shapes.yaml": [("epochs: 15", "epochs: 1")], "losses.yaml": [("seeds: 5", "seeds: 2")]}


def masked(line):
    """A line of output without numbers and blanks, which depend on how much there is to train on."""
    return re.sub(r"\d[\d.,:]*|\s+", "", line)


def test_it_can_be_followed(tmp_path):
    save(PICTURES, tmp_path)
    for name, changes in SMALLER.items():
        text = files(PICTURES)[name]
        for old, new in changes:
            assert text.count(old) == 1
            text = text.replace(old, new)
        (tmp_path / name).write_text(text)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/mixent").symlink_to(PROGRAM)
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    variables = dict(environment(), PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    steps = commands(PICTURES)
    assert [command.split()[1] for command, _ in steps] == ["draw.py", "data", "train", "compare", "report", "predict", "export"]
    for command, quoted in steps:
        if " report " in command and not shutil.which("gnuplot"):
            pytest.skip("no gnuplot")
        done = subprocess.run(command, shell=True, cwd=tmp_path, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, command + done.stderr
        said = done.stdout.splitlines()
        if " compare " in command:  # its verdict is of so many runs
            quoted = quoted[:next(number for number, line in enumerate(quoted) if line.startswith("variant ")) + 1]
        if " predict " in command:  # the order of the classes is of the training
            said, quoted = ([line.split(" ")[0] for line in lines] for lines in (said, quoted))
        assert {masked(line) for line in quoted} <= {masked(line) for line in [*said, ""]}, command


def test_runs_of_your_own_program(tmp_path):
    """The script that calls mixent.lab.record is run as it stands, and again with more seeds, which add to what is there."""
    pytest.importorskip("torch")
    pytest.importorskip("mixent")
    save(OWN, tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/mixent").symlink_to(PROGRAM)
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    variables = dict(environment(), PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}", PYTHONPATH=os.pathsep.join(sys.path))
    run = functools.partial(subprocess.run, shell=True, cwd=tmp_path, env=variables, capture_output=True, text=True)
    train, compare, report = commands(OWN)
    assert len(files(OWN)["mine.py"].splitlines()) <= 21
    done = run(train[0])
    assert done.returncode == 0, done.stderr
    said = run(compare[0]).stdout
    for words in ("2 variants, 3 seeds, 2,000 test samples; baseline ce", "undecided: few-seeds",
                  "Too few seeds to conclude about mix-ent and ce: it takes 5 that both have.", "As trained, mix-ent is better calibrated than ce",
                  "at the temperature fitted on the validation samples"):
        assert words in re.sub(r"\s+", " ", "\n".join(compare[1])) and words in re.sub(r"\s+", " ", said)
    if shutil.which("gnuplot"):
        assert masked(run(report[0]).stdout) == masked(report[1][0])
    before = os.stat(tmp_path / "runs/mine/ce-0").st_ino
    script = (tmp_path / "mine.py").read_text()
    assert script.count("range(3)") == OWN.count("`range(5)`") == 1
    (tmp_path / "mine.py").write_text(script.replace("range(3)", "range(5)"))
    assert run(train[0]).returncode == 0 and os.stat(tmp_path / "runs/mine/ce-0").st_ino == before
    assert "mix-ent is better than ce" in re.sub(r"\s+", " ", run(compare[0]).stdout)


def test_its_pictures_are_whole():
    with Image.open(ROOT / "docs/pictures/tutorial-shapes.png") as sheet:
        assert sheet.format == "PNG" and sheet.width > 8 * 32
    for path in (ROOT / "docs/pictures").glob("*.svg"):
        drawing = xml.dom.minidom.parse(str(path)).documentElement
        assert drawing.tagName == "svg" and drawing.getElementsByTagName("path") and "var(" not in path.read_text()
        text = path.read_text()
        assert set(re.findall(r"href='#(\w+)'", text)) <= set(re.findall(r"\bid='(\w+)'", text)), f"{path.name} draws points without a shape"
