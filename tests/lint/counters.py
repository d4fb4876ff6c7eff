"""The manual lists every counter of vm/counter.def, runtime/counters/counter.def, the proxy's tables and the kernel executor's reasons by its
place in JSON, and preyrun prints each (those of the second: tests/e2e/live-passthrough.sh, live-kernel-flood.sh; of the third:
tests/e2e/live-proxy.sh; of the last: tests/unit/runtime/test_kernel_long.c). UPDATE=1 rewrites the list between its marks in man/preyrun.1.
Prints TAP lines."""
import ast
import json
import os
import pathlib
import subprocess
import sys
import tempfile

MAN = pathlib.Path("man/preyrun.1")
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
    if os.environ.get("UPDATE"):
        MAN.write_text(text)
    else:
        say(same and same_live and same_why and same_proxy, "the manual lists the counters as they are (UPDATE=1 python3 tests/lint/counters.py)")
    missing = [path for path, _ in table if path not in printed()]
    say(not missing, "the summary's JSON has every counter", *missing)
    say(len({path for path, _ in table}) == len(table), "no two counters share a place")
    sys.exit(failed != 0)


main()
