"""What explanations of diagnostics say of the language is what the language has.

Each word that an explanation quotes is a word of the language, of its own examples, or an option; and the explanations of
destinations (E0848, E0852) name all that the compiler takes behind `->`, and nothing else. Prints TAP lines."""
import ast
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PREYC = pathlib.Path(os.environ.get("B", "build"), "preyc").resolve()
# What is quoted and is no word of the language, with its reason
OTHER = {
    "preyc": "a program", "preyrun": "a program", "preyctl": "a program",
    "ipset": "another tool", "save": "its command", "nomatch": "its option", "nft": "another tool", "list": "its command",
    "wg": "a pattern of devices", "_": "a character", "nd": "four types of ICMPv6",
}


def rows():
    """Rows of lang/diag/diag.def: (code, title, explanation, wrong, right)."""
    source = '#define DIAG(ident, code, severity, title, explain, wrong, right) @ROW (code, title, explain, wrong, right)\n' \
             '#include "lang/diag/diag.def"\n'
    text = subprocess.run(["gcc", "-E", "-P", "-I.", "-xc", "-"], input=source, capture_output=True, check=True,
                          encoding="latin-1").stdout
    return [ast.literal_eval(row.strip()) for row in text.replace("\n", " ").split("@ROW")[1:]]


def language():
    """Words of the language: keywords, words for numbers, keys of settings, and what conditions and modes take."""
    words = set()
    for path in pathlib.Path("lang/words").glob("*.def"):
        words |= set(w for text in re.findall(r'"([a-zA-Z][\w ./-]*)"', path.read_text()) for w in text.split())
    for path in ("lang/tree/clause.def", "vm/proto.def", "vm/icmp.def", "vm/lb.def", "vm/mode.def"):
        if pathlib.Path(path).exists():
            words |= set(w for text in re.findall(r'"([a-zA-Z][\w ./-]*)"', pathlib.Path(path).read_text()) for w in text.split())
    return words


def quoted(text):
    return re.findall(r"`([^`]+)`", text)


def words_of(fragment):
    """Words of a quoted fragment, without strings, numbers, addresses, options and placeholders in capitals."""
    fragment = re.sub(r'"[^"]*"', " ", fragment)
    fragment = re.sub(r"(?<![\w-])--?[a-zA-Z][\w-]*(=\S*)?", " ", fragment)
    found = re.findall(r"(?<![\w.:/])[a-zA-Z_][\w-]*(?![\w.:/])", fragment)
    return [w for w in found if not re.fullmatch(r"[A-Z][A-Z0-9_]*", w) and not re.fullmatch(r"[EW]\d{4}", w)]


def unknown(rows, language):
    for code, title, explain, wrong, right in rows:
        names = set(re.findall(r"[\w-]+", wrong + " " + right))
        for fragment in quoted(title + " " + explain):
            for word in words_of(fragment):
                if word not in language and word not in names and word not in OTHER:
                    yield f"{code}: `{word}` of `{fragment}`"


def destinations(mode, words, folder):
    """Words that a service in this mode takes behind `->`, as the compiler has it."""
    lines = [f"service s on any tcp/any {{ mode {mode}"] + [f"when from 10.0.0.0/8 -> {word}" for word in words] + ["}"]
    path = pathlib.Path(folder, "tried.prey")
    path.write_text("\n".join(lines) + "\n")
    run = subprocess.run([PREYC, "--check", "--format=json", path.name], cwd=folder, capture_output=True, text=True, timeout=60)
    out = run.stdout if run.stdout.lstrip().startswith("{") else run.stderr
    bad = {d["line"] for d in json.loads(out)["diagnostics"] if d["severity"] == "error"}
    return {word for i, word in enumerate(words) if i + 2 not in bad}


def check_destinations(code, explanation, taken, others):
    """Return what the explanation lacks of the words that are taken, and says of others without need."""
    named = set(q.removeprefix("-> ").split(' "')[0] for q in quoted(explanation))
    return sorted(taken - named), sorted((named & others) - taken)


def main():
    failed = 0

    def say(good, what):
        nonlocal failed
        failed += not good
        print(f"{'ok' if good else 'not ok'} - {what}")

    table, known = rows(), language()
    explain = {code: text for code, _, text, _, _ in table}
    reference = "\n".join(page.read_text() for page in pathlib.Path("docs/guide/reference/language").glob("*.md"))
    words = sorted(known | set(re.findall(r"[a-z][a-z-]+", " ".join(re.findall(r"`([^`\n]+)`", reference)))))
    words = [w for w in words if re.fullmatch(r"[a-z][\w-]*", w)] + ["proxy inline"]
    with tempfile.TemporaryDirectory() as folder:
        wire = destinations("proxy inline", words + ['program "/s"'], folder)
        wire = {w.split(' "')[0] for w in wire} | {"target"} # which stands behind `when instruction` alone
        watching = destinations('observe; stream to "d"', words, folder)
    say({"original", "reject"} <= wire and {"stream", "pass"} <= watching, "the compiler takes destinations")
    lacks, extra = check_destinations("E0848", explain["E0848"], wire, watching | wire)
    say(not lacks and not extra, f"E0848 names what services in the wire take: {' '.join(sorted(wire))}" + (f"; not {lacks} {extra}" if lacks + extra else ""))
    lacks, extra = check_destinations("E0852", explain["E0852"], watching, watching | wire)
    say(not lacks and not extra, f"E0852 names what observe services take: {' '.join(sorted(watching))}" + (f"; not {lacks} {extra}" if lacks + extra else ""))
    say(check_destinations("", "`pass` and `original`", {"pass", "reject"}, {"pass", "reject", "original"}) == (["reject"], ["original"]),
        "a destination that is missing is found, and one that is none")
    known |= wire | watching # some of them are plain names
    found = sorted(unknown(table, known))
    for line in found:
        print("#", line)
    say(not found, "explanations use words that the language has")
    example = [("E0000", "", "write `ignroe` or `accept`", "", "")]
    say(list(unknown(example, known)) == ["E0000: `ignroe` of `ignroe`"], "a word that it does not have is found")
    return failed != 0


sys.exit(main())
