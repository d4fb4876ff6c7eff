"""Every ```prey block of every document compiles, with the files that stand beside the document.

README.md is one page. Blocks below rules-examples/, which users start from, give no warning either. A block that uses what is
not due yet gives E0900 and nothing else: tests/golden/docs-e0900.txt lists those. UPDATE=1 rewrites the list. Prints TAP lines."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PREYC = pathlib.Path(os.environ.get("B", "build"), "preyc").resolve()
LIST = pathlib.Path("tests/golden/docs-e0900.txt")
PAGE = 120


def blocks(document):
    """(line of its first line, text) of each prey block."""
    fence = re.compile(r"^( *)```prey\n(.*?)^\1```", re.M | re.S)
    text = document.read_text()
    for match in fence.finditer(text):
        yield text.count("\n", 0, match.start()) + 2, match.group(2)


def check(document, text):
    """Compile as if the block were a file in the document's folder; all errors, and in documents to start from all warnings."""
    told = "EW" if document.parts[0] == "rules-examples" else "E"
    with tempfile.TemporaryDirectory() as folder:
        for entry in document.parent.resolve().iterdir():
            pathlib.Path(folder, entry.name).symlink_to(entry)
        path = pathlib.Path(folder, "block-of-document.prey")
        path.write_text(text)
        run = subprocess.run([PREYC, "--check", "--format=json", path.name], cwd=folder, capture_output=True, text=True,
                             timeout=60)
    found = []
    for stream in (run.stdout, run.stderr):
        if stream.lstrip().startswith("{"):
            found = [d for d in json.loads(stream)["diagnostics"] if d["code"][0] in told]
    if run.returncode and not found:
        found = [{"code": f"exit {run.returncode}", "message": run.stderr.strip()}]
    return found


def main():
    documents = subprocess.run(["git", "ls-files", "*.md"], capture_output=True, text=True, check=True).stdout.split()
    expected = LIST.read_text().splitlines() if LIST.exists() else []
    later, failed = [], 0
    for name in documents:
        for number, (line, text) in enumerate(blocks(pathlib.Path(name)), 1):
            errors = check(pathlib.Path(name), text)
            codes = {e["code"] for e in errors}
            entry = f"{name} block {number}: {len(errors)} E0900"
            if codes == {"E0900"}:
                later.append(entry)
            good = not codes or (codes == {"E0900"} and (entry in expected or os.environ.get("UPDATE")))
            for error in [] if good else errors:
                print(f"#   {error['code']} {error.get('message', '')}")
            print(f"{'ok' if good else 'not ok'} - {name}:{line} compiles" + (", but for what is not due" if codes else ""))
            failed += not good
    lines = len(pathlib.Path("README.md").read_text().splitlines())
    print(f"{'ok' if lines <= PAGE else 'not ok'} - README.md is one page: {lines} lines, at most {PAGE}")
    failed += lines > PAGE
    if os.environ.get("UPDATE") and (later or LIST.exists()):
        LIST.write_text("".join(entry + "\n" for entry in later))
    gone = sorted(set(expected) - set(later)) if not os.environ.get("UPDATE") else []
    for entry in gone:
        print(f"#   listed, but no longer so: {entry}")
    print(f"{'not ok' if gone else 'ok'} - the list of blocks that are not due yet is exact")
    return bool(failed or gone)


sys.exit(main())
