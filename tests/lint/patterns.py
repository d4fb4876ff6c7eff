"""Patterns that text is filled from (runtime/report/document/fill.h) are whole and name what is in a document: a name that none has
would read as 0 or "" for ever. Looks at literals of files that fill; keys are the literals of those that make documents, the counters'
tables among them. Where a macro puts a name in, the macro's table is the one that names."""
import pathlib
import re
import subprocess
import sys

COMMENT = re.compile(r"/\*.*?\*/", re.S)
PART = r'"(?:\\.|[^"\\\n])*"'
RUN = re.compile(rf"{PART}(?:\s*(?:#?\w+\s*)?{PART})*")
FILLS = re.compile(r'#include "runtime/(report/document/fill|stats/html)\.h"')
READERS = ("runtime/preyctl/", "runtime/stats/")
CELL = re.compile(r'\bCELL_\w+\("([^"]+)"\)')
NAMES = re.compile(r"\{[*?!/#=~@^]?((?:!?[A-Za-z_][\w.+-]*[?]?(?:=[^,|} ]*)?,?)+)(?=[ |:}?])|\*[\w.]+\?([^|{}]+)\|")


def joined(run):
    """The literals of a run as one, with \\1 where a macro's argument stands between them."""
    return re.sub(r'"\s*\w+\s*"', "\1", re.sub(r'"\s*"', "", run)).replace('" #', '"')[1:-1]


def faults(pattern, keys):
    depth = 0
    for c in pattern:
        depth += (c == "{") - (c == "}")
        if depth < 0:
            break
    if depth:
        yield "braces that do not close"
    for m in NAMES.finditer(pattern):
        for name in re.split(r"[,+.]", m[1] or m[2]):
            name = re.sub(r"[=?].*", "", name.lstrip("!"))
            if name and name not in keys:
                yield f"no document has `{name}`"


def sources():
    listed = subprocess.run(["git", "ls-files", "runtime", "vm"], capture_output=True, text=True, check=True).stdout.split()
    return {p: COMMENT.sub("", pathlib.Path(p).read_text()) for p in listed if p.endswith((".c", ".h", ".def")) and pathlib.Path(p).exists()}


def keys_of(texts):
    keys = set()
    for path, text in texts.items():
        if path.startswith(READERS) and not path.endswith("compared.c"):
            continue
        keys.update(re.findall(r'"([\w-]+)"', text), re.findall(r"""(?:'|\\")([\w-]+)(?:'|\\"):""", text))
        keys.update(re.findall(r"^IO_COUNTER\((\w+)", text, re.M))
    return keys


def main():
    known = {"routed", "lost", "up"}
    for good in ("{#routed|packet} crossed", "{*up?.|a |, |{$} {.}|\n}", "{?lost,routed x{!up=no one y}}", "{#lost+up:14} {~routed:-8}"):
        assert not list(faults(good, known)), good
    for bad in ("{#routd|packet} crossed", "{?lost,rooted x}", "{*up|{?lots.x }}", "{?lost x"):
        if not list(faults(bad, known)):
            sys.exit(f"not ok - the lint lets its example pass: {bad}")
    texts = sources()
    keys, bad, seen = keys_of(texts), [], 0
    for path, text in texts.items():
        if not FILLS.search(text):
            continue
        for m in [*RUN.finditer(text), *CELL.finditer(text)]:
            pattern = "{" + m[1] + "}" if m.re is CELL else joined(m[0])
            if not re.search(r"\{[*?!/#=~@^$.A-Za-z_]", pattern):
                continue
            seen += 1
            bad += [f"# {path}:{text.count(chr(10), 0, m.start()) + 1}: {why}" for why in faults(pattern, keys)]
    print("\n".join(bad) if bad else "", end="\n" if bad else "")
    print(("not " if bad else "") + f"ok - {seen} patterns name members of documents")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
