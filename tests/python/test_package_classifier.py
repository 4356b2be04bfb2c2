"""mixent.Classifier: scikit-learn's interface over the C trainer, on arrays."""
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import mixent
import numpy
import pytest

SITE = str(Path(mixent.__file__).parents[1])
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("MIXENT") or os.environ.get("MIXENT_PROGRAM") or ROOT / "build" / "release" / "mixent")


@pytest.fixture(scope="module")
def trainer():
    pytest.importorskip("sklearn", minversion="1.6")
    return pytest.importorskip("mixent._trainer")


@pytest.fixture
def make(trainer):
    return lambda **more: mixent.Classifier(**{"random_state": 0, "threads": 1, "epochs": 4, **more})


def draw_table(rows=200):
    generator = numpy.random.default_rng(0)
    values = generator.normal(size=(rows, 3)).astype(numpy.float32)
    return values, numpy.where(values[:, 0] + values[:, 1] > 0, "right", "left")


def draw_images(count=90, channels=3):
    """A band at the height of its class, in one channel."""
    generator = numpy.random.default_rng(0)
    labels = numpy.arange(count) % 3
    images = generator.integers(0, 60, (count, 20, 20, channels), dtype=numpy.uint8)
    for image, label in zip(images, labels):
        image[6 * label:6 * label + 6, :, 0] += 150
    return images, 10 * labels


@pytest.mark.parametrize("missing, said", [
    ("sklearn.base", "mixent.Classifier needs scikit-learn 1.6 or later: pip install 'mixent[sklearn]'"),
    ("mixent._trainer", "mixent.Classifier needs the trainer, which this package was built without: where mixent's source is, "
                        "'make dependencies' installs oneDNN and the other libraries, then 'pip install .' builds it"),
])
def test_what_is_missing_is_named(missing, said):
    if missing == "mixent._trainer":
        pytest.importorskip("sklearn", minversion="1.6")
    code = f"import sys; sys.modules[{missing!r}] = None; import mixent; mixent.evaluate; mixent.Classifier"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": SITE})
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == f"ImportError: {said}"


def test_a_table(make):
    values, labels = draw_table()
    classifier = make(epochs=10).fit(values, labels)
    assert list(classifier.classes_) == ["left", "right"] and classifier.n_features_in_ == 3
    assert classifier.score(values, labels) > 0.9
    probabilities = classifier.predict_proba(values)
    assert probabilities.shape == (200, 2) and numpy.allclose(probabilities.sum(1), 1, atol=1e-5)
    assert (classifier.predict(values) == classifier.classes_[probabilities.argmax(1)]).all()
    assert classifier.n_iter_ == len(classifier.history_) == 10 and not classifier.interrupted_
    assert all(epoch["validation"]["images"] == 20 for epoch in classifier.history_)
    again = make(epochs=10).fit(values.astype(numpy.float64), labels)
    assert (again.predict_proba(values) == probabilities).all()  # the same seed
    assert (make(epochs=10, random_state=1).fit(values, labels).predict_proba(values) != probabilities).any()


def test_images_in_every_layout(make):
    images, labels = draw_images()
    first = make().fit(images, labels)
    assert first.score(images, labels) > 0.9 and list(first.classes_) == [0, 10, 20]
    expected = first.predict_proba(images)
    for other in (images.transpose(0, 3, 1, 2), images / 255, (images / 255).astype(numpy.float32)):
        assert (first.predict_proba(other) == expected).all()
    assert (make().fit(images.transpose(0, 3, 1, 2), labels).predict_proba(images) == expected).all()
    grey = images[..., 0]
    layouts = [make().fit(one, labels).predict_proba(one) for one in (grey, grey[..., None], grey[:, None])]
    assert (layouts[0] == layouts[1]).all() and (layouts[0] == layouts[2]).all()


def test_nothing_is_copied(make, trainer, monkeypatch):
    seen = []
    train, predict = trainer.train, trainer.predict
    monkeypatch.setattr(trainer, "train", lambda *words: seen.append(words[:2]) or train(*words))
    monkeypatch.setattr(trainer, "predict", lambda *words: seen.append(words[1:3]) or predict(*words))
    for (values, labels), place in ((draw_images(), 0), (draw_table(), 1)):
        before = values.copy()
        make(epochs=1).fit(values, labels).predict(values)
        assert [one[place] for one in seen] == [values.ctypes.data] * 2 and not any(one[1 - place] for one in seen)
        assert (values == before).all()
        seen.clear()


