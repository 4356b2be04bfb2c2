"""mixent.keras on the back end that KERAS_BACKEND names: against the C library over random losses and batches, beside Keras's own
losses, in fit(), saved and loaded. test_package_keras.py runs this file on each back end."""
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

sys.path.insert(0, os.path.dirname(__file__))
import mixent  # noqa: E402
import mixent.keras as losses  # noqa: E402
from loss_cases import cases  # noqa: E402
from mixent._help import MODULES  # noqa: E402

BACKEND = keras.backend.backend()
TOLERANCE = {"float64": 1e-12, "float32": 1e-5, "float16": 2e-3}
COUNT = {"float64": 2000, "float32": 20 if BACKEND == "jax" else 200, "float16": 20}  # JAX compiles anew for each shape
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def values_and_gradients(function, arrays):
    """(function's values for tensors of the arrays, the gradients of their sum by each array), by the back end's own means."""
    if BACKEND == "jax":
        import jax

        def total(tensors):
            values = function(*tensors)
            return values.sum(), values
        (_, values), gradients = jax.value_and_grad(total, has_aux=True)([jax.numpy.asarray(array) for array in arrays])
    elif BACKEND == "torch":
        import torch
        tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
        values = function(*tensors)
        gradients = torch.autograd.grad(values.sum(), tensors, materialize_grads=True)
    else:
        import tensorflow as tf
        tensors = [tf.constant(array) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            values = function(*tensors)
            total = tf.reduce_sum(values)
        gradients = tape.gradient(total, tensors, unconnected_gradients="zero")
    return keras.ops.convert_to_numpy(values), [keras.ops.convert_to_numpy(gradient) for gradient in gradients]


def error(found, expected):
    found, expected = np.asarray(found, "f8"), np.asarray(expected, "f8")
    if not np.array_equal(np.isfinite(found), np.isfinite(expected)):
        return math.inf
    finite = np.isfinite(expected)
    return np.abs(found[finite] - expected[finite]).max(initial=0) / max(1, np.abs(expected)[finite].max(initial=0))


def errors_of(case, dtype):
    """How far value, gradient and slopes of weights and bases are from C's."""
    known = mixent._options.fixed_numbers(case.kind, {})
    numbers = {name: float(value) for name, value in case.options.items() if name in known}
    target = case.target.astype(dtype) if case.target.dtype.kind == "f" else case.target
    c = mixent.evaluate(case.logits.astype(dtype), target, case.kind, weight=case.weight, ignore_index=case.options["ignore_index"],
                        reduction="none", learnable=case.learnable, **numbers)
    fixed = {name: value for name, value in numbers.items() if name not in case.learnable}
    function = getattr(losses, "cross_entropy" if case.kind == "ce" else case.kind.replace("-", "_"))

    def values_of(logits, *learned):
        return function(target, logits, from_logits=True, weight=case.weight, ignore_class=case.options["ignore_index"], **fixed,
                        **dict(zip(case.learnable, learned)))
    learned = [np.asarray(numbers.get(name, known[name]), dtype) for name in case.learnable]
    values, (gradient, *slopes) = values_and_gradients(values_of, [case.logits.astype(dtype), *learned])
    present = ~np.isneginf(case.logits)  # C gives a masked label a gradient, too
    errors = [error(values, c.value), error(gradient[present], c.gradient[present])]
    if dtype != "float16" and np.isfinite(c.value).all() and all(map(math.isfinite, c.slopes.values())):
        for name, at, slope in zip(case.learnable, learned, slopes):
            errors.append(error(slope * at if name[0] == "b" else slope, c.slopes[name]))  # d/d ln b
    return errors


@pytest.mark.parametrize("dtype", [pytest.param("float64", marks=pytest.mark.long), "float32", "float16"])
def test_the_same_as_in_c(dtype):
    worst, where = 0.0, None
    for seed, case in enumerate(cases(COUNT[dtype])):
        if "far" in case.notes and dtype == "float16":
            continue
        errors = errors_of(case, dtype)
        if max(errors) > worst:
            worst, where = max(errors), f"case {seed}, {case.kind}, {errors}"
    print(f"{BACKEND}, {dtype}: mixent.keras differs from the C library by at most {worst:.1e} over {COUNT[dtype]} losses, {where}")
    assert worst <= TOLERANCE[dtype], where


def problem(classes=5):
    numbers = np.random.default_rng(0)
    return numbers.normal(0, 2, (6, classes)).astype("f4"), np.array([0, 1, 2, 3, 4, 0])


def softmax(logits):
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def close(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), keras.ops.convert_to_numpy(expected), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None])
@pytest.mark.parametrize("weights", [None, np.array([1, 0, 2, 0.5, 3, 1], "f4"), np.array([[1], [0], [2], [0.5], [3], [1]], "f4")])
def test_reductions_are_those_of_keras(reduction, weights):
    """Beside SparseCategoricalCrossentropy with a class that is ignored, and CategoricalCrossentropy with smoothed labels."""
    logits, labels = problem()
    for options in dict(from_logits=True, ignore_class=4), dict(from_logits=True, ignore_class=-1):
        theirs = keras.losses.SparseCategoricalCrossentropy(reduction=reduction, **options)
        close(losses.CrossEntropyLoss(reduction=reduction, **options)(labels, logits, weights), theirs(labels, logits, weights))
    targets = softmax(logits[::-1])
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2, reduction=reduction)
    close(losses.CrossEntropyLoss(label_smoothing=0.2, from_logits=True, reduction=reduction)(targets, logits, weights),
          theirs(targets, logits, weights))


