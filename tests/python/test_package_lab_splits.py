"""How much splits overlap, which decides between the paired and the corrected resampled t test: told or asked of scikit-learn's splitters,
never guessed. The splitters here are small ones of the same interface; scikit-learn's own follow where it is installed."""
import numpy as np
import pytest
from mixent.lab._splits import overlap_of, overlap_of_validation


class Folds:
    """As KFold, without shuffling, or with a generator of its own."""

    def __init__(self, folds, random=None):
        self.folds, self.random = folds, random

    def get_n_splits(self, X=None, y=None, groups=None):
        return self.folds

    def split(self, X, y=None, groups=None):
        order = np.arange(len(X)) if self.random is None else self.random.permutation(len(X))
        for test in np.array_split(order, self.folds):
            yield np.setdiff1d(order, test), test


class LeaveOut(Folds):
    def get_n_splits(self, X, y=None, groups=None):
        return len(X)

    def split(self, X, y=None, groups=None):
        self.folds = len(X)
        return super().split(X)


class Fixed(Folds):
    """Tests as many rows whatever the data set."""

    def split(self, X, y=None, groups=None):
        for _ in range(self.folds):
            yield np.arange(100, len(X)), np.arange(100)


@pytest.mark.parametrize("cv, count, ratio", [
    (10, 10, 1 / 9), (5, 50, 1 / 4), (np.int64(2), None, 1), (0.2, 7, 0.25), ("independent", 3, 0),
    (Folds(10), 10, 1 / 9), (Folds(7), None, 1 / 6)])
def test_the_ratio_of_test_to_training_rows(cv, count, ratio):
    assert overlap_of(cv, count) == pytest.approx(ratio)


@pytest.mark.parametrize("cv, count, message", [
    (10, 15, "expected 15 scores to be repetitions of 10 folds"), (1, 5, "expected 'independent', 2 or more folds"), (True, 5, "got True"),
    (1.5, 5, "a share between 0 and 1"), ("kfold", 5, "got 'kfold'"),
    (Folds(10), 5, "got 5 scores, and Folds makes more splits of 840 rows"), (Folds(5), 10, "got 10 scores, and Folds makes 5 splits"),
    (LeaveOut(0), 30, "makes more splits"), (LeaveOut(0), None, "depends on the rows"),
    (Fixed(5), 5, "depends on the rows of the data set"), (Folds(5, np.random.default_rng()), 5, "makes other splits at each call")])
def test_what_cannot_be_known_is_refused(cv, count, message):
    with pytest.raises(ValueError, match=message):
        overlap_of(cv, count)


def test_the_callers_generator_stays_where_it_is():
    random = np.random.default_rng(1)
    before = random.bit_generator.state
    with pytest.raises(ValueError):
        overlap_of(Folds(5, random), 5)
    assert random.bit_generator.state == before


def result(splits=None, scores=5):
    found = {"test_score": np.zeros(scores)}
    if splits is not None:
        found["indices"] = {"train": [train for train, _ in splits], "test": [test for _, test in splits]}
    return found


def test_results_of_cross_validate_need_to_say():
    with pytest.raises(ValueError, match="would see differences that are not there; say how the splits were made: cv=10"):
        overlap_of_validation({"a": result(), "b": result()}, None)
    assert overlap_of_validation({"a": result(), "b": result()}, 5) == 1 / 4


def test_indices_tell_the_ratio():
    splits = list(Folds(5).split(np.zeros(50)))
    assert overlap_of_validation({"a": result(splits), "b": result(splits)}, None) == pytest.approx(1 / 4)
    apart = [(np.arange(20 * i, 20 * i + 10), np.arange(20 * i + 10, 20 * i + 20)) for i in range(5)]
    assert overlap_of_validation({"a": result(apart), "b": result(apart)}, None) == 0
    with pytest.raises(ValueError, match="b: expected the splits of the first variant, got others"):
        overlap_of_validation({"a": result(splits), "b": result(splits[::-1])}, None)
    with pytest.raises(ValueError, match="got others"):
        overlap_of_validation({"a": result(splits), "b": result(splits[::-1])}, 5)
    with pytest.raises(ValueError, match="say how the splits were made"):
        overlap_of_validation({"a": result(splits), "b": result()}, None)


def test_scikit_learns_splitters():
    model_selection = pytest.importorskip("sklearn.model_selection")
    known = [(model_selection.KFold(10), 10, 1 / 9), (model_selection.StratifiedKFold(5), 5, 1 / 4),
             (model_selection.GroupKFold(4), 4, 1 / 3),
             (model_selection.RepeatedKFold(n_splits=5, n_repeats=3, random_state=0), 15, 1 / 4),
             (model_selection.ShuffleSplit(8, test_size=0.2, random_state=0), 8, 1 / 4),
             (model_selection.StratifiedShuffleSplit(8, test_size=0.1, train_size=0.5, random_state=0), 8, 1 / 5),
             (model_selection.PredefinedSplit([0, 0, 1, 1, 2, 2]), 3, 1 / 2)]
    for splitter, count, ratio in known:
        assert overlap_of(splitter, count) == pytest.approx(ratio, rel=0.01)
    unknown = [model_selection.LeaveOneOut(), model_selection.LeavePOut(2), model_selection.KFold(5, shuffle=True),
               model_selection.ShuffleSplit(5, test_size=50, random_state=0), model_selection.KFold(4)]
    for splitter in unknown:
        with pytest.raises(ValueError, match="^cv: "):
            overlap_of(splitter, 5)