def test_pickled_and_read_by_the_program(make, tmp_path):
    values, labels = draw_table()
    classifier = make().fit(values, labels)
    twin = pickle.loads(pickle.dumps(classifier))
    assert (twin.predict_proba(values) == classifier.predict_proba(values)).all()
    (tmp_path / "x.safetensors").write_bytes(classifier.checkpoint_)
    done = subprocess.run([PROGRAM, "info", tmp_path / "x.safetensors"], capture_output=True, text=True)
    assert done.returncode == 0 and "mlp" in done.stdout, done.stderr


def test_options_reach_the_trainer(make):
    values, labels = draw_table()
    classifier = make(loss="ce", net="mlp", batch=10, learning_rate=0.01, settings={"ema.decay": 0.5, "dropout": 0.2}).fit(values, labels)
    for text in (b"name: ce", b"batch: 10", b"learning_rate: 0.01", b"decay: 0.5", b"dropout: 0.2"):
        assert text in classifier.checkpoint_
    few = make().fit(values[:12], labels[:12])  # nothing is held out
    assert few.history_[-1]["validation"] is None and few.predict(values).shape == (200,)


class Stopped(Exception):
    pass


@pytest.mark.parametrize("kind", [KeyboardInterrupt, Stopped])
def test_ctrl_c_ends_the_training_early(make, kind):
    def handler(number, frame):
        raise kind

    values, labels = draw_table()
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 1)
    try:
        if kind is Stopped:
            with pytest.raises(Stopped):
                make(epochs=100000).fit(values, labels)
            return
        classifier = make(epochs=100000, settings={"schedule.name": "constant"}).fit(values, labels)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert classifier.interrupted_ and 0 < classifier.n_iter_ < 100000
    assert classifier.score(values, labels) > 0.9


def test_ctrl_c_in_the_first_epoch(make):
    def handler(number, frame):
        raise KeyboardInterrupt

    images, labels = draw_images(3000)
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            make(epochs=100, net="vgg5").fit(images, labels)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("change, error, said", [
    (lambda x, y: (x[:, :10], y), ValueError, "expected square images of 16 to 256 pixels"),
    (lambda x, y: (x[..., :2], y), ValueError, "with 1 or 3 channels"),
    (lambda x, y: (x[:, :8, :8], y), ValueError, r"got shape \(90, 8, 8, 3\); smaller ones are rows of a table, as X.reshape\(len\(X\), -1\)"),
    (lambda x, y: (x.astype(int), y), ValueError, "expected images of uint8, or of floats from 0 to 1, got int"),
    (lambda x, y: (x.astype(float), y), ValueError, "expected pixels from 0 to 1 where they are floats"),
    (lambda x, y: (x, 0 * y), ValueError, "expected at least 2 classes, got 1 class"),
    (lambda x, y: (x, y[:5]), ValueError, "inconsistent numbers of samples"),
    (lambda x, y: (x, y + 0.5), ValueError, "Unknown label type"),
])
def test_wrong_arrays(make, change, error, said):
    images, labels = draw_images()
    with pytest.raises(error, match=said):
        make().fit(*change(images, labels))


@pytest.mark.parametrize("options, said", [
    ({"loss": "min-entt"}, "min-entt"), ({"net": "mlpp"}, "unknown network 'mlpp'; did you mean 'mlp'"),
    ({"settings": {"epoch": 3}}, "unknown option 'epoch'"), ({"epochs": -1}, "epochs"), ({"epochs": 0}, "epochs"), ({"batch": 0}, "batch"), ({"recipe": "tabula"}, "tabula"),
])
def test_wrong_options(make, options, said):
    with pytest.raises(ValueError, match=said):
        make(**options).fit(*draw_table())


def test_other_images_than_in_training(make):
    images, labels = draw_images()
    classifier = make(epochs=1).fit(images, labels)
    with pytest.raises(ValueError, match=r"expected images of shape \(20, 20, 3\), as in training, got \(20, 20, 1\)"):
        classifier.predict(images[..., :1])


@pytest.mark.long
def test_estimator_checks_of_scikit_learn(trainer):
    """All of them."""
    from sklearn.utils.estimator_checks import check_estimator

    results = check_estimator(mixent.Classifier(random_state=0, threads=1, epochs=15), on_fail=None, on_skip=None)
    assert len(results) > 40
    assert [(one["check_name"], one["exception"]) for one in results if one["status"] not in ("passed", "skipped")] == []
