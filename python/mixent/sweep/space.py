"""What a sweep's file says: fixed settings, and the space of what is searched. Needs neither Optuna nor Ray."""
from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mixent.sweep.message import SweepError, WrongUse, unknown
from mixent.sweep.program import Option, Options, Program
from mixent.sweep.yaml_file import Node, read

KEYS = ("name", "recipe", "set", "objective", "trials", "sampler", "pruner", "seed", "space")
OBJECTIVES = ("validation.accuracy", "validation.nll")
SAMPLERS = ("tpe", "qmc", "random", "grid")
PRUNERS = ("none", "median", "hyperband")
DISTRIBUTIONS = ("uniform", "log_uniform", "integer", "log_integer", "choice")
NOT_SEARCHED = {"name": "the sweep names its trials", "threads": "--threads says how many",
                "validation.fraction": "all trials must be scored on the same images; it may stand in 'set'",
                "validation.seed": "all trials must be scored on the same images; it may stand in 'set'"}


@dataclass(frozen=True)
class Parameter:
    """An option that is searched; `when` holds what others must have been given for it to count, by key."""
    key: str
    kind: str
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()
    points: int | None = None
    when: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def whole(self) -> bool:
        return self.kind.endswith("integer")

    @property
    def logarithmic(self) -> bool:
        return self.kind.startswith("log_")

    def counts(self, chosen: Mapping[str, object]) -> bool:
        return all(chosen.get(key) in texts for key, texts in self.when)

    def grid(self) -> list[object]:
        """Its values in a grid: every choice, every whole number, or `points` of them at equal distances."""
        if self.kind == "choice":
            return list(self.choices)
        if self.points is None:
            return list(range(int(self.low), int(self.high) + 1))
        parts = [i / (self.points - 1) for i in range(1, self.points - 1)]
        ratio = self.high / self.low if self.logarithmic else 1
        between = [self.low * ratio**part if self.logarithmic else self.low + part * (self.high - self.low) for part in parts]
        values = [self.low, *between, self.high]
        return list(dict.fromkeys(round(value) for value in values)) if self.whole else values


@dataclass(frozen=True)
class Sweep:
    """A sweep, checked. Settings and choices are texts as `--set` takes them; parameters stand in an order in which each
    follows those that its `when` names."""
    name: str
    recipe: str
    recipe_options: str  # a hash of what the recipe says, but for `settings`
    settings: dict[str, str]
    objective: str
    trials: int
    sampler: str
    pruner: str
    seed: int
    epochs: int  # the most that a trial may take
    parameters: tuple[Parameter, ...]

    @property
    def measure(self) -> str:
        """"accuracy" or "nll", as a line of metrics.jsonl names it."""
        return self.objective.partition(".")[2]

    @property
    def maximize(self) -> bool:
        return self.measure == "accuracy"

    def better(self, value: float, other: float | None) -> bool:
        return other is None or (value > other if self.maximize else value < other)

    def settings_of(self, chosen: Mapping[str, object]) -> dict[str, str]:
        """A trial's settings; a number is written so that it reads back to the same bits."""
        return self.settings | {key: value if isinstance(value, str) else repr(value) for key, value in chosen.items()}

    def epochs_of(self, chosen: Mapping[str, object]) -> int:
        return int(chosen.get("epochs", self.epochs))

    def grid(self) -> Iterator[dict[str, object]]:
        """Every combination of the parameters' values, those left out that do not count."""
        def extend(chosen: dict[str, object], rest: tuple[Parameter, ...]) -> Iterator[dict[str, object]]:
            if not rest:
                yield chosen
            elif not rest[0].counts(chosen):
                yield from extend(chosen, rest[1:])
            else:
                for value in rest[0].grid():
                    yield from extend(chosen | {rest[0].key: value}, rest[1:])
        return extend({}, self.parameters)

    def identity(self) -> dict[str, object]:
        """What may not change while a sweep is under way: all but how many trials there are."""
        return {key: value for key, value in asdict(self).items() if key != "trials"}