def test_probabilities():
    """The same value as of logits; a probability of 0 gives a finite loss, one below 0 (a logit) NaN; a sum of 2 is divided out."""
    logits, labels = problem()
    for kind, (module, _) in MODULES.items():
        expected = getattr(losses, module)(from_logits=True)(labels, logits)
        close(getattr(losses, module)()(labels, 2 * softmax(logits)), expected)
    values, (gradient,) = values_and_gradients(lambda q: losses.min_ent([0, 1], q), [np.array([[0, 1], [0.5, 0.5]], "f4")])
    assert values[0] == pytest.approx(-math.log(np.finfo("f4").tiny), rel=1e-5) and np.isfinite(gradient).all()
    assert np.isnan(keras.ops.convert_to_numpy(losses.min_ent(labels, logits))).all()
    assert np.isnan(keras.ops.convert_to_numpy(losses.min_ent([1, 1], [[0.0, 0.0], [1.0, 1.0]]))).tolist() == [True, False]
    close(losses.entropy(softmax(logits)), losses.entropy(logits, from_logits=True))
    close(losses.entropy(logits, from_logits=True), -(softmax(logits) * np.log(softmax(logits))).sum(-1))


def test_labels_and_distributions_are_told_apart_by_shape():
    logits, labels = problem()
    expected = losses.mix_ent(labels, logits, from_logits=True)
    one_hot = np.eye(5)[labels]
    for target in labels[:, None], labels.astype("u1"), labels.astype("f4"), one_hot, one_hot.astype("i4"), labels.tolist():
        close(losses.mix_ent(target, logits, from_logits=True), expected)
    pixels, classes = np.stack([logits, -logits], 1), np.stack([labels, labels[::-1]], 1)  # [6, 2, 5], [6, 2]
    expected = losses.mix_ent(classes, pixels, from_logits=True)
    first = np.moveaxis(pixels, -1, 1)
    for target in classes, classes[:, None], np.moveaxis(np.eye(5)[classes], -1, 1):
        close(losses.mix_ent(target, first, from_logits=True, axis=1), expected)
    close(losses.entropy(first, from_logits=True, axis=1), losses.entropy(pixels, from_logits=True))
    close(losses.MixEntLoss(axis=1, from_logits=True)(classes, first), keras.ops.mean(expected))


def test_labels_out_of_range_and_classes_without_weight():
    """NaN in that row alone, its gradient too; a weight of 0 leaves a class out, no label that is none, and no NaN beside it."""
    logits, labels = problem()
    for weight in None, [0, 1, 1, 1, 0]:
        for label in 7, -1, math.nan:
            wrong = np.where(np.arange(6) == 1, label, labels)
            values, (gradient,) = values_and_gradients(lambda z: losses.cross_entropy(wrong, z, from_logits=True, weight=weight), [logits])
            assert np.isnan(values).tolist() == np.isnan(gradient).all(1).tolist() == [False, True, False, False, False, False]
    logits[0], logits[2] = math.nan, math.inf
    values, (gradient,) = values_and_gradients(
        lambda z: losses.min_ent(labels, z, from_logits=True, weight=[0, 1, 1, 1, 1], ignore_class=2), [logits])
    assert np.isfinite(values).all() and np.isfinite(gradient).all() and not values[[0, 2, 5]].any() and not gradient[[0, 2, 5]].any()


