"""Compares fields of the messages of a takeover with those of the file (run.sh)."""
import difflib
import os
import re
import subprocess
import sys

HEADER = "runtime/parent/between/handoff.h"
FIXED = "handoff_part"  # an element of arrays
FIELD = re.compile(r"^\s*(\d+) \| (\s*)(.*?)\s*$")


def layouts(header):
    """Return a dict of the structs, each with lines of its fields, and of the numbers; and what clang says of holes."""
    with open(header) as f:
        text = f.read()
    structs = re.findall(r"^struct (handoff_\w+) \{", text, re.M)
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    enums = "".join(re.findall(r"\benum\b[^{;]*\{([^}]*)\}", bare))
    names = [n for n in dict.fromkeys(re.findall(r"\bHANDOFF_\w+\b(?=\s*(?:=|,|$))", enums, re.M)) if not n.endswith("_MOST") and n not in ("HANDOFF_FORM", "HANDOFF_FORM_LEAST")]
    names += ["YIELD_RECORD", "YIELD_OUT", "YIELD_ERR", "YIELD_DEAL", "YIELD_TABLES", "LEND_PORT", "LEND_MEMORY"]
    source = f'#include "{header}"\n#include "runtime/parent/request.h"\nstruct numbers {{ ' + " ".join(f"char {n}[({n}) + 1];" for n in names) + " };\n"
    source += "unsigned long sizes[] = {sizeof(struct numbers), " + ", ".join(f"sizeof(struct {s})" for s in structs) + "};\n"
    p = subprocess.run(["clang", "-std=gnu11", "-D_GNU_SOURCE", "-I.", "-fsyntax-only", "-Wpadded", "-Xclang", "-fdump-record-layouts", "-xc", "-"],
                       input=source, capture_output=True, text=True)
    if p.returncode:
        sys.exit(f"not ok - golden/handoff: clang can't read {header}\n{p.stderr}")
    holes = [line for line in p.stderr.splitlines() if "handoff.h" in line and "-Wpadded" in line]
    found = {}
    for part in p.stdout.split("*** Dumping AST Record Layout")[1:]:
        lines = [m for m in map(FIELD.match, part.splitlines()) if m]
        name = lines[0][3].removeprefix("struct ") if lines else ""
        if name in structs:
            found[name] = [f"{name}\t{m[1]}\t{m[3]}" for m in lines[1:]]
            found[name].append(f"{name}\tends\t" + re.search(r"sizeof=(\d+)", part)[1])
        elif name == "numbers":
            sizes = [int(re.search(r"\[(\d+)\]", m[3])[1]) for m in lines[1:]]
            found[name] = [f"number\t{n}\t{size - 1}" for n, size in zip(names, sizes, strict=True)]
    return found, holes


def moved(kept, now):
    """Return the lines that are no more where they were. An end may be later, and the last array longer if it is an array of the same."""
    left, bad = {}, []
    fixed = [[line for line in lines if line.startswith(FIXED + "\t")] for lines in (kept, now)]
    if fixed[0] and fixed[0] != fixed[1]:
        bad += fixed[0]
    for line in now:
        left.setdefault(line.split("\t")[0], []).append(line)
    for line in kept:
        what, at, text = line.split("\t")
        if line in left.get(what, []) or (at == "ends" and any(x.split("\t")[1] == "ends" and int(x.split("\t")[2]) >= int(text) for x in left.get(what, []))):
            continue
        if what in left and what != "number" and grown(line, left[what]):
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
    p = ["handoff_part\t0\tuint64_t at", "handoff_part\tends\t8"]
    assert moved(p, [p[0], "handoff_part\t8\tuint64_t b", "handoff_part\tends\t16"])
    assert moved(["number\tA\t1"], ["number\tA\t2"]) and moved(a, [])


def main():
    selftest()
    kept_at = sys.argv[1]
    found, holes = layouts(HEADER)
    now = [line for name in sorted(found) for line in found[name]]
    kept = open(kept_at).read().splitlines() if os.path.exists(kept_at) else []
    bad = moved(kept, now)
    for line in bad:
        print(f"# {line}")
    if bad:
        print(f"# These fields or numbers of {HEADER} have moved, changed or gone. Another version reads them where they were, and an upgrade\n"
              "# would end all flows. Put new fields at the end, and leave the rest; the comment there says what may change.")
    print(f"{'not ' if bad else ''}ok - golden/handoff: what was in a message is there still")
    for line in holes:
        print(f"# {line}")
    print(f"{'not ' if holes else ''}ok - golden/handoff: no message has a hole, whose bytes nobody sets")
    if os.environ.get("UPDATE") and not bad:
        with open(kept_at, "w") as f:
            f.write("\n".join(now) + "\n")
        kept = now
    for line in difflib.unified_diff(kept, now, "kept", "now", lineterm="", n=0):
        print(f"# {line}")
    if kept != now and not bad:
        print("# New fields: UPDATE=1 bash tests/golden/handoff/run.sh keeps them")
    print(f"{'not ' if kept != now else ''}ok - golden/handoff: all fields are known")
    sys.exit(bool(bad or holes or kept != now))


main()
