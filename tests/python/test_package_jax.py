"""mixent.jax: against the C library over random losses and batches, and under JAX's transformations."""
import inspect
import math
import os
import re
import sys
import warnings

import numpy as np
import pytest

jax = pytest.importorskip("jax")
sys.path.insert(0, os.path.dirname(__file__))
import jax.numpy as jnp  # noqa: E402
import mixent  # noqa: E402
import mixent.jax as losses  # noqa: E402
from loss_cases import cases  # noqa: E402

FUNCTIONS = {kind: getattr(losses, "cross_entropy" if kind == "ce" else kind.replace("-", "_")) for kind in mixent.LOSSES}
TOLERANCE = {"float64": 1e-12, "float32": 1e-5, "float16": 2e-3}


def numbers_of(case):
    """Those that the functions take: no transform, which weights of a caller's own make of them."""
    known = mixent._options.fixed_numbers(case.kind, {})
    return {name: float(value) for name, value in case.options.items() if name in known}


def in_c(case, dtype):
    """(values, gradient of their sum, slopes)"""
    target = case.target.astype(dtype) if case.target.dtype.kind == "f" else case.target
    found = mixent.evaluate(case.logits.astype(dtype), target, case.kind, weight=case.weight, ignore_index=case.options["ignore_index"],
                            reduction="none", learnable=case.learnable, **numbers_of(case))
    return found.value, found.gradient, found.slopes


def in_jax(case, dtype):
    target = jnp.asarray(case.target, dtype if case.target.dtype.kind == "f" else "int32")
    where = None if case.target.dtype.kind == "f" else target != case.options["ignore_index"]
    numbers = numbers_of(case)
    known = mixent._options.numbers_of(case.kind)
    learned = {name: jnp.asarray(numbers.pop(name, known[name]), "float64") for name in case.learnable}

    def total(logits, learned):
        values = FUNCTIONS[case.kind](logits, target, weight=case.weight, where=where, **numbers, **learned)
        return values.sum(), values
    (_, values), (gradient, slopes) = jax.value_and_grad(total, argnums=(0, 1), has_aux=True)(jnp.asarray(case.logits, dtype), learned)
    return values, gradient, {name: slope * (learned[name] if name[0] == "b" else 1) for name, slope in slopes.items()}  # d/d ln b


def error(found, expected):
    found, expected = np.asarray(found, "f8"), np.asarray(expected, "f8")
    if not np.array_equal(np.isfinite(found), np.isfinite(expected)):
        return math.inf
    finite = np.isfinite(expected)
    return np.abs(found[finite] - expected[finite]).max(initial=0) / max(1, np.abs(expected)[finite].max(initial=0))


@pytest.fixture
def wide():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("dtype", [pytest.param("float64", marks=pytest.mark.long), "float32", "float16"])
def test_the_same_as_in_c(dtype, wide, capsys):
    worst, where = 0.0, None
    for seed, case in enumerate(cases(2000 if dtype == "float64" else 20)):
        if "far" in case.notes and dtype == "float16":
            continue
        (values, gradient, slopes), (found, found_gradient, found_slopes) = in_c(case, dtype), in_jax(case, dtype)
        present = ~np.isneginf(case.logits)  # C gives a masked label a gradient, too
        errors = [error(found, values), error(np.asarray(found_gradient)[present], gradient[present])]
        if np.isfinite(values).all() and all(map(math.isfinite, slopes.values())):
            errors += [error(found_slopes[name], slope) for name, slope in slopes.items()]
        if max(errors) > worst:
            worst, where = max(errors), f"case {seed}, {case.kind}, {errors}"
    with capsys.disabled():
        print(f"\n{dtype}: mixent.jax differs from the C library by at most {worst:.1e}, {where}")
    assert worst <= TOLERANCE[dtype], where


def problem():
    numbers = np.random.default_rng(0)
    return jnp.asarray(numbers.normal(0, 2, (6, 5)), "float32"), jnp.asarray([0, 1, 2, 3, 4, 0])


def test_transformations():
    """jit, vmap, second derivatives and learned weights; each example's value alone is that of the batch."""
    logits, labels = problem()
    values = losses.min_ent(logits, labels, w2=0.3)
    np.testing.assert_allclose(jax.jit(losses.min_ent)(logits, labels, w2=0.3), values, rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(lambda z, y: losses.min_ent(z, y, w2=0.3))(logits, labels), values, rtol=1e-6)
    entropy = losses.entropy(logits)
    slope = jax.grad(lambda w2: losses.min_ent(logits, labels, w2=w2).sum())(0.3)
    np.testing.assert_allclose(slope, entropy.sum(), rtol=1e-5)
    hessian = jax.hessian(lambda z: losses.cross_entropy(z, labels[0]))(logits[0])
    q = jax.nn.softmax(logits[0])
    np.testing.assert_allclose(hessian, jnp.diag(q) - jnp.outer(q, q), atol=1e-6)


