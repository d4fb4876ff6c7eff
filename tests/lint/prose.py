#!/usr/bin/env python3
"""Pages read well (docs/style.md, Documents): prose.py [PAGE...].

No page has a sentence above 35 words, a paragraph above 90, one that begins with What, Who, Whoever, Where or Of, or American
spelling: README.md, the guide, the man pages, and the notes for developers in docs/ and the rooms. Pages for users also avoid
words that docs/words.md strikes out for them (~~word~~), and have at most 2,500 words beside tables and listings. Over all pages for
users, the rates per 1,000 words of "what + word", "says/tells" and "stands/lies" have bounds. With pages as arguments, the lint prints
all faults of these. COUNT=1 prints the counts of each page. Prints TAP lines."""
import os
import pathlib
import re
import subprocess
import sys

SENTENCE, PARAGRAPH, PAGE = 35, 90, 2500
MADE = ("RESULTS.md", "BYTECODE.md") # tables that programs write
BEGIN = re.compile(r"(What|Who|Whoever|Where|Of)\b(?! is| are)")
RATES = [("what + word", re.compile(r"\bwhat [a-z]", re.I), 3), ("says/tells", re.compile(r"\b(says?|said|tells?|told)\b", re.I), 1),
         ("stands/lies", re.compile(r"\b(stands?|stood|lies|lie|lay)\b", re.I), 1)]
AMERICAN = re.compile(r"\b(colors?|colored|behaviors?|centers?|gray|favorites?|analyzed?|catalogs?|cancel(?:ed|ing)|"
                      r"label(?:ed|ing)|model(?:ed|ing)|travel(?:ed|ing)|neighbors?|honors?|(?:normal|initial|real|recogn|organ|optim|author|"
                      r"summar|minim|maxim|special|synchron)iz(?:e|es|ed|ing|ation))\b")
ROFF = re.compile(r"\\f[BIRP]|\\&")


def struck():
    """Words and phrases that docs/words.md strikes out."""
    found = re.findall(r"~~([^~]+)~~", pathlib.Path("docs/words.md").read_text())
    return re.compile(r"\b(" + "|".join(map(re.escape, sorted(found, key=len, reverse=True))) + r")\b", re.I) if found else None


def from_roff(text):
    """A man page's prose as Markdown's: paragraphs, headings; listings and synopses go."""
    out, listing = [], False
    for line in text.splitlines():
        if re.match(r"\.(nf|EX|SY)\b", line):
            listing = True
        elif re.match(r"\.(fi|EE|YS)\b", line):
            listing = False
        elif listing or line.startswith('.\\"') or line.startswith("'\\\""):
            continue
        elif re.match(r"\.(SH|SS|TH)\b", line):
            out += ["", "# " + line[3:].strip(), ""]
        elif re.match(r"\.(PP|P|LP|TP|IP|TQ|RS|RE|br|sp)\b", line):
            out.append("")
        elif m := re.match(r"\.[BI][BIR]? (.*)", line):
            out.append("`" + m[1].replace('"', "") + "`")
        elif not line.startswith("."):
            out.append(re.sub(r"\\f[BI](.*?)\\f[RP]", r"`\1`", line).replace("\\-", "-").replace("\\e", "\\"))
    return ROFF.sub("", "\n".join(out))


