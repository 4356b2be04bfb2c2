"""What someone types first: `make`, `make help`, and the commands of the README."""
import re
import subprocess
import sys

from PIL import Image

from support import ROOT, make_dataset

sys.path.insert(0, str(ROOT / "tools"))
from walkthrough import commands  # noqa: E402

README = (ROOT / "README.md").read_text()


def make(*words):
    done = subprocess.run(["make", "-s", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_make_ends_by_saying_how_to_run_it():
    said = [line for line in make("-n", "release").splitlines() if line.startswith("echo")]
    spoken = subprocess.run(["bash", "-c", "\n".join(said)], cwd="/", capture_output=True, text=True).stdout
    export, = re.findall(r"export PATH=\S+", spoken)
    assert f'{ROOT}/build/release:$PATH' in export and "make install" in spoken


def test_make_help_lists_targets_alone():
    lines = make("help").splitlines()
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    listed = [re.match(r"  make ((?:[\w-]+, )*[\w-]+)  +\S", line) for line in lines]
    for line, found in zip(lines, listed):
        assert found or line.startswith(" " * 20), line  # a line that goes on
        assert not found or set(found[1].split(", ")) <= targets, line
    assert sum(1 for found in listed if found) > 20


def commands_of(section):
    """[(command, lines of output)] of a section's block."""
    found = commands(re.search(rf"## {section}\n(.*?)\n## ", README, re.S).group(1))
    return [(command, [line.strip() for line in lines if line]) for command, lines in found]


def masked(line):
    """A line of output without what depends on data and machine: numbers, and which letters are likely."""
    return re.sub(r"\b[A-Z] N %", "L N %", re.sub(r"\d[\d.,:]*", "N", line))


def test_the_three_commands_print_what_stands_there(mixent, tmp_path):
    """On a small stand-in for the letters; what comes out of docs/studies is the same to the letter."""
    for name in ("docs", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    make_dataset(tmp_path / "data/emnist-letters", train=520, test=52, classes=26, side=28, prefix="emnist-letters-", first_label=1)
    train, predict, compare = commands_of("Three commands")
    said = {}
    for command, _ in (train, predict, compare):
        outputs = [mixent(*words.split()[1:]) for words in command.split(" && ")]
        assert all(words.startswith("mixent ") for words in command.split(" && ")) and all(done.code == 0 for done in outputs)
        said[command] = outputs[-1].out.splitlines()
    for command, expected in (train, predict):
        assert expected and {masked(line) for line in expected} <= {masked(line) for line in said[command]}
    assert len(compare[1]) == 4 and set(compare[1]) <= {line.strip() for line in said[compare[0]]}


def test_the_commands_of_the_installation_exist(mixent):
    block = re.search(r"## Install\n\n(.*?)\n\n[A-Z]", README, re.S).group(1)
    for line in block.splitlines():
        program, *words = line.split("#")[0].split()
        if program == "make":
            make("-n", *words)
        else:
            assert program == "mixent" and "emnist-letters" in mixent("help", *words[:2]).out


def test_the_picture_of_a_letter_is_like_those_that_are_trained():
    with Image.open(ROOT / "examples/a.png") as image:
        assert image.mode == "L" and image.getpixel((0, 0)) < 30 and max(image.getdata()) > 200  # light on dark


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 130 and "Linux" in README[:600] and "make demo" in README[:600]
