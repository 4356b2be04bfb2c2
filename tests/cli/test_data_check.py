"""`mixent data check` on sets with planted faults: every one is found, nothing else is, and text, JSON and page agree."""
import json
import re
import shutil

import numpy
import pytest
from PIL import Image

from page import Page
from support import TINY_NET, draw_images, make_dataset, read_safetensors, write_idx


@pytest.fixture
def pictures(tmp_path):
    """Folders of pictures with faults: two broken files, a constant one, copies within and across the parts, one of them with another label,
    and a copy that is a little brighter."""
    generator = numpy.random.default_rng(3)
    for part, count in (("train", 12), ("test", 5)):
        for number, name in enumerate(("cat", "dog")):
            folder = tmp_path / "pets" / part / name
            folder.mkdir(parents=True)
            for index in range(count):
                coarse = generator.integers(20, 220, (8, 8, 3)).astype(numpy.uint8)
                Image.fromarray(coarse).resize((32, 32), Image.BICUBIC).save(folder / f"{index:02}.png")
    pets = tmp_path / "pets"
    (pets / "train/cat/broken.png").write_bytes((pets / "train/cat/00.png").read_bytes()[:200])
    (pets / "test/dog/empty.jpg").write_bytes(b"")
    Image.new("RGB", (32, 32), (9, 9, 9)).save(pets / "train/dog/plain.png")
    shutil.copy(pets / "train/cat/01.png", pets / "train/cat/copy.png")
    shutil.copy(pets / "train/cat/02.png", pets / "train/dog/wrong.png")
    shutil.copy(pets / "train/dog/03.png", pets / "test/dog/leak.png")
    bright = numpy.asarray(Image.open(pets / "train/dog/04.png")).astype(float) * 1.1 + 3
    Image.fromarray(numpy.clip(bright, 0, 255).astype(numpy.uint8)).save(pets / "test/dog/bright.png")
    return pets


NUMBER = ' class="number"'


def names(images, root):
    return [image["file"].removeprefix(f"{root}/") for image in images]


def test_planted_faults(mixent, tmp_path, pictures):
    said = mixent("data", "check", pictures, "--no-labels", "--json", "--html", "page.html")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert sorted(broken["file"].removeprefix(f"{pictures}/") for broken in found["broken"]) == ["test/dog/empty.jpg", "train/cat/broken.png"]
    assert names(found["constant"], pictures) == ["train/dog/plain.png"]
    groups = [(names(group["images"], pictures), group["across"], group["conflict"]) for group in found["duplicates"]]
    assert groups == [(["train/cat/02.png", "train/dog/wrong.png"], False, True), (["train/dog/03.png", "test/dog/leak.png"], True, False),
                      (["train/cat/01.png", "train/cat/copy.png"], False, False)]
    assert [(names(pair["images"], pictures), pair["across"]) for pair in found["near_duplicates"]] == [(["train/dog/04.png", "test/dog/bright.png"], True)]
    assert found["classes"] == [{"class": "cat", "train": 13, "test": 5}, {"class": "dog", "train": 14, "test": 7}]
    assert found["imbalance"] == pytest.approx(14 / 13) and found["labels_checked"] == 0

    page = Page(tmp_path / "page.html").check()
    assert page.sections() == ["broken", "duplicates", "near", "constant", "balance"]
    assert len(page.images) == 2 * 3 + 2 + 1 and "wrong.png" in page.text and "different labels" in page.text

    assert "2 broken files" in page.text and "1 near duplicate, 1 across train and test, 0 with different labels" in page.text
    assert re.findall(r'<th scope="col"( class="number")?>(\w+)</th>', page.source)[-3:] == [("", "class"), (NUMBER, "train"), (NUMBER, "test")]
    assert page.source.count("<td" + NUMBER) == 2 * 2, "only counts stand right"

    words = mixent("data", "check", pictures, "--no-labels").out
    assert "broken files         2" in words and "duplicate groups     3, 1 across train and test, 1 with different labels" in words
    assert "train/cat/broken.png" in words and "dog/leak.png" in words
    judged = json.loads(mixent("data", "check", pictures, "--folds", "2", "--epochs", "1", "--json").out)
    assert judged["labels_checked"] == 27 and judged["broken"] == found["broken"]


