#!/usr/bin/env python3
"""The pages of the site as Sphinx reads them, in a folder of their own: stage.py FOLDER PREY.5.

Pages keep their places in the tree, so links between them lead on. The guide's index gets the table of contents that the sidebar shows, from
its own lists. A man page becomes a page of HTML, by mandoc. Files that a page links and that are no page are copied: readers download them."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

LINK = re.compile(r"(?<!\\)\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)")
USERS = ("README.md", "docs/guide/", "rules-examples/", "systemd/", "integrations/", "editors/")
NOTES = "docs/README.md" # the notes for developers: they have a place of their own, and the search leaves them out
PICTURES = "docs/guide/pictures/README.md" # a note, too: how the pictures are drawn
MAN = ["man/preyc.1", "man/preyrun.1", "man/preyctl.1"]
KNOWN = {"json", "sh", "bash", "c", "python", "yaml", "ini", "html"} # languages of listings that the highlighter knows


def without_listings(text):
    return re.sub(r"^( *)```.*?^\1```", "", text, flags=re.M | re.S)


def reached(first):
    """The pages that links lead to from the first, and the files that they link."""
    pages, files, todo = set(), set(), [first]
    while todo:
        page = todo.pop()
        if page in pages:
            continue
        pages.add(page)
        for target in LINK.findall(without_listings(pathlib.Path(page).read_text())):
            path = os.path.normpath(os.path.join(os.path.dirname(page), target))
            if os.path.isfile(path + "/README.md"):
                path += "/README.md"
            if os.path.isfile(path):
                todo.append(path) if path.endswith(".md") else files.add(path)
    return pages, files


def toctree(paths, caption=None):
    return "\n```{toctree}\n:hidden:\n" + (f":caption: {caption}\n" if caption else "") + "\n" + "\n".join(paths) + "\n```\n"


def contents(text):
    """Tables of contents of an index: one for each list of links, its caption the bold word before."""
    out, caption, items = [], None, []
    for line in text.splitlines() + ["## "]:
        item = re.match(r"- \[[^\]]*\]\(([^)#]+\.md)\)", line)
        head = re.match(r"(?:## |\*\*)([^*]+)", line)
        if item:
            items.append(item[1])
        elif (head or line.startswith("## ")) and items:
            out.append(toctree(items, caption))
            items = []
        if head:
            caption = head[1].strip()
    return "".join(out)


def page_text(path):
    text = pathlib.Path(path).read_text()

    def link(match):
        target = os.path.normpath(os.path.join(os.path.dirname(path), match[1]))
        return match[0].replace(match[1], match[1].rstrip("/") + "/README.md", 1) if os.path.isfile(target + "/README.md") else match[0]

    parts = re.split(r"(^ *```.*?^ *```$)", text, flags=re.M | re.S)
    parts[::2] = [LINK.sub(link, part) for part in parts[::2]]
    return re.sub(r"^( *```)([\w-]+).*$", lambda m: m[1] + (m[2] if m[2] in KNOWN else "none"), "".join(parts), flags=re.M)


def man_page(source, folder):
    """A man page as HTML within a page of the site: its headings are one lower, for the title is the page's."""
    html = subprocess.run(["mandoc", "-T", "html", "-O", "fragment,man=%N.%S.html", source], capture_output=True, text=True, check=True).stdout
    html = re.sub(r'<table class="(head|foot)">.*?</table>', "", html, flags=re.S)
    name, section = os.path.basename(source).rsplit(".", 1)
    target = pathlib.Path(folder, "man", f"{name}.{section}.md")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"# {name}({section})\n\n~~~~~~{{raw}} html\n{html}\n~~~~~~\n")
    return f"man/{target.name}"


def main():
    folder, language = sys.argv[1:]
    shutil.rmtree(folder, ignore_errors=True)
    pages, files = reached("README.md")
    notes = sorted(path for path in pages if (not path.startswith(USERS) or path == PICTURES) and path != NOTES)
    for path in sorted(pages | files):
        target = pathlib.Path(folder, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path in pages:
            target.write_text(("---\nnosearch: true\n---\n" if path in notes else "") + page_text(path))
        else:
            shutil.copy(path, target)
    man = [man_page(source, folder) for source in [*MAN, language]]
    others = sorted(path for path in pages if path.startswith(USERS[2:]))
    add(folder, "README.md", contents_of("docs/guide/README.md") + toctree(man, "Manual pages") + toctree(others, "Examples") +
        toctree([NOTES], "For developers"))
    index = "docs/guide/reference/language/README.md"
    add(folder, index, contents(pathlib.Path(index).read_text()))
    add(folder, NOTES, toctree([os.path.relpath(path, os.path.dirname(NOTES)) for path in notes]))


def add(folder, path, text):
    with pathlib.Path(folder, path).open("a") as page:
        page.write(text)


def contents_of(path):
    """An index's tables of contents, as the page at the top would write them."""
    folder = os.path.dirname(path)
    return toctree([path]) + re.sub(r"^([\w./-]+\.md)$", lambda m: f"{folder}/{m[1]}", contents(pathlib.Path(path).read_text()), flags=re.M)


main()
