"""No circle between rooms, neither of includes nor of calls; and a header named `_priv` is included by its own folder alone.

At each folder of the tree the folders below it are rooms. A file beside them stands for itself where includes are asked for,
and for nothing where calls are. What a room includes is read from its files, what it calls from the objects in $B. Tests may include private headers. Prints TAP lines."""
import os
import pathlib
import re
import subprocess
import sys

BUILD = os.environ.get("B", "build")
TREES = ("lang", "vm", "runtime", "compiler")
# compiler/: its private headers still serve several folders.
PRIVATE = ("lang", "vm", "runtime")


def tracked():
    names = subprocess.run(["git", "ls-files", *TREES], capture_output=True, text=True, check=True).stdout.split()
    return [n for n in names if n.endswith((".c", ".h")) and os.path.exists(n)]


def includes(files):
    """(file, the header it includes) of all files."""
    for name in files:
        for header in re.findall(r'^\s*#\s*include "([^"]+)"', pathlib.Path(name).read_text(), re.M):
            if header.split("/")[0] in TREES:
                yield name, header


def calls(files):
    """(file, the file that defines what it calls or reads), of the objects that were built from the files. Those of the
    kernel have functions of their own of shared code, which nobody else calls."""
    objects = [o for f in files if re.search(r"(?<!bpf)\.c$", f) for o in [f"{BUILD}/{f[:-2]}.o"] if os.path.exists(o)]
    listing = subprocess.run(["nm", "-A", "-P", *objects], capture_output=True, text=True, check=True).stdout
    defined, wanted = {}, []
    for line in listing.splitlines():
        where, symbol, kind = line.split()[:3]
        source = where.rstrip(":")[len(BUILD) + 1:-2] + ".c"
        if kind in "TDBRCV":
            defined[symbol] = source
        elif kind == "U":
            wanted.append((source, symbol))
    return [(source, defined[symbol]) for source, symbol in wanted if symbol in defined]


def arrows_at(folder, pairs, rooms_only):
    """Between what stands in a folder: {(from, to): an example}. rooms_only: its own files are no rooms."""
    found = {}
    depth = folder.count("/") + 2
    for a, b in pairs:
        if a.startswith(folder + "/") and b.startswith(folder + "/"):
            x, y = ("/".join(f.split("/")[:depth]) for f in (a, b))
            if x != y and not (rooms_only and (x == a or y == b)):
                found.setdefault((x, y), f"{a} -> {b}")
    return found


def circle(arrows):
    """The names on one circle, or nothing."""
    after = {}
    for a, b in arrows:
        after.setdefault(a, []).append(b)
    done, path = set(), []

    def walk(name):
        if name in path:
            return path[path.index(name):] + [name]
        if name in done:
            return []
        path.append(name)
        for other in after.get(name, []):
            found = walk(other)
            if found:
                return found
        path.pop()
        done.add(name)
        return []

    for name in sorted(after):
        found = walk(name)
        if found:
            return found
    return []


def check_circles(kind, files, pairs, rooms_only):
    bad = []
    for folder in sorted({str(p) for f in files for p in pathlib.Path(f).parents if str(p) != "."}):
        arrows = arrows_at(folder, pairs, rooms_only)
        names = circle(arrows)
        bad += [f"{folder}: " + ", ".join(arrows[a, b] for a, b in zip(names, names[1:]))] if names else []
    return say(bad, f"no circle of {kind} between rooms")


def check_private(pairs):
    bad = [f"{a} includes {b}" for a, b in pairs
           if b.endswith("_priv.h") and b.startswith(PRIVATE) and not a.startswith(os.path.dirname(b) + "/")]
    return say(bad, "a private header is included by its own folder alone")


def say(bad, what):
    for line in bad:
        print(f"#   {line}")
    print(f"{'not ok' if bad else 'ok'} - {what}")
    return bool(bad)


def main():
    files = tracked()
    included = list(includes(files))
    failed = say([] if len(included) > 500 else [f"{len(included)} includes"], "the includes were read")
    failed |= check_private(included)
    failed |= check_circles("includes", files, included, False)
    failed |= check_circles("calls", files, calls(files), True)
    return failed


sys.exit(main())
