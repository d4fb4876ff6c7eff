"""Draws small changes in vm/ and compiler/, one at a time, and lists those that no test notices.

    N=100 SEED=1 SECONDS=3600 JOBS=2 python3 tests/mutate/mutate.py [FILE...]

The tree is copied to $B/mutate/N for each job. All sources become one shared library there, and each test a program beside it,
so that a change costs one object, one link and the tests. README.md says what is drawn and which tests are asked."""
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

BUILD = pathlib.Path(os.environ.get("B", "build")).resolve() / "mutate"
N = int(os.environ.get("N") or 100)
SEED = int(os.environ.get("SEED") or time.time() % 100000)
SECONDS = float(os.environ.get("SECONDS") or 3600)
JOBS = int(os.environ.get("JOBS") or os.cpu_count() or 2)
CFLAGS = "-O1 -fPIC -fno-semantic-interposition -Wno-error=maybe-uninitialized"
ENDED = time.monotonic() + SECONDS

# ---- what may be changed

OPERATORS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&", "+": "-", "-": "+",
             "*": "+", "/": "*", "%": "/", "&": "|", "|": "&", "^": "|", "<<": ">>", ">>": "<<", "+=": "-=", "-=": "+=",
             "|=": "&=", "&=": "|="}
OPERATOR = re.compile(r" (" + "|".join(sorted(map(re.escape, OPERATORS), key=len, reverse=True)) + r") ")
CONSTANT = re.compile(r"(?<![\w.])(0x[0-9a-fA-F]+|\d+)(?=[uUlL]*\b)(?!\.)")
CONDITION = re.compile(r"\b(if|while) \((.*)\)( \{|$| [a-z*(].*;$)")
STATEMENT = re.compile(r"^ +(?!return\b|break\b|continue\b|goto\b|case\b|default\b|else\b|do\b|static\b|const\b|struct\b|enum\b"
                       r"|uint\d+_t\b|bool\b|int\b|unsigned\b|char\b|size_t\b|double\b|va_)[a-zA-Z_*(+-][^{}]*;$")
# Hints to the compiler and the processor, and what no reader of a program sees.
SILENT = re.compile(r"static_assert|prefetch|__attribute__|^ *#|\babort\(\)|__builtin_unreachable")


