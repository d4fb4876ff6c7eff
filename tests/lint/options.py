"""Every option and command of the programs is shown by --help, described in the man page and tried by a test.

--help and the man page have the same options and commands, under the same headings, in the same order. No man page names a long option
that no program has. docs/guide/reference/options.md lists what --help prints, a line each: UPDATE=1 writes the lists between its marks.
Needs built programs (B). Prints TAP lines."""
import os
import pathlib
import re
import subprocess
import sys

BUILD = pathlib.Path(os.environ.get("B", "build"))
PAGE = pathlib.Path("docs/guide/reference/options.md")
PROGRAMS = ["preyrun", "preyctl", "preyc"]
# Long options of other tools in the man pages.
FOREIGN = {"no-such-option"}
LONG = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")
LONG_AS_WRITTEN = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
failed = 0


def say(good, what, *why):
    global failed
    failed += not good
    for line in () if good else why:
        print("#  ", line)
    print("ok" if good else "not ok", "-", what)


def names(shown):
    """Names of an entry as --help or a tag shows it: its long options, else its letter, or the word of a command."""
    return shown.startswith("-") and LONG_AS_WRITTEN.findall(shown) or shown.split()[:1]


def entries(text):
    """(heading, entry, doc) of each row of --help; a doc may have a line of its own."""
    found, heading = [], ""
    for line in text.splitlines():
        if m := re.match(r"(\w[^:]*):$", line):
            heading = m[1]
        elif heading and (m := re.match(r"  (\S.*?)(?:  +(\S.*))?$", line)):
            found.append((heading, m[1], m[2] or ""))
        elif m := re.match(r"   +(\S.*)$", line):
            if found and not found[-1][2]:
                found[-1] = (*found[-1][:2], m[1])
        elif line and not line.startswith(" "):
            heading = ""
    return found


def described(page, sections):
    """(heading, names) of each tag in these sections of a man page."""
    found, section, heading, tag = [], "", "", False
    for line in page.splitlines():
        if line.startswith(".SH "):
            section, heading = line[4:].strip('"'), ""
        elif line.startswith(".SS "):
            heading = line[4:].strip('"')
        elif tag and section in sections:
            words = names(re.sub(r"^\.\w+ ", "", line).replace('"', ""))
            found += [(heading or section.capitalize(), word) for word in words if (heading or section.capitalize(), word) not in found]
        tag = line == ".TP"
    return found


def markdown(rows):
    """Tables of rows, one for each heading."""
    out, last = [], None
    for heading, entry, doc in rows:
        if heading != last:
            out += ["", f"### {heading}", "", "| " + ("option" if entry.startswith("-") else "command") + " | task |", "|---|---|"]
            last = heading
        cells = [f"`{entry}`", re.sub(r"(?<![\w`])(--?[a-zA-Z][a-z-]*(?: (?:xdp|json))?)(?![\w`])", r"`\1`", doc) if "`" not in doc else doc]
        out.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(out) + "\n\n"


def check(program, known, tests):
    """--help, man page and tests of a program; return the rows of --help."""
    run = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, timeout=60)
    say(run.returncode == 0 and not run.stderr, f"{program} --help")
    rows = entries(run.stdout)
    page = re.sub(r"\\f[BIRP]|\\&", "", pathlib.Path("man", program + ".1").read_text().replace("\\-", "-"))
    say(not re.search("@[A-Z]+@", page), f"the man page of {program} is installed as it is: nothing in it is filled in")
    told = set(LONG.findall(run.stdout))
    say(len(told) > 3, f"{program} --help names its options")
    tagged = described(page, ["OPTIONS", "COMMANDS"])
    wanted = [(heading, name) for heading, entry, _ in rows for name in names(entry)]
    for each in ("-", ""): # options, commands
        shown, manual = ([(h, n) for h, n in of if n.startswith("-") == bool(each)] for of in (wanted, tagged))
        say(shown == manual, f"{program}: the man page has the {'options' if each else 'commands'} of --help, group by group",
            *(f"only in --help: {x}" for x in shown if x not in manual), *(f"only in the man page: {x}" for x in manual if x not in shown),
            "or their order differs")
    for option in sorted(told):
        say(option in LONG.findall(page), f"{program} --{option} is in the man page")
        say(re.search(rf"--{option}\b", tests) is not None, f"{program} --{option} is tried by a test")
    unknown = sorted(set(LONG.findall(page)) - known - FOREIGN)
    say(not unknown, f"the man page of {program} names only options that there are", *unknown)
    run = subprocess.run([BUILD / program, "--no-such-option"], capture_output=True, text=True, timeout=60)
    say(run.returncode == 2 and run.stderr.strip(), f"{program} refuses an unknown option with status 2")
    run = subprocess.run([BUILD / program, "--version"], capture_output=True, text=True, timeout=60)
    say(run.returncode == 0 and program in run.stdout, f"{program} --version")
    return rows


def main():
    tests = "".join(p.read_text(errors="replace") for p in pathlib.Path("tests").rglob("*")
                    if p.is_file() and p.suffix in (".sh", ".c", ".py") and "lint" not in p.parts)
    known = {name for program in PROGRAMS for name in
             LONG.findall(subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, timeout=60).stdout)}
    text = page = PAGE.read_text()
    for program in PROGRAMS:
        begin = f"<!-- options-of-{program} -->\n"
        at = text.index(begin) + len(begin)
        text = text[:at] + markdown(check(program, known, tests)) + text[text.index("<!-- end -->", at):]
    if os.environ.get("UPDATE"):
        PAGE.write_text(text)
    else:
        say(text == page, f"{PAGE} lists the options as --help does (UPDATE=1 B=build python3 tests/lint/options.py)")
    return failed != 0


sys.exit(main())
