"""The manual and the guide's page list every counter of vm/counter.def, runtime/counters/counter.def, the proxy's tables and the kernel
executor's reasons by its place in JSON, and preyrun prints each (those of the second: tests/e2e/live-passthrough.sh, live-kernel-flood.sh; of
the third: tests/e2e/live-proxy.sh; of the last: tests/unit/runtime/test_kernel_long.c). UPDATE=1 rewrites the lists between their marks in
man/preyrun.1 and docs/guide/reference/counters.md. There, `<!-- counters-a-b-and-c -->` begins the table of the names below a.b and
below c; a third column is written by hand and kept. Prints TAP lines."""
import ast
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

MAN = pathlib.Path("man/preyrun.1")
PAGE = pathlib.Path("docs/guide/reference/counters.md")
TABLE = re.compile(r"(<!-- counters-([\w-]+) -->\n(\|.*\n\|.*\n))((?:\|.*\n)*)(?=<!-- end -->)")
TOP = "top" # the names without a dot
BUILD = pathlib.Path(os.environ.get("B", "build")).resolve()
KINDS = ["VM", "FLOW", "FORWARD", "NAT", "MAPPING", "FRAG"]
BEGIN, LIVE, WHY, PROXY, END = (f'.\\" {mark}\n' for mark in ("counters", "live counters", "reasons in the kernel", "proxy counters", "end"))
# Of runtime/counters/counter.def: a macro, how its arguments are called, and its place in JSON.
LIVE_KINDS = [("IO", "key, words, doc", '"interfaces[]." #key, doc'), ("WORKER", "field, key, doc", '"live." key, doc'),
              ("EGRESS", "field, key, doc", '"live." key, doc'), ("LOSS", "ident, key, doc", '"live.lost." key, "not sent: " doc'),
              ("KERNEL", "field, key, words, doc", '"kernel." key, doc')]
# Of the kernel executor's reasons: as PROXY_KINDS.
WHY_KINDS = [("vm/kernel/up.def", "UP", "ident, name, doc", '"kernel.up." name, doc'),
             ("vm/kernel/long.def", "LONG", "ident, name, doc", '"kernel.long." name, doc')]
# Of the proxy's tables: the table, its macro, how its arguments are called, and its place in JSON.
PROXY_KINDS = [("runtime/counters/proxy_count.def", "COUNT", "field, key, doc", '"proxy." key, doc'),
               ("runtime/counters/proxy_http_count.def", "HTTP_COUNT", "ident, key, doc", '"proxy.http." key, doc'),
               ("runtime/counters/proxy_tls_count.def", "TLS_COUNT", "ident, key, doc", '"proxy.tls." key, doc'),
               ("runtime/counters/proxy_time.def", "PROXY_TIME", "ident, key, doc", '"proxy.took." key, doc'),
               ("runtime/counters/proxy_end.def", "END", "ident, name, class, doc", '"proxy.ended_by." name, doc'),
               ("vm/flow/splice_stays.def", "SPLICE_WHY", "ident, key, doc", '"proxy.stays." key, doc'),
               ("vm/stream/reason.def", "STREAM_REASON", "ident, name, status, doc", '"proxy.refused." name, doc')]

# Of the guide's page alone.
GUIDE_KINDS = [("vm/flow/flow_end.def", "FLOW_END", "ident, name, doc", '"flows.ended." name, doc'),
               ("runtime/observe/counters.def", "OBSERVED", "field, name, doc", '"observed_files." name, doc'),
               ("vm/counter.def", "OBSERVE_COUNTER", "field, kind, object, key, line, words, doc", 'object "." key, doc')]

# A program that counts all of them.
RULES = """pool p { source 10.9.0.1; server a 10.0.0.11 }
service s on 203.0.113.10 tcp/80 { mode passthrough; -> p }
nat home { masquerade from 10.0.0.0/8 out on "eth0" }
firewall f default drop { accept state established; reject udp to port 5 }
"""

failed = 0


def say(good, what, *why):
    global failed
    failed += not good
    for line in why if not good else ():
        print("#  ", line)
    print("ok" if good else "not ok", "-", what)


def expand(macros, table):
    """What follows each @ROW, as a tuple."""
    text = subprocess.run(["gcc", "-E", "-P", "-I.", "-xc", "-"], input=macros + f'#include "{table}"\n',
                          capture_output=True, text=True, check=True).stdout
    return [ast.literal_eval(row.strip()) for row in text.replace("\n", " ").split("@ROW")[1:]]


