#!/usr/bin/env python3
"""Every file that a comment or a README names exists.

A name is a path from the tree's top, from the folder of the file that says it or from one above, the end of a tracked
path, a generated or system header, or a document of the contract. A pattern (`IDENT.c`, `_priv.h`) is no name.
"""
import os
import re
import subprocess
import sys

DOCUMENTS = {"KERNEL.md", "SEMANTICS.md", "ARCHITECTURE.md", "LANGUAGE.md", "BEHAVIOUR.md", "CLASSIFIER.md", "HOUSE.md",
             "STYLE.md", "PERFORMANCE.md", "DESIGN.md"}
SYSTEM = {"getopt.h"}
GENERATED = {"tokens.tab.h", "parse.tab.c", "lex.yy.c", "lex.yy.h"}
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
NAME = re.compile(r"(?<![\w./*<>{}$%-])((?:\.\./)*(?:[\w-]+/)*[\w.-]*\w\.(?:c|h|def|l|y|py|sh|md))(?![\w*/-]|\.\w)")


def is_known(name, folder, paths, ends):
    while name.startswith("../") and os.path.normpath(os.path.join(folder, name)).startswith(".."):
        return False
    if os.path.normpath(os.path.join(folder, name)) in paths or name in ends:
        return True
    last = os.path.basename(name)
    is_pattern = last.startswith("_") or last.split(".")[0].isupper() and not last.endswith(".md")
    return is_pattern or last in DOCUMENTS | GENERATED | SYSTEM


def main():
    paths = set(subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split("\n")) - {""}
    ends = set()
    for path in paths:
        parts = path.split("/")
        ends.update("/".join(parts[i:]) for i in range(len(parts)))
    bad = 0
    for path in sorted(paths):
        comment = COMMENT.get(os.path.splitext(path)[1])
        if not comment or not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as f:
            text = f.read()
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
