"""Messages say what happened, to what, and what to do (docs/style.md, Messages). With LIST=1 all of them are printed, each with
its place, so that they can be read as a user meets them. Refused are words that made readers stop: a beginning that leaves its
subject out, "is no X" and "memory is out". A beginning is not asked of a literal that goes on with another's sentence (it begins with
a space), nor of a name of `figures_…`, which is also a key of JSON."""
import os
import pathlib
import re
import subprocess
import sys

STRING = re.compile(r'"((?:\\.|[^"\\\n])*)"(?:\s*(?:PRI\w+\s*)?"((?:\\.|[^"\\\n])*)")*')
PART = re.compile(r'"((?:\\.|[^"\\\n])*)"')
KEY = re.compile(r"\bfigures_\w+\(\s*\w+,\s*$")
SKIP = re.compile(r"/\*.*?\*/|'(?:\\.|[^'\\\n])*'|^\s*#\s*include[^\n]*", re.S | re.M)
BEGIN = re.compile(r"(what|who|whose|whom|of|whether|how|why)\b", re.I)
RULES = [
    (lambda t: BEGIN.match(t) and not t.endswith("?"), "begins with a word that leaves its subject out"),
    (lambda t: re.search(r"(?<!there )\bis no (?!longer\b|more\b)\w+[:;,]", t, re.I), "says `is no X:`: say what to write"),
    (lambda t: re.search(r"\bmemory(:)? is out\b", t), "say `out of memory`"),
]
REFUSED = ["what the rules say of a packet the program does not do", "`+` is no pattern: devices whose names begin alike are one with `*`",
           "memory: is out", "memory is out for a block", "whether it can be had"]
KEPT = [" of the source", "There is no default: write one", "internal error: rules and compiled program disagree", "write `wg*`, not `wg+`", "out of memory: a block of 64 MiB"]


def messages(text):
    """String literals of a source that hold a sentence: (line, text, True for a key). Neighbouring literals are one."""
    bare = SKIP.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    for m in STRING.finditer(bare):
        said = "".join(PART.findall(m[0]))
        if len(re.findall(r"[A-Za-z]{2,}", said)) >= 3 and " " in said.strip():
            yield bare.count("\n", 0, m.start()) + 1, said, bool(KEY.search(bare[:m.start()][-120:]))


def fault(text):
    return next((why for test, why in RULES if test(text)), None)


def main():
    for text in REFUSED:
        if not fault(text):
            sys.exit(f"not ok - the rule refuses its example: {text}")
    for text in KEPT:
        if fault(text):
            sys.exit(f"not ok - the rule lets pass its example: {text}")
    listed = subprocess.run(["git", "ls-files", "lang", "compiler", "vm", "runtime"], capture_output=True, text=True, check=True)
    sources = [p for p in listed.stdout.split() if re.search(r"\.(c|h|y|l|def)$", p) and not p.endswith((".bpf.c", ".bpf.h")) and pathlib.Path(p).exists()]
    bad, seen = [], 0
    for path in sources:
        for line, text, key in messages(pathlib.Path(path).read_text()):
            seen += 1
            if os.environ.get("LIST"):
                print(f"# {path}:{line}: {text}")
            why = fault(" " + text if key else text)
            if why:
                bad.append(f"{path}:{line}: {why} | {text[:90]}")
    for line in bad:
        print("# " + line)
    print(("not " if bad else "") + f"ok - {seen} messages begin with their subject")
    sys.exit(bool(bad))


main()
