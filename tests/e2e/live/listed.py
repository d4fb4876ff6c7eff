"""The names of `preyctl counters` (standard input) that the guide's page doesn't list: listed.py PAGE. On the page a word in capitals is any
name, and `…` any rest; `.x` behind a name takes the place of its last part."""
import pathlib
import re
import sys

RATES = r"(_per_s)?$"


def names(line):
    last = ""
    for name in re.findall(r"`([a-z_]*(?:\.[\w/…-]+)+|[a-z_]+)`", line):
        last = last.rsplit(".", 1)[0] + name if name[0] == "." else name
        yield last


page = pathlib.Path(sys.argv[1]).read_text()
listed = {name for line in page.splitlines() for name in names(line)}
known = [re.compile(re.sub(r"\b[A-Z]+\b", ".+", re.escape(name)).replace("…", ".*") + RATES) for name in listed]
printed = [line.split()[0] for line in sys.stdin if not line.startswith("and ")]
print(len(printed) > 50, *(name for name in printed if not any(one.match(name) for one in known)))
