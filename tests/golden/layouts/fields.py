"""Compares where fields lie, and numbers, with what the files of this folder hold (run.sh)."""
import difflib
import os
import re
import subprocess
import sys

FIELD = re.compile(r"^\s*(\d+) \| (\s*)(.*?)\s*$")
BOUND = re.compile(r"_(MAX|MOST|WARN|DEFAULT|FLAGS)$")  # numbers that nobody writes down
END = re.compile(r"(S|COUNT|COUNTED|KEYS)$")  # the last name of an enum, which counts the others
# In a program: struct key, whose slots instructions name; enums of its records, of instructions and of conditions.
IN_PROGRAM = re.compile(r"pbc_(?!code$|lists$|part$)|insn$|key$")
OF_PROGRAM = re.compile(r"pbc_|tree_|rank_|cond_kind$|opcode$|lb_kind$|flow_mark$|kind_bit$|ip_number$")


class Messages:
    """Of a takeover. A message grows at its end; a struct that is an element of arrays can't."""

    name, headers, fixed = "handoff", ("runtime/parent/between/handoff.h", "runtime/parent/request.h"), "handoff_part"
    advice = "Put new fields at the end, and leave the rest; the comment in handoff.h says what may change."

    @staticmethod
    def structs(text):
        return [s for s in re.findall(r"^struct (\w+)\s*\{", text, re.M) if s.startswith("handoff_")]

    @staticmethod
    def numbers(text):
        found = [n for _, names in enums(text) for n, _ in names if n.startswith("HANDOFF_") and n not in ("HANDOFF_FORM", "HANDOFF_FORM_LEAST", "HANDOFF_FDS")]
        return [n for n in found if not BOUND.search(n)] + ["YIELD_RECORD", "YIELD_OUT", "YIELD_ERR", "YIELD_DEAL", "YIELD_TABLES", "LEND_PORT", "LEND_MEMORY"]


class Records:
    """Of the program file. A record grows at its end and into bytes that were reserved."""

    name, headers, fixed = "pbc", ("vm/pbc.h", "vm/packet/key.h"), None
    advice = "Take reserved bytes, or put new fields and numbers at the end; the comment in vm/pbc.h says what else there is."

    @staticmethod
    def structs(text):
        return [s for s in re.findall(r"^struct (\w+)\s*\{", text, re.M) if IN_PROGRAM.match(s)]

    @staticmethod
    def numbers(text):
        found = ["PBC_OLDEST", "PBC_NONE", "PBC_ALIGN", "PBC_DIGEST_LEN"]
        for name, names in enums(text):
            last, given = names[-1]
            if not (OF_PROGRAM.match(name) or names[0][0].startswith("PBC_SETTING_")):
                continue
            found += [n for n, _ in names if not BOUND.search(n) and not (n == last and END.search(n) and not given)]
        return found


def enums(text):
    """Return for each enum its name, and its names with whether a number is given."""
    found = re.findall(r"\benum\b\s*(\w*)\s*\{([^}]*)\}", text)
    return [(name, [(n, bool(eq)) for n, eq in re.findall(r"(?:^|,)\s*([A-Za-z]\w*)\s*(=?)", body)]) for name, body in found]


def clang(source, *options):
    p = subprocess.run(["clang", "-std=gnu11", "-D_GNU_SOURCE", "-I.", *options, "-xc", "-"], input=source, capture_output=True, text=True)
    if p.returncode:
        sys.exit(f"not ok - golden/layouts: clang can't read it\n{source}\n{p.stderr}")
    return p


def ours(headers):
    """Return what the preprocessor makes of the headers, and of those in their folders."""
    folders = {os.path.dirname(h) for h in headers} | {"vm", "vm/pbc"}
    at, lines = "", []
    for line in clang("".join(f'#include "{h}"\n' for h in headers), "-E").stdout.splitlines():
        mark = re.match(r'# \d+ "(?:\./)?([^"]*)"', line)
        if mark:
            at = os.path.dirname(mark[1])
        elif at in folders:
            lines.append(line)
    return "\n".join(lines)


def layouts(of):
    """Return lines of the fields of all structs, and of the numbers; and what clang says of holes."""
    text = ours(of.headers)
    structs, numbers = of.structs(text), list(dict.fromkeys(of.numbers(text)))
    source = "".join(f'#include "{h}"\n' for h in of.headers)
    sizes = "unsigned long sizes[] = {" + ", ".join(f"sizeof(struct {s})" for s in structs) + "};\n"
    p = clang(source + sizes, "-fsyntax-only", "-Wpadded", "-Xclang", "-fdump-record-layouts")
    holes = [line for line in p.stderr.splitlines() if "-Wpadded" in line and line.startswith(("./" + of.headers[0], of.headers[0]))]
    found = {}
    for part in p.stdout.split("*** Dumping AST Record Layout")[1:]:
        lines = [m for m in map(FIELD.match, part.splitlines()) if m]
        name = lines[0][3].removeprefix("struct ") if lines else ""
        if name in structs:
            found[name] = [f"{name}\t{m[1]}\t{m[3]}" for m in lines[1:] if "(anonymous" not in m[3]]
            found[name].append(f"{name}\tends\t" + re.search(r"sizeof=(\d+)", part)[1])
    ir = clang(source + "".join(f"long long number_{n} = (long long)({n});\n" for n in numbers), "-S", "-emit-llvm", "-o", "-").stdout
    values = dict(re.findall(r"^@number_(\w+) = .*?i64 (-?\d+)", ir, re.M))
    found["number"] = [f"number\t{n}\t{values[n]}" for n in numbers]
    return [line for name in sorted(found) for line in found[name]], holes


