"""docs/DATA.md can be followed: each section's files and commands do what it says. Digits of trained networks may differ."""
import os
import re
import subprocess
import sys

import pytest

from support import PROGRAM, ROOT, environment

sys.path.insert(0, str(ROOT / "tools"))
from walkthrough import commands, files, save  # noqa: E402

PAGE = (ROOT / "docs/DATA.md").read_text()
SECTIONS = {section.split("\n", 1)[0]: section for section in PAGE.split("\n## ")[1:]}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One directory for the whole page: later sections use the files of earlier ones."""
    directory = tmp_path_factory.mktemp("page")
    save(PAGE, directory)
    (directory / "bin").mkdir()
    (directory / "bin/mixent").symlink_to(PROGRAM)
    (directory / "bin/python3").symlink_to(sys.executable)
    return directory


def without_scores(lines):
    """Lines of predict end in what a network is sure of, which the processor decides, as text or as CSV."""
    return [re.sub(r"  +\S+ [\d.]+ %.*|(,\d[\d.e-]*)+$", "", line) for line in lines]


def without_digits(lines):
    """What trained networks score depends on the processor, too; "…" stands for lines left out."""
    return {re.sub(r" *\d[\d.,]*", " #", re.sub(r"of class \w+", "of class …", line)) for line in lines if line.strip(" …")}


@pytest.mark.parametrize("title", SECTIONS)
def test_section(place, title):
    section = SECTIONS[title]
    assert commands(section)
    variables = dict(environment(), PATH=f"{place / 'bin'}:{os.environ['PATH']}")
    for command, quoted in commands(section):
        command = re.sub(r"side=\d+ epochs=\d+", "side=16 epochs=1", command).replace("epochs=20", "epochs=3")
        done = subprocess.run(command, shell=True, cwd=place, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, command + done.stdout
        while quoted and not quoted[-1]:
            quoted.pop()
        said = done.stdout.splitlines()
        if "predict" in command:
            said, quoted = without_scores(said), without_scores(quoted)
        if re.search("mixent eval|--predictions", command):
            assert without_digits(quoted) <= without_digits(said), f"{command}\n{done.stdout}"
            continue
        # standard error may come before or after standard output
        assert sorted(quoted) == sorted(said) or " train " in command and set(quoted) <= set(said), f"{command}\n{done.stdout}"


def test_every_section_is_in_the_table():
    linked = re.findall(r"^\|[^|]+\| \[[^]]+\]\(#([^)]+)\) \|$", PAGE, re.M)
    anchors = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in SECTIONS]
    assert linked == anchors and files(PAGE)
