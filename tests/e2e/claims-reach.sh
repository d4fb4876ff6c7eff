#!/usr/bin/env bash
# `never reach`, drawn: rules with forwards, maps and services, a claim for each address and port inside, and packets that a
# replay sends on. Where a claim was proved no packet goes there; none is left undecided; and some are refuted.
set -u
. tests/lib/scratch.sh
cat >drawn.py <<'END'
import random, re, subprocess, sys
bin, files, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
r = random.Random(seed)
OUTSIDE = [f"203.0.113.{i}" for i in range(4)] + ["self"]
INSIDE = [f"10.0.0.{i}" for i in range(4)]
SOURCES = [f"198.51.100.{i}" for i in range(4)]
PORTS = range(80, 84)
def ports():
    lo, hi = sorted(r.choices(PORTS, k=2))
    return f"{lo}-{hi}" if lo < hi else f"{lo}"
def source(word=" from "):
    return r.choice(["", "", f"{word}{r.choice(SOURCES)}", f"{word}198.51.100.{r.choice([0, 2])}/31"])
def statement():
    if r.random() < 0.2:
        return f"map 203.0.113.{r.choice([0, 2])}/31 <-> 10.0.0.{r.choice([0, 2])}/31"
    return f"forward {r.choice(OUTSIDE)}{source()} tcp/{ports()} -> {r.choice(INSIDE)}{r.choice(['', ':80', ':82'])}"
def rule():
    side = r.choice(OUTSIDE + INSIDE + ["203.0.113.0/30", "10.0.0.0/31", "any"])
    to = "" if side == "any" else f" to {side}"
    return f"{r.choice(['accept', 'accept', 'drop'])} tcp{source()}{to} port {ports()}"
def rules():
    text = "edition 1\n"
    if r.random() < 0.7:
        text += f"pool p {{ server a {r.choice(INSIDE)}{r.choice(['', ':81'])} }}\n"
        when = source("when from ")
        branches = f"{when} -> p; else -> q" if when else "-> p"
        if when: text += f"pool q {{ server a {r.choice(INSIDE)} }}\n"
        text += f"service s on {r.choice(OUTSIDE[:4])} tcp/{r.choice(PORTS)} {{ mode passthrough keep source; {branches} }}\n"
    text += "nat n {\n" + "".join(f"  {statement()}\n" for _ in range(r.randint(1, 4))) + "}\n"
    text += f"firewall f default {r.choice(['drop', 'drop', 'accept'])} {{\n  accept icmp6 type nd\n"
    return text + "".join(f"  {rule()}\n" for _ in range(r.randint(1, 5))) + "}\n"
def run(*args):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
proved = refuted = met = done = 0
while done < files:
    text = rules()
    open("drawn.prey", "w").write(text)
    if run(f"{bin}/preyc", "drawn.prey", "-o", "drawn.pbc").returncode: continue  # statements that contradict one another
    done += 1
    claims = [(a, p) for a in INSIDE for p in [None, *PORTS]]
    tests = "".join(f'test "c{i}" {{ self 192.0.2.1; never reach {a}{f" port {p}" if p else ""}: tcp any -> any }}\n' for i, (a, p) in enumerate(claims))
    open("claims.prey", "w").write(text + tests)
    said = run(f"{bin}/preyc", "--check", "claims.prey").stderr
    codes = dict(re.findall(r'error: test "c(\d+)":.*\[(E\d+)\]', said))
    if set(codes.values()) - {"E0715"}: sys.exit(f"seed {seed}: not decided, or wrong:\n{text}{said}")
    sent = {}
    with open("drawn.notes", "w") as notes:
        for i in range(120):
            to, port = r.choice(OUTSIDE + INSIDE).replace("self", "192.0.2.1"), r.randint(79, 84)
            sent[20000 + i] = (to, port)
            notes.write(f"eth / ip4 {r.choice(SOURCES)} > {to} / tcp {20000 + i} > {port} syn\n")
    run(f"{bin}/tests/tools/mkcap", "drawn.notes", "drawn.pcap")
    verdicts = run(f"{bin}/preyrun", "--pcap", "drawn.pcap", "--self", "192.0.2.1", "--verdicts", "-", "--write", "left.pcapng", "drawn.pbc").stdout
    left = run("tcpdump", "-nn", "-r", "left.pcapng").stdout
    goes = {int(s): (a, int(p)) for s, a, p in re.findall(r"IP [\d.]+\.(\d+) > ([\d.]+)\.(\d+): Flags \[S\]", left)}
    accepted = {19999 + int(n) for n in re.findall(r"^(\d+)\taccept", verdicts, re.M)}
    goes.update({s: sent[s] for s in accepted if sent[s][0] != "192.0.2.1"})
    met += len(goes)
    for i, (a, p) in enumerate(claims):
        refuted, proved = refuted + (str(i) in codes), proved + (str(i) not in codes)
        if str(i) in codes: continue
        wrong = [s for s, to in goes.items() if to[0] == a and p in (None, to[1])]
        if wrong: sys.exit(f"seed {seed}: never reach {a} port {p} was proved, and {sent[wrong[0]]} goes to {goes[wrong[0]]}:\n{text}")
print(f"# {done} files, {proved} proved, {refuted} refuted, {met} packets that go on")
sys.exit(not (proved and refuted and met))
END
python3 drawn.py "$bin" "${FILES:-$([ -n "${LONG-}" ] && echo 400 || echo 30)}" "${SEED:-1}"
ok $? 'no packet goes where none does'
exit $failed
