"""docs/FAQ.md: the messages that it quotes are the program's, and what it advises works."""
import re
import subprocess

import numpy
import pytest
from PIL import Image

from support import ROOT, environment

FAQ = (ROOT / "docs/FAQ.md").read_text()


def put_pictures(directory, *shape):
    directory.mkdir(parents=True)
    for number in range(10):
        Image.fromarray(numpy.full(shape, 20 * number, numpy.uint8)).save(directory / f"{number}.png")


@pytest.mark.parametrize("quoted, prepare", [
    ("a directory train is in it, but none that is called test", lambda place: put_pictures(place / "train/a", 32, 32)),
    ("measurements (regression)", lambda place: (place / "x.csv").write_text("a,b\n" + "".join(f"{n},{n}.5\n" for n in range(60)))),
], ids=["test", "regression"])
def test_quoted_messages(mixent, tmp_path, quoted, prepare):
    (tmp_path / "pictures").mkdir()
    prepare(tmp_path / "pictures")
    done = mixent("data", "show", "./pictures")
    assert done.code != 0 and quoted in done.message and f'"{quoted}"' in FAQ


def test_setting_test_pictures_apart(mixent, tmp_path):
    for name in ("a", "two words"):
        put_pictures(tmp_path / "pictures/train" / name, 32, 32)
    loop = re.search(r"^    for class in .*?^    done$", FAQ, re.M | re.S).group()
    subprocess.run(["bash", "-euo", "pipefail", "-c", loop], cwd=tmp_path, env=environment(), check=True)
    said = mixent("data", "show", "./pictures", "--out", "sheet.png").out
    assert re.search(r" a +8 +2$", said, re.M) and re.search(r" two words +8 +2$", said, re.M)
