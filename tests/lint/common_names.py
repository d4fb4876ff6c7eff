#!/usr/bin/env python3
"""Names that stand for too many things: common_names.py [TREE].

A static function's name stands in at most three files, and a file's base name in at most three folders. What stands in more is in
common_names.left, with its number, and only falls: a greater number, or another name, is refused, and so is a list that names more
than there is. UPDATE=1 writes the list anew where it falls. Prints TAP lines."""
import collections
import os
import re
import subprocess
import sys

LIST = "tests/lint/common_names.left"
MOST = 3
# A definition at the margin, with its body behind it.
STATIC = re.compile(r"^static (?:inline |const )*[A-Za-z_][\w \*]*?[ \*](\w+)\([^;{}]*\)\n?\s*\{", re.M)
COMMENT = re.compile(r"/\*.*?\*/", re.S)
HEAD = """# Static functions whose name stands in more than three files, and base names of files in more than three folders, with the number of
# these. Numbers only fall (common_names.py).
"""


def places():
    """{(kind, name): files or folders}."""
    found = collections.defaultdict(set)
    files = subprocess.run(["git", "ls-files", "lang", "compiler", "vm", "runtime"], capture_output=True, text=True, check=True)
    for path in files.stdout.split():
        if not path.endswith((".c", ".h")) or not os.path.exists(path):
            continue
        folder, name = os.path.split(path)
        found["file", name.split(".")[0]].add(folder)
        if path.endswith(".c"):
            with open(path, encoding="utf-8") as f:
                for function in STATIC.findall(COMMENT.sub("", f.read())):
                    found["function", function].add(path)
    return {key: len(where) for key, where in found.items() if len(where) > MOST}


def read_list():
    if not os.path.exists(LIST):
        return {}
    with open(LIST, encoding="utf-8") as f:
        rows = [line.split() for line in f if line.strip() and not line.startswith("#")]
    return {(kind, name): int(number) for kind, name, number in rows}


def main():
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else ".")
    now, before = places(), read_list()
    worse = [f"{kind} {name}: {number} places, {before.get((kind, name), MOST)} before" for (kind, name), number in now.items()
             if number > before.get((kind, name), MOST)]
    better = [f"{kind} {name}: {number} before, {now.get((kind, name), MOST)} now" for (kind, name), number in before.items()
              if number > now.get((kind, name), MOST)]
    if os.environ.get("UPDATE") and (not worse or not before):
        with open(LIST, "w", encoding="utf-8") as f:
            f.write(HEAD + "".join(f"{kind} {name} {number}\n" for (kind, name), number in sorted(now.items())))
        worse = better = []
    for line in sorted(worse):
        print("#  ", line)
    print(f"{'not ' if worse else ''}ok - a name stands for at most three things, or for no more than before")
    for line in sorted(better):
        print("#  ", line)
    print(f"{'not ' if better else ''}ok - the list of those that stand for more has fallen with them (UPDATE=1)")
    functions = sum(kind == "function" for kind, _ in now)
    print(f"# {functions} names of functions, {len(now) - functions} of files")
    return bool(worse or better)


sys.exit(main())