def test_examples_and_classes_that_are_left_out():
    logits, labels = problem()
    counts = jnp.asarray([True, True, False, True, True, True])
    spoiled = logits.at[2].set(math.nan)
    value, gradient = jax.value_and_grad(lambda z: losses.mix_ent(z, labels, where=counts).sum())(spoiled)
    assert np.isfinite(value) and np.isfinite(gradient).all() and not gradient[2].any()
    some = jnp.asarray([True, True, True, True, False])
    np.testing.assert_allclose(losses.min_ent(logits, labels % 4, where=some[None]), losses.min_ent(logits[:, :4], labels % 4), rtol=1e-6)


def test_distributions_that_do_not_count_may_hold_anything():
    logits, _ = problem()
    targets, counts = jax.nn.softmax(logits[::-1]).at[2].set(math.nan), jnp.arange(6) != 2
    slope = jax.grad(lambda w2: losses.mix_ent(logits, targets, where=counts, w2=w2).sum())(0.3)
    assert np.isfinite(slope)


def test_masked_classes_and_large_factors():
    """ln q of a masked class, times the factor, must not become infinite beside q = 0. Only -inf masks a class."""
    logits = jnp.asarray([0.0, 1.0, -math.inf])
    for function in FUNCTIONS.values():
        expected = jax.grad(lambda z: function(z, 0))(logits)
        np.testing.assert_allclose(jax.grad(lambda z: function(z, 0) * 2.0**24)(logits) / 2**24, expected, rtol=1e-5)
    lowest = jnp.full(3, jnp.finfo(jnp.float32).min)
    np.testing.assert_allclose(losses.cross_entropy(lowest, 0), math.log(3), rtol=1e-6)
    assert 1e17 < losses.cross_entropy(lowest.at[:2].set(0), 0, label_smoothing=0.1) < math.inf


def test_the_same_as_optax():
    """Cross entropy and Poly-1, with whole numbers and distributions, examples and classes left out, classes on either axis."""
    optax = pytest.importorskip("optax")
    logits, labels = problem()
    targets = jax.nn.softmax(logits[::-1])
    examples = jnp.asarray([True, False, True, True, False, True])
    classes = np.random.default_rng(1).random((6, 5)) < 0.6
    classes[range(6), labels] = True
    classes[3] = False
    classes = jnp.asarray(classes)
    integers = optax.softmax_cross_entropy_with_integer_labels
    smoothed = optax.smooth_labels(jax.nn.one_hot(labels, 5), 0.2)
    ours = losses.cross_entropy(logits, labels, label_smoothing=0.2)
    np.testing.assert_allclose(ours, optax.softmax_cross_entropy(logits, smoothed), rtol=1e-5)
    for where in None, examples, classes:
        pairs = [(losses.cross_entropy, integers, labels), (losses.cross_entropy, optax.softmax_cross_entropy, targets),
                 (losses.poly1, optax.losses.poly_loss_cross_entropy, targets)]
        for ours, theirs, target in pairs:
            expected = theirs(logits, target, where=where[:, None] if where is examples else where)
            np.testing.assert_allclose(ours(logits, target, where=where), expected, rtol=1e-5, atol=1e-6)
            turned = [x if x is None or x.ndim == 1 else x.T for x in (target, where)]
            np.testing.assert_allclose(ours(logits.T, turned[0], where=turned[1], axis=0), expected, rtol=1e-5, atol=1e-6)
        turned = where if where is None or where.ndim == 1 else where.T
        np.testing.assert_allclose(losses.entropy(logits.T, where=turned, axis=0), losses.entropy(logits, where=where), rtol=1e-6)


def test_types():
    logits, labels = problem()
    for dtype in (jnp.bfloat16, jnp.float16, jnp.float32):
        z = logits.astype(dtype)
        value, gradient = jax.value_and_grad(lambda z: losses.min_ent(z, labels).mean())(z)
        assert value.dtype == jnp.float32 and gradient.dtype == dtype
        np.testing.assert_allclose(value, losses.min_ent(z.astype(jnp.float32), labels).mean(), rtol=1e-6)


def test_errors():
    logits, labels = problem()
    with pytest.raises(TypeError, match=r"the loss 'ce' has no w2 \(it has w1, b1, label_smoothing\)"):
        losses.cross_entropy(logits, labels, w2=1)
    with pytest.raises(ValueError, match=r"weight must have shape \(5,\), for as many classes, not \(1,\)"):
        losses.min_ent(logits, labels, weight=jnp.ones(1))
    with pytest.raises(TypeError, match="expected floating logits"):
        losses.cross_entropy(jnp.zeros((6, 5), int), jnp.zeros(6, int))
    with pytest.raises(TypeError, match="got float32 and bool"):
        losses.cross_entropy(jnp.zeros((6, 5)), jnp.zeros(6, bool))
    with pytest.raises(ValueError, match="have no classes"):
        losses.cross_entropy(jnp.zeros((6, 0)), jnp.zeros(6, int))
    with pytest.raises(ValueError, match="label_smoothing is 2"):
        losses.min_ent(logits, labels, label_smoothing=2)
    with pytest.raises(ValueError, match=r"logits of shape \(6, 5\) go with labels of shape \(6,\)"):
        losses.cross_entropy(logits, labels[:3])
    for weight in (None, jnp.asarray([0.0, 1, 1, 1, 0])):  # a weight of 0 leaves a class out, no label that is none
        for label in (7, -1):
            values = losses.cross_entropy(logits, labels.at[1].set(label), weight=weight)
            assert np.isnan(values).tolist() == [False, True, False, False, False, False]


