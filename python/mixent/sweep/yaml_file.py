"""A sweep's file as a tree of texts with their places."""
from __future__ import annotations

from pathlib import Path

from mixent import _yaml
from mixent._files import read_text
from mixent._yaml import Node
from mixent.sweep.message import SweepError

__all__ = ["Node", "read"]


def read(path: Path) -> Node:
    """The mapping at the root of a YAML file."""
    if _yaml.yaml is None:
        raise SweepError("PyYAML is not installed; install with: pip install '.[sweep]' where mixent's source is")
    try:
        return _yaml.parse(read_text(path), path, SweepError)
    except OSError as error:
        raise SweepError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SweepError(f"{path}: not a text in UTF-8") from None
