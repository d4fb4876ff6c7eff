"""lang/REFERENCE.md holds the tables as they are: diagnostics, limits, timeouts, names, kinds of nodes.

Between `<!-- NAME -->` and `<!-- end -->` stands what this script makes of the .def files; UPDATE=1 writes it there.
Prints TAP lines."""
import ast
import os
import pathlib
import re
import subprocess
import sys

DOCUMENT = pathlib.Path("lang/REFERENCE.md")


def rows(macro, fields, path, before=""):
    """The rows of a table, as the preprocessor sees them: tuples of strings."""
    names = ", ".join(fields)
    shown = ", ".join(f"#{f}" if f in ("severity", "kind") else f for f in fields if not f.startswith("_"))
    source = f'{before}#define {macro}({names}) @ROW ({shown},)\n#include "{path}"\n'
    text = subprocess.run(["gcc", "-E", "-P", "-I.", "-xc", "-"], input=source, capture_output=True, text=True,
                          check=True).stdout
    return [ast.literal_eval(row.strip()) for row in text.replace("\n", " ").split("@ROW")[1:]]


def cell(text):
    return text.replace("|", "\\|")


def table(head, lines):
    out = "| " + " | ".join(head) + " |\n|" + "---|" * len(head) + "\n"
    return out + "".join("| " + " | ".join(cell(c) for c in line) + " |\n" for line in lines)


def quoted_names(path, macro, number):
    """The string in field `number` of every row, in order, each once."""
    found = re.findall(rf'^{macro}\(([^"]*"[^"]*".*)', pathlib.Path(path).read_text(), re.M)
    names = [re.split(r",\s*", row)[number].strip('") ') for row in found]
    return list(dict.fromkeys(names))


def sections():
    diag = rows("DIAG", ["_ident", "code", "severity", "title", "explain", "wrong", "right"], "lang/diag.def")
    limit = rows("LIMIT", ["key", "kind", "value", "doc"], "lang/limits.def")
    timeout = rows("TIMEOUT", ["key", "value", "doc"], "lang/timeouts.def")
    node = rows("NODE", ["_ident", "name", "children", "doc"], "lang/ast.def")
    kinds = {"INT": "number", "SIZE": "size", "RATE": "rate"}
    return {
        "diagnostics": table(["code", "", "what it means"], [(d[0], d[1].lower(), d[2]) for d in sorted(diag)]),
        "limits": table(["key", "kind", "default", "meaning"], [(f"`{k}`", kinds[t], f"`{v}`", d) for k, t, v, d in limit]),
        "timeouts": table(["key", "default", "meaning"], [(f"`{k}`", f"`{v}`", d) for k, v, d in timeout]),
        "protocols": ", ".join(f"`{n}`" for n in quoted_names("vm/proto.def", "PROTO", 2)) + "\n",
        "icmp-types": ", ".join(f"`{n}`" for n in quoted_names("vm/icmp.def", "ICMP_TYPE", 2)) + "\n",
        "nodes": table(["node", "children", "what it is"], [(f"`{n}`", f"`{c}`" if c else "", d) for n, c, d in node]),
    }


def main():
    text = DOCUMENT.read_text()
    failed = 0
    for name, body in sections().items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.S)
        fresh = pattern.sub(lambda m: m.group(1) + body + m.group(2), text)
        good = pattern.search(text) is not None and (fresh == text or bool(os.environ.get("UPDATE")))
        text = fresh
        failed += not good
        print(f"{'ok' if good else 'not ok'} - REFERENCE.md holds the table `{name}`")
    if os.environ.get("UPDATE"):
        DOCUMENT.write_text(text)
    return failed != 0


sys.exit(main())
