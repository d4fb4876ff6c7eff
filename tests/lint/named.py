#!/usr/bin/env python3
"""Every file that a comment or a README names exists: named.py [TREE].

A name is a path from the tree's top, from the folder of the file that says it or from one above, the end of a tracked
path, of a file that a Makefile makes below `$(B)/`, or of a system header that some source includes. A pattern
(`IDENT.c`, `_priv.h`) is no name. What fails stands in naming.sh.
"""
import os
import re
import subprocess
import sys

COMMENT = {
    ".c": re.compile(r"/\*.*?\*/", re.S),
    ".h": re.compile(r"/\*.*?\*/", re.S),
    ".def": re.compile(r"/\*.*?\*/", re.S),
    ".l": re.compile(r"/\*.*?\*/", re.S),
    ".y": re.compile(r"/\*.*?\*/", re.S),
    ".sh": re.compile(r"^\s*#.*$", re.M),
    ".mk": re.compile(r"^\s*#.*$", re.M),
    ".py": re.compile(r"^\s*#.*$|\"\"\".*?\"\"\"", re.S | re.M),
    ".md": re.compile(r".+", re.S),
}
MAKEFILE = re.compile(r"(?:^|/)(?:Makefile|[\w-]+\.mk)$")
MADE = re.compile(r"\$\(B\)/([\w./-]+\.[ch])\b")
INCLUDED = re.compile(r"^ *# *include *<([\w./-]+)>", re.M)
NAME = re.compile(r"(?<![\w./*<>{}$%-])((?:\.\./)*(?:[\w-]+/)*[\w.-]*\w\.(?:c|h|def|l|y|py|sh|md))(?![\w*/-]|\.\w)")


def is_known(name, folder, paths, ends):
    while name.startswith("../") and os.path.normpath(os.path.join(folder, name)).startswith(".."):
        return False
    if os.path.normpath(os.path.join(folder, name)) in paths or name in ends:
        return True
    last = os.path.basename(name)
    return last.startswith("_") or last.split(".")[0].isupper() and not last.endswith(".md")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def made_or_included(paths):
    """Files that are not tracked and exist all the same: what the build makes, and headers of the system."""
    for path in paths:
        if MAKEFILE.search(path):
            yield from ("build/" + made for made in MADE.findall(read(path)))
        elif path.endswith((".c", ".h")):
            yield from INCLUDED.findall(read(path))


def main():
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else ".")
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split("\n")
    paths = {path for path in tracked if os.path.exists(path) and path}
    ends = set()
    for path in paths | set(made_or_included(paths)):
        parts = path.split("/")
        ends.update("/".join(parts[i:]) for i in range(len(parts)))
    bad = 0
    for path in sorted(paths):
        comment = COMMENT.get(os.path.splitext(path)[1])
        if not comment:
            continue
        text = read(path)
        for part in comment.finditer(text):
            for m in NAME.finditer(part.group()):
                if is_known(m.group(1), os.path.dirname(path), paths, ends):
                    continue
                line = text.count("\n", 0, part.start() + m.start(1)) + 1
                print(f"#   {path}:{line}: {m.group(1)}")
                bad += 1
    print("not ok" if bad else "ok", "- every file that a comment or a README names exists")
    return bad > 0


sys.exit(main())
