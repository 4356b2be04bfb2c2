"""A comparison as HTML for notebooks: a table, and the intervals as a picture (SVG). It takes the notebook's colour of text, so that it is
readable on light and dark, and needs no script."""
from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from .._printable import printable

if TYPE_CHECKING:
    from ._compare import Comparison, Pair

_COLOURS = {"better": "#2e9e6b", "worse": "#d9603b", "higher": "#8a6fd1", "lower": "#8a6fd1", "equivalent": "#3b8fd9"}
_UNDECIDED = "#8c8c8c"
_WIDTH, _NAMES, _PLOT, _ROW, _LEAST = 720, 170, 370, 26, 1e-300
_LETTERS = 22  # of a name in the picture


def _text(words: str) -> str:
    return escape(printable(words))


class _Shown:
    """Numbers of a comparison as they are shown."""

    def __init__(self, comparison: Comparison) -> None:
        self.digits, self.scale = comparison.digits, comparison.scale

    def number(self, value: float, signed: bool = False) -> str:
        return _number(self.scale * value, self.digits, signed)

    def interval(self, low: float, high: float) -> str:
        return "–" if math.isnan(low) else f"{self.number(low)} to {self.number(high)}"


def _number(value: float, digits: int, signed: bool = False) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−")


def _p(value: float) -> str:
    return "–" if math.isnan(value) else "&lt; 0.0001" if value < 1e-4 else f"{value:.2g}"


def _title(comparison: Comparison) -> str:
    return comparison.metric + (f" {comparison.unit}" if comparison.unit else "")


def _table(comparison: Comparison) -> str:
    shown, percent = _Shown(comparison), f"{100 * comparison.confidence:g} % interval"
    named = any(one.data for one in comparison.variants)
    titles = [*(["data"] if named else []), "variant", "runs", _title(comparison), percent, "difference", percent, "p", "Holm p", "verdict"]
    sides = {title: "left" for title in ("data", "variant", "verdict")}
    head = "".join(f"<th style='text-align:{sides.get(title, 'right')};white-space:nowrap'>{_text(title)}</th>" for title in titles)
    pairs, rows = {(one.data, one.variant): one for one in comparison.pairs}, []
    for one in comparison.variants:
        pair = pairs.get((one.data, one.variant))
        cells = [str(one.runs), shown.number(one.mean), shown.interval(one.low, one.high)]
        cells += ["baseline", "", "", ""] if pair is None else [
            shown.number(pair.difference, True), shown.interval(pair.low, pair.high), _p(pair.p), _p(pair.holm)]
        words = [*([one.data] if named else []), one.variant]
        rows.append("<tr>" + "".join(f"<td style='text-align:left'>{_text(word)}</td>" for word in words)
                    + "".join(f"<td style='text-align:right;white-space:nowrap'>{cell}</td>" for cell in cells)
                    + f"<td style='text-align:left;white-space:nowrap'>{_text(pair.verdict_and_reason) if pair else ''}</td></tr>")
    style = "color:inherit;font:inherit;border-spacing:14px 2px;border-collapse:separate"
    return f"<table style='{style}'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers within."""
    raw = max((high - low) / 5, _LEAST)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    return [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _picture(comparison: Comparison, pairs: list[Pair]) -> str:
    """Each difference with its interval, against 0 and the difference that matters."""
    shown, scale, margin = _Shown(comparison), comparison.scale, comparison.difference
    # intervals of few seeds may be so wide that nothing else shows
    known = [pair for pair in pairs if math.isfinite(pair.low) and pair.reason != "few-seeds"] or pairs
    reach = [scale * value for pair in known for value in (pair.low, pair.high)] + [0.0, margin, -margin]
    reach += [scale * pair.difference for pair in pairs]
    finite = [value for value in reach if math.isfinite(value)]
    low, high = min(finite), max(finite)
    if low == high:
        return ""
    low, high = low - 0.04 * (high - low), high + 0.04 * (high - low)
    height = _ROW * len(pairs) + 44

    def x(value: float) -> str:
        return f"{_NAMES + _PLOT * (min(max(value, low), high) - low) / (high - low):.1f}"

    parts = []
    if math.isfinite(margin):
        parts.append(f"<rect x='{x(-margin)}' y='4' width='{_PLOT * 2 * margin / (high - low):.1f}' height='{_ROW * len(pairs)}' "
                     f"fill='currentColor' fill-opacity='0.08'><title>smaller than what matters: ±{margin:g}</title></rect>")
    parts.append(f"<line x1='{x(0)}' x2='{x(0)}' y1='4' y2='{height - 40}' stroke='currentColor' stroke-opacity='0.6'/>")
    ticks = _ticks(low, high)
    digits = max(0, -math.floor(math.log10(min([abs(tick) for tick in ticks if tick] or [1])) + 1e-9))
    for tick in ticks:
        parts.append(f"<line x1='{x(tick)}' x2='{x(tick)}' y1='{height - 40}' y2='{height - 35}' stroke='currentColor'/>"
                     f"<text x='{x(tick)}' y='{height - 22}' text-anchor='middle'>{_number(tick, digits, tick != 0)}</text>")
    unit = " (points)" if comparison.unit == "%" else ""
    parts.append(f"<text x='{_NAMES + _PLOT / 2:.0f}' y='{height - 5}' text-anchor='middle'>"
                 f"{_text(comparison.metric)}: difference from {_text(_short(comparison.baseline))}{unit}</text>")
    for i, pair in enumerate(pairs):
        y, colour = 4 + _ROW * i + _ROW / 2, _COLOURS.get(pair.verdict, _UNDECIDED)
        name = _short(f"{pair.data}: {pair.variant}" if pair.data else pair.variant)
        title = f"{pair.variant}: {shown.number(pair.difference, True)}, {shown.interval(pair.low, pair.high)}"
        row = f"<title>{_text(title)}</title><text x='{_NAMES - 14}' y='{y + 4}' text-anchor='end'>{_text(name)}</text>"
        if not math.isnan(pair.low):
            row += f"<line x1='{x(scale * pair.low)}' x2='{x(scale * pair.high)}' y1='{y}' y2='{y}' stroke='{colour}' stroke-width='3'/>"
            if scale * pair.low < low:  # it goes on
                row += f"<path d='M{_NAMES - 6} {y}l8 -5v10z' fill='{colour}'/>"
            if scale * pair.high > high:
                row += f"<path d='M{_NAMES + _PLOT + 6} {y}l-8 -5v10z' fill='{colour}'/>"
        if not math.isnan(pair.difference):
            row += f"<circle cx='{x(scale * pair.difference)}' cy='{y}' r='4.5' fill='{colour}'/>"
        row += f"<text x='{_NAMES + _PLOT + 14}' y='{y + 4}'>{_text(pair.verdict_and_reason)}</text>"
        parts.append(f"<g>{row}</g>")
    label = f"{comparison.metric}: differences from {comparison.baseline} with intervals"
    return (f"<svg viewBox='0 0 {_WIDTH} {height}' style='width:100%;max-width:{_WIDTH}px;font:13px sans-serif' fill='currentColor' "
            f"role='img' aria-label='{_text(label)}'>{''.join(parts)}</svg>")


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else name[:_LETTERS - 1] + "…"


def html_of(comparison: Comparison) -> str:
    paragraphs = "".join(f"<p style='max-width:46em'>{_text(words)}</p>" for words in comparison.words.split("\n\n") if words)
    picture = _picture(comparison, list(comparison.pairs)) if comparison.pairs else ""
    return f"<div><div style='overflow-x:auto'>{_table(comparison)}</div>{picture}{paragraphs}</div>"
