"""Rooms of runtime/ use only what stands lower in their order, and few modules of a room hang on each other. In all trees a
room has few files.

A file points at the headers that it includes, and at the file that defines a function or datum that it uses. A header that
declares what a higher room defines points up as well. A module is a .c and its .h; a knot is a set of modules of one room of
which each reaches each. Prints TAP lines; fails on an arrow up or sideways, on a knot of more than KNOT modules and on a room
of more than ROOM files (of any kind; those of rooms in it do not count) that layers.left does not name, and on a row of
layers.left that nothing needs.
ROOT, the first argument, is the tree to look at; UPDATE=1 takes the rows that nothing needs out of layers.left; it adds none."""
import collections
import os
import pathlib
import re
import subprocess
import sys

# From the top: a room uses what stands in lines below its own, and nothing beside it.
ORDER = """
preyrun preyctl
live/main
live/control
live/rules
live/world
live/carry
live/tell
record replay
proxy check parent observe
worker
copies
exchange
kernel io
host
ctl stats
report
capture schedule counters
base
"""
KNOT, ROOM = 5, 25
TREES = ("lang", "compiler", "vm", "runtime")
LEVEL = {f"runtime/{room}/": n for n, line in enumerate(reversed(ORDER.split("\n"))) for room in line.split()}

NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
HEAD = r"^(?!static\b|typedef\b|return\b|else\b|#)([a-z_][\w \t*]*?[ \t*])(\w+)"
DEFINED = re.compile(HEAD + r"\([^;{}]*\)\s*\{", re.M)
DATUM = re.compile(HEAD + r"(?:\[[^\]\n]*\])*\s*=[^=]", re.M)
DECLARED = re.compile(HEAD + r"\([^;{}]*\)[^;{}]*;", re.M)
EXTERN = re.compile(r"^extern\b[^;(]*?(\w+)(?:\[[^\]]*\])*;", re.M)


def tracked(root, *trees):
    listing = subprocess.run(["git", "-C", root, "ls-files", *trees], capture_output=True, text=True, check=True)
    return [n for n in listing.stdout.split() if os.path.exists(f"{root}/{n}")]


def read(root):
    """{path: text}, and the includes among them: {path: {path}}."""
    texts, includes = {}, {}
    for name in tracked(root, "runtime"):
        if not name.endswith((".c", ".h", ".def")):
            continue
        with open(f"{root}/{name}") as f:
            text = f.read()
        includes[name] = {h for h in INCLUDE.findall(text) if h.startswith("runtime/") and os.path.exists(f"{root}/{h}")}
        texts[name] = NOISE.sub(" ", text)
    return texts, includes


def reach(start, after):
    seen, todo = set(), [start]
    while todo:
        for other in after.get(todo.pop(), ()):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def uses(texts, includes):
    """(file, file that defines it, name): of what a file uses that a header which it sees declares; and
    (header, file that defines what it declares, name)."""
    defined = collections.defaultdict(set)
    declared, data = collections.defaultdict(set), {}
    for path, text in texts.items():
        if path.endswith(".c") and "/no_" not in path and ".bpf." not in path:
            for pattern in (DEFINED, DATUM):
                for m in pattern.finditer(text):
                    defined[m.group(2)].add(path)
        if path.endswith(".h"):
            for m in DECLARED.finditer(text):
                if not m.group(1).startswith("extern"):
                    declared[path].add(m.group(2))
            data[path] = {m.group(1) for m in EXTERN.finditer(text)}
            declared[path] |= data[path]
    promised = [(h, f, n) for h, names in declared.items() for n in names for f in defined.get(n, ())]
    used = []
    for path, text in texts.items():
        heads = reach(path, includes)
        seen = {n for h in heads for n in declared.get(h, ())}
        called = {n for n in re.findall(r"(?<![\w.>])(\w+)\b", text) if any(n in data.get(h, ()) for h in heads)}
        called |= set(re.findall(r"(?<![\w.>])(\w+)\s*\(", text)) | set(re.findall(r"[=,({&?:]\s*(\w+)\s*(?=[][,;)}.:])", text))
        used += [(path, f, n) for n in seen & called for f in defined.get(n, ()) if f != path and len(defined[n]) == 1]
    return used, promised