def paragraphs(path):
    """(line, kind, text) of each paragraph, item and cell: code is one word, a link its text; kind `cell` for those of tables."""
    text = path.read_text()
    if path.suffix != ".md":
        text = from_roff(text)
    blank = lambda m: re.sub(r"[^\n]", "", m[0])
    text = re.sub(r"^( *)```.*?^\1```$", blank, text, flags=re.M | re.S)
    text = re.sub(r"<!-- [\w-]+ -->.*?<!-- end -->", blank, text, flags=re.S) # what is made of tables is checked where it is written
    text = re.sub(r"<!--.*?-->|<[^>\n]+>", blank, text, flags=re.S)
    text = re.sub(r"!?\[((?:[^\]`]|`[^`]*`)*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"``.+?``|`[^`]+`", lambda m: "code" + "\n" * m[0].count("\n"), text)
    part, begin = [], 0
    for number, line in enumerate(text.splitlines() + [""], 1):
        item = re.match(r"\s*(?:[-*]|\d+\.) +(.*)", line)
        table = re.match(r"\|(.*)\|\s*$", line)
        if not line.strip() or item or table or line.startswith("#"):
            if part:
                yield begin, "text", " ".join(part)
            part = []
        if table:
            yield from ((number, "cell", cell.strip()) for cell in re.split(r"(?<!\\)\|", table[1]) if cell.strip(" -:"))
        elif line.strip() and not line.startswith("#"):
            if not part:
                begin = number
            part.append((item[1] if item else line).strip())


def sentences(text):
    text = re.sub(r"\b(e\.g|i\.e|etc|vs)\.", r"\1", text).replace("**", "").replace("*", "")
    return [s for s in re.split(r"(?<=[.!?:])\)?\s+(?=[A-Z\"(]|code\b)|(?<=[.!?])\)?\s+", text) if s.strip()]


def words(text):
    return len(re.findall(r"[\w'’/.-]*\w[\w'’/.-]*", text))


def for_users(page):
    """Whether it is one of the pages that the package installs or README.md: the others are notes for developers."""
    return page == "README.md" or page.startswith(("docs/guide/", "man/"))


def faults(path, never):
    total, beside, said = 0, 0, []
    counts = dict.fromkeys((name for name, _, _ in RATES), 0)
    for line, kind, text in paragraphs(path):
        if kind == "text":
            total += words(text)
            if words(text) > PARAGRAPH:
                said.append(f"{path}:{line}: a paragraph of {words(text)} words, at most {PARAGRAPH}")
        else:
            beside += words(text)
        for name, pattern, _ in RATES:
            counts[name] += len(pattern.findall(text))
        for sentence in sentences(text):
            if words(sentence) > SENTENCE:
                said.append(f"{path}:{line}: a sentence of {words(sentence)} words, at most {SENTENCE}: {sentence[:70]}")
            if BEGIN.match(sentence) and not sentence.endswith("?"):
                said.append(f"{path}:{line}: a sentence begins with a word that leaves its subject out: {sentence[:70]}")
        for found in never.findall(text) if never else []:
            said.append(f"{path}:{line}: `{found}` is no word for users (docs/words.md)")
        for found in AMERICAN.findall(text):
            said.append(f"{path}:{line}: `{found}` is not British spelling")
    if never and total > PAGE and path.suffix == ".md":
        said.append(f"{path}: {total} words beside tables and listings, at most {PAGE}")
    return total + beside, counts, said


def main():
    never = struck()
    listed = subprocess.run(["git", "ls-files", "*.md", "man/*.[15]"], capture_output=True, text=True, check=True).stdout.split()
    listed = [page for page in listed if not page.endswith(MADE)]
    pages = sys.argv[1:] or listed
    all_words, all_counts, wrong = 0, dict.fromkeys((name for name, _, _ in RATES), 0), []
    for page in pages:
        if not os.path.exists(page):
            continue
        total, counts, said = faults(pathlib.Path(page), never if for_users(page) else None)
        rates = [f"{name}: {counts[name] * 1000 / max(total, 1):.1f} per 1,000 words, at most {bound}" for name, _, bound in RATES
                 if for_users(page) and counts[name] > 1 and counts[name] * 1000 > 1.5 * bound * total]
        if os.environ.get("COUNT"):
            print(f"# {page}: {total} words, " + ", ".join(f"{name} {count}" for name, count in counts.items()))
        wrong += said + [f"{page}: {rate}" for rate in rates]
        if for_users(page):
            all_words += total
            for name in counts:
                all_counts[name] += counts[name]
    for line in wrong:
        print("# " + line)
    print(("not " if wrong else "") + f"ok - {len(pages)} pages are short, plain and British")
    failed = bool(wrong)
    for name, _, bound in RATES:
        rate = all_counts[name] * 1000 / max(all_words, 1)
        print(("not " if rate > bound else "") + f"ok - {name}: {rate:.1f} per 1,000 words, at most {bound}")
        failed |= rate > bound
    return failed


if __name__ == "__main__":
    sys.exit(main())
