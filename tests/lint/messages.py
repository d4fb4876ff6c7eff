"""Messages say what happened, to what, and what to do (docs/style.md, Messages). With LIST=1 all of them are printed, each with
its place, so that they can be read as a user meets them. Refused are words that made readers stop: a beginning that leaves its
subject out, "is no X" and "memory is out", and the words of STRICT. A beginning is not asked of a literal that
goes on with another's sentence (it begins with a space), nor of a name of `figures_…`, which is also a key of JSON. Words of the rule
language are in backquotes, and are not read."""
import os
import pathlib
import re
import subprocess
import sys

STRING = re.compile(r'"((?:\\.|[^"\\\n])*)"(?:\s*(?:PRI\w+\s*)?"((?:\\.|[^"\\\n])*)")*')
PART = re.compile(r'"((?:\\.|[^"\\\n])*)"')
KEY = re.compile(r"\bfigures_\w+\(\s*\w+,\s*$")
SKIP = re.compile(r'("(?:\\.|[^"\\\n])*")|/\*.*?\*/|\'(?:\\.|[^\'\\\n])*\'|^\s*#\s*include[^\n]*', re.S | re.M)
BEGIN = re.compile(r"(what|who|whose|whom|of|whether|how|why)\b", re.I)
RULES = [
    (lambda t: BEGIN.match(t) and not t.endswith("?"), "begins with a word that leaves its subject out"),
    (lambda t: re.search(r"(?<!there )\bis no (?!longer\b|more\b)\w+[:;,]", t, re.I), "says `is no X:`: say what to write"),
    (lambda t: re.search(r"\bmemory(:)? is out\b", t), "say `out of memory`"),
]
WHOLE = ("lang/", "compiler/") # whose messages follow no other's noun: vm/ and runtime/ also print `192.0.2.1: it is outside …`
NOT_SHOWN = ("lang/tree/ast.def", "compiler/normal/field.def", "compiler/command/options.def", "vm/cond.def", "vm/opcode.def", "runtime/parent/request.def",
             "runtime/parent/syscall.def", "runtime/parent/dns/dns_call.def", "runtime/ctl/question.def") # tables for developers; words of --help
PRONOUN = "begins with a pronoun"
STRICT = [(re.compile(words, re.I), why) for words, why in [
    (r"\bcan't stand\b|\b(stands?|stood) (twice|here|there|in|on|at|alone|already|behind|before|after|beside|for)\b|\bl(ies?|ay) (in|inside)\b",
     "things don't stand or lie: `isn't possible here`, `is written twice`, `is inside`"),
    (r"\b(comes?|came) up\b", "say `goes to user space`"),
    (r"\b(this process|far end|other end|own stack|the host's own|names of hosts|worked out)\b", "say the field's word"),
    (r"\bmends?\b", "say `to fix it, run: …`, or what to write"),
    (r"\b(says?|said|tells?|told)\b", "software shows, lists, rejects; a user writes"),
    (r"\b(bytes|flows|ones|packets|ports|connections|entries|addresses|counts|counted) (a|each|by the) (second|worker|rule|pool|line|server)\b", "a rate takes `per`"),
    (r"\bleave (it|them|both) out\b|\bleave out what\b", "say `remove …`, with the noun"),
    (r"\bhas no (use|meaning)\b", "say what to remove, or `has no effect`"),
    (r", too(?=[:;]|$)", "say `also`, before the verb"),
    (r"(?<!there )\b(is|are) no (?!longer\b|more\b|wider\b)[\w`%]", "say `isn't a …`"),
    (r"^(it|they|those)\b", PRONOUN),
    (r"\b(is|are|was|were|does|do|did|could|should|would) not\b|\bcannot\b", "contractions are used throughout"),
    (r"(?<!: )\b(what|whoever) (crosses|arrives|leaves|follows|stands|goes|becomes|is (?!left)|was|it|they|this|a|the|no|clients?|others?|nobody)\b", "name the thing"),
    (r"\bearlier compilers?\b", "no history"),
    (r"\b(likewise|merely|whoever)\b", "leave the filler out"),
]]
REFUSED = ["what the rules say of a packet the program does not do", "`+` is no pattern: devices whose names begin alike are one with `*`",
           "memory: is out", "memory is out for a block", "whether it can be had"]
