#!/usr/bin/env python3
# What tests/corpus/observed.sh asks: observed.py HALVES PBC SEED TIMES CORPUS. Lines of a test on standard output.
import csv
import os
import random
import re
import shutil
import struct
import subprocess
import sys

halves, pbc, seed, times, corpus = sys.argv[1:6]
AT_ONCE = 16  # streams that tshark is asked for before it is known how many there are: each of its starts is dear
MISSING = re.compile(rb"\[(\d+) bytes missing in capture file\]\x00")
# Captures of which another number of bytes is right than tshark's, each for its reason.
TUNNELS = {"ppp-mplspackets.pcap", "tcpdump-geneve.pcap", "zeek-geneve-many-options.pcap", "zeek-gre-sample.pcap",
          "zeek-vxlan-encapsulated-http.pcap"}  # connections in tunnels, which no rule opens
CUT = {"ppp-pcapng-example.pcapng", "ppp-sllpacket.pcap"}  # cut frames: tshark leaves out what is missing
FRAGMENTS = {"ppp-frag_http_req.pcap", "zeek-ipv6-http-atomic-frag.pcap"}  # IP fragments, which tshark puts together


def say(good, sentence):
    print(("ok - " if good else "not ok - ") + sentence)


def ours(capture):
    """Sessions by their ends, in order: fields of `halves`, and the bytes of both halves."""
    shutil.rmtree("halves", ignore_errors=True)
    os.mkdir("halves")
    out = subprocess.run([halves, pbc, capture, "halves"], capture_output=True, text=True)
    if out.returncode:
        return None
    sessions = {}
    for line in out.stdout.splitlines():
        f = line.split()
        names = [f"halves/{f[0]}.{h}" for h in ("client", "server")]
        data = [open(n, "rb").read() if os.path.exists(n) else b"" for n in names]
        sessions.setdefault(tuple(f[1:5]), []).append((f[5:], data))
    return sessions


def fields(capture, shown, *names):
    args = [x for n in names for x in ("-e", n)]
    out = subprocess.run(["tshark", "-r", capture, "-Y", shown, "-T", "fields", *args], capture_output=True, text=True).stdout
    return [line.split("\t") for line in out.splitlines()]


def unhole(data):
    """tshark writes a sentence where bytes are missing; we write zeros."""
    return MISSING.sub(lambda m: bytes(int(m.group(1))), data)


def run_of(capture, streams):
    """What tshark prints of a capture: numbers of streams, a line a packet, and then what those asked for said."""
    follow = [x for i in streams for x in ("-z", f"follow,tcp,raw,{i}")]
    out = subprocess.run(["tshark", "-r", capture, "-Y", "tcp and not icmp and not icmpv6", "-T", "fields", "-e", "tcp.stream", *follow],
                         capture_output=True, text=True).stdout
    numbers, *blocks = out.split("Follow: tcp,raw")
    return {int(x) for x in numbers.split() if x.isdigit()}, blocks


def followed(capture):
    """Of each stream: ends of node 0 and 1, and the bytes that each sent."""
    ids, blocks = run_of(capture, range(AT_ONCE))
    if any(i >= AT_ONCE for i in ids):
        blocks += run_of(capture, sorted(i for i in ids if i >= AT_ONCE))[1]
    for block in blocks:
        ends, data = [], [b"", b""]
        for line in block.splitlines():
            if line.startswith("Filter: ") and int(line.split()[-1]) not in ids:
                break
            if line.startswith("Node "):
                ends += [x.strip("[] ") for x in line[8:].rsplit(":", 1)]
            elif ends and len(ends) == 4 and re.fullmatch(r"\t?[0-9a-f]+", line):
                data[line.startswith("\t")] += bytes.fromhex(line.strip())
        else:
            yield tuple(ends), [unhole(d) for d in data]


def compare(capture):
    """(streams, lines about those that differ)"""
    sessions, count, differ = ours(capture), 0, []
    if sessions is None:
        return 0, []
    for ends, data in followed(capture):
        count += 1
        turned = ends not in sessions
        list_ = sessions.get(ends[2:] + ends[:2] if turned else ends)
        got = list_.pop(0)[1] if list_ else [b"", b""]
        if turned:
            got.reverse()
        for i in (0, 1):
            if got[i] != data[i]:
                at = next((k for k, (a, b) in enumerate(zip(got[i], data[i])) if a != b), min(len(got[i]), len(data[i])))
                differ.append(f"{os.path.basename(capture)} {' '.join(ends)} node {i}: {len(got[i])} bytes, tshark "
                              f"{len(data[i])}; they differ at {at}")
    return count, differ


def over_corpus():
    if not os.path.exists(corpus + "/INDEX.tsv"):
        print("ok - the corpus' halves, beside tshark # SKIP there is no corpus")
        return
    streams, differ = 0, []
    with open(corpus + "/INDEX.tsv", newline="") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    for path in sorted(r["file"] for r in rows if "tcp" in r["tags"].split() and r["file"].startswith("pcap/")):
        if os.path.basename(path) not in TUNNELS | CUT | FRAGMENTS:
            n, lines = compare(f"{corpus}/{path}")
            streams += n
            differ += lines
    for line in differ:
        print("# " + line)
    say(not differ and streams > 20, f"{streams} streams of the corpus are what tshark follows")