def level(path):
    return max(((len(r), n) for r, n in LEVEL.items() if path.startswith(r)), default=(0, None))[1]


def room(path):
    return max((r for r in LEVEL if path.startswith(r)), key=len, default=os.path.dirname(path) + "/")


def module(path):
    return re.sub(r"\.(c|h|def)$", "", path)


def knots(after):
    """Tarjan: the sets of which each reaches each, of two and more."""
    index, low, stack, found = {}, {}, [], []

    def walk(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in sorted(after.get(v, ())):
            if w not in index:
                walk(w)
            if w in stack:
                low[v] = min(low[v], low[w])
        if low[v] == index[v]:
            knot = stack[stack.index(v):]
            del stack[stack.index(v):]
            found.extend([sorted(knot)] if len(knot) > 1 else [])

    for v in sorted(after):
        if v not in index:
            walk(v)
    return sorted(found, key=len, reverse=True)


def say(bad, what):
    for line in bad:
        print(f"#   {line}")
    print(f"{'not ok' if bad else 'ok'} - {what}")
    return bool(bad)


def arrows_of(texts, includes):
    """{(from, to): {how}}."""
    arrows = collections.defaultdict(set)
    used, promised = uses(texts, includes)
    for a, heads in includes.items():
        for b in heads:
            arrows[a, b].add("includes")
    for a, b, name in used:
        arrows[a, b].add(f"{name}()")
    for a, b, name in promised:
        arrows[a, b].add(f"declares {name}()")
    return arrows


def runs_down(a, b):
    return room(a) == room(b) or level(a) is None or level(b) is None or level(a) > level(b)


def knots_of(arrows):
    after = collections.defaultdict(set)
    for (a, b), how in arrows.items():
        if module(a) != module(b) and room(a) == room(b) and any(not h.startswith("declares") for h in how):
            after[module(a)].add(module(b))
    return knots(after)


def rooms_of(root):
    """{what layers.left calls a room of too many files: how many}."""
    files = collections.Counter(os.path.dirname(n) for n in tracked(root, *TREES))
    return {f"room {r}": f"{n} files" for r, n in files.items() if n > ROOM}


def main(root="."):
    sys.setrecursionlimit(10000)
    texts, includes = read(root)
    arrows = arrows_of(texts, includes)
    found = {f"{a} {b}": ", ".join(sorted(how)) for (a, b), how in arrows.items() if not runs_down(a, b)}
    found |= {f"knot {len(k)} {room(k[0] + '.c')}": " ".join(k) for k in knots_of(arrows) if len(k) > KNOT}
    found |= rooms_of(root)
    left = pathlib.Path(root, "tests/lint/layers.left")
    rows = {line for line in left.read_text().splitlines() if line and not line.startswith("#")} if left.exists() else set()
    if os.environ.get("UPDATE"):
        rows &= set(found)
        left.write_text("# Arrows that still run up; knots and rooms that are still too large.\n" + "".join(f"{r}\n" for r in sorted(rows)))
    failed = say([f"{room}: {n}" for room, n in found.items() if room not in rows and room.startswith("room ")],
                 f"no room has more than {ROOM} files, but for those of layers.left")
    failed |= say([p for p in texts if level(p) is None], "each file stands in a room of the order")
    failed |= say([f"{pair}: {how}" for pair, how in sorted(found.items()) if pair not in rows and not pair.startswith(("knot ", "room "))],
                  "each arrow points down, but for those of layers.left")
    failed |= say([f"{knot}: {of}" for knot, of in found.items() if knot not in rows and knot.startswith("knot")],
                  f"no knot is of more than {KNOT} modules, but for those of layers.left")
    failed |= say(sorted(rows - set(found)), "each row of layers.left is needed")
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
