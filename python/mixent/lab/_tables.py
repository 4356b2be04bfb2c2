"""Anybody's results as names and rows of texts, as a CSV file would have them: the C library decides what a cell means."""
from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import _native


Table = tuple[tuple[str, ...], list[tuple[str, ...]]]  # names of the columns; rows


def _name(value: Any) -> str:
    """Each name has one spelling: Unicode's normal form C."""
    return unicodedata.normalize("NFC", str(value))


def _text(value: Any) -> str:
    """As CSV has it: nothing for None; a float with all of its digits; what pandas writes for its missing values."""
    return "" if value is None else _name(value) if isinstance(value, str) else repr(value) if type(value) is float else str(value)


def _cells(values: Any, name: object) -> list[str]:
    """A column: whatever can be made a list, or an array of one dimension."""
    if isinstance(values, (str, bytes, Mapping)):
        raise TypeError(f"{name}: expected a column of values, got {type(values).__name__}")
    listed = values.tolist() if hasattr(values, "tolist") else list(values)
    if not isinstance(listed, list):
        raise ValueError(f"{name}: expected a column of values, got a single one")
    return [_text(value) for value in listed]


def _from_columns(columns: Iterable[tuple[Any, Any]]) -> Table:
    cells = [(_name(name), _cells(values, name)) for name, values in columns]
    counts = {len(column) for _, column in cells}
    if len(counts) > 1:
        raise ValueError("expected columns of equal length, got " + ", ".join(f"{name}: {len(column)}" for name, column in cells[:12]))
    return tuple(name for name, _ in cells), list(zip(*(column for _, column in cells)))


def _from_rows(rows: Sequence[Mapping[Any, Any]]) -> Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return tuple(map(_name, names)), [tuple(_text(row.get(name)) for name in names) for row in rows]


def _from_frame(frame: Any) -> Table:
    """pandas or polars, by what both have: the names in `columns`, and a column by its name."""
    index = getattr(frame, "index", None)
    if any(name is not None for name in getattr(index, "names", ())):
        frame = frame.reset_index()  # an index with a name is a column
    names = list(frame.columns)
    if len(set(names)) < len(names):
        raise ValueError(f"expected columns of different names, got {', '.join(map(str, names))}")
    return _from_columns((name, frame[name].to_list()) for name in names)


def _from_validation(variants: Mapping[Any, Mapping[str, Any]]) -> Table:
    """What scikit-learn's cross_validate returned for each variant. The splits are the seeds, and test_accuracy is accuracy."""
    rows: list[dict[str, Any]] = []
    for variant, result in variants.items():
        scores = {key.removeprefix("test_"): _cells(values, f"{variant}: {key}") for key, values in result.items()
                  if key not in ("estimator", "indices")}
        counts = {len(column) for column in scores.values()}
        if len(counts) != 1:
            raise ValueError(f"{variant}: expected what cross_validate returns, arrays of one length such as test_score, got "
                             + (", ".join(f"{key}: {len(column)}" for key, column in scores.items()) or "nothing"))
        # times come last: they are not what is compared unless somebody asks
        names = sorted(scores, key=lambda name: name.endswith("_time"))
        rows += [{"variant": variant, "seed": i, **{name: scores[name][i] for name in names}} for i in range(counts.pop())]
    return _from_rows(rows)


def is_validation(results: Any) -> bool:
    """Whether it is {variant: what cross_validate returned}."""
    return isinstance(results, Mapping) and bool(results) and all(isinstance(one, Mapping) for one in results.values())


def with_scores_named(results: Any, columns: Mapping[str, Any] | None) -> Any:
    """{variant: scores} of cross_val_score as cross_validate would have returned them; a table as it is."""
    if not isinstance(results, Mapping) or not results or any(isinstance(one, (str, bytes, Mapping)) for one in results.values()):
        return results
    variant = (columns or {}).get("variant", "variant")
    if any(_name(name).casefold() == _name(variant).casefold() for name in results):
        return results
    return {name: {"test_score": scores} for name, scores in results.items()}


def table_of(results: Any) -> Table:
    """Raises TypeError for what is no table of results."""
    if is_validation(results):
        return _from_validation(results)
    if isinstance(results, Mapping):
        return _from_columns(results.items())
    if hasattr(results, "columns") and hasattr(results, "__getitem__"):
        return _from_frame(results)
    if isinstance(results, Iterable) and not isinstance(results, (str, bytes, np.ndarray)):
        rows = list(results)
        if rows and all(isinstance(row, Mapping) for row in rows):
            return _from_rows(rows)
    raise TypeError("results: expected a data frame of pandas or polars, a dict of columns, a list of dicts (a row each), or "
                    f"{{variant: what scikit-learn's cross_validate returned}}, got {type(results).__name__}")


def layout_of(columns: Mapping[str, Any] | None) -> tuple[str | None, ...]:
    """The column of each role, in the library's order."""
    given = dict(columns or {})
    layout = tuple(None if given.get(role) is None else _name(given[role]) for role in _native.ROLES)
    unknown = [role for role in given if role not in _native.ROLES]
    if unknown:
        raise ValueError(f"columns: expected a column's name for {', '.join(_native.ROLES)}, got {unknown[0]!r}")
    return layout


def to_frame(records: list[dict[str, Any]], like: Any = None) -> Any:
    """The records in a data frame of polars where `like` is one; else of pandas; where that is not installed, as they are."""
    if type(like).__module__.split(".")[0] == "polars":
        return sys.modules["polars"].DataFrame(records)
    try:
        import pandas  # type: ignore[import-untyped]
    except ImportError:
        return records
    return pandas.DataFrame(records)