def moved(kept, now, fixed=None):
    """Return the lines that are no more where they were. An end may be later, the last array longer if it is an array of the same; reserved
    bytes may have become something."""
    left, bad = {}, []
    elements = [[line for line in lines if line.startswith(f"{fixed}\t")] for lines in (kept, now)]
    if elements[0] and elements[0] != elements[1]:
        bad += elements[0]
    for line in now:
        left.setdefault(line.split("\t")[0], []).append(line)
    for line in kept:
        what, at, text = line.split("\t")
        if line in left.get(what, []) or (at == "ends" and any(x.split("\t")[1] == "ends" and int(x.split("\t")[2]) >= int(text) for x in left.get(what, []))):
            continue
        if what in left and what != "number" and (grown(line, left[what]) or text.split()[-1].startswith("reserved")):
            continue
        bad.append(line)
    return bad


def grown(line, now):
    """True if the field is the last one of its message still, an array of the same with more of them."""
    what, at, text = line.split("\t")
    was, last = re.fullmatch(r"(.*)\[(\d+)\] (\w+)", text), now[-2].split("\t")
    is_now = re.fullmatch(r"(.*)\[(\d+)\] (\w+)", last[2])
    return bool(was and is_now and last[1] == at and was[1] == is_now[1] and was[3] == is_now[3] and int(is_now[2]) >= int(was[2]))


def selftest():
    a = ["m\t0\tuint32_t a", "m\t4\tstruct p[16] b", "m\tends\t260"]
    assert not moved(a, a)
    assert not moved(a, a[:2] + ["m\t260\tuint32_t c", "m\tends\t264"])  # a field at the end
    assert not moved(a, [a[0], "m\t4\tstruct p[32] b", "m\tends\t516"])  # the last array
    assert moved(a, [a[0], "m\t4\tstruct p[32] b", "m\t516\tuint32_t c", "m\tends\t520"])  # not once something is behind it
    assert moved(a, ["m\t0\tuint64_t a", "m\t8\tstruct p[16] b", "m\tends\t264"])
    assert moved(a, ["m\t0\tuint32_t b", a[1], a[2]])
    assert moved(a, a[:1] + ["m\tends\t4"])
    p = ["part\t0\tuint64_t at", "part\tends\t8"]
    longer = [p[0], "part\t8\tuint64_t b", "part\tends\t16"]
    assert moved(p, longer, "part") and not moved(p, longer)
    assert moved(["number\tA\t1"], ["number\tA\t2"]) and moved(a, [])
    r = ["r\t0\tuint32_t a", "r\t4\tuint32_t[2] reserved", "r\tends\t12"]
    assert not moved(r, [r[0], "r\t4\tuint32_t b", "r\t8\tuint32_t reserved", r[2]])
    assert moved(r, ["r\t0\tuint32_t[3] reserved", r[2]]) and moved(r, r[:2] + ["r\tends\t8"])
    assert enums("enum a { B, C = 1 << 2, DS };") == [("a", [("B", False), ("C", True), ("DS", False)])]


def compare(of, folder):
    """Return whether the file's lines are there still, and no others are."""
    at = f"{folder}/{of.name}.txt"
    now, holes = layouts(of)
    kept = open(at).read().splitlines() if os.path.exists(at) else []
    oldest = [line for line in now if line.startswith("number\tPBC_OLDEST\t")]
    bad = moved(kept, now, of.fixed) if all(line in kept for line in oldest) else []
    for line in bad:
        print(f"# {line}")
    if bad:
        print(f"# These fields or numbers of {of.headers[0]} have moved, changed or gone. Another version reads them where they were, and an upgrade\n"
              f"# would end flows. {of.advice}")
    print(f"{'not ' if bad else ''}ok - golden/layouts: {of.name}: what was there is there still")
    for line in holes:
        print(f"# {line}")
    print(f"{'not ' if holes else ''}ok - golden/layouts: {of.name}: nothing has a hole, whose bytes nobody sets")
    if os.environ.get("UPDATE") and not bad:
        with open(at, "w") as f:
            f.write("\n".join(now) + "\n")
        kept = now
    for line in difflib.unified_diff(kept, now, "kept", "now", lineterm="", n=0):
        print(f"# {line}")
    if kept != now and not bad:
        print("# New fields: UPDATE=1 bash tests/golden/layouts/run.sh keeps them")
    print(f"{'not ' if kept != now else ''}ok - golden/layouts: {of.name}: all fields are known")
    return not (bad or holes or kept != now)


selftest()
fits = [compare(of, sys.argv[1]) for of in (Messages, Records)]
sys.exit(not all(fits))
