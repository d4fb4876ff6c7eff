"""No function, macro or prototype that only tests use.

The words of main, of tables and of the grammar are followed through the bodies of functions and macros; what is defined in
the programs' sources and never reached has no caller. A name that is also somebody else's word counts as used, so nothing is
blamed wrongly. Nothing is kept for later. Prints TAP lines."""
import pathlib
import re
import subprocess
import sys

WORD = re.compile(r"[A-Za-z_]\w*")


def plain(text):
    """C without comments, strings and characters."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                  lambda m: "\n" * m.group().count("\n") or " ", text, flags=re.S)


def chunks(text):
    """(line, text) of the pieces at file scope: a directive with its continuation, or what ends with `;` or `}` there."""
    piece, begin, depth = [], 0, 0
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        if not piece and line.lstrip().startswith("#"):
            first = number
            while line.endswith("\\") and number + 1 < len(lines):
                number += 1
                line = line[:-1] + " " + lines[number]
            yield first + 1, line
        elif piece or line.strip():
            if not piece:
                begin = number
            if not line.lstrip().startswith("#"):
                depth += line.count("{") - line.count("}")
            piece.append(line)
            if depth == 0 and line.rstrip().endswith((";", "}")):
                yield begin + 1, "\n".join(piece)
                piece = []
        number += 1


def function_name(piece):
    """Of a definition or a prototype; None of anything else, as of a macro that stands by itself."""
    head = re.sub(r"__attribute__\s*\(\(.*?\)\)|static_assert\(.*?\);|_Alignas\(\w+\)|\[[^]]*\]", "", piece.split("{")[0],
                  flags=re.S)
    if "=" in head or re.match(r"\s*typedef\b", head):
        return None
    found = re.search(r"\b([A-Za-z_]\w*)\s*\(", head)
    return found.group(1) if found and head[:found.start()].strip() and not re.match(r"\s*(struct|enum|union)\s+\w*\s*$", head) else None


class Tree:
    def __init__(self):
        self.words = {}    # name -> the words of its bodies
        self.defined = {}  # name -> where; functions and macros
        self.declared = {} # name -> where; prototypes
        self.roots = {"main"}

    def note(self, name, words, where):
        self.words.setdefault(name, set()).update(words)
        self.defined.setdefault(name, where)

    def read(self, path):
        text = plain(pathlib.Path(path).read_text(errors="replace"))
        if not path.endswith((".c", ".h")):
            self.roots.update(WORD.findall(text))
            return
        for line, piece in chunks(text):
            where = f"{path}:{line}"
            macro = re.match(r"\s*#\s*define\s+(\w+)", piece)
            name = function_name(piece)
            if macro:
                self.note(macro.group(1), WORD.findall(piece[macro.end():]), where)
            elif piece.lstrip().startswith("#"):
                self.roots.update(WORD.findall(piece)[1:])
            elif name and "{" in piece:
                self.note(name, set(WORD.findall(piece)) - {name}, where)
            elif name:
                self.declared.setdefault(name, where)
            elif re.match(r"\s*static_assert", piece):
                pass
            else:  # a table, a type with its constants
                self.roots.update(WORD.findall(piece))

    def reached(self):
        seen, todo = set(), [*self.roots]
        while todo:
            word = todo.pop()
            if word not in seen:
                seen.add(word)
                todo += self.words.get(word, ())
        return seen


def pasted(names):
    """Which of these names the preprocessor may paste together."""
    pieces = subprocess.run(["git", "grep", "-hoE", r"\w*##\w*|\w+ ?## ?\w+", "--", "lang", "vm", "compiler", "runtime"],
                            capture_output=True, text=True).stdout
    ends = {p for piece in pieces.split("\n") for p in re.split(r"\s*##\s*", piece) if len(p) > 2}
    return {n for n in names if any(n.startswith(e) or n.endswith(e) for e in ends)}


def main():
    tree = Tree()
    files = subprocess.run(["git", "ls-files", "lang", "vm", "compiler", "runtime"], capture_output=True, text=True,
                           check=True).stdout.split()
    for path in files:
        if path.endswith((".c", ".h", ".l", ".y", ".def")) and pathlib.Path(path).exists():
            tree.read(path)
    tree.roots |= pasted(tree.defined)
    reached = tree.reached()
    dead = {n: w for n, w in tree.defined.items() if n not in reached}
    empty = {n: w for n, w in tree.declared.items() if n not in tree.defined and n not in reached}
    failed = 0

    def say(bad, what):
        nonlocal failed
        failed += bool(bad)
        for line in sorted(bad):
            print(f"#   {line}")
        print(f"{'not ok' if bad else 'ok'} - {what}")

    say([] if len(tree.defined) > 2000 else [f"{len(tree.defined)} were found"], "the functions and macros were read")
    say([f"{w}: {n}" for n, w in dead.items()], "every function and macro has a user outside the tests")
    say([f"{w}: {n}" for n, w in empty.items()], "every prototype has a definition or a user")
    return failed != 0


sys.exit(main())
