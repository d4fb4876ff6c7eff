"""Every diagnostic: its wrong example gives it, its right one doesn't, and a golden file shows it.

Prints TAP lines. The examples are compiled by the built preyc ($B/preyc), as text in a file of its own folder."""
import ast
import json
import os
import pathlib
import subprocess
import sys
import tempfile

PREYC = pathlib.Path(os.environ.get("B", "build"), "preyc").resolve()


def table():
    """Rows of lang/diag/diag.def, as the preprocessor sees them: (ident, code, severity, wrong, right). A byte a character, since
    some examples are no UTF-8."""
    source = '#define DIAG(ident, code, severity, title, explain, wrong, right) @ROW (#ident, code, #severity, wrong, right)\n' \
             '#include "lang/diag/diag.def"\n'
    text = subprocess.run(["gcc", "-E", "-P", "-I.", "-xc", "-"], input=source, capture_output=True, check=True,
                          encoding="latin-1").stdout
    return [ast.literal_eval(row.strip()) for row in text.replace("\n", " ").split("@ROW")[1:]]


def codes_of(text, folder):
    path = pathlib.Path(folder, "example.prey")
    path.write_bytes(text.encode("latin-1"))
    run = subprocess.run([PREYC, "--check", "--format=json", "example.prey"], cwd=folder, capture_output=True,
                         encoding="utf-8", errors="replace", timeout=60)
    for stream in (run.stdout, run.stderr):
        if stream.lstrip().startswith("{"):
            return run.returncode, [d["code"] for d in json.loads(stream)["diagnostics"]]
    return run.returncode, []


def text_of(folder):
    return "".join(p.read_text(errors="replace") for p in pathlib.Path(folder).rglob("*") if p.is_file())


def main():
    golden = text_of("tests/golden")
    units = text_of("tests/unit")
    rows = table()
    failed = 0

    def say(good, what):
        nonlocal failed
        failed += not good
        print(f"{'ok' if good else 'not ok'} - {what}")

    seen = set()
    with tempfile.TemporaryDirectory() as folder:
        for ident, code, severity, wrong, right in rows:
            say(code not in seen, f"{code} stands once in the table")
            seen.add(code)
            say(code[0] == severity[0], f"{code} has its severity's letter")
            if wrong:
                say(code in golden, f"{code} stands in a golden file")
            else: # no short text shows it
                say(code in golden or code in units or ident in units, f"{code} stands in a golden file or a unit test")
            if wrong:
                status, codes = codes_of(wrong, folder)
                say(code in codes, f"{code}: its wrong example gives it" + ("" if code in codes else f", not {codes}"))
                # One mistake, one report: a warning beside it is fine, another error would be a cascade.
                # E0900 is no mistake of the text.
                others = sorted({c for c in codes if c[0] == "E" and c not in (code, "E0900")})
                say(not others, f"{code}: its wrong example gives no other error" + (f" ({others})" if others else ""))
            if right:
                status, codes = codes_of(right, folder)
                errors = [c for c in codes if c == code or (c[0] == "E" and c != "E0900")]
                say((status == 0 or "E0900" in codes) and not errors, f"{code}: its right example compiles" + (f", but {codes}" if codes else ""))
            explained = subprocess.run([PREYC, "--explain", code], capture_output=True, encoding="utf-8",
                                       errors="replace", timeout=60)
            say(explained.returncode == 0 and code in explained.stdout, f"{code} is explained")
    return failed != 0


sys.exit(main())