def test_one_of_each_is_no_plural(mixent, tmp_path, bars):
    """One duplicate, one broken file, one test image: each is a singular in text and page."""
    for name in ("a", "b"):
        for index in range(3):
            path = tmp_path / "few" / name / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = numpy.random.default_rng([index, ord(name)]).integers(0, 255, (32, 32)).astype(numpy.uint8)
            Image.fromarray(noise).save(path)
    shutil.copy(tmp_path / "few/a/1.png", tmp_path / "few/a/2.png")
    (tmp_path / "few/b/2.png").write_bytes(b"")
    said = mixent("data", "check", "./few", "--no-labels", "--html", "page.html")
    page = Page(tmp_path / "page.html").check().text
    for words in ("1 broken file ", "1 duplicate group, ", "0 near duplicates "):
        assert words in page, words
    assert not re.search(r"\b1 (\w+ )*(files|groups|duplicates|images|errors)\b", page) and "1 classes" not in said.out


def test_a_page_that_cannot_be_written_is_known_first(mixent, tmp_path, pictures):
    """Before the trainings, whose findings would be lost; and a failure leaves no file behind."""
    before = set(tmp_path.iterdir())
    said = mixent("data", "check", pictures, "--html", "nowhere/page.html", "--recipe", "nosuch")
    assert said.code == 1 and "nowhere/page.html" in said.message, "the recipe, which comes later, was not looked for"
    said = mixent("data", "check", pictures, "--html", "page.html", "--recipe", "nosuch")
    assert said.code == 2 and "nosuch" in said.message and set(tmp_path.iterdir()) == before


def test_an_archive_has_the_same_faults(mixent, tmp_path, pictures):
    whole = json.loads(mixent("data", "check", pictures, "--no-labels", "--json").out)
    shutil.make_archive(tmp_path / "packed", "zip", pictures)
    packed = json.loads(mixent("data", "check", "packed.zip", "--no-labels", "--json").out)
    for key in ("classes", "imbalance"):
        assert packed[key] == whole[key]
    assert len(packed["broken"]) == 2 and [len(group["images"]) for group in packed["duplicates"]] == [2, 2, 2]
    assert len(packed["near_duplicates"]) == 1 and len(packed["constant"]) == 1


def test_nothing_wrong(mixent, tmp_path, bars):
    said = mixent("data", "check", bars, "--no-labels")
    assert said.code == 0
    assert said.out.splitlines()[1:] == ["  broken files         0", "  constant images      0", "  duplicate groups     0", "  near duplicates      0",
                                         "  class balance        all classes have equally many train images"]


def plant(directory, wrong, seed=0):
    """Bars of four classes, of whose train labels some are wrong; which ones."""
    make_dataset(directory, train=400, test=40, seed=seed)
    labels = numpy.arange(400) % 4
    places = numpy.random.default_rng(seed).choice(400, wrong, replace=False)
    labels[places] = (labels[places] + 1 + places % 3) % 4
    write_idx(directory / "train-labels-idx1-ubyte", labels)
    return places


FOLDS = ["--folds", "3", "--epochs", "6", "--net", "tiny.yaml", "--recipe", "folds.yaml", "--threads", "2"]


@pytest.fixture
def small(tmp_path):
    """A recipe that learns bars in a second."""
    (tmp_path / "tiny.yaml").write_text(TINY_NET)
    (tmp_path / "folds.yaml").write_text("batch: 20\nprecision: fp32\noptimizer: {learning_rate: 0.1, momentum: 0.9, nesterov: true}\n")


def test_label_errors_by_folds(mixent, tmp_path, small):
    wrong = plant(tmp_path / "planted", 30)
    before = set(tmp_path.iterdir())
    said = mixent("data", "check", "./planted", *FOLDS, "--json", "--html", "page.html", TMPDIR=tmp_path)
    assert said.code == 0, said.err
    found = json.loads(said.out)
    listed = [error["index"] for error in found["label_errors"]]
    assert found["labels_checked"] == 400
    assert len(set(listed) & set(wrong)) >= 27 and len(listed) <= 36
    margins = [error["margin"] for error in found["label_errors"]]
    assert margins == sorted(margins)
    truth = {place: place % 4 for place in wrong}
    assert sum(int(error["suggested"]) == truth.get(error["index"]) for error in found["label_errors"]) >= 26
    page = Page(tmp_path / "page.html").check()
    assert page.sections()[0] == "labels" and len(page.images) >= len(listed)
    assert {path.name for path in set(tmp_path.iterdir()) - before} == {"page.html"}, "the folds leave nothing behind"


