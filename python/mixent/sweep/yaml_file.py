"""YAML whose scalars stay the text they are, each with its line: what the checks of a sweep's file need to name the place."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mixent._files import read_text
from mixent.sweep.message import SweepError

try:
    import yaml
except ImportError:  # said when a file is read
    yaml = None


@dataclass(frozen=True)
class Node:
    """A scalar (text), a list of nodes, or a mapping of names to nodes, and where it stands ("FILE:LINE:COLUMN")."""
    value: str | list[Node] | dict[str, Node]
    place: str

    def fail(self, message: str) -> SweepError:
        return SweepError(f"{self.place}: {message}")

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


def read(path: Path) -> Node:
    """The mapping at the root of a YAML file."""
    if yaml is None:
        raise SweepError("PyYAML is not installed; install with: pip install '.[sweep]' where mixent's source is")
    try:
        root = yaml.compose(read_text(path), Loader=yaml.SafeLoader)
    except OSError as error:
        raise SweepError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SweepError(f"{path}: not a text in UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SweepError(f"{path}:{mark.line + 1}:{mark.column + 1}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise SweepError(f"{path}: {error}") from None
    if root is None:
        raise SweepError(f"{path}: there is nothing in it")
    return _convert(root, path)


def _convert(node: yaml.Node, path: Path) -> Node:
    place = f"{path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
    if isinstance(node, yaml.ScalarNode):
        return Node(node.value, place)
    if isinstance(node, yaml.SequenceNode):
        return Node([_convert(child, path) for child in node.value], place)
    mapping: dict[str, Node] = {}
    for key, value in node.value:
        name = _convert(key, path)
        if name.text("a key") in mapping:
            raise name.fail(f"{name.value} is given twice")
        mapping[name.value] = _convert(value, path)
    return Node(mapping, place)