def test_masked_classes_and_large_factors():
    """ln q of a masked class, times the factor, must not become infinite beside q = 0. Only -inf masks a class."""
    logits = np.array([[0, 1, -math.inf]], "f4")
    for kind in "min-ent", "kl", "bi-tempered":
        function = getattr(losses, kind.replace("-", "_"))
        _, (expected,) = values_and_gradients(lambda z: function([0], z, from_logits=True), [logits])
        _, (found,) = values_and_gradients(lambda z: function([0], z, from_logits=True) * 2.0**24, [logits])
        close(found / 2**24, expected)
    lowest = np.full((1, 3), np.finfo("f4").min)
    close(losses.cross_entropy([0], lowest, from_logits=True), [math.log(3)])
    lowest[0, :2] = 0
    assert 1e17 < float(losses.cross_entropy([0], lowest, from_logits=True, label_smoothing=0.1)[0]) < math.inf


def test_types():
    """16 bits are computed in float32, whatever the loss's own type; labels beyond what they can tell stay whole."""
    numbers = np.random.default_rng(0)
    logits, labels = numbers.normal(0, 2, (3, 1000)).astype("f2"), np.array([257, 999, 513])
    expected = losses.min_ent(labels, logits.astype("f4"), from_logits=True)
    for dtype in None, "float16", "bfloat16", "mixed_bfloat16", "float32":
        criterion = losses.MinEntLoss(from_logits=True, reduction="none", dtype=dtype)
        assert criterion.dtype == "float32"
        close(criterion(labels, keras.ops.convert_to_tensor(logits)), expected)
    assert keras.backend.standardize_dtype(losses.min_ent(labels, logits, from_logits=True).dtype) == "float32"


def test_every_loss_is_made_again_from_its_configuration():
    for kind, (module, _) in MODULES.items():
        cls = getattr(losses, module)
        with pytest.raises(TypeError, match=rf"the loss '{kind}' has no max_interval \(it has w1,"):
            cls(max_interval=3)
        made = cls(w1=0.7, b1=2, label_smoothing=0.3, from_logits=True, axis=1, weight=np.array([1, 2, 0]), ignore_class=np.int64(2),
                   reduction="sum", name="other", dtype="float64")
        again = keras.losses.deserialize(keras.losses.serialize(made))
        assert type(again) is cls and again.get_config() == made.get_config()
        assert again.w1 == 0.7 and again.weight == [1, 2, 0] and again.dtype == "float64" and again.name == "other"
        assert cls().get_config().items() >= mixent._options.fixed_numbers(kind, {}).items()


LOAD = """
import keras, numpy, sys
import mixent.keras
for folder in sys.argv[1:]:
    model = keras.saving.load_model(folder + "/model.keras")
    data = numpy.load(folder + "/data.npz")
    print("loaded", type(model.loss).__name__, float(model.evaluate(data["x"], data["y"], verbose=0)))
"""


def test_models_are_trained_saved_and_loaded(tmp_path):
    """The loss falls; another process loads each model with its loss, and finds the same value."""
    numbers, expected = np.random.default_rng(0), []
    labels = numbers.integers(0, 4, 200)
    x = (np.eye(4)[labels] * 2 + numbers.normal(0, 1, (200, 4))).astype("f4")
    for loss in losses.MinEntLoss(w2=0.3, from_logits=True), losses.BiTemperedLoss(from_logits=True), losses.mix_ent:
        keras.utils.set_random_seed(1)
        last = keras.layers.Dense(4, activation="softmax" if loss is losses.mix_ent else None)
        model = keras.Sequential([keras.layers.Input((4,)), last])
        model.compile(keras.optimizers.Adam(0.05), loss=loss)
        before = model.evaluate(x, labels, verbose=0)
        model.fit(x, labels, epochs=5, verbose=0, class_weight={0: 1.0, 1: 2.0, 2: 1.0, 3: 1.0})
        after = model.evaluate(x, labels, verbose=0)
        assert after < 0.7 * before
        folder = tmp_path / type(loss).__name__
        folder.mkdir()
        model.save(folder / "model.keras")
        np.savez(folder / "data.npz", x=x, y=labels)
        expected.append((folder, after))
    done = subprocess.run([sys.executable, "-c", LOAD, *(folder for folder, _ in expected)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("loaded")]
    assert [(name, pytest.approx(float(value), rel=1e-5)) for name, value in loaded] == [(folder.name, after) for folder, after in expected]


def test_training_in_16_bits_and_with_masked_steps():
    """The policy mixed_float16; steps that an embedding masks do not count, as with Keras's own loss."""
    words, labels = np.array([[1, 2, 0], [3, 0, 0], [2, 1, 3]]), np.array([[1, 0, 1], [2, 2, 2], [0, 1, 2]])
    found = []
    for make in losses.CrossEntropyLoss, keras.losses.SparseCategoricalCrossentropy:
        keras.utils.set_random_seed(1)
        layers = [keras.layers.Input((3,), dtype="int32"), keras.layers.Embedding(4, 8, mask_zero=True), keras.layers.Dense(3)]
        model = keras.Sequential(layers)
        model.compile("sgd", loss=make(from_logits=True, ignore_class=1))
        found.append(model.evaluate(words, labels, verbose=0))
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    keras.config.set_dtype_policy("mixed_bfloat16" if BACKEND == "torch" else "mixed_float16")
    try:
        model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(3)])
        model.compile("sgd", loss=losses.MinEntLoss(from_logits=True))
        x = np.random.default_rng(0).normal(0, 1, (32, 8))
        history = model.fit(x, np.argmax(x[:, :3], 1), epochs=3, verbose=0).history["loss"]
    finally:
        keras.config.set_dtype_policy("float32")
    assert history[2] < history[0]


