#!/usr/bin/env python3
"""A word that docs/words.md keeps for one thing names no other: words.py [TREE].

Names alone are looked at, of files, folders and identifiers, outside comments and strings: prose has the plain words, too, and what is
printed or read by others has older ones. Each row of ONCE is a word, where it may stand, and what else is called there instead.
Prints TAP lines. What fails stands in naming.sh."""
import os
import re
import subprocess
import sys

ROOMS = ("lang/", "compiler/", "vm/", "runtime/")
ENDS = (".c", ".h", ".y", ".l", ".def")
# Comments and strings go, and what stands behind `#include`: the name of a file is judged where it lies.
LEFT_OUT = re.compile(r"/\*.*?\*/|//[^\n]*|^[ \t]*#[ \t]*include[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S | re.M)
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")

# (word, as it stands among the words of a name; places, as the beginnings of paths; identifiers that may stand anywhere; said)
ONCE = [
    ("watched", ("runtime/worker/", "runtime/live/", "vm/kernel/counts.h", "vm/kernel/act/act.bpf.c"), (), "judged, not enforced; what `mode observe` sees is observed"),
    ("guard|guards|guarded|guarding|unguarded", ("runtime/host/", "runtime/live/", "runtime/parent/", "runtime/io/steer/"), (), "nftables' tables; a branch of `mode observe` holds"),
    ("aside|asides", ("runtime/host/device/", "runtime/parent/", "runtime/live/rules/via.c"), (),
     "a network stack of prey's own; the two are the inline stack and the check stack"),
    ("piece|pieces", ("runtime/io/", "runtime/worker/", "vm/worker/batch.c", "runtime/counters/counter.def", "vm/packet/parse/bytes.c"),
     ("PIECES", "KERNEL_LONG_PIECES"),
     "of super-packets and long frames; else fragment, segment, chunk or part"),
    ("claim|claims|claimed|unclaimed", ("compiler/", "lang/"), (), "a test's; else reserved, announced or taken"),
    # In compiler, verifier and tests of a range it is the preposition: inside of what.
    ("inside", ("lang/", "compiler/", "vm/program/verify/", "vm/kernel/gen/tests.c", "runtime/base/self.c", "vm/forward/bind/",
                "vm/worker/owner.c", "vm/worker/whose_owner.h", "runtime/host/guard/"), (),
     "a nat's side; else inner, or the inline stack"),
]


def parts_of(name):
    return re.split(r"_+", name.lower())


def refused(path, name, rows):
    """What is said of the first word in the name that stands for something else here."""
    for word, places, names, said in rows:
        if name not in names and not path.startswith(places) and any(word.fullmatch(part) for part in parts_of(name)):
            return said
    return None


def main():
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else ".")
    tracked = subprocess.run(["git", "ls-files", *ROOMS], capture_output=True, text=True, check=True).stdout.split()
    rows = [(re.compile(word), places, names, said) for word, places, names, said in ONCE]
    wrong, read = [], 0
    for path in tracked:
        if not path.endswith(ENDS) or not os.path.exists(path):
            continue
        read += 1
        folder, _, base = path.rpartition("/")
        for name in (*folder.split("/"), base.split(".")[0]):
            said = refused(path, name, rows)
            if said:
                wrong.append(f"{path}: the name of a file: {said}")
                break
        with open(path, encoding="utf-8") as f:
            text = f.read()
        text = LEFT_OUT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
        seen = set()
        for m in IDENTIFIER.finditer(text):
            said = m[0] not in seen and refused(path, m[0], rows)
            seen.add(m[0])
            if said:
                wrong.append(f"{path}:{text.count(chr(10), 0, m.start()) + 1}: {m[0]}: {said}")
    for line in wrong:
        print("#  ", line)
    print(f"{'not ' if wrong or not read else ''}ok - words that mean one thing (docs/words.md) name nothing else")
    return bool(wrong or not read)


if __name__ == "__main__":
    sys.exit(main())