def blank(text):
    """C with the insides of comments, strings and characters blanked, at the same places."""
    def spaces(m):
        return re.sub(r"[^\n]", " ", m.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', spaces, text, flags=re.S)


def closing(text, opened):
    """The place of the parenthesis that closes the one at `opened`, or -1."""
    depth = 0
    for i in range(opened, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i
    return -1


def changes(path):
    """(line number, kind, new line) of all changes that a file offers."""
    text = pathlib.Path(path).read_text()
    inside = 0 # of a function
    for number, (line, code) in enumerate(zip(text.split("\n"), blank(text).split("\n")), 1):
        if code and not code[0].isspace():
            inside = bool(re.match(r"[\w].*\)( \{.*)?$|\{", code)) or (inside and code[0] not in "}#")
            if not (inside and "{" in code and code.rstrip().endswith("}")):
                continue
        if not inside or SILENT.search(code):
            continue
        hints = [m.start() for m in re.finditer(r", [01]\)", code)] if "__builtin_expect" in code else []
        for m in OPERATOR.finditer(code):
            new = OPERATORS[m.group(1)]
            yield number, "operator", line[:m.start(1)] + new + line[m.end(1):]
        for m in CONSTANT.finditer(code):
            if not any(h <= m.start() <= h + 3 for h in hints) and code[m.start() - 1:m.end() + 1] != "{0}":
                yield number, "constant", line[:m.start(1)] + str(int(m.group(1), 16 if m.group(1)[:2] == "0x" else 10) + 1) + line[m.end(1):]
        m = re.search(r"\b(?:if|while) (?=\()", code)
        end = closing(code, m.end()) if m else -1
        if end > 0:
            yield number, "condition", line[:m.end()] + "(!" + line[m.end():end + 1] + ")" + line[end + 1:]
        if STATEMENT.match(code) and not re.match(r" +\w+ \*?\w+( =|;|\[|,)", code) and balanced(code):
            yield number, "statement", re.match(" *", line).group() + ";"


def balanced(code):
    return code.count("(") == code.count(")")


# ---- the tree, built so that a change is quick

def sh(command, cwd, seconds, env=None):
    """(status, output); 124 past its time. Ends what it started."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 30, 16 << 30))
        resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          start_new_session=True, preexec_fn=limit, env={**os.environ, **(env or {})}) as p:
        try:
            return finish(p, seconds)
        finally:
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def finish(p, seconds):
    try:
        out, _ = p.communicate(timeout=seconds)
        return p.returncode, out.decode(errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        p.communicate()
        return 124, ""


class Tree:
    """One copy of the tree: sources, objects, the library, the tests' programs."""

    def __init__(self, number):
        self.top = BUILD / str(number)
        self.b = self.top / "build"

    def copy(self):
        self.top.mkdir(parents=True, exist_ok=True)
        files = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
        for name in filter(os.path.exists, files.split("\0")): # only what differs, so that make sees no more
            new = self.top / name
            if not new.exists() or new.read_bytes() != pathlib.Path(name).read_bytes():
                new.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(name, new)
        if not (self.top / ".git").exists(): # what scripts ask of git, they ask of this
            for step in (["init", "-q"], ["add", "-A", "-f", "."]):
                subprocess.run(["git", *step], cwd=self.top, check=True)

    def objects(self, patterns):
        found = sorted(p for pattern in patterns for p in self.top.glob(pattern))
        return [f"build/{p.relative_to(self.top).with_suffix('.o')}" for p in found]

    def build(self):
        shared = self.objects(["lang/**/*.c", "vm/**/*.c", "compiler/**/*.c", "runtime/**/*.c"])
        shared = [o for o in shared if not o.endswith(("/preyc.o", "/preyrun.o"))]
        shared += ["build/lang/parse/parse.tab.o", "build/lang/lex/lex.yy.o"]
        lib = self.objects(["tests/lib/*.c"])
        mains = self.objects(["compiler/**/preyc.c", "runtime/**/preyrun.c", "tests/unit/*/test_*.c", "tests/packets/*.c",
                              "tests/diff/*.c", "tests/tools/*.c"])
        (self.b / "lang").mkdir(parents=True, exist_ok=True)
        self.make(["build/lang/parse/parse.tab.c", "build/lang/lex/lex.yy.c"])
        self.make(["-j", str(JOBS), *shared, *lib, *mains])
        self.shared = shared
        if self.link_library():
            sys.exit("mutate: the library of all sources can't be linked")
        self.must(["ar", "rcs", "build/libtest.a", *lib])
        self.programs = [o for o in mains if o.endswith(("/preyc.o", "/preyrun.o"))]
        self.link_programs()
        for o in mains:
            if o not in self.programs:
                self.link(o[:-2], [o, "build/libtest.a"])

    def link_programs(self):
        """Over the shared library. A test that runs make links them anew, without it: changes would pass them by."""
        for o in self.programs:
            self.link(f"build/{pathlib.Path(o).stem}", [o])

    def link(self, program, objects):
        self.must(["gcc", "-o", program, *objects, "-Lbuild", "-lprey", f"-Wl,-rpath,{self.b}", "-lcmocka", "-lpcap", "-lcjson",
                   "-lm"])

    def make(self, targets):
        self.must(["make", "--no-print-directory", "B=build", "JOINED=", f"CFLAGS={CFLAGS}", *targets])

    def must(self, command):
        status, out = sh(command, self.top, 1200)
        if status:
            sys.exit(f"mutate: the tree as it is does not build: {' '.join(command)[:200]}\n{out[-2000:]}")

    def link_library(self):
        return sh(["gcc", "-shared", "-o", "build/libprey.so", *self.shared, "-lpcap", "-lcjson", "-lm"], self.top, 300)[0]

    def apply(self, change):
        """Put a changed line in and build; True if it builds and the objects differ."""
        path, number, _, new = change
        source = self.top / path
        lines = source.read_text().split("\n")
        lines[number - 1] = new
        before = self.bytes_of(path)
        source.write_text("\n".join(lines))
        status, _ = sh(["make", "--no-print-directory", "B=build", f"CFLAGS={CFLAGS}", *self.targets(path)], self.top, 600)
        if status or self.bytes_of(path) == before or self.link_library():
            return False
        self.link_programs()
        return True

    def undo(self, path):
        shutil.copyfile(path, self.top / path)
        sh(["make", "--no-print-directory", "B=build", f"CFLAGS={CFLAGS}", *self.targets(path)], self.top, 600)

    def targets(self, path):
        return [f"build/{path[:-2]}.o"] if path.endswith(".c") else ["-j", "2", *self.shared]

    def bytes_of(self, path):
        o = self.b / (path[:-2] + ".o")
        return o.read_bytes() if path.endswith(".c") else time.monotonic()


# ---- tests

def tests_of(tree):
    """name -> command, of all tests that a change may be asked about."""
    found = {}
    for p in sorted(tree.top.glob("tests/unit/*/test_*.c")):
        found[f"unit/{p.parent.name}/{p.stem}"] = [f"build/tests/unit/{p.parent.name}/{p.stem}"]
    found["packets"] = ["build/tests/packets/run", "tests/packets"]
    for name in ("code_and_list 1 150 256", "flow_model 1 300", "flow_table", "nat", "there_and_back", "bindings",
                 "fragments", "fragment_order", "remembered 1 300 1000", "walks", "nasty_sets", "boxes", "covers", "claims",
                 "changes 1 150", "attack"):
        words = name.split()
        if (tree.b / "tests/diff" / words[0]).exists():
            found["diff/" + words[0]] = ["build/tests/diff/" + words[0], *words[1:]]
    for p in [*sorted(tree.top.glob("tests/golden/*/run.sh")), tree.top / "tests/examples/run.sh",
              *sorted(tree.top.glob("tests/e2e/*-replay.sh")), *sorted(tree.top.glob("tests/accept/*.sh"))]:
        name = str(p.relative_to(tree.top / "tests")).removesuffix("/run.sh")
        found[name] = ["bash", str(p.relative_to(tree.top))]
    for name in ("diagnostics.py",):
        found["lint/" + name] = ["python3", "tests/lint/" + name]
    return found


ROOMS = {"vm": ("unit/vm", "packets", "unit/runtime", "golden/bytecode", "diff", "e2e", "examples", "unit/compiler", "accept"),
         "compiler": ("unit/compiler", "golden", "lint", "packets", "diff", "examples", "e2e", "accept")}


def order(path, times):
    """The tests of a file, the likeliest and the quickest first: by name, then by kind."""
    stem = re.sub(r"\W", "_", pathlib.Path(path).stem)
    words = set(path[:-2].split("/")[1:]) | set(stem.split("_"))
    rooms = ROOMS[path.split("/")[0]]

    def rank(name):
        kind = next((i for i, r in enumerate(rooms) if name.startswith(r)), None)
        own = len(words & set(re.split(r"[/_.-]", name)))
        return (kind is None, -own, times[name] > 3, kind or 0, times[name])
    return sorted((n for n in times if any(n.startswith(r) for r in rooms)), key=rank)


def run(tree, command, seconds):
    status, out = sh(command, tree.top, seconds, {"B": "build", "LC_ALL": "C"})
    return status, out


def baseline(trees):
    """The time of each test that passes on the tree as it is."""
    times, left = {}, list(tests_of(trees[0]).items())

    def work(tree):
        while left:
            name, command = left.pop(0)
            began = time.monotonic()
            status, out = run(tree, command, 300)
            if status == 0:
                times[name] = time.monotonic() - began
            else:
                bad = [line for line in out.split("\n") if re.search("not ok|FAIL|rror", line)] or [out[-200:]]
                print(f"mutate: {name} fails as it is and is not asked: {' '.join(bad)[:300]}", flush=True)
    at_once(work, trees)
    return times


def at_once(work, trees):
    jobs = [threading.Thread(target=work, args=(t,)) for t in trees]
    for j in jobs:
        j.start()
    for j in jobs:
        j.join()


def killer(tree, path, times, commands):
    """The first test that notices, or None."""
    for name in order(path, times):
        status, _ = run(tree, commands[name], 20 + 10 * times[name])
        if status:
            return name
    return None


# ---- drawing

def draw(files, rng):
    """All changes of all files, in a drawn order: a file's chance is as large as what it offers."""
    offered = [(f, *c) for f in files for c in changes(f)]
    rng.shuffle(offered)
    return offered


class Campaign:
    def __init__(self, offered, times, commands):
        self.offered = iter(offered)
        self.lock = threading.Lock()
        self.times, self.commands = times, commands
        self.tried = self.empty = self.killed = 0
        self.survived = []

    def next(self):
        with self.lock:
            if self.tried >= N or time.monotonic() > ENDED:
                return None
            self.tried += 1
            return next(self.offered, None)

    def work(self, tree):
        while change := self.next():
            path, number, kind, new = change
            who = None
            meant = tree.apply(change)
            if meant:
                who = killer(tree, path, self.times, self.commands)
            tree.undo(path)
            with self.lock:
                if not meant:
                    self.empty += 1
                    self.tried -= 1
                elif who:
                    self.killed += 1
                    print(f"killed    {path}:{number} ({kind}) by {who}", flush=True)
                else:
                    self.survived.append(change)
                    print("SURVIVED  " + told(change), flush=True)


def told(change):
    path, number, kind, new = change
    old = pathlib.Path(path).read_text().split("\n")[number - 1]
    return f"{path}:{number} ({kind})\n    - {old.strip()}\n    + {new.strip()}"


def main():
    tracked = subprocess.run(["git", "ls-files", "vm", "compiler"], capture_output=True, text=True, check=True).stdout.split()
    files = sys.argv[1:] or [f for f in tracked if f.endswith((".c", ".h"))]
    offered = draw(files, random.Random(SEED))
    print(f"mutate: seed {SEED}, {N} of {len(offered)} changes in {len(files)} files, {JOBS} at a time, {SECONDS:.0f} s at most",
          flush=True)
    trees = [Tree(i) for i in range(JOBS)]
    for tree in trees:
        tree.copy()
        tree.build()
    times = baseline(trees)
    print(f"mutate: {len(times)} tests take {sum(times.values()):.0f} s", flush=True)
    c = Campaign(offered, times, tests_of(trees[0]))
    at_once(c.work, trees)
    done = c.killed + len(c.survived)
    print(f"{done} changes, {c.killed} killed, {len(c.survived)} survived; {c.empty} more did not build or changed no code"
          + (f"; {N - done} were not reached in {SECONDS:.0f} s" if done < N else ""))
    for change in sorted(c.survived):
        print("survivor  " + told(change))


main()