def test_label_errors_of_runs_that_there_are(mixent, tmp_path, small):
    """Folds trained by hand say what the check says; and a run on other data is refused."""
    wrong = plant(tmp_path / "planted", 30)
    for fold in range(2):
        said = mixent("train", "--recipe", "folds.yaml", "--data", "./planted", "--net", "tiny.yaml", "--epochs", "6", "--threads", "2", "--set",
                      "validation.folds=2", "--set", f"validation.fold={fold}", "--set", "select=last", "--run", f"runs/fold{fold}")
        assert said.code == 0, said.err
    found = json.loads(mixent("data", "check", "./planted", "--predictions", "fold0,fold1", "--json").out)
    assert found["labels_checked"] == 400
    halves = [json.loads(mixent("data", "check", "./planted", "--predictions", f"runs/fold{fold}", "--json").out)["labels_checked"] for fold in range(2)]
    assert sum(halves) == 400 and abs(halves[0] - 200) <= 4  # of each class a half, or one more
    assert len({error["index"] for error in found["label_errors"]} & set(wrong)) >= 25
    make_dataset(tmp_path / "other", seed=5)
    said = mixent("data", "check", "./other", "--predictions", "fold0")
    assert said.code == 2 and "its held-out images are not those of other" in said.message


@pytest.mark.long
def test_label_errors_are_those_of_cleanlab(mixent, tmp_path, small):
    filters = pytest.importorskip("cleanlab.filter")
    plant(tmp_path / "planted", 60, seed=2)
    mixent("train", "--recipe", "folds.yaml", "--data", "./planted", "--net", "tiny.yaml", "--epochs", "3", "--threads", "2", "--set", "validation.fraction=0.5",
           "--set", "select=last", "--run", "runs/half")
    arrays, _ = read_safetensors(tmp_path / "runs/half/predictions.safetensors")
    logits, labels = arrays["validation.logits"].astype(float), arrays["validation.labels"]
    q = numpy.exp(logits - logits.max(1, keepdims=True))
    q /= q.sum(1, keepdims=True)
    wanted = filters.find_label_issues(labels, q, filter_by="confident_learning", return_indices_ranked_by="normalized_margin")
    found = json.loads(mixent("data", "check", "./planted", "--predictions", "half", "--json").out)["label_errors"]
    assert len(wanted) > 10 and len(found) == len(wanted)
    for error, place in zip(found, wanted):
        assert error["confidence"] == pytest.approx(q[place, labels[place]], abs=1e-9)


@pytest.mark.parametrize("words, said", [
    (["--near", "2"], "--near: expected a correlation from 0 to 1, got '2'"),
    (["--no-labels", "--epochs", "2"], "--epochs has no effect with --no-labels"),
    (["--predictions", "a", "--folds", "3"], "--folds has no effect with --predictions"),
    (["--no-labels", "--predictions", "a"], "--predictions has no effect with --no-labels"),
    (["--predictions", "none"], "none"),
])
def test_wrong_use(mixent, bars, words, said):
    done = mixent("data", "check", bars, *words)
    assert done.code == 2 and said in done.message


def test_a_table(mixent, tmp_path):
    rows = ["x,y,kind"] + [f"{i % 7},{i * 37 % 11},{'ab'[i % 2]}" for i in range(60)] + ["3,9,a", "3,9,b"]
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n")
    found = json.loads(mixent("data", "check", "rows.csv", "--no-labels", "--json", "--html", "page.html").out)
    assert any(group["conflict"] for group in found["duplicates"]) and found["near_correlation"] is None
    assert Page(tmp_path / "page.html").check().images == []
    assert "constant images" not in mixent("data", "check", "rows.csv", "--no-labels").out
