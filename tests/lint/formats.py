"""The guide's page of output formats is that of the sources: the events of runtime/live/tell/event.def (UPDATE=1 writes the table), the versions of
recordings, the kinds of changes in a state file, and each member of the statistics document. Prints TAP lines."""
import json
import os
import pathlib
import re
import sys

sys.dont_write_bytecode = True
import counters

PAGE = pathlib.Path("docs/guide/reference/formats.md")
EVENTS = re.compile(r"(<!-- events -->\n\|.*\n\|.*\n)((?:\|.*\n)*)(<!-- end -->)")
VERSIONS = re.compile(r"(<!-- recordings -->).*?(<!-- end -->)")
DOCUMENT = pathlib.Path("tests/golden/told/document.json")


def versions():
    text = pathlib.Path("runtime/record/format.h").read_text()
    return [re.search(rf"RECORD_{name} = (\d+)", text)[1] for name in ("OLDEST", "VERSION")]


def main():
    text = PAGE.read_text()
    events = counters.expand("#define EVENT(ident, word, plain, most, doc) @ROW (word, most, doc)\n", "runtime/live/tell/event.def")
    table = "".join(f"| `{word}` | {most:,} | {doc} |\n" for word, most, doc in events)
    fresh = EVENTS.sub(lambda m: m[1] + table + m[3], text)
    fresh = VERSIONS.sub(lambda m: m[1] + " to ".join(versions()) + m[2], fresh)
    if os.environ.get("UPDATE"):
        PAGE.write_text(fresh)
        text = fresh
    counters.say(fresh == text, "the page has the events and versions of the sources (UPDATE=1 python3 tests/lint/formats.py)")
    cells = {name for row in re.findall(r"^\| (`.*?) \|", text, re.M) for name in re.findall(r"`([\w-]+)`", row)}
    kinds = [word for word, in counters.expand("#define CHANGE(ident, word, undo, when, name) @ROW (word,)\n", "runtime/host/change.def")]
    missing = [kind for kind in kinds if kind not in cells]
    counters.say(not missing, "each kind of change of a state file has a row", *missing)
    groups = {path.split(".")[0] for path, _ in counters.page_rows()}  # the page of counters has these
    missing = [name for name in json.loads(DOCUMENT.read_text()) if name not in cells | groups]
    counters.say(not missing, "each member of the statistics document has a row", *missing)
    sys.exit(counters.failed != 0)


if __name__ == "__main__":
    main()
