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
    Path(path).write_text(without_unused_points(re.sub(r"<g [^>]*>\s*</g>\n?", "", svg.stdout)))  # many groups are empty


def without_unused_points(svg):
    """The picture without the shapes of points that it does not draw. One shape may use another."""
    shapes = {found[2]: found[0] for found in re.finditer(r"\s*<(path|use|rect|circle)[^>]*id='(gpPt\d+)'.*/>", svg)}
    unused = [shape for name, shape in shapes.items() if f"href='#{name}'" not in svg]
    for shape in unused:
        svg = svg.replace(shape, "", 1)
    return without_unused_points(svg) if unused else svg
