"""The Vim files know the language: the keywords of the syntax file are those of lang/words/word.def in their groups (UPDATE=1
writes them); Vim with these files colours, completes, indents, formats and reads diagnostics. Without a Vim that can, only
the keywords are checked. Prints TAP lines."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(os.environ.get("B", "build")).resolve()
FILES = pathlib.Path("editors/vim").resolve()

# A line, a word in it, and the group that its first character belongs to.
COLOURS = [
    ("set office = 192.0.2.0/24, 2001:db8:1::/48  # both", "set", "preyDeclaration"),
    ("set office = 192.0.2.0/24, 2001:db8:1::/48  # both", "office", ""),
    ("set office = 192.0.2.0/24, 2001:db8:1::/48  # both", "192", "preyAddress"),
    ("set office = 192.0.2.0/24, 2001:db8:1::/48  # both", "24", "preyAddress"),
    ("set office = 192.0.2.0/24, 2001:db8:1::/48  # both", "2001", "preyAddress"),
    ("set office = 192.0.2.0/24, 2001:db8:1::/48  # both", "# both", "preyComment"),
    ("set s = ::1, (office except lab) # a \"string\" not", "::1", "preyAddress"),
    ("set s = ::1, (office except lab) # a \"string\" not", "except", "preyOperator"),
    ("set s = ::1, (office except lab) # a \"string\" not", "string", "preyComment"),
    ("macs m = 02:00:00:00:00:01", "02:", "preyMac"),
    ("const big = 0x1f", "0x1f", "preyNumber"),
    ("ports p = 1024-, -63, 80-90, 1_000", "1024-", "preyNumber"),
    ("ports p = 1024-, -63, 80-90, 1_000", "-63", "preyNumber"),
    ("meter m = 200/s burst 64KiB per source/24,/64", "200/s", "preyUnit"),
    ("meter m = 200/s burst 64KiB per source/24,/64", "64KiB", "preyUnit"),
    ("meter m = 5Mbit/s", "5Mbit/s", "preyUnit"),
    ("schedule work = mon-fri 08:00-18:00 zone \"Europe/Paris\"", "08:00", "preyUnit"),
    ("  drop tcp flags has syn lacks ack over syns as no-from", "drop", "preyVerdict"),
    ("  drop tcp flags has syn lacks ack over syns as no-from", "tcp", "preyProtocol"),
    ("  drop tcp flags has syn lacks ack over syns as no-from", "flags", "preyCondition"),
    ("  drop tcp flags has syn lacks ack over syns as no-from", "syn", "preyFlag"),
    ("  drop tcp flags has syn lacks ack over syns as no-from", "syns", ""),
    ("  drop tcp flags has syn lacks ack over syns as no-from", "no-from", ""),
    ("  accept bytes payload at 0 is x\"16 03\" comment \"a\\x41 # b\"", "x\"", "preyHexBytes"),
    ("  accept bytes payload at 0 is x\"16 03\" comment \"a\\x41 # b\"", "\\x41", "preyEscape"),
    ("  accept bytes payload at 0 is x\"16 03\" comment \"a\\x41 # b\"", "# b", "preyString"),
    ("  expect drop by default: tcp [2001:db8::1]:5 -> self:22", "expect", "preyStep"),
    ("  expect drop by default: tcp [2001:db8::1]:5 -> self:22", "default", "preyConstant"),
    ("  expect drop by default: tcp [2001:db8::1]:5 -> self:22", "[2001", "preyAddress"),
    ("  expect drop by default: tcp [2001:db8::1]:5 -> self:22", "->", "preyArrow"),
    ("  expect split shop 5:3:1 within 2% over 10000 flows", "5:3:1", "preyUnit"),
    ("  expect split shop 5:3:1 within 2% over 10000 flows", "2%", "preyUnit"),
    ("  expect split shop 5:3:1 within 2% over 10000 flows", "10000", "preyNumber"),
    ("  after 2h4m", "2h4m", "preyUnit"),
    ("  else -> shop 95%", "95%", "preyUnit"),
]

failed = 0


def say(good, what, *why):
    global failed
    failed += not good
    for line in why if not good else ():
        print(f"#   {line}")
    print(f"{'ok' if good else 'not ok'} - {what}")


GROUPS = {
    "DECLARATION": "What begins a declaration.",
    "VERDICT": "What begins a rule, and a step of a test.",
    "STEP": "",
    "PROTOCOL": "What a rule asks.",
    "CONDITION": "",
    "FLAG": "",
    "OPERATOR": "",
    "CONSTANT": "",
    "WORD": "What else has a meaning in its place.",
}


def keyword_lines():
    """The words of lang/words/word.def as `syn keyword` lines of at most 100 columns, group by group."""
    rows = re.findall(r'^WORD\(\w+, *"([^"]+)", *\w+, *(\w+),', pathlib.Path("lang/words/word.def").read_text(), re.M)
    out = []
    for group, title in GROUPS.items():
        out += ["", f'" {title}'] if title else []
        line = head = f"syn keyword prey{group.capitalize()}"
        for word in sorted(word for word, of in rows if of == group):
            if len(line) + 1 + len(word) > 100:
                out.append(line)
                line = head
            line += " " + word
        out.append(line)
    return len(rows), {group for _, group in rows}, "\n".join(out[1:]) + "\n"


def check_keywords():
    count, groups, fresh = keyword_lines()
    path = FILES.joinpath("syntax/prey.vim")
    syntax = path.read_text()
    begin, end = syntax.index('" What begins a declaration'), syntax.index('\n" Values.')
    if os.environ.get("UPDATE"):
        path.write_text(syntax[:begin] + fresh + syntax[end:])
        syntax = path.read_text()
        end = syntax.index('\n" Values.')
    say(count > 150 and groups == set(GROUPS), "the words and their groups are read", sorted(groups ^ set(GROUPS)))
    say(syntax[begin:end] == fresh, "the syntax file holds the words of lang/words/word.def",
        "UPDATE=1 python3 tests/lint/vim.py writes it")
    linked = set(re.findall(r"^hi def link (\w+)", syntax, re.M))
    groups = set(re.findall(r"^syn (?:keyword|match|region)\s+(\w+)", syntax, re.M)) - {"preyBlock"}
    say(linked == groups, "every group has a colour", sorted(linked ^ groups))


def vim(folder, file, *commands):
    """Run commands in a Vim that knows nothing but these files; what they put into g:out."""
    script = pathlib.Path(folder, "script.vim")
    script.write_text("\n".join(["set nocompatible nomore noswapfile", f"set runtimepath={FILES},$VIMRUNTIME",
                                 "filetype plugin indent on", "syntax on", "let g:out = []",
                                 "try", f"edit {file}", *commands, "catch", "call add(g:out, v:exception)", "endtry",
                                 "call writefile([json_encode(g:out)], 'out.json')", "qall!"]) + "\n")
    env = dict(os.environ, PATH=f"{BUILD}:{os.environ['PATH']}", HOME=str(folder), TERM="dumb")
    subprocess.run(["vim", "-es", "-N", "-u", "NONE", "-i", "NONE", "-S", str(script)], cwd=folder, env=env,
                   stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return json.loads(pathlib.Path(folder, "out.json").read_text())


def check_colours(folder):
    lines = [line for line, _, _ in COLOURS]
    pathlib.Path(folder, "colours.prey").write_text("\n".join(lines) + "\n")
    asked = [f"call add(g:out, synIDattr(synID({n}, {line.index(word) + 1}, 1), 'name'))"
             for n, (line, word, _) in enumerate(COLOURS, 1)]
    found = vim(folder, "colours.prey", *asked)
    for (line, word, group), got in zip(COLOURS, found):
        say(got == group, f"`{word}` is {group or 'plain'}", f"it is {got or 'plain'} in: {line}")
    say(len(found) == len(COLOURS), "all were asked", found[-1:])


def check_type(folder):
    found = vim(folder, "colours.prey", "call add(g:out, &filetype)", "call add(g:out, &commentstring)",
                "call add(g:out, &shiftwidth)")
    say(found == ["prey", "# %s", 2], "the file type and its settings", found)


def check_completion(folder):
    found = vim(folder, "colours.prey", "call add(g:out, &omnifunc)", "call syntaxcomplete#Complete(1, '')",
                "call extend(g:out, syntaxcomplete#Complete(0, 'pass'))")
    say(found[0] == "syntaxcomplete#Complete" and {"pass", "passive", "passthrough"} <= set(found[1:]),
        "words are completed", found)


def check_indent(folder):
    for path in sorted(pathlib.Path("rules-examples").glob("*.prey")):
        text = path.read_text()
        flat = pathlib.Path(folder, "flat.prey")
        flat.write_text("".join(line.lstrip(" ") for line in text.splitlines(True)))
        found = vim(folder, "flat.prey", "silent normal! gg=G", "call extend(g:out, getline(1, '$'))")
        wrong = [f"{a!r}, not {b!r}" for a, b in zip(found, text.splitlines()) if a != b]
        say(not wrong and len(found) == len(text.splitlines()), f"{path.name} is indented again", *wrong[:3])


def check_programs(folder):
    pathlib.Path(folder, "wrong.prey").write_text("set  s=10.0.0.0/8\nfirewall f default accept { drop from z }\n")
    found = vim(folder, "wrong.prey", "silent normal! gggqG", "call extend(g:out, getline(1, '$'))")
    say(found == ["set s = 10.0.0.0/8", "firewall f default accept { drop from z }"], "gq formats", found)
    found = vim(folder, "wrong.prey", "silent make", "call extend(g:out, map(filter(getqflist(), 'v:val.valid'), "
                "'[v:val.lnum, v:val.col, v:val.type, v:val.text]'))")
    good = found[:1] == [[1, 6, "w", "nothing uses the set `s` [W0201]"]] and [2, 39, "e"] in [f[:3] for f in found]
    say(good, ":make fills the list of errors", found)


def main():
    check_keywords()
    known = shutil.which("vim") and subprocess.run(["vim", "--version"], capture_output=True, text=True).stdout
    if not known or "+syntax" not in known or "+eval" not in known:
        print("ok - Vim reads the files # SKIP there is no Vim with syntax and eval (Debian: vim)")
        return failed != 0
    with tempfile.TemporaryDirectory() as folder:
        check_colours(folder)
        check_type(folder)
        check_completion(folder)
        check_indent(folder)
        check_programs(folder)
    return failed != 0


sys.exit(main())
