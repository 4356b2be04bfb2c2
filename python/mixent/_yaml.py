"""YAML whose scalars stay the text they are, each with its place: what the checks of a description or of a sweep's file
need to say where."""
from __future__ import annotations

from dataclasses import dataclass, field, replace

try:
    import yaml
except ImportError:  # said when a text is read
    yaml = None


@dataclass(frozen=True)
class Node:
    """A scalar (text), a list of nodes, or a mapping of names to nodes, and where it stands ("FILE:LINE:COLUMN"); below a mapping, where
    its key does."""
    value: str | list[Node] | dict[str, Node]
    place: str
    error: type[Exception] = field(repr=False)  # what a complaint about it is

    def fail(self, message: str) -> Exception:
        return self.error(f"{self.place}: {message}")

    def text(self, what: str) -> str:
        if not isinstance(self.value, str):
            raise self.fail(f"{what}: expected a single value")
        return self.value

    def items(self, what: str) -> dict[str, Node]:
        if not isinstance(self.value, dict):
            raise self.fail(f"{what}: expected a mapping, as '{{key: value}}'")
        return self.value

    def texts(self, what: str) -> list[str]:
        """A list of values; a single one is a list of one."""
        return [node.text(what) for node in self.value] if isinstance(self.value, list) else [self.text(what)]

    def number(self, what: str, kind: type = float) -> float:
        try:
            number = kind(self.text(what))
            if number - number == 0:  # neither infinite nor NaN
                return number
        except ValueError:
            pass
        raise self.fail(f"{what}: expected a {'whole ' if kind is int else ''}number, got '{self.value}'")


def parse(text: str, origin: object, error: type[Exception]) -> Node:
    """The one document of a text, which complaints call `origin`. Needs PyYAML: `yaml` of this module is None without it."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            raise error(f"{origin}: there is nothing in it")
        return _convert(root, origin, error, set())
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        raise error(f"{origin}:{mark.line + 1}:{mark.column + 1}: {problem.problem}") from None
    except yaml.YAMLError as problem:
        raise error(f"{origin}: {problem}") from None
    except RecursionError:
        raise error(f"{origin}: nested too many levels deep") from None


def _convert(node: yaml.Node, origin: object, error: type[Exception], seen: set[int]) -> Node:
    def make(value: object) -> Node:
        return Node(value, f"{origin}:{node.start_mark.line + 1}:{node.start_mark.column + 1}", error)

    if id(node) in seen:  # a few lines of aliases could stand for billions of nodes
        raise make("").fail("aliases are not supported: write the value out")
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        return make(node.value)
    if isinstance(node, yaml.SequenceNode):
        return make([_convert(child, origin, error, seen) for child in node.value])
    mapping: dict[str, Node] = {}
    for key, value in node.value:
        name = _convert(key, origin, error, seen)
        if name.text("a key") in mapping:
            raise name.fail(f"{name.value} is given twice")
        mapping[name.value] = replace(_convert(value, origin, error, seen), place=name.place)
    return make(mapping)
