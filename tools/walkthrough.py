"""What a page tells its reader to do: the files to save and the commands to type, with the output that it quotes."""
import re
from pathlib import Path


def files(text):
    """{name: content} of the blocks after "Save this as `name`:"."""
    return dict(re.findall(r"[Ss]ave\s+this\s+as\s+`([^`]+)`:\n\n```\w*\n(.*?)^```$", text, re.M | re.S))


def commands(text):
    """[(command, lines of its output)] of the indented lines that begin with "$ ", up to the end of their block."""
    found, inside = [], False
    for line in re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S).splitlines():
        inside = line.startswith("    ") or (inside and not line)
        if line.startswith("    $ "):
            found.append((line[6:], []))
        elif inside and found:
            found[-1][1].append(line[4:])
    return [(command, output[:output.index("…")] + output[output.index("…") + 1:] if "…" in output else output) for command, output in found]


def save(text, directory):
    """Saves the files of a page into a directory."""
    for name, content in files(text).items():
        (Path(directory) / name).write_text(content)
