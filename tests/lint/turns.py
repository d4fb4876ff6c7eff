"""Each loop of what is compiled for the kernel in the counted form (vm/kernel/README.md, "Two forms") has a bound that its
verifier can see: TURNS stands right before a LOOP, and another loop compares with a constant, for the verifier walks through each turn.
What takes more turns is no loop there, but a function that the kernel calls (EACH_TURN). The sources are read as the compiler gets them."""
import bisect
import concurrent.futures
import pathlib
import re
import subprocess
import sys

# Loops whose bound is no constant where they stand, and why it is one where they are compiled.
BOUNDED = {
    ("vm/flow/grain.h", "i < count"): "called by processes alone",
    ("vm/flow/grain.h", "i < other->count"): "called by processes alone",
    ("vm/flow/grain.h", "k < g->count"): "called by processes alone",
    ("vm/judge/classify/lanes.h", "!ranked && i < wide"): "0 in each of the searches that are compiled: what has pairs is compared by turns",
    ("vm/judge/classify/lanes.h", "i <= pbc_columns(lines)"): "the number of lines is a constant in each of the searches that are compiled",
    ("vm/kernel/look/gate.bpf.c", "i < len"): "inline: 4 or 16",
    ("vm/kernel/look/head.bpf.h", "i < words"): "inline: each call has a constant",
    ("vm/keyed/hash.h", "i < count"): "inline: each call has a constant",
    ("vm/keyed/keyed.h", "((i) < (t)->key_words)"): "processes; stages have KEYED_WORDS with a constant",
    ("vm/packet/edit/recipe.c", "i < words"): "inline: 1 or 4",
    ("vm/packet/facts.h", "lo < hi"): "called by processes alone",
    ("vm/packet/parse/read.h", "i + 8 <= len"): "inline: each call has a constant",
    ("vm/packet/parse/read.h", "i < len"): "inline: each call has a constant",
    ("vm/packet/parse/bytes.c", "i < len"): "called by processes alone; stages compare in header.bpf.c",
    ("vm/pbc/code.h", "i < ranges"): "called by processes alone",
    ("vm/program/program.h", "i < p->services_count"): "called by processes alone",
}
CONSTANT = r"(?:\(?\s*(?:[0-9]\w*|[A-Z][A-Z0-9_]+|sizeof\b[^&|]*?|\w+ \? [0-9]+ : [0-9]+)[\s)0-9A-Z_/*+-]*\)?)"
COMPARED = re.compile(rf"(?:<=?|!=)\s*{CONSTANT}\s*(?:$|&&|\|\||;|\))")
BOUND = re.compile(r"turns_ = \(([^;]*?)\), once_ = 1;")


def compiled(path):
    """What the compiler makes of it, but for the system's headers: text, and where each line is from."""
    machine = subprocess.run(["gcc", "-dumpmachine"], capture_output=True, text=True, check=True).stdout.strip()
    words = ["clang", "-target", "bpf", "-O2", "-std=gnu11", "-DCOUNTED", "-D__x86_64__", "-E", "-I.", "-isystem", f"/usr/include/{machine}", path]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    if said.returncode:
        sys.exit(f"not ok - {path} is compiled: {said.stderr.strip()[:300]}")
    file, line, rows = "", 0, []
    for text in said.stdout.splitlines():
        mark = re.match(r'# (\d+) "(.*?)"', text)
        if mark:
            file, line = mark[2].removeprefix("./"), int(mark[1])
            continue
        if file.startswith("vm/"):
            rows.append((file, line, text))
        line += 1
    return rows


def parenthesis(text, at):
    """What stands in the one that begins there, and where it ends."""
    depth = 0
    for i in range(at, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if not depth:
            return text[at + 1:i], i + 1
    return text[at:], len(text)


def split_for(head):
    """The parts of a for: semicolons of inner blocks are none of its own."""
    parts, depth, last = [], 0, 0
    for i, c in enumerate(head):
        depth += (c in "({[") - (c in ")}]")
        if c == ";" and not depth:
            parts.append(head[last:i])
            last = i + 1
    return parts + [head[last:]]


def loops(rows):
    """Each loop: file, line, what is wrong with it or None, its condition."""
    starts, length = [], 0
    for _, _, text in rows:
        starts.append(length)
        length += len(text) + 1
    text = "\n".join(r[2] for r in rows)
    for found in re.finditer(r"\b(for|while)\s*(?=\()", text):
        file, line, _ = rows[bisect.bisect_right(starts, found.start()) - 1]
        head, _ = parenthesis(text, found.end())
        condition = split_for(head)[1] if found[1] == "for" and len(split_for(head)) == 3 else head
        condition = " ".join(condition.split())
        before = text[max(0, found.start() - 400):found.start()].rstrip()
        if head.startswith("uint64_t turns_ ="):
            bound = BOUND.search(head)
            if bound and re.search(r"[a-z]\w*(?!\()", re.sub(r"sizeof\s*\(?[\w\s*>.-]*\)?", "", bound[1])):
                yield file, line, f"TURNS({bound[1]}) is no constant", bound[1]
            continue
        if "turns_ != " in condition:
            stands = before.endswith("once_ = 0)")
            yield file, line, None if stands else "LOOP without TURNS right before it", condition
        else:
            yield file, line, None if COMPARED.search(condition) else "a loop that compares with no constant", condition


def main():
    stages = sorted(str(p) for p in pathlib.Path("vm/kernel").rglob("*.bpf.c"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = {loop for rows in pool.map(compiled, stages) for loop in loops(rows)}
    used, wrong = set(), []
    for file, line, why, condition in sorted(found, key=str):
        reasons = [k for k in BOUNDED if k[0] == file and condition.startswith(k[1])]
        if why and reasons:
            used.add(reasons[0])
        elif why:
            wrong.append(f"#   {file}:{line}: {why}: {condition[:100]}")
    for place in BOUNDED:
        if place not in used:
            wrong.append(f"#   {place[0]}: no loop any more that needs a reason: {place[1]}")
    print("\n".join(wrong + [f"{'not ok' if wrong else 'ok'} - each of {len(found)} loops of the counted form has its bound"]))
    return bool(wrong) or len(found) < 60


sys.exit(main())
