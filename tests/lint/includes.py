"""Includes stand in three groups: the file's own header, the system's, ours; the last two in alphabetical order.

Held of a file's first run of includes; what is read further down is a table or a template.
UPDATE=1 puts them in order. Prints TAP lines."""
import os
import pathlib
import re
import subprocess
import sys

TREES = ("lang", "vm", "runtime", "compiler")


def first_run(lines):
    """(from, to) of the includes at the top, with the blank lines between them."""
    begin = end = next((i for i, line in enumerate(lines) if line.startswith("#include")), len(lines))
    for i in range(begin, len(lines)):
        if lines[i].startswith("#include"):
            end = i + 1
        elif lines[i]:
            break
    return begin, end


def in_order(includes, name):
    stem = name.rsplit(".", 1)[0]
    groups = ([], [], [], [])
    for line in includes:
        header = line.split()[1]
        own = header in (f'"{stem}.h"', f'"{stem}_priv.h"')
        groups[0 if own else 1 if header[0] == "<" else 3 if header.endswith('.def"') else 2].append(line)
    wanted = []
    for group in groups:
        if group:
            wanted += [""] * bool(wanted) + sorted(group, key=lambda line: re.split(r'[<>"]', line)[1])
    return wanted


def main():
    bad, read = [], 0
    names = subprocess.run(["git", "ls-files", *TREES], capture_output=True, text=True, check=True).stdout.split()
    for name in (n for n in names if n.endswith((".c", ".h")) and os.path.exists(n)):
        lines = pathlib.Path(name).read_text().split("\n")
        after = list(lines)
        begin, end = first_run(lines)
        after[begin:end] = in_order([line for line in lines[begin:end] if line], name)
        read += end - begin
        if after != lines:
            bad.append(name)
            if os.environ.get("UPDATE"):
                pathlib.Path(name).write_text("\n".join(after))
    for name in bad:
        print(f"#   {name}")
    print(f"{'not ok' if bad or read < 500 else 'ok'} - includes are in order: own header, the system's, ours ({read} lines)")
    return bool(bad) or read < 500


sys.exit(main())