def test_lists_are_arrays():
    """Of class weights and of what counts; masks of numbers, too."""
    logits, labels = problem()
    weight, some = [1.0, 2, 1, 0.5, 1], [True, True, False, True, True, False]
    classes = [[True] * 5] * 5 + [[True, False] * 2 + [True]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for where in some, [float(x) for x in some], classes, True, [[x] for x in some]:
            expected = losses.min_ent(logits, labels, weight=jnp.asarray(weight), where=jnp.asarray(where, bool))
            np.testing.assert_array_equal(losses.min_ent(logits, labels, weight=weight, where=where), expected)
            np.testing.assert_array_equal(losses.entropy(logits, where=where), losses.entropy(logits, where=jnp.asarray(where, bool)))
        np.testing.assert_array_equal(losses.min_ent(logits.tolist(), labels.tolist()), losses.min_ent(logits, labels))


def test_the_names_of_others():
    logits, labels = problem()
    for function, others, own in ((losses.focal, {"alpha": 0.25}, {"w1": 0.25}), (losses.poly1, {"epsilon": 1.5}, {"w2": 1.5}),
                                  (losses.symmetric_ce, {"alpha": 0.3, "beta": 2}, {"w1": 0.3, "w2": 2})):
        np.testing.assert_array_equal(function(logits, labels, **others), function(logits, labels, **own))
    np.testing.assert_array_equal(losses.poly1(logits, labels, epsilon=None), losses.poly1(logits, labels))
    slope = jax.grad(lambda epsilon: losses.poly1(logits, labels, epsilon=epsilon).sum())(0.3)
    assert slope == jax.grad(lambda w2: losses.poly1(logits, labels, w2=w2).sum())(0.3)
    with pytest.raises(TypeError, match="epsilon is another name of w2: give one of them"):
        losses.poly1(logits, labels, w2=1, epsilon=1)
    with pytest.raises(TypeError, match="the loss 'min-ent' has no epsilon"):
        losses.min_ent(logits, labels, epsilon=None)


@pytest.mark.parametrize("options, error, message", [
    (dict(reduction="mean"), TypeError, "there is no reduction here: take .mean() of the values"),
    (dict(ignore_index=-100), TypeError, "there is no ignore_index here: use where="),
    (dict(learnable=("w2",)), TypeError, "there is no learnable here: pass the weight as a traced value"),
    (dict(transform="softplus"), TypeError, "there is no transform here: transform the weight that you pass"),
    (dict(w2="0.1"), TypeError, "w2 takes a number, got '0.1'"),
    (dict(w2=None), TypeError, "w2 takes a number, got None"),
    (dict(w2=[0.1]), TypeError, "w2 takes a number, got [0.1]"),
    (dict(label_smoothing=None), TypeError, "label_smoothing takes a number, got None"),
    (dict(label_smoothing="0.1"), TypeError, "label_smoothing takes a number, got '0.1'"),
    (dict(w2=jnp.ones((6, 1))), ValueError, "w2 takes a number or a tensor of no dimension, not one of shape (6, 1)"),
    (dict(where=[True] * 5), ValueError,
     "where must have shape (6,) (examples that count) or (6, 5) (classes that take part), not (5,)"),
    (dict(where=np.ones((6, 4), bool)), ValueError, "not (6, 4)"),
    (dict(where=np.ones((2, 6, 5), bool)), ValueError, "not (2, 6, 5)"),
])
def test_errors_say_what_to_do(options, error, message):
    logits, labels = problem()
    with pytest.raises(error) as caught:
        losses.min_ent(logits, labels, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize("name, function", [
    ("label_smoothing", "min_ent"), ("gamma", "focal"), ("q", "gce"), ("t1", "bi_tempered"), ("t2", "bi_tempered"), ("eps", "mix_ent")])
def test_numbers_that_cannot_be_traced(name, function):
    logits, labels = problem()
    function, value = getattr(losses, function), 1.5 if name == "t2" else 0.5

    def loss(**numbers):
        return function(logits, labels, **numbers)
    for transform in jax.jit(loss), jax.grad(lambda value: loss(**{name: value}).sum()):
        with pytest.raises(TypeError, match=rf"{name} takes a plain number, got a traced value: make it static \(static_argnames='{name}'"):
            transform(value) if transform.__name__ == "<lambda>" else transform(**{name: value})
    np.testing.assert_allclose(jax.jit(loss, static_argnames=name)(**{name: value}), loss(**{name: value}), rtol=1e-5)


def test_help():
    for kind, function in FUNCTIONS.items():
        assert function.__doc__.startswith(mixent._help.MODULES[kind][1])
        for name in inspect.signature(function).parameters:
            assert re.search(rf"^    {name}: .{{30}}", function.__doc__, re.MULTILINE), name