STRICTLY_REFUSED = ["`x` can't stand in mode observe", "`log` stands twice in this rule", "this lies inside `%s`", "all packets of `%s` come up", "mend the rules",
                    "say who this machine is, `--self ADDR`", "16 bytes a worker at most", "leave it out: each rule counts its packets", "`from self` has no meaning here",
                    "`%s` breaks the claim, too: %s", "`original` is no pool", "it is larger than 256 MiB", "`%s` is not a name", "no firewall judges what crosses this machine",
                    "the host's own TCP chooses the segment size", "earlier compilers excluded those", "names of hosts are looked up"]
STRICTLY_KEPT = ["`log` is written twice in this rule", "write `bytes payload at 0 is not x\"00\"`", "sources are no wider than /24", "the packet is in the list",
                 "remove this word: each rule counts its packets", "`-> original` isn't a pool", "write `per source`, too few"]
KEPT = [" of the source", "There is no default: write one", "internal error: rules and compiled program disagree", "write `wg*`, not `wg+`", "out of memory: a block of 64 MiB"]


def messages(text):
    """String literals of a source that hold a sentence: (line, text, True for a key). Neighbouring literals are one."""
    bare = SKIP.sub(lambda m: m[1] or re.sub(r"[^\n]", " ", m[0]), text)
    for m in STRING.finditer(bare):
        said = "".join(PART.findall(m[0]))
        if re.search(r"_Static_assert\([^;]*$|\bstatic_assert\([^;]*$", bare[max(0, m.start() - 200):m.start()]):
            continue
        if len(re.findall(r"[A-Za-z]{2,}", said)) >= 3 and " " in said.strip():
            yield bare.count("\n", 0, m.start()) + 1, said, bool(KEY.search(bare[:m.start()][-120:]))


def fault(text):
    return next((why for test, why in RULES if test(text)), None)


def strict_fault(text, whole=True):
    said = re.sub(r"`[^`]*`|which -i does not name$", "``", text) # the latter as preyctl explain prints it
    return next((why for words, why in STRICT if words.search(said) and (whole or why != PRONOUN)), None)


def main():
    for text in REFUSED:
        if not fault(text):
            sys.exit(f"not ok - the rule refuses its example: {text}")
    for text in KEPT:
        if fault(text):
            sys.exit(f"not ok - the rule lets pass its example: {text}")
    for text in STRICTLY_REFUSED:
        if not strict_fault(text):
            sys.exit(f"not ok - the strict rule refuses its example: {text}")
    for text in STRICTLY_KEPT:
        if strict_fault(text):
            sys.exit(f"not ok - the strict rule lets pass its example: {text}")
    listed = subprocess.run(["git", "ls-files", "lang", "compiler", "vm", "runtime"], capture_output=True, text=True, check=True)
    sources = [p for p in listed.stdout.split() if re.search(r"\.(c|h|y|l|def)$", p) and not p.endswith((".bpf.c", ".bpf.h")) and pathlib.Path(p).exists()]
    bad, seen = [], 0
    for path in sources:
        for line, text, key in messages(pathlib.Path(path).read_text()):
            seen += 1
            if os.environ.get("LIST"):
                print(f"# {path}:{line}: {text}")
            why = fault(" " + text if key else text)
            if not why and not key and not path.startswith(NOT_SHOWN):
                why = strict_fault(text, path.startswith(WHOLE))
            if why:
                bad.append(f"{path}:{line}: {why} | {text[:90]}")
    for line in bad:
        print("# " + line)
    print(("not " if bad else "") + f"ok - {seen} messages begin with their subject")
    sys.exit(bool(bad))


main()