def rows():
    """(object.key, doc) of each row, in order."""
    macros = "".join(f"#define {k}_COUNTER(field, kind, object, key, line, words, doc) @ROW (object, key, doc)\n" for k in KINDS)
    return [(f"{obj}.{key}" if obj else key, doc) for obj, key, doc in expand(macros, "vm/counter.def")]


def live_rows():
    return expand("".join(f"#define {k}_COUNTER({args}) @ROW ({row})\n" for k, args, row in LIVE_KINDS), "runtime/counters/counter.def")


def rows_of(kinds):
    """The same of several tables, without the row that stands for no reason."""
    found = [row for table, name, args, row in kinds for row in expand(f"#define {name}({args}) @ROW ({row})\n", table)]
    return [row for row in found if row[0] not in ("proxy.refused.-", "kernel.up.none", "kernel.long.none")]


def listed(text, mark, table):
    """Is the list behind the mark that of the table? The text with it, and whether it was."""
    width = max(27, *(len(path) for path, _ in table))
    begin, lines = text.index(mark) + len(mark), "".join(f"{path:<{width}} {doc}\n" for path, doc in table)
    end = text.index(END, begin)
    return text[:begin] + lines + text[end:], text[begin:end] == lines


def page_rows():
    """The same of all that the guide's page lists, by the names that preyctl prints: a list's member has its name in place of []."""
    table = rows() + live_rows() + rows_of(WHY_KINDS + PROXY_KINDS + GUIDE_KINDS)
    return [(path.replace("interfaces[]", "interfaces.NAME"), doc) for path, doc in table]


def on_page(text, table):
    """The page with the tables as they are, the names that no table of it takes, and those whose cell by hand is empty."""
    places = sorted(((place, mark) for _, mark, _, _ in TABLE.findall(text) for place in mark.split("-and-")), key=lambda pair: -len(pair[0]))
    holds = lambda place, path: "." not in path if place == TOP else path.startswith(place.replace("-", ".") + ".")
    owner = lambda path: next((mark for place, mark in places if holds(place, path)), None)
    empty = []

    def fresh(found):
        begin, mark, head, old = found.groups()
        cells = [re.split(r" (?<!\\)\| ", row.strip("| ")) for row in old.splitlines()]
        kept = {row[0].strip("`"): row[2] for row in cells if len(row) > 2}
        lines = []
        for path, doc in table:
            if owner(path) != mark:
                continue
            line = [f"`{path}`", doc.replace("|", "\\|")]
            if head.split("\n")[0].count("|") > 3:
                line.append(kept.get(path, ""))
                empty.extend([path] if not line[2].strip() else [])
            lines.append("| " + " | ".join(line) + " |\n")
        return begin + "".join(lines)

    return TABLE.sub(fresh, text), [path for path, _ in table if owner(path) is None], empty


def printed():
    """Every path of the summary's JSON that leads to a number, for a capture of no frames."""
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "all.prey").write_text(RULES)
        (work / "none.pcap").write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
        subprocess.run([BUILD / "preyc", "all.prey", "-o", "all.pbc"], cwd=work, check=True, capture_output=True)
        out = subprocess.run([BUILD / "preyrun", "--pcap", "none.pcap", "--format", "json", "all.pbc"], cwd=work,
                             capture_output=True, text=True).stdout
    paths = set()
    for name, value in json.loads(out).items():
        paths.update([f"{name}.{key}" for key in value] if isinstance(value, dict) else [name])
    return paths


def main():
    table = rows()
    text, same = listed(MAN.read_text(), BEGIN, table)
    text, same_live = listed(text, LIVE, live_rows())
    text, same_why = listed(text, WHY, rows_of(WHY_KINDS))
    text, same_proxy = listed(text, PROXY, rows_of(PROXY_KINDS))
    shown = PAGE.read_text()
    page, homeless, empty = on_page(shown, page_rows())
    if os.environ.get("UPDATE"):
        MAN.write_text(text)
        PAGE.write_text(page)
    else:
        say(same and same_live and same_why and same_proxy, "the manual lists the counters as they are (UPDATE=1 python3 tests/lint/counters.py)")
        say(page == shown, "the guide's page lists the counters as they are (UPDATE=1 python3 tests/lint/counters.py)")
    say(not homeless, "each counter has a table on the guide's page", *homeless)
    say(not empty, "each cell by hand on the guide's page holds something", *empty)
    missing = [path for path, _ in table if path not in printed()]
    say(not missing, "the summary's JSON has every counter", *missing)
    say(len({path for path, _ in table}) == len(table), "no two counters share a place")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
