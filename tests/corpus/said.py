#!/usr/bin/env python3
# What tests/corpus/said.sh asks: said.py CORPUS BIN. Lines of a test on standard output.
import collections
import csv
import json
import os
import re
import subprocess
import sys

corpus, bin_ = sys.argv[1:3]
SNI, ALPN, HOST = "tls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str", "http.host"
FIELDS = ["frame.number", "tcp.dstport", SNI, ALPN, HOST, "http.request.method", "http.request.uri", "tcp.payload",
          "frame.protocols", "tls.handshake.type"]
# Frames that are no first bytes of a connection to a port, each for its reason.
INSIDE = "inside another protocol"
count = collections.Counter()


def say(good, sentence):
    print(("ok - " if good else "not ok - ") + sentence)


def rows(path):
    args = ["tshark", "-r", path, "-Y", "tls.handshake.type==1 or http.request", "-T", "fields", "-E", "separator=/t"]
    out = subprocess.run(args + [x for f in FIELDS for x in ("-e", f)], capture_output=True, text=True).stdout
    return [dict(zip(FIELDS, line.split("\t"))) for line in out.splitlines()]


def program(text):
    with open("said.prey", "w") as f:
        f.write(text)
    r = subprocess.run([bin_ + "/preyc", "said.prey", "-o", "said.pbc"], capture_output=True, text=True)
    return r.returncode == 0 or print("# " + r.stderr.replace("\n", "\n# "))


def wanted(row):
    """What tshark saw, in our words."""
    if row["tls.handshake.type"]:
        offers = ['alpn offers "%s"' % a for a in row[ALPN].split(",") if a]
        return ", ".join(['sni is "%s"' % row[SNI]] * bool(row[SNI]) + offers)
    host, path = re.sub(r":[0-9]+$", "", row[HOST]), row["http.request.uri"].partition("?")[0]
    return 'method is "%s", host is "%s", path is "%s"' % (row["http.request.method"], host, path)


# A connection whose beginning the capture lacks: its bytes as those of a new one, in a test of the language.
def as_written(row):
    if row["tls.handshake.type"]:
        when, mode = 'sni "%s"' % row[SNI], "proxy"
        when += ' alpn "%s"' % row[ALPN].split(",")[0] if row[ALPN] else ""
    else:
        path = row["http.request.uri"].partition("?")[0]
        when, mode = 'host "%s" path "%s" method "%s"' % (row[HOST], path, row["http.request.method"]), "proxy http"
    return program("""pool yes { server a 10.0.0.1:1 }
pool no { server b 10.0.0.2:1 }
service s on self tcp/80 { mode %s; when %s -> yes; else -> no }
test "as tshark says" { expect pool yes: tcp 198.18.0.1:1024 -> self:80 syn payload x"%s" }
""" % (mode, when, row["tcp.payload"]))


def compare(name, path, row):
    what = "%s frame %s: %s" % (name, row["frame.number"], wanted(row))
    r = subprocess.run([bin_ + "/preyrun", "--pcap", path, "--explain", row["frame.number"], "--format", "json", "said.pbc"],
                       capture_output=True, text=True)
    told = json.loads(r.stdout)
    c = told.get("connection") or {}
    if "said" in c:
        count["seen"] += 1
        say(c["said"] == (wanted(row) or c["said"]), what)
        if c["said"] != wanted(row):
            print("# " + c["said"])
    elif c.get("no_server") == "the capture lacks some of the connection's bytes" and row["tcp.payload"]:
        count["without a beginning"] += 1
        say(as_written(row), what + ", written as a new connection")
    elif "fragment" in told["packet"]:
        count["in fragments, which a replay does not put together"] += 1
    elif c.get("no_server") or re.search(r"gre|vxlan|geneve|gtp|mpls|teredo|ipip|:ip.*:ip", row["frame.protocols"]):
        count[c.get("no_server") or INSIDE] += 1
    else:
        say(False, what)
        print("# " + (r.stdout or r.stderr))


def one(name):
    path = os.path.join(corpus, name)
    found = [r for r in rows(path) if r["tcp.dstport"]]
    for tls in (True, False):
        of = [r for r in found if bool(r["tls.handshake.type"]) == tls]
        text = "pool p { server a 10.0.0.1 }\nservice s on any %s { mode %s; -> p }\n" % (
            ", ".join(sorted({"tcp/" + r["tcp.dstport"] for r in of})),
            'proxy; when sni "x.invalid" -> p; when alpn "x" -> p' if tls else 'proxy http; when host "x.invalid" path "/x" -> p')
        for r in of if of and program(text) else []:
            program(text)
            compare(name, path, r)


with open(os.path.join(corpus, "INDEX.tsv")) as f:
    for entry in csv.DictReader(f, delimiter="\t"):
        if {"tls-ch", "http1"} & set(entry["tags"].split()):
            one(entry["file"])
print("# " + ", ".join("%d %s" % (n, k) for k, n in count.most_common()))
say(count["seen"] >= 28 and count["without a beginning"] >= 5, "there were such connections")
