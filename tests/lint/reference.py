"""The reference of the language and lang/TREE.md hold the tables as they are: diagnostics, limits, timeouts, names, kinds of nodes.

Between `<!-- NAME -->` and `<!-- end -->` stands what this script makes of the sources; UPDATE=1 writes it there. In the
reference an example that is not due yet (it gives E0900) is one that is announced so: the paragraph before it says *not
yet*; every keyword of the grammar stands in an example or a table, and has one row of the index of keywords, whose links lead to
sections that hold the word. prey(5), which is made of the reference, shows all of it and joins its pages in the order of the
index. Prints TAP lines."""
import ast
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PREYC = pathlib.Path(os.environ.get("B", "build"), "preyc").resolve()
PAGE = PREYC.parent / "man" / "prey.5"
REFERENCE, TREE = pathlib.Path("docs/guide/reference/language"), pathlib.Path("lang/TREE.md")
INDEX = REFERENCE / "README.md"
KEYWORDS = REFERENCE / "keywords.md"
PAGES = [REFERENCE / name for name in re.findall(r"^- \[.*\]\(([a-z-]*\.md)\)$", INDEX.read_text(), re.M)]


def rows(macro, fields, path, before=""):
    """The rows of a table, as the preprocessor sees them: tuples of strings."""
    names = ", ".join(fields)
    shown = ", ".join(f"#{f}" if f in ("severity", "kind", "use") else f for f in fields if not f.startswith("_"))
    source = f'{before}#define {macro}({names}) @ROW ({shown},)\n#include "{path}"\n'
    text = subprocess.run(["gcc", "-E", "-P", "-I.", "-xc", "-"], input=source, capture_output=True, text=True,
                          check=True).stdout
    return [ast.literal_eval(row.strip()) for row in text.replace("\n", " ").split("@ROW")[1:]]


def cell(text):
    return text.replace("|", "\\|")


def table(head, lines):
    out = "| " + " | ".join(head) + " |\n|" + "---|" * len(head) + "\n"
    return out + "".join("| " + " | ".join(cell(c) for c in line) + " |\n" for line in lines)


def keywords():
    """The reserved words, and all others."""
    word = rows("WORD", ["_token", "text", "use", "_group", "_start"], "lang/words/word.def")
    return [t for t, use in word if use == "RESERVED"], [t for t, use in word if use != "RESERVED"]


def words(names):
    return ", ".join(f"`{n}`" for n in names)


def numbered(pairs):
    return table(["name", "number"] * 3, by_three([(f"`{name}`", str(number)) for name, number in pairs]))


def by_three(pairs):
    """Down the columns, three beside each other."""
    height = -(-len(pairs) // 3)
    pairs = pairs + [("", "")] * (3 * height - len(pairs))
    return [pairs[i] + pairs[i + height] + pairs[i + 2 * height] for i in range(height)]


def dscp():
    return rows("NUMBER_WORD", ["name", "number", "_who"], "lang/words/number_word.def")


def sections():
    diag = rows("DIAG", ["_ident", "code", "severity", "title", "explain", "wrong", "right"], "lang/diag/diag.def")
    limit = rows("LIMIT", ["key", "kind", "value", "doc"], "lang/words/limits.def")
    timeout = rows("TIMEOUT", ["key", "value", "doc"], "lang/words/timeouts.def")
    proto = rows("PROTO", ["_ident", "number", "name"], "vm/proto.def")
    icmp = rows("ICMP_TYPE", ["family", "number", "name"], "vm/icmp.def")
    reason = rows("REASON", ["_ident", "name", "doc"], "vm/reason.def")
    node = rows("NODE", ["_ident", "name", "children", "doc"], "lang/tree/ast.def")
    kinds = {"INT": "number", "SIZE": "size", "RATE": "rate"}
    reserved, _ = keywords()
    return PAGES, {
        "diagnostics": table(["code", "", "what it means"], [(d[0], d[1].lower(), d[2]) for d in sorted(diag)]),
        "limits": table(["key", "kind", "default", "meaning"], [(f"`{k}`", kinds[t], f"`{v}`", d) for k, t, v, d in limit]),
        "timeouts": table(["key", "default", "meaning"], [(f"`{k}`", f"`{v}`", d) for k, v, d in timeout]),
        "protocols": numbered([(name, number) for number, name in proto]),
        "icmp-types": "".join(f"\n`{word}`:\n\n" + numbered([(name, n) for f, n, name in icmp if f == family])
                              for family, word in ((4, "icmp"), (6, "icmp6"))),
        "dscp": numbered(dscp()),
        "reasons": table(["reason", "what is wrong"], [(f"`{n}`", d) for n, d in reason if n != "-"]),
        "keywords": f"These words are reserved, and can't be names: {words(reserved)}.\n",
    }, [TREE], {
        "nodes": table(["node", "children", "what it is"], [(f"`{n}`", f"`{c}`" if c else "", d) for n, c, d in node]),
    }


failed = 0


def say(good, what, *why):
    global failed
    failed += not good
    for line in why if not good else ():
        print(f"#   {line}")
    print(f"{'ok' if good else 'not ok'} - {what}")


def check_tables(documents, bodies):
    for name, body in bodies.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.S)
        holding = [page for page in documents if pattern.search(page.read_text())]
        text = holding[0].read_text() if holding else ""
        fresh = pattern.sub(lambda m: m.group(1) + body + m.group(2), text)
        if os.environ.get("UPDATE") and fresh != text:
            holding[0].write_text(fresh)
            text = fresh
        say(len(holding) == 1 and fresh == text, f"one page, {holding and holding[0].name}, holds the table `{name}`",
            "UPDATE=1 python3 tests/lint/reference.py writes it")