def test_errors():
    logits, labels = problem()
    with pytest.raises(ValueError, match=r"y_pred of shape \(6, 5\) goes with labels of shape \(6,\) or \(6, 1\), or distributions of "
                                         r"shape \(6, 5\), not with y_true of shape \(3,\)"):
        losses.min_ent(labels[:3], logits)
    with pytest.raises(ValueError, match=r"weight must have shape \(5,\), for as many classes, not \(2,\)"):
        losses.min_ent(labels, logits, weight=[1, 2])
    with pytest.raises(ValueError, match=r"weight takes a finite number >= 0 for each class, got \[-1, 1\]"):
        losses.MinEntLoss(weight=[-1, 1])
    with pytest.raises(TypeError, match=r"the loss 'ce' has no w2 \(it has w1, b1, label_smoothing\)"):
        losses.CrossEntropyLoss(w2=1)
    with pytest.raises(TypeError, match=r"ignore_class takes a whole number or None, got 1.5"):
        losses.MinEntLoss(ignore_class=1.5)
    with pytest.raises(ValueError, match="label_smoothing is 2"):
        losses.cross_entropy(labels, logits, label_smoothing=2)
    with pytest.raises(ValueError, match=r"axis 2 is none of y_pred's, of shape \(6, 5\)"):
        losses.min_ent(labels, logits, axis=2)


@pytest.mark.parametrize("make", [losses.MinEntLoss, lambda **options: losses.min_ent([0], [[0.3, 0.7]], **options)])
@pytest.mark.parametrize("options, error, message", [
    (dict(ignore_index=-100), TypeError, "there is no ignore_index here: use ignore_class"),
    (dict(learnable=("w2",)), TypeError, "there is no learnable here: pass a layer's weight"),
    (dict(w2="a"), TypeError, "w2 takes a number, got 'a'"), (dict(w2="0.1"), TypeError, "w2 takes a number, got '0.1'"),
    (dict(w2=None), TypeError, "w2 takes a number, got None"), (dict(label_smoothing=None), TypeError, "label_smoothing takes a number"),
    (dict(w2=np.ones(3)), ValueError, "w2 takes a number or a tensor of no dimension, not one of shape (3,)"),
])
def test_errors_say_what_to_do(make, options, error, message):
    with pytest.raises(error) as caught:
        make(**options)
    assert message in str(caught.value)


def test_the_names_of_others():
    logits, labels = problem()
    for name, others, own in (("focal", {"alpha": 0.25}, {"w1": 0.25}), ("poly1", {"epsilon": 1.5}, {"w2": 1.5}),
                              ("symmetric-ce", {"alpha": 0.3, "beta": 2}, {"w1": 0.3, "w2": 2})):
        function, cls = getattr(losses, name.replace("-", "_")), getattr(losses, MODULES[name][0])
        close(function(labels, softmax(logits), **others), function(labels, softmax(logits), **own))
        made = cls(**others)
        assert {key: made.get_config()[key] for key in own} == own and cls.from_config(made.get_config()).get_config() == made.get_config()
        for key, value in others.items():
            assert getattr(made, key) == value and f"    {key}: the name that others use for " in cls.__doc__
            setattr(made, key, 7)
        assert all(made.get_config()[key] == 7 for key in own)
    with pytest.raises(TypeError, match="epsilon is another name of w2: give one of them"):
        losses.Poly1Loss(w2=1, epsilon=1)


