"""The program `mixent`: where it is, and what it knows of recipes (`mixent train --dry-run --json`)."""
from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Dict

from mixent._program import find_program
from mixent.sweep.message import SweepError, unknown


@dataclass(frozen=True)
class Option:
    """An option of a recipe, and the value (as text) that it has in one."""
    key: str
    type: str  # text, whole, number, yes-no, choice, names
    value: str
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()

    def allows(self, text: str) -> bool:
        """Whether it takes that value; the program says why not."""
        if self.type in ("whole", "number"):
            kind = int if self.type == "whole" else float
            try:
                return self.low <= kind(text) <= self.high
            except ValueError:
                return False
        if self.type == "yes-no":
            return text in ("true", "false", "yes", "no", "on", "off")
        words = [text] if self.type == "choice" else text.replace(",", " ").split() if self.type == "names" else []
        return self.type == "names" and text == "none" or all(word in self.choices for word in words)


class Options(Dict[str, Option]):
    """Every option by its key, with its value in a recipe. What is wrong with others the program is asked."""

    def __init__(self, program: Program, rows: Iterable[Option]) -> None:
        super().__init__((row.key, row) for row in rows)
        self.program = program

    def check(self, key: str, text: str) -> str | None:
        """What is wrong with a key or its value, in the program's own words, or None."""
        if key in self and self[key].allows(text):
            return None
        try:
            self.program.recipe_text(None, {key: text})
        except SweepError as error:
            return str(error)
        return None if key in self else unknown("option", key, self)


@dataclass(frozen=True)
class Program:
    path: str

    @staticmethod
    def find(preferred: str | None = None) -> Program:
        """`preferred` if it is there, else $MIXENT_PROGRAM, else `mixent` on the path."""
        if preferred and shutil.which(preferred):
            return Program(preferred)
        try:
            return Program(find_program())
        except FileNotFoundError as error:
            raise SweepError(str(error)) from None

    def arguments(self, recipe: str | None, settings: Mapping[str, str]) -> list[str]:
        """The words of a training by that recipe (None: the default one) and those settings."""
        words = [self.path, "train", *(["--recipe", recipe] if recipe else [])]
        for key, text in settings.items():
            words += ["--set", f"{key}={text}"]
        return words

    def recipe_text(self, recipe: str | None, settings: Mapping[str, str], *more: str) -> str:
        """What a recipe comes to with settings, as YAML. Fails with the program's own message."""
        done = subprocess.run([*self.arguments(recipe, settings), "--dry-run", *more], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        if done.returncode:
            raise SweepError(done.stderr.strip().removeprefix("mixent: ") or f"{self.path} ended with {done.returncode}")
        return done.stdout

    def options(self, recipe: str, settings: Mapping[str, str]) -> Options:
        """Every option by its key, with its value in that recipe."""
        table = json.loads(self.recipe_text(recipe, settings, "--json"))["options"]
        return Options(self, (Option(row["key"], row["type"], row["value"], row.get("low", 0), row.get("high", 0),
                                     tuple(row.get("choices", ()))) for row in table))
