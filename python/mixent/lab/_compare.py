"""`compare`: anybody's results, compared by the engine of `mixent compare --results`."""
from __future__ import annotations

import csv
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import _native
from .._program import find_program
from ._html import html_of
from ._runs import call
from ._splits import overlap_of, overlap_of_validation
from .statistics import Estimate, Sample
from ._tables import Table, is_validation, layout_of, table_of, to_frame, with_scores_named


@dataclass(frozen=True, eq=False)
class Variant:
    """The runs of a variant on a data set. Numbers are NaN where they are not known."""

    data: str  #: the data set; "" without a column of data sets
    variant: str
    runs: int  #: with a value of the metric
    missing: int  #: without one
    mean: float
    deviation: float  #: standard deviation over the runs
    low: float  #: t interval of the mean
    high: float
    seeds: tuple[str | None, ...] = field(repr=False)  #: of all runs
    values: tuple[float, ...] = field(repr=False)  #: of all runs


@dataclass(frozen=True, eq=False)
class Pair:
    """A variant against the baseline on a data set. Numbers are in the unit of the results (of rows of items: accuracies from 0 to 1), and
    NaN where nothing is tested."""

    data: str
    variant: str
    test: str | None  #: "paired", "unpaired", "resampled" (splits whose training parts overlap), or None
    seeds: int  #: that both have, with a value each
    mean: float  #: over the runs that the difference uses
    baseline_mean: float
    difference: float  #: variant minus baseline
    error: float  #: standard error
    freedom: float  #: degrees of freedom
    low: float  #: interval of the difference
    high: float
    t: float
    p: float  #: of no difference
    holm: float  #: p after Holm's correction over all variants and data sets
    equivalence_p: float  #: of a difference that matters
    equivalence_holm: float
    within: float  #: the probability that the difference is smaller than what matters
    like_low: float  #: interval of the difference on test items like these; NaN unless it is known which items each run had right
    like_high: float
    like_p: float
    like_holm: float
    verdict: str  #: "better", "worse", "higher", "lower", "equivalent" or "undecided"
    reason: str | None  #: why it is undecided, such as "few-seeds"
    words: str  #: what may be concluded, from what
    scope: str | None  #: of which test items the verdict speaks: "these", "like-these"; None: undecided

    @property
    def verdict_and_reason(self) -> str:
        """As the table has it: "better", "undecided: few-seeds"."""
        return f"{self.verdict}: {self.reason}" if self.reason else self.verdict


@dataclass(frozen=True, eq=False)
class Across:
    """A variant against the baseline across five data sets or more (Agarwal et al. 2021); each data set counts the same."""

    variant: str
    data_sets: int  #: where both have two runs or more
    better: int  #: of those, where the variant's mean is better
    effect: Sample  #: of the mean differences, one per data set; its interval speaks of data sets like these
    improvement: Estimate  #: the probability that a run of the variant is better than one of the baseline on the same data set
    interquartile: Estimate  #: interquartile mean of the variant's runs; NaN unless all variants share five data sets
    words: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """What results show. `print` shows the table and the words of `mixent compare --results`; a notebook shows the intervals."""

    metric: str  #: that was compared
    better: int  #: 1: higher is better, -1: lower, 0: nobody knows
    baseline: str
    difference: float  #: that matters, in the unit that the table shows; NaN: none is known to
    confidence: float  #: of intervals; 1 - confidence is the level of the verdicts
    overlap: float  #: test rows over training rows of a split, where training parts overlap; else 0
    metrics: dict[str, int]  #: all in the results, with which is better
    variants: tuple[Variant, ...]  #: by data set, in the order of the results, the baseline among them
    pairs: tuple[Pair, ...]  #: by data set, all but the baseline
    across: tuple[Across, ...]  #: across data sets, where there are five or more
    text: str = field(repr=False)  #: the table and the words, as for a terminal
    unit: str = field(repr=False)  #: of what is shown: "%" of accuracies, whose differences are points; else ""
    scale: float = field(repr=False)  #: what is shown is the number times this
    digits: int = field(repr=False)  #: of what is shown, after the point
    _table: Table = field(repr=False)
    _options: tuple[str, ...] = field(repr=False)  # of `mixent report --results`
    _like: Any = field(repr=False)  # decides which data frame is made

    @property
    def words(self) -> str:
        """What may be concluded: a paragraph per comparison, after the name of its data set where there is one."""
        pairs = (f"{pair.data}: {pair.words}" if pair.data else pair.words for pair in self.pairs)
        return "\n\n".join([*pairs, *(one.words for one in self.across)])

    @property
    def verdicts(self) -> dict[Any, str]:
        """{variant: "better", …, "undecided: few-seeds"}; with several data sets {(data set, variant): …}."""
        several = any(pair.data for pair in self.pairs)
        return {(pair.data, pair.variant) if several else pair.variant: pair.verdict_and_reason for pair in self.pairs}

    def records(self) -> list[dict[str, Any]]:
        """A dict for each variant and data set, the baseline among them: the numbers of `variants`, and those of its pair."""
        pairs, rows = {(pair.data, pair.variant): pair for pair in self.pairs}, []
        for one in self.variants:
            pair = pairs.get((one.data, one.variant))
            row = {"data": one.data, "variant": one.variant, "runs": one.runs, "missing": one.missing, "mean": one.mean,
                   "deviation": one.deviation, "mean_low": one.low, "mean_high": one.high}
            row |= {name: getattr(pair, name, float("nan")) for name in _PAIR_NUMBERS}  # the baseline has none
            rows.append(row | {"verdict": pair.verdict if pair else "baseline", "reason": pair.reason if pair else None})
        return rows

    def to_frame(self) -> Any:
        """`records` as a data frame: of polars where the results were one, else of pandas; without pandas the records themselves."""
        return to_frame(self.records(), self._like)

    frame = property(to_frame)

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Writes the page of `mixent report --results`: one file, with charts.

        Raises:
            FileNotFoundError: there is no program `mixent` on the path, and MIXENT_PROGRAM names none.
            ValueError: the program's message.
        """
        program = find_program()
        with tempfile.TemporaryDirectory() as directory:
            file = os.path.join(directory, "results.csv")
            with open(file, "w", newline="", encoding="utf-8") as out:
                csv.writer(out).writerows([self._table[0], *self._table[1]])
            call([program, "report", "--results", *self._options, "--output", os.fspath(path), file])

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return html_of(self)


_PAIR_NUMBERS = ("difference", "error", "freedom", "low", "high", "t", "p", "holm", "equivalence_p", "equivalence_holm", "within",
                 "like_low", "like_high", "like_p", "like_holm")


def _listed(names: str | Sequence[str]) -> str | None:
    return ",".join([names] if isinstance(names, str) else names) or None


def _in_own_words(error: ValueError) -> ValueError:
    """The library's message names options of the program; here they are arguments."""
    text = re.sub(r"--columns (\w+)=NAME", r"columns={'\1': NAME}", str(error))
    return ValueError(re.sub(r"(^|\s)--(metric|baseline|columns|lower|higher|epoch)\b", r"\1\2", text))