def test_repr_says_what_was_chosen():
    criterion = losses.MinEntLoss(w2=0.3, from_logits=True, ignore_class=255, reduction="sum")
    assert repr(criterion) == "MinEntLoss(w2=0.3, from_logits=True, ignore_class=255, reduction='sum')"
    criterion.w2 = keras.Variable(0.25)
    assert repr(losses.FocalLoss()) == "FocalLoss()" and ", w2=<" in repr(criterion)


class WithWeight(keras.layers.Dense):
    """The last layer of a network, with the weight of a term of the loss."""

    def __init__(self, learned):
        super().__init__(5, kernel_initializer="identity")
        self.w2 = self.add_weight(shape=(), initializer=keras.initializers.Constant(0.1), trainable=learned, name="w2")


def test_weights_that_change_in_training():
    """A number acts after the next compile (at once on PyTorch), a layer's weight at once; saved as a number."""
    logits, labels = problem()
    expected = {w2: float(losses.MinEntLoss(w2=w2, from_logits=True)(labels, logits)) for w2 in (0.1, 5.0)}
    last, criterion = WithWeight(learned=False), losses.MinEntLoss(w2=0.1, from_logits=True)
    model = keras.Sequential([keras.layers.Input((5,)), last])

    def trained():
        return pytest.approx(model.fit(logits, labels, verbose=0).history["loss"][0], rel=1e-5)
    model.compile(keras.optimizers.SGD(0.0), loss=criterion)
    assert expected[0.1] == trained()
    for wrong in "a", None, [1]:
        with pytest.raises(TypeError, match="w2 takes a number, got "):
            criterion.w2 = wrong
    criterion.w2 = 5
    assert expected[5.0 if BACKEND == "torch" else 0.1] == trained()
    model.compile(model.optimizer, loss=criterion)
    assert expected[5.0] == trained() and int(model.optimizer.iterations) == 3

    model.compile(keras.optimizers.SGD(0.0), loss=losses.MinEntLoss(w2=last.w2, from_logits=True))
    assert expected[0.1] == trained() and keras.losses.serialize(model.loss)["config"]["w2"] == pytest.approx(0.1)
    last.w2.assign(5.0)
    assert expected[5.0] == trained() and keras.losses.deserialize(keras.losses.serialize(model.loss)).w2 == 5


def test_a_layers_weight_is_learned():
    logits, labels = problem()
    last = WithWeight(learned=True)
    model = keras.Sequential([keras.layers.Input((5,)), last])
    model.compile(keras.optimizers.SGD(0.1), loss=lambda y, z: losses.min_ent(y, z, from_logits=True, w2=last.w2))
    model.fit(logits, labels, verbose=0)
    entropy = float(keras.ops.mean(losses.entropy(logits, from_logits=True)))
    assert float(keras.ops.convert_to_numpy(last.w2)) == pytest.approx(0.1 - 0.1 * entropy, rel=1e-5)


def test_help():
    for kind, (module, about) in MODULES.items():
        text = getattr(losses, module).__doc__
        assert text.startswith(about) and "torch.compile" not in text and "from_logits: whether y_pred holds logits" in text
        for name in mixent._options.fixed_numbers(kind, {}):
            assert f"    {name}: " in text
        assert {module, "cross_entropy" if kind == "ce" else kind.replace("-", "_")} <= set(losses.__all__)


def test_the_snippet_of_the_page_on_python_runs():
    page = Path(__file__).resolve().parents[2] / "docs/PYTHON.md"
    (snippet,) = re.findall(r"^```python\n(import keras\n.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    names = {}
    exec(compile(snippet, str(page), "exec"), names)
    assert np.isfinite(keras.ops.convert_to_numpy(names["values"])).all()


def test_entropy_beside_a_loss():
    """A layer adds the entropy of its logits, of which no label is known, to the loss that is trained."""
    class Entropy(keras.layers.Layer):
        def call(self, logits):
            self.add_loss(keras.ops.mean(losses.entropy(logits, from_logits=True)))
            return logits
    logits, labels = problem()
    model = keras.Sequential([keras.layers.Input((5,)), Entropy()])
    model.compile("sgd", loss=losses.CrossEntropyLoss(from_logits=True))
    expected = losses.MinEntLoss(w2=1, from_logits=True)(labels, logits)
    assert model.evaluate(logits, labels, verbose=0) == pytest.approx(float(expected), rel=1e-5)
