"""The golden images of augmentation are what the torchvision installed here makes, and it draws its parameters from
the distributions that tests/unit/augment.c asks of ours."""
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
import make_augment  # noqa: E402
import make_photographs  # noqa: E402

torch = pytest.importorskip("torch")
transforms = pytest.importorskip("torchvision.transforms")
DRAWS = 2000


def test_golden_images_are_torchvisions():
    cases = list(make_augment.read(make_augment.PATH))
    assert [sum(case["kind"] == kind for case in cases) for kind in range(4)] == [100] * 4
    assert {(case["image"].shape[2], case["image"].shape[0] % 2) for case in cases} == {(1, 0), (1, 1), (3, 1)}
    for number, case in enumerate(cases):
        difference = np.abs(make_augment.apply(case).astype(int) - case["expected"])
        assert np.all(difference <= case["allowance"][..., None]), f"case {number}"


def test_golden_photographs_are_torchvisions():
    cases = list(make_photographs.read(make_photographs.PATH))
    assert [sum(case["kind"] == kind for case in cases) for kind in range(4)] == [make_photographs.CASES] * 4
    for number, case in enumerate(cases):
        np.testing.assert_array_equal(make_photographs.apply(case), case["expected"], f"case {number}")


def test_allowance_is_the_exception():
    cases = [case for case in make_augment.read(make_augment.PATH) if case["kind"] == make_augment.PERSPECTIVE]
    doubtful = np.concatenate([case["allowance"].ravel() == 255 for case in cases])
    assert doubtful.mean() < 0.02
    assert max(case["image"][[0, -1]].min() for case in cases) > 0  # the edge is not dark everywhere


def assert_uniform(values, low, high):
    """Kolmogorov-Smirnov, at one in a thousand."""
    values = (np.sort(values) - low) / (high - low)
    steps = np.arange(len(values) + 1) / len(values)
    assert 0 <= values[0] and values[-1] <= 1
    assert max(np.max(steps[1:] - values), np.max(values - steps[:-1])) < 1.95 / np.sqrt(len(values))


def assert_counts(values, possible):
    """Chi-square against equal shares, within four deviations."""
    counts = np.array([np.sum(np.asarray(values) == value) for value in possible])
    assert counts.sum() == len(values)
    expected, bins = len(values) / len(possible), len(possible)
    assert np.sum((counts - expected) ** 2 / expected) < bins - 1 + 4 * np.sqrt(2 * (bins - 1))


def test_torchvision_draws_from_the_same_distributions():
    torch.manual_seed(0)
    assert_uniform([transforms.RandomRotation.get_params([-10, 10]) for _ in range(DRAWS)], -10, 10)
    affine = transforms.RandomAffine(12, (2.5 / 28, 2.5 / 28), (0.9, 1.1), 7)
    drawn = [affine.get_params(affine.degrees, affine.translate, affine.scale, affine.shear, [28, 28])
             for _ in range(DRAWS)]
    angles, shifts, scales, shears = zip(*drawn)
    assert_uniform(angles, -12, 12)
    assert_uniform(scales, 0.9, 1.1)
    assert_uniform([x for x, _ in shears], -7, 7)
    assert {y for _, y in shears} == {0}
    for axis in range(2):
        assert_counts([shift[axis] for shift in shifts], range(-2, 3))
    for side in (28, 33):
        reach = side // 4
        ends = np.array([transforms.RandomPerspective.get_params(side, side, 0.5)[1] for _ in range(DRAWS)])
        for corner, (right, bottom) in enumerate([(0, 0), (1, 0), (1, 1), (0, 1)]):
            for axis, far in enumerate((right, bottom)):
                low = side - 1 - reach if far else 0
                assert_counts(ends[:, corner, axis], range(low, low + reach + 1))