def codes(text):
    with tempfile.TemporaryDirectory() as folder:
        for entry in REFERENCE.resolve().iterdir():
            pathlib.Path(folder, entry.name).symlink_to(entry)
        pathlib.Path(folder, "block.prey").write_text(text)
        run = subprocess.run([PREYC, "--check", "--format=json", "block.prey"], cwd=folder, capture_output=True, text=True,
                             timeout=60)
    found = json.loads(run.stdout)["diagnostics"]
    return ({d["code"] for d in found if d["severity"] == "error"},
            [f"{d['code']} {d['line']}: {d['message']}" for d in found])


def check_examples():
    told = " ".join(re.sub(r"<!-- (keywords|diagnostics) -->.*?<!-- end -->", "", page.read_text(), flags=re.S) for page in PAGES if page != KEYWORDS)
    for page in [INDEX, *PAGES]:
        text = page.read_text()
        for match in re.finditer(r"^```prey\n(.*?)^```", text, re.M | re.S):
            before, line = text[:match.start()].rstrip().split("\n\n")[-1], text.count("\n", 0, match.start()) + 2
            later = re.search(r"\*not\s+yet\*", before, re.I) is not None and before[0] != "|"
            found, why = codes(match.group(1))
            say(found == ({"E0900"} if later else set()),
                f"{page.name}:{line}: the example " + ("is not due yet, as said" if later else "compiles"), *why,
                "*not yet* in the paragraph before it says that an example gives E0900 and nothing else")
    unseen = [w for part in keywords() for w in part if not holds(told, w)]
    say(not unseen, "every keyword is told of", *unseen)
    lost = sorted({page.name for page in REFERENCE.glob("*.md")} - {page.name for page in [INDEX, *PAGES]})
    say(not lost, "the index of the reference leads to every page", *lost)


def holds(text, word):
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)


def headings_of(text):
    """The anchor and the text of each section of a page, up to the next heading."""
    parts = re.split(r"^#+ (.+)$", FENCE.sub(lambda m: re.sub("^#", " #", m[0], flags=re.M), text), flags=re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-"): body for head, body in zip(parts[1::2], parts[2::2])}


def check_keywords():
    """One row a keyword, in order, reserved ones bold; each link leads to a section that holds the word."""
    reserved, others = keywords()
    found = re.findall(r"^\| (\**)`([^`]+)`\** \| (.*) \|$", KEYWORDS.read_text(), re.M)
    expected = sorted(reserved + others, key=lambda word: (word.lower(), word))
    rows_found = [word for _, word, _ in found]
    say(rows_found == expected, "the index of keywords has a row for each, in order", *(set(rows_found) ^ set(expected)))
    wrong = [word for mark, word, _ in found if bool(mark) != (word in reserved)]
    say(not wrong, "reserved words are bold there", *wrong)
    sections_of = {page.name: headings_of(page.read_text()) for page in PAGES}
    lost = [f"{word}: {page}#{anchor}" for _, word, links in found for page, anchor in re.findall(r"\]\(([a-z-]+\.md)#([^)]*)\)", links)
            if not holds(sections_of.get(page, {}).get(anchor, ""), word)]
    lost += [f"{word}: no link" for _, word, links in found if "](" not in links]
    say(not lost, "its links lead to sections that hold the word", *lost)


def plain(text):
    """Text without its marks and blanks, as a page shows it."""
    text = re.sub(r"\[((?:[^\]`]|`[^`]*`)*)\]\([^)]*\)", r"\1", text)
    parts = text.split("`")
    parts[::2] = [part.replace("*", "") for part in parts[::2]]
    return re.sub(r"\s", "", "".join(parts)).replace("…", "...")


FENCE = re.compile(r"^```.*?^```$", re.M | re.S)


def pieces(text):
    """Each line of an example, each cell of a table, each paragraph and item."""
    for example in FENCE.findall(text):
        yield from (re.sub(r"\s", "", line).replace("…", "...") for line in example.splitlines()[1:-1])
    prose = re.sub(r"^(#|<!--).*", "", FENCE.sub("\n", text), flags=re.M)
    for row in re.findall(r"^\|.*", prose, re.M):
        yield from (plain(cell.replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", row) if cell.strip(" -"))
    for part in re.split(r"\n\n|\n(?=- )", re.sub(r"^\|.*", "", prose, flags=re.M)):
        yield plain(part.strip().removeprefix("- "))


def check_page():
    texts, page = [path.read_text() for path in PAGES], PAGE.read_text()
    headings = []
    for text in texts:
        headings += [h.upper() if depth == "#" else h for depth, h in re.findall(r"^(#+) (.+)$", FENCE.sub("", text), re.M)]
    found = re.findall(r"^\.S[HS] (.+)$", page, re.M)
    say(found == ["NAME", "DESCRIPTION", *headings, "SEE ALSO"], "prey(5) has the reference's headings", *(set(headings) ^ set(found)))
    what = "prey(5) shows all of the reference"
    if not shutil.which("mandoc"):
        print(f"ok - {what} # SKIP mandoc is not installed")
        return
    shown = subprocess.run(["mandoc", "-T", "ascii"], input=page, capture_output=True, text=True, check=True).stdout
    shown = re.sub(r"\s", "", re.sub(".\b", "", shown))
    lost = [piece[:100] for text in texts for piece in pieces(text) if piece not in shown]
    say(not lost, what, *lost[:20])


def main():
    pairs = iter(sections())
    for documents, bodies in zip(pairs, pairs):
        check_tables(documents, bodies)
    check_examples()
    check_keywords()
    check_page()
    return failed != 0


sys.exit(main())