def built_in() -> dict[str, Path]:
    """The sweeps that come with the package, by name."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "files").glob("*.yaml"))}


def find_sweep(word: str) -> Path:
    """The file of a sweep: a path (it has a '/' or ends in .yaml), or a built-in name."""
    if "/" in word or word.endswith(".yaml"):
        return Path(word)
    known = built_in()
    if word not in known:
        raise WrongUse(f"{unknown('sweep', word, known)} (a file ends in .yaml)")
    return known[word]


def read_sweep(path: Path, program: Program, settings: Mapping[str, str] = {}, trials: int | None = None) -> Sweep:
    """The sweep of a file, checked against the program; `settings` are added to its own, and win."""
    root = read(path)
    top = root.items("a sweep")
    for key, node in top.items():
        if key not in KEYS:
            raise node.fail(unknown("key", key, KEYS))
    recipe = top["recipe"].text("recipe") if "recipe" in top else "emnist-letters-short"
    try:
        options = program.options(recipe, {})
    except SweepError as error:
        raise (top.get("recipe") or root).fail(f"recipe: {error}") from None
    fixed = _read_settings(top.get("set"), options, settings)
    try:
        options = program.options(recipe, fixed)
    except SweepError as error:
        raise (top.get("set") or root).fail(str(error)) from None
    sampler = _choose(top, "sampler", SAMPLERS, "tpe")
    if "space" not in top:
        raise root.fail("space: nothing is searched; say, for one, 'space: {dropout: {uniform: [0, 0.5]}}'")
    parameters = _order(_read_space(top["space"], options, sampler), root)
    if float(options["validation.fraction"].value) == 0:
        raise (top.get("set") or root).fail("validation.fraction is 0, but a sweep chooses by held-out images; set it to 0.05, say")
    epochs = max([int(options["epochs"].value)] + [int(row.high) for row in parameters if row.key == "epochs" and row.whole]
                 + [int(text) for row in parameters if row.key == "epochs" for text in row.choices])
    sweep = Sweep(_name(top.get("name"), path, options), recipe, _hash(options, fixed), fixed, _choose(top, "objective", OBJECTIVES, OBJECTIVES[0]),
                  0, sampler, _choose(top, "pruner", PRUNERS, "hyperband"), _whole(top, "seed", 0, 0), epochs, parameters)
    if trials is None:
        trials = _whole(top, "trials", 20, 1) if sampler != "grid" or "trials" in top else None
    if sampler == "grid":
        size = sum(1 for _ in itertools.islice(sweep.grid(), 1_000_001))
        if size > 1_000_000:
            raise root.fail("the grid has more than a million points")
        trials = min(trials or size, size)
    return replace(sweep, trials=trials)


def _hash(options: Options, fixed: Mapping[str, str]) -> str:
    """Of the options that `fixed` does not set; an edited recipe has another."""
    rest = sorted((key, option.value) for key, option in options.items() if key not in fixed)
    return hashlib.sha256(repr(rest).encode()).hexdigest()


def _choose(top: dict[str, Node], key: str, known: tuple[str, ...], default: str) -> str:
    if key not in top:
        return default
    word = top[key].text(key)
    if word not in known:
        raise top[key].fail(unknown(key, word, known))
    return word


def _whole(top: dict[str, Node], key: str, default: int, least: int) -> int:
    number = top[key].number(key, int) if key in top else default
    if number < least:
        raise top[key].fail(f"{key}: expected at least {least}, got {number}")
    return int(number)


def _name(node: Node | None, path: Path, options: Options) -> str:
    """The sweep's name; {loss.name} in it stands for the value of that option."""
    def value(match: re.Match[str]) -> str:
        if match[1] not in options:
            raise node.fail(f"name: {options.check(match[1], '')}")
        return options[match[1]].value
    name = re.sub(r"\{([^{}]*)\}", value, node.text("name")) if node else path.stem
    if not re.fullmatch(r"[\w.+-]+", name) or name.startswith("."):
        raise (node.fail if node else SweepError)(f"name: '{name}' is no plain word to call a directory by")
    return name


def _check(key: str, text: str, options: Options) -> str | None:
    """What is wrong with an option's value, or None."""
    return f"threads: {NOT_SEARCHED[key]}" if key == "threads" else options.check(key, text)


def _read_settings(node: Node | None, options: Options, more: Mapping[str, str]) -> dict[str, str]:
    settings: dict[str, str] = {}

    def walk(mapping: Node, prefix: str) -> None:
        for name, child in mapping.items(prefix.rstrip(".") or "set").items():
            key = prefix + name
            if any(other.startswith(f"{key}.") for other in options):
                walk(child, f"{key}.")
                continue
            settings[key] = " ".join(child.texts(key))
            wrong = _check(key, settings[key], options)
            if wrong:
                raise child.fail(wrong)

    if node:
        walk(node, "")
    for key, text in more.items():
        wrong = _check(key, text, options)
        if wrong:
            raise WrongUse(wrong)
    return settings | dict(more)


def _read_space(space: Node, options: Options, sampler: str) -> list[tuple[Parameter, Node]]:
    """The parameters whose conditions on what is fixed hold, each with its place. A parameter may have several entries, for
    different values of what is fixed; one at most may hold."""
    entries = space.items("space")
    found: dict[str, tuple[Parameter, Node]] = {}
    for key, node in entries.items():
        if key not in options:
            raise node.fail(options.check(key, ""))
        if key in NOT_SEARCHED:
            raise node.fail(f"{key}: is not searched: {NOT_SEARCHED[key]}")
        for entry in node.value if isinstance(node.value, list) else [node]:
            parameter = _read_parameter(key, entry, options, sampler, entries)
            if parameter and key in found:
                raise entry.fail(f"{key}: two of its entries hold at once; 'when' must tell them apart by what is fixed")
            if parameter:
                found[key] = parameter, entry
    if not found:
        raise space.fail("space: nothing is searched with what is fixed here")
    return list(found.values())


