#!/usr/bin/env python3
"""Each message that a table of the guide quotes is one that a program prints: quoted.py [TREE].

Looked at are quotes of at least two words in the first column of TABLES, and at the beginning of a line there. `…` stands for any
text. What is between two of them, if it has 12 characters, is in one string literal of the sources, whose conversions stand for any
text: most of its characters (MOSTLY) are the literal's own. Grave accents are left out on both sides. A text of the C library (strerror) is known, too. Prints TAP lines."""
import os
import pathlib
import re
import subprocess
import sys

TABLES = ("docs/guide/reference/messages.md", "docs/guide/reference/preflight.md")
ROOMS = ("lang", "compiler", "vm", "runtime", "systemd")
LEAST, MOSTLY = 12, 0.5
ANY = "\0"
BLANKED = re.compile(r"/\*.*?\*/|'(?:\\.|[^'\\\n])*'|^\s*#\s*include[^\n]*|(\"(?:\\.|[^\"\\\n])*\")", re.S | re.M)
LITERALS = re.compile(r'(?:\b[A-Z]+_[A-Z_]*[A-Z]\s+|\bTUN\s+)?"(?:\\.|[^"\\\n])*"(?:[\s\\]*(?:[A-Za-z_]\w*\s*)?[\s\\]*"(?:\\.|[^"\\\n])*")*')
LITERAL = re.compile(r'"((?:\\.|[^"\\\n])*)"|([A-Za-z_]\w*)')
# Conversions of printf, and places of a pattern (runtime/report, runtime/preyctl): {name}, {#number|one word}, {?if text}
PLACE = re.compile(r"%[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|z|j)?(?:[diuxXscpfgeo]|\x02)|\{[#*=]?\w+(?:\|[^{}]*)?\}")
SYSTEM = {os.strerror(n) for n in range(1, 134)}


def literals(text):
    """Texts of the string literals of a source; neighbours are one, and a macro between them is any text."""
    bare = text if text.startswith("#!") else BLANKED.sub(lambda m: m[0] if m[1] else " ", text)
    for run in LITERALS.finditer(bare):
        parts = [m[1] if m[1] is not None else ("\2" if m[2].startswith("PRI") else ANY) for m in LITERAL.finditer(run[0])]
        said = "".join(parts).replace("`", "").replace('\\"', '"').replace("\\n", "\n").replace("%%", "\1")
        if " " in said or len(said) >= LEAST:
            yield words(said), [p.replace("\1", "%") for p in re.split(ANY + "+", PLACE.sub(ANY, said))]


def own(rest, pieces):
    """How many characters of `rest`, which begins with any text, the pieces have in their order; -1: it doesn't fit."""
    if not rest or not pieces:
        return 0
    best = 0  # the place takes the rest
    at = rest.find(pieces[0], 1) if pieces[0] else -1
    if at > 0:
        best = max(best, len(pieces[0]) + own(rest[at + len(pieces[0]):], pieces[1:]))
    for n in range(min(len(pieces[0]), len(rest) - 1), 0, -1):
        if rest.endswith(pieces[0][:n]):
            best = max(best, n)
            break
    return best


def share(text, pieces):
    """The share of the text that a literal has itself, as pieces between its places."""
    best = 0
    for i, piece in enumerate(pieces):
        if text in piece:
            return 1
        for n in range(min(len(piece), len(text)), 0, -1):
            if text.startswith(piece[-n:]):
                best = max(best, n + own(text[n:], pieces[i + 1:]))
                break
        if i:
            best = max(best, own(text, pieces[i:]))
    return best / len(text)


def words(text):
    return set(re.findall(r"[A-Za-z]{3,}", text))


def is_said(text, said):
    """Whether a program prints this text, or each part of it that a colon ends (`link: `, the reason of a refusal)."""
    own_words = words(text)
    if text in SYSTEM or len(text) < LEAST:
        return True
    if any(3 * len(own_words & known) >= len(own_words) and share(text, pieces) >= MOSTLY for known, pieces in said):
        return True
    return ": " in text and all(is_said(part, said) for part in text.split(": "))


def quotes(page):
    """Fragments of the quoted messages of a page: (line, fragment)."""
    for n, line in enumerate(page.splitlines(), 1):
        if not line.startswith("| ") and not re.match("`.*`: ", line):
            continue
        cell = line.split(" | ")[0].lstrip("| ") if line.startswith("|") else line.split("`: ")[0] + "`"
        for double, single in re.findall(r"`` ?(.+?) ?``|`([^`]+)`", cell):
            if " " not in (double or single):
                continue
            for part in re.split(r"\s*…\s*", double or single):
                part = part.replace("`", "").strip(" :;,()")
                if len(part) >= LEAST:
                    yield n, part


def check_itself():
    said = list(literals('f("%s has %u queues, " /* no */\n  "and %" PRIu64 " workers need %d", a); g("no route to %s", b);'))
    for text in ("queues, and 7 workers need", "has 3 queues", "no route to 10.0.0.1", "Permission denied", "link: no route to x"):
        if not is_said(text, said):
            sys.exit(f"not ok - the lint finds its example: {text}")
    for text in ("queues, or 7 workers", "there is no route to", "and many workers needed one"):
        if is_said(text, said):
            sys.exit(f"not ok - the lint refuses its example: {text}")
    if list(quotes("| `a wrong … of the program`, `x` (notice) | `meaning of it` |")) != [(1, "of the program")]:
        sys.exit("not ok - the lint reads the first column")


def main():
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else ".")
    check_itself()
    listed = subprocess.run(["git", "ls-files", *ROOMS], capture_output=True, text=True, check=True).stdout.split()
    sources = [pathlib.Path(p) for p in listed if re.search(r"\.(c|h|y|l|def)$|prey-compile$", p) and ".bpf." not in p]
    said = [row for p in sources if p.exists() for row in literals(p.read_text(errors="replace"))]
    bad, seen = [], 0
    for page in TABLES:
        for line, text in quotes(pathlib.Path(page).read_text()):
            seen += 1
            if not is_said(text, said):
                bad.append(f"# {page}:{line}: no program prints: {text}")
    for line in bad:
        print(line)
    print(("not " if bad else "") + f"ok - programs print the {seen} parts of messages that the guide quotes")
    sys.exit(bool(bad))


main()
