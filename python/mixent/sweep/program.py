"""The program `mixent`: where it is, and what it knows of recipes (`mixent train --dry-run --json`)."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

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

    def check(self, text: str) -> str | None:
        """What is wrong with a value for it, or None."""
        if self.type in ("whole", "number"):
            kind = int if self.type == "whole" else float
            try:
                right = self.low <= kind(text) <= self.high
            except ValueError:
                right = False
            whole = "whole " if kind is int else ""
            return None if right else f"{self.key}: wanted is a {whole}number from {self.low:.10g} to {self.high:.10g}, not '{text}'"
        if self.type == "yes-no" and text not in ("true", "false", "yes", "no", "on", "off"):
            return f"{self.key}: wanted is true or false, not '{text}'"
        words = [text] if self.type == "choice" else text.replace(",", " ").split() if self.type == "names" else []
        for word in words:
            if word not in self.choices and not (self.type == "names" and text == "none"):
                return f"{self.key}: {unknown('', word, self.choices)}"
        return None


@dataclass(frozen=True)
class Program:
    path: str

    @staticmethod
    def find(preferred: str | None = None) -> Program:
        """`preferred` if it is there, else $MIXENT_PROGRAM, else `mixent` on the path."""
        if preferred and shutil.which(preferred):
            return Program(preferred)
        named = os.environ.get("MIXENT_PROGRAM")
        found = shutil.which(named or "mixent")
        if not found:
            where = f"MIXENT_PROGRAM names {named}, which is no program" if named else "the program `mixent` is not on the path"
            raise SweepError(f"{where}; build it with `make`, then `make install`, or set MIXENT_PROGRAM to where it is")
        return Program(os.path.abspath(found))

    def arguments(self, recipe: str, settings: Mapping[str, str]) -> list[str]:
        """The words of a training by that recipe and those settings."""
        words = [self.path, "train", "--recipe", recipe]
        for key, text in settings.items():
            words += ["--set", f"{key}={text}"]
        return words

    def recipe_text(self, recipe: str, settings: Mapping[str, str], *more: str) -> str:
        """What a recipe comes to with settings, as YAML. Fails with the program's own message."""
        done = subprocess.run([*self.arguments(recipe, settings), "--dry-run", *more], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        if done.returncode:
            raise SweepError(done.stderr.strip().removeprefix("mixent: ") or f"{self.path} ended with {done.returncode}")
        return done.stdout

    def options(self, recipe: str, settings: Mapping[str, str]) -> dict[str, Option]:
        """Every option by its key, with its value in that recipe."""
        table = json.loads(self.recipe_text(recipe, settings, "--json"))["options"]
        return {row["key"]: Option(row["key"], row["type"], row["value"], row.get("low", 0), row.get("high", 0),
                                   tuple(row.get("choices", ()))) for row in table}