def _read_parameter(key: str, node: Node, options: Options, sampler: str,
                    entries: Mapping[str, Node]) -> Parameter | None:
    """None where a condition on what is fixed does not hold."""
    words = node.items(key)
    for word, child in words.items():
        if word not in (*DISTRIBUTIONS, "when", "points"):
            raise child.fail(f"{key}: {unknown('distribution', word, (*DISTRIBUTIONS, 'when', 'points'))}")
    kinds = [word for word in words if word in DISTRIBUTIONS]
    if len(kinds) != 1:
        raise node.fail(f"{key}: expected one of {', '.join(DISTRIBUTIONS)}, as '{{uniform: [0, 0.5]}}'")
    option, values = options[key], words[kinds[0]]
    parameter = Parameter(key, kinds[0])
    if parameter.kind == "choice":
        texts = [" ".join(child.texts(key)) for child in values.value] if isinstance(values.value, list) else []
        if not texts or len(set(texts)) < len(texts):
            raise values.fail(f"{key}: expected a list of different values, as '{{choice: [free, square]}}'")
        parameter = replace(parameter, choices=tuple(texts))
    else:
        parameter = _read_range(parameter, values, option)
        texts = [repr(parameter.low), repr(parameter.high)]
    for text in texts:
        wrong = options.check(key, text)
        if wrong:
            raise values.fail(wrong)
    if "points" in words:
        points = words["points"].number(f"{key}: points", int)
        if parameter.kind == "choice" or points < 2:
            raise words["points"].fail(f"{key}: points: how many a grid takes of a range, 2 at least")
        parameter = replace(parameter, points=int(points))
    if sampler == "grid" and parameter.points is None and not parameter.whole and parameter.kind != "choice":
        raise node.fail(f"{key}: a grid must know how many points to take, as '{{{parameter.kind}: […], points: 5}}'")
    when, holds = [], True
    for other, child in (words["when"].items(f"{key}: when") if "when" in words else {}).items():
        texts = tuple(child.texts(f"{key}: when"))
        if other not in options:
            raise child.fail(f"{key}: when: {options.check(other, '')}")
        for text in texts:
            wrong = options.check(other, text)
            if wrong:
                raise child.fail(f"{key}: when: {wrong}")
        if other in entries:
            when.append((other, texts))
        else:
            holds &= options[other].value in texts
    return replace(parameter, when=tuple(when)) if holds else None


def _read_range(parameter: Parameter, node: Node, option: Option) -> Parameter:
    key = parameter.key
    if not isinstance(node.value, list) or len(node.value) != 2:
        raise node.fail(f"{key}: expected two numbers, as '{{{parameter.kind}: [1, 10]}}'")
    if option.type not in ("whole", "number"):
        raise node.fail(f"{key}: takes no numbers; say '{{choice: […]}}'")
    if option.type == "whole" and not parameter.whole:
        raise node.fail(f"{key}: takes whole numbers; say '{parameter.kind.replace('uniform', 'integer')}'")
    low, high = (child.number(key, int if parameter.whole else float) for child in node.value)
    if low >= high or (parameter.logarithmic and low <= 0):
        raise node.fail(f"{key}: the first number must be {'above 0 and ' if parameter.logarithmic else ''}below the second")
    return replace(parameter, low=low, high=high)


def _order(parameters: list[tuple[Parameter, Node]], root: Node) -> tuple[Parameter, ...]:
    """Each after those that it depends on; otherwise as in the file."""
    known = {parameter.key: parameter for parameter, _ in parameters}
    for parameter, node in parameters:
        for other, texts in parameter.when:
            if other not in known:
                raise node.fail(f"{parameter.key}: when: {other} is not searched with what is fixed here")
            for text in texts:
                if text not in known[other].choices:
                    raise node.fail(f"{parameter.key}: when: {unknown(f'choice of {other}', text, known[other].choices)}"
                                    if known[other].choices else f"{parameter.key}: when: {other} is no choice but a range")
    ordered: dict[str, Parameter] = {}
    while len(ordered) < len(known):
        ready = next((row for row in known.values()
                      if row.key not in ordered and all(other in ordered for other, _ in row.when)), None)
        if ready is None:
            rest = [key for key in known if key not in ordered]
            raise root.fail(f"when: {' and '.join(rest)} wait for each other")
        ordered[ready.key] = ready
    return tuple(ordered.values())