def compare(results: Any, *, metric: str | None = None, baseline: str | None = None, difference: float | None = None,
            lower: str | Sequence[str] = (), higher: str | Sequence[str] = (), columns: Mapping[str, Any] | None = None,
            epoch: str = "last", cv: Any = None) -> Comparison:
    """What results show: each variant against the baseline, with intervals, corrected p values and verdicts.

    The rules, verdicts and words are those of `mixent compare --results` (docs/COMPARING.md), and so is the code.

    >>> found = mixent.lab.compare({"variant": ["plain"] * 5 + ["mixup"] * 5, "seed": [0, 1, 2, 3, 4] * 2, "accuracy": accuracies})
    >>> print(found), found.verdicts, found.frame

    Args:
        results: a run per row, in the columns variant, seed (runs of two variants with one seed are a pair; without, all are compared
            unpaired), data (optional: the data set), and a column per metric; or long: variant, seed, metric, value. Of those
            a data frame of pandas or polars, a dict of columns (lists, arrays), a list of dicts (rows). Or {variant: what
            scikit-learn's cross_validate or cross_val_score returned}, with `cv`. NaN, None and blanks are missing values.
        metric: which is compared; None: accuracy, else the first accuracy by its name, else the first metric.
        baseline: the variant that the others are compared with; None: the first.
        difference: that matters, above 0, in the unit that the table shows. None: for accuracies 0.1 where they exceed 1 (per cent), else
            0.001; for other metrics no verdict is "equivalent".
        lower, higher: names of metrics of which lower, or higher, is better; for the others the name tells.
        columns: {"variant": "group", "seed": "rng"}: which column has a role where it has another name.
        epoch: which row of a run counts where a column is the epoch: "last", or "best:METRIC" of a metric of held-out data.
        cv: how the runs' splits were made, where seeds are splits of one data set: training parts overlap then, runs are not
            independent, and the corrected resampled t test (Nadeau and Bengio 2003) takes the place of the paired one. The number of
            folds (of repeated ones as well), the share of the rows that a split tests (0.2), or scikit-learn's splitter. "independent":
            nothing is shared. Results of cross_validate need it unless they have `indices` (return_indices=True).

    Raises:
        TypeError: `results` is no table.
        ValueError: what is wrong with the results, as results:ROW:COLUMN, each counted from 1; or with an argument.
    """
    if cv is not None:
        results = with_scores_named(results, columns)
    overlap = overlap_of_validation(results, cv) if is_validation(results) else overlap_of(cv) if cv is not None else 0.0
    names, rows = table_of(results)
    layout = layout_of(columns)
    if difference is not None and not 0 < difference <= 1e150:
        raise ValueError(f"difference: expected a number above 0, in the metric's unit, got {difference!r}")
    below, above = _listed(lower), _listed(higher)
    try:
        found = _native.compare(names, rows, layout, metric, baseline, below, above, epoch,
                                float("nan") if difference is None else float(difference), overlap)
    except ValueError as error:
        raise _in_own_words(error) from None
    data = found.pop("data")
    across = tuple(Across(variant, count, better, Sample(*effect), Estimate(*improvement), Estimate(*interquartile), text)
                   for variant, count, better, effect, improvement, interquartile, text in found.pop("across"))
    variants = tuple(Variant(name, *one[:-2], *map(tuple, one[-2:])) for name, ones, _ in data for one in ones)
    pairs = tuple(Pair(name, *one) for name, _, ones in data for one in ones)
    given = {"metric": metric, "baseline": baseline, "lower": below, "higher": above,
             "difference": None if difference is None else repr(float(difference)),
             "overlap": repr(overlap) if overlap else None, "epoch": None if epoch == "last" else epoch,
             "columns": ",".join(f"{role}={name}" for role, name in (columns or {}).items()) or None}
    words = tuple(word for name, value in given.items() if value is not None for word in (f"--{name}", value))
    return Comparison(**found, overlap=overlap, variants=variants, pairs=pairs, across=across, _table=(names, rows), _options=words,
                      _like=results)
