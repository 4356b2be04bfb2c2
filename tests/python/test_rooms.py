"""tools/rooms finds what breaks the rules of the house; the tree itself is held to them by the test `rooms` of CTest."""
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path):
    """Two rooms in order: `upper` uses `lower`, which has a public header."""
    write(tmp_path, "src/lower/CMakeLists.txt", "mixent_room(lower HEADERS low.h)\n")
    write(tmp_path, "src/upper/CMakeLists.txt", "mixent_room(upper USES lower)\n")
    write(tmp_path, "include/mixent/low.h", "int low(void);\n")
    write(tmp_path, "src/lower/low.c", '#include "mixent/low.h"\nint low(void) { return 1; }\n')
    write(tmp_path, "src/upper/up.h", "int up(void);\n")
    write(tmp_path, "src/upper/up.c", '#include "upper/up.h"\n#include "mixent/low.h"\nint up(void) { return low(); }\n')
    return tmp_path


def write(tree, name, text):
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def run(tree, *words):
    done = subprocess.run([ROOT / "tools" / "rooms", "--tree", tree, *words], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def compile_tree(tree):
    """A build directory with an object file of each source."""
    commands = []
    for source in sorted(tree.glob("src/*/*.c")):
        target = source.stem + ".o"
        words = ["cc", "-I", f"{tree}/src", "-I", f"{tree}/include", "-o", target, "-c", str(source)]
        subprocess.run(words, cwd=tree, check=True, capture_output=True)
        commands.append({"directory": str(tree), "command": " ".join(words), "file": str(source)})
    import json

    (tree / "compile_commands.json").write_text(json.dumps(commands))
    return "--objects", tree


def test_rooms_in_order(tree):
    code, out, err = run(tree)
    assert (code, err) == (0, "")
    assert "lower -> (none)" in out and "upper -> lower" in out
    assert run(tree, *compile_tree(tree))[0] == 0


@pytest.mark.parametrize("name, text, fault", [
    ("src/lower/low.c", '#include "upper/up.h"\n', "lower -> upper is not declared: lower/low.c:1"),
    ("src/upper/CMakeLists.txt", "mixent_room(upper)\n", "upper -> lower is not declared: upper/up.c:2"),
    ("src/lower/CMakeLists.txt", "mixent_room(lower USES upper HEADERS low.h)\n", "a circle of rooms: lower, upper"),
    ("src/upper/CMakeLists.txt", "mixent_room(upper USES lower other)\n", "upper -> other: there is no room other"),
    ("src/upper/up.c", '#include "mixent/low.h"\n#include <dnnl.h>\n', "src/upper/up.c:2 includes <dnnl.h>"),
    ("src/lower/long.c", "\n" * 401, "src/lower/long.c: 401 lines"),
    ("src/third/x.c", '#include "mixent/low.h"\n', "src/third: no room")])
def test_what_breaks_the_rules_is_found(tree, name, text, fault):
    write(tree, name, text)
    code, _, err = run(tree)
    assert code == 1 and fault in err


def test_only_with_symbols_an_arrow_is_called_unused(tree):
    write(tree, "src/upper/up.c", "int low(void);\nint up(void) { return low(); }\n")
    assert run(tree)[0] == 0 and run(tree, *compile_tree(tree))[0] == 0  # a use without an include
    write(tree, "src/upper/up.c", "int up(void) { return 1; }\n")
    code, _, err = run(tree, *compile_tree(tree))
    assert code == 1 and "upper -> lower is declared, but nothing uses it" in err


def test_a_symbol_is_an_arrow_without_an_include(tree):
    write(tree, "src/lower/low.c", "int up(void);\nint low(void) { return up(); }\n")
    code, _, err = run(tree, *compile_tree(tree))
    assert code == 1
    assert "lower -> upper is not declared: src/lower/low.c uses up of src/upper/up.c" in err
    assert "a circle of files: lower/low.c, upper/up.c" in err
