"""Python inside a shell script has at most ten lines; what is longer is a file of its own, which an editor and a linter know."""
import pathlib
import re
import subprocess
import sys

MOST = 10
HERE = re.compile(r"\bpython3\b.*<<-?\s*['\"]?(\w+)['\"]?")
WORD = re.compile(r"\bpython3 -c '")


def embedded(text):
    """Pieces of Python: (line, lines) of each."""
    lines, at = text.split("\n"), 0
    while at < len(lines):
        here, begin = HERE.search(lines[at]), at
        if here:
            while at + 1 < len(lines) and lines[at + 1].strip() != here[1]:
                at += 1
            yield begin + 1, at - begin
        elif WORD.search(lines[at]) and lines[at].count("'") % 2:
            while at + 1 < len(lines) and "'" not in lines[at + 1]:
                at += 1
            yield begin + 1, at - begin + 2
        at += 1


def main():
    long_here = "python3 - <<'END'\n" + "pass\n" * (MOST + 1) + "END\n"
    long_word = "python3 -c '\n" + "pass\n" * (MOST + 1) + "'\n"
    for what, text, wanted in (("here", long_here, True), ("word", long_word, True), ("short", long_here.replace("pass\n", "", 1), False)):
        if any(count > MOST for _, count in embedded(text)) != wanted:
            sys.exit(f"not ok - the rule catches its example: {what}")
    scripts = subprocess.run(["git", "ls-files", "*.sh", "*.run"], capture_output=True, text=True, check=True).stdout.split()
    bad = [f"{s}:{line}: {count} lines of Python: make them a file" for s in scripts if pathlib.Path(s).exists()
           for line, count in embedded(pathlib.Path(s).read_text(errors="replace")) if count > MOST]
    for line in bad:
        print("# " + line)
    print(("not " if bad else "") + f"ok - Python in {len(scripts)} shell scripts has at most {MOST} lines a piece")
    sys.exit(bool(bad))


main()
