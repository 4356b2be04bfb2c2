"""Pictures drawn by gnuplot: what their scripts begin with, colours, and the SVG without what gnuplot leaves unused."""
import re
import subprocess
from pathlib import Path

# Black, then colours that colour-blind eyes tell apart (Okabe and Ito); each with a dash of its own.
COLOURS = ["#000000", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9"]
DASHES = ["1", "2", "3", "4", "(14,3)", "1"]
HEAD = ["set terminal svg size 1140,430 fixed font 'sans-serif,13' background rgb '#ffffff'", "set encoding utf8",
        "set grid linecolor rgb '#dddddd' linetype 1 linewidth 0.5", "set border 3 linecolor rgb '#444444'", "set tics nomirror"]


def draw(script, path):
    """Runs gnuplot with that script and writes the picture."""
    try:
        svg = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True)
    except FileNotFoundError:
        raise SystemExit("gnuplot is missing: 'tools/install-dependencies docs' installs it") from None
    if svg.returncode or svg.stderr:
        raise SystemExit(f"gnuplot: {svg.stderr}")
    drawn = re.sub(r"<g [^>]*>\s*</g>\n?", "", svg.stdout)  # many groups are empty
    Path(path).write_text(re.sub(r"\s*<(path|use|rect|circle)[^>]*id='gpPt.*/>", "", drawn))  # or unused