class Drawn:
    """A capture that is drawn; every stream has ports of its own."""

    def __init__(self, r):
        self.r, self.packets = r, []

    def add(self, when, n, back, seq, ack, flags, data=b""):
        ends = [(b"\x0a\0\0\1", 20000 + n), (b"\x0a\0\0\2", 80)]
        src, dst = ends[::-1] if back else ends
        tcp = struct.pack("!HHIIBBHHH", src[1], dst[1], seq & 0xffffffff, ack & 0xffffffff, 5 << 4, flags, 65535, 0, 0)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0, src[0], dst[0])
        self.packets.append((when, b"\2" * 6 + b"\4" * 6 + b"\x08\0" + ip + tcp + data))

    def write(self, path):
        with open(path, "wb") as f:
            f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
            for when, data in sorted(self.packets, key=lambda p: p[0]):
                f.write(struct.pack("<IIII", int(when), int(when * 1e6) % 1000000, len(data), len(data)) + data)


SYN, ACK, FIN = 2, 16, 1


def draw_stream(d, n, loses):
    """A client sends, in segments of any size: some twice, late, or cut anew; the server acknowledges what it has."""
    r = d.r
    c, s, t = r.getrandbits(32), r.getrandbits(32), 1000 + n / 100
    d.add(t, n, False, c - 1, 0, SYN)
    d.add(t + .001, n, True, s - 1, c, SYN | ACK)
    d.add(t + .002, n, False, c, s, ACK)
    data, at, t = r.randbytes(r.randrange(1, 40000)), 0, t + .01
    while at < len(data):
        size = r.choice((1, 3, 500, 1448, 1448, 2000))
        back = r.randrange(min(at, 300) + 1) if r.random() < .15 else 0
        if not (loses and r.random() < .05 and at + size < len(data)):
            late = r.random() * .003 if r.random() < .3 else 0
            d.add(t + late, n, False, c + at - back, s, ACK, data[at - back:at + size])
        if r.random() < .1:
            d.add(t + .0005, n, False, c + at, s, ACK, data[at:at + size])
        at += size
        t += .001
        if r.random() < .5:  # behind what may be late
            d.add(t + .02, n, True, s, c + min(at, len(data)), ACK)
    end = t + .1
    d.add(end, n, False, c + len(data), s, ACK | FIN)
    d.add(end + .02, n, True, s, c + len(data) + 1, ACK)
    d.add(end + .04, n, True, s, c + len(data) + 1, ACK | FIN)
    d.add(end + .06, n, False, c + len(data) + 1, s + 1, ACK)


def over_drawn(r, loses):
    streams, differ = 0, []
    for _ in range(int(times or 1)):
        d = Drawn(r)
        for n in range(12):
            draw_stream(d, n, loses)
        d.write("drawn.pcap")
        n, lines = compare("drawn.pcap")
        streams += n
        differ += lines
    for line in differ:
        print("# " + line)
    what = "with late, repeated, overlapping and lost segments" if loses else "with late, repeated and overlapping segments"
    say(not differ and streams >= 12, f"{streams} drawn streams {what} are what tshark follows")


def over_times(r):
    """Each segment is acknowledged by itself, some after it was sent again."""
    d = Drawn(r)
    for n in range(8):
        c, s, t = 1000 + n, 9000 + n, 1000 + n
        d.add(t, n, False, c - 1, 0, SYN)
        d.add(t + .03, n, True, s - 1, c, SYN | ACK)
        d.add(t + .031, n, False, c, s, ACK)
        t += .1
        for k in range(20):
            twice, back = r.random() < .2, .005 + r.randrange(40000) / 1e6
            d.add(t, n, False, c + 100 * k, s, ACK, bytes(100))
            if twice:
                d.add(t + .3, n, False, c + 100 * k, s, ACK, bytes(100))
            d.add(t + (.3 if twice else 0) + back, n, True, s, c + 100 * k + 100, ACK)
            t += .5
    d.write("times.pcap")
    least, again, bad = {}, {}, []
    for port, flags, rtt, re_, spurious, fast in fields(
            "times.pcap", "tcp", "tcp.dstport", "tcp.flags", "tcp.analysis.ack_rtt", "tcp.analysis.retransmission",
            "tcp.analysis.spurious_retransmission", "tcp.analysis.fast_retransmission"):
        if rtt and port != "80":
            least[port] = min(least.get(port, 9), float(rtt))
    for port, in fields("times.pcap", "tcp.analysis.retransmission or tcp.analysis.spurious_retransmission", "tcp.srcport"):
        again[port] = again.get(port, 0) + 1
    for (_, port, _, _), list_ in ours("times.pcap").items():
        f = list_[0][0]
        if int(f[4]) != again.get(port, 0):
            bad.append(f"port {port}: {f[4]} retransmissions, tshark {again.get(port, 0)}")
        if abs(int(f[5]) - least[port] * 1e6) > 1.5:
            bad.append(f"port {port}: at least {f[5]} us, tshark {least[port] * 1e6:.1f}")
    for line in bad:
        print("# " + line)
    say(not bad and sum(again.values()) > 5, "retransmissions and the least time to an acknowledgement are tshark's")


over_corpus()
for kind in (False, True):
    over_drawn(random.Random(f"{seed} {kind}"), kind)
over_times(random.Random(seed))
