"""A comment says what is, subject first (docs/style.md). Refused is a comment that begins with a word after which no main clause
comes in sight (What, Who, Of, Whether …), that is a question, that ends where its predicate should stand ("as it is", "one that is
not"), that says "is of" where a plain noun would do, or that uses a word which docs/style.md replaces (WORN)."""
import pathlib
import re
import subprocess
import sys

FIRST = re.compile(r"(what|who|whose|whom|of|whether|which|how|why|where|likewise|has it|is it|does it|is there|are there)\b", re.I)
# "Where X is held, Y is done" has its main clause after the comma.
CLAUSE = re.compile(r"(where|how(?:ever)?)\b[^.;:]*, (?:an? |the |its? |all |each |no |only |this |these |they |that |one |[A-Z]?\w+ )?[^.;:]*\b"
                    r"(is|are|was|has|have|does|do|can|may|must|stays?|goes|go|comes?|gets?|takes?|keeps?|holds?|\w+s)\b", re.I)
BARE = re.compile(r"\b(it|they|that|one|which|who|this) (is|are|was|were|has|have|had|does|do|did|can|may|gets?|got|meets?|must|will)( not)?$", re.I)
OF = re.compile(r"\b(is|are|was|were|be) of (an?|the|this|that|those|one)\b", re.I)
# Words that docs/style.md replaces, and the bare answer after a colon ("NULL: there is none").
WORN = re.compile(r"(?<![`\"])\b(likewise|merely|nobody(?! else)|somebody|for want of|(?:time|lifetime|session|exchange) is (?:over|up))\b(?![`\"])"
                  r"|: (?:there (?:is|are)|it is|they are) none\b", re.I)
COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*(.*?)\*/', re.S)

REFUSED = [
    "Who makes way: for a flow whose two groups are full",
    "`out on` that a box says is of a rule that only what this machine sends meets",
    "The first second at which it is no longer as it is",
    "written so far, to be told the number that it gets",
    "in the last one that is not",
    "Has it no say: no rules, and it accepts?",
    "What left for the frame that --explain is about.",
    "Whether the table has room",
    "Likewise, for IPv6",
    "Return the entry; NULL: there is none.",
    "True if nobody serves the socket",
    "A mapping whose time is over",
]
KEPT = [
    "Eviction when both groups are full, or too many flows are half-open",
    "Deadlines past one turn go in the farthest slot",
    "Time of the next change",
    "True if empty with policy accept",
    "Calls to patch once its number is known",
    "Return the entry, or NULL",
    "one per rule, one for \"nobody\"",
]


def fault(comment):
    """Why a comment is refused, or None."""
    text = re.sub(r"\s*\n\s*\*?\s*", " ", comment).strip(" *")
    sentence = re.split(r"(?<=[.;:?])\s", text, maxsplit=1)[0]
    if FIRST.match(text) and not CLAUSE.match(text):
        return "begins with a word that leaves its subject out: name the thing, then say what is true of it"
    if sentence.endswith("?"):
        return "is a question: say what is true"
    if any(BARE.search(s.rstrip(".;:, ")) for s in re.split(r"(?<=[.;:])\s", text)):
        return "ends in a bare verb: say what it is, does or has"
    if OF.search(sentence):
        return "says `is of`: name what belongs to what"
    worn = WORN.search(text)
    if worn:
        return f"says `{worn[0].strip(': ')}`: docs/style.md, Comments, has the replacement"
    return None


def main():
    for text in REFUSED:
        if not fault(text):
            sys.exit(f"not ok - the rule refuses its example: {text}")
    for text in KEPT:
        if fault(text):
            sys.exit(f"not ok - the rule lets pass its example: {text}")
    listed = subprocess.run(["git", "ls-files", *(sys.argv[1:] or ["lang", "compiler", "vm", "runtime"])], capture_output=True, text=True, check=True)
    sources = [p for p in listed.stdout.split() if re.search(r"\.(c|h|l|y|def)$", p) and pathlib.Path(p).exists()]
    bad, seen = [], 0
    for path in sources:
        text = pathlib.Path(path).read_text()
        for m in COMMENT.finditer(text):
            if m[1] is None:
                continue
            seen += 1
            why = fault(m[1])
            if why:
                first = re.sub(r"\s+", " ", m[1]).strip()[:90]
                bad.append(f"{path}:{text.count(chr(10), 0, m.start()) + 1}: {why} | {first}")
    for line in bad:
        print("# " + line)
    print(("not " if bad else "") + f"ok - {seen} comments say what is, subject first")
    sys.exit(bool(bad))


main()
