"""Segments of a capture at one end, as that end hears them: segments.py FILE ADDRESS, of the end where it was made. What it is told must
hold by what it has seen itself: acknowledgements and SACK blocks lie within what it has sent, right edges of windows never shrink,
and data begins no later than what it was told before has ended. Segments overtake each other on cables, and within a machine of several cores: where there are
timestamps, one tells a window that may not be less if its own is newer than all before. Prints the number of connections and of segments,
and each fault."""
import subprocess
import sys

FILE, HERE = sys.argv[1], sys.argv[2]
FIELDS = [
    "tcp.stream", "ip.src", "ipv6.src", "tcp.seq_raw", "tcp.ack_raw", "tcp.len", "tcp.flags", "tcp.window_size_value",
    "tcp.options.wscale.shift", "tcp.options.sack_le", "tcp.options.sack_re", "tcp.options.timestamp.tsval", "tcp.options.timestamp.tsecr", "frame.number",
]
FIN, SYN, RST, ACK = 1, 2, 4, 16


def signed(a, b):
    d = (a - b) & 0xFFFFFFFF
    return d - (1 << 32) if d >> 31 else d


class Conn:
    def __init__(self):
        self.sent = self.una = self.edge = self.first = None  # sent: end of what this end has sent; edge: of the window that it was told
        self.scale = {True: None, False: None}
        self.reset = False
        self.stamp = self.told_stamp = None  # newest TSval that was sent; that was told


def segments():
    args = ["tshark", "-r", FILE, "-Y", "tcp", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;", "-o", "tcp.relative_sequence_numbers:FALSE"]
    out = subprocess.run(args + [a for f in FIELDS for a in ("-e", f)], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        yield dict(zip(FIELDS, line.split("\t")))


def number(text):
    return int(text, 0) if text else 0


conns, faults, count = {}, [], 0
for s in segments():
    count += 1
    c = conns.setdefault(s["tcp.stream"], Conn())
    ours = (s["ip.src"] or s["ipv6.src"]) == HERE
    flags, seq, ack = number(s["tcp.flags"]), number(s["tcp.seq_raw"]), number(s["tcp.ack_raw"])
    end = seq + number(s["tcp.len"]) + bool(flags & SYN) + bool(flags & FIN)
    if flags & SYN and s["tcp.options.wscale.shift"]:
        c.scale[ours] = number(s["tcp.options.wscale.shift"])
    stamp = s["tcp.options.timestamp.tsval"]
    if ours:
        if c.sent is None or signed(end, c.sent) > 0:
            c.sent = end & 0xFFFFFFFF
        if c.first is None:
            c.first = seq
        if stamp and (c.stamp is None or signed(number(stamp), c.stamp) > 0):
            c.stamp = number(stamp)
        continue
    newest = not stamp or c.told_stamp is None or signed(number(stamp), c.told_stamp) > 0
    if stamp and newest:
        c.told_stamp = number(stamp)
    where = f"frame {s['frame.number']}: "
    if flags & RST:
        continue
    if stamp and c.stamp is not None and flags & ACK and number(s["tcp.options.timestamp.tsecr"]) and signed(number(s["tcp.options.timestamp.tsecr"]), c.stamp) > 0:
        faults.append(where + "echoes a timestamp that was not sent")
    if not flags & ACK or c.sent is None:
        continue
    if signed(ack, c.sent) > 0 or signed(ack, c.first) < 0:
        faults.append(where + f"acknowledges {signed(ack, c.sent)} bytes that were not sent")
    for left, right in zip(s["tcp.options.sack_le"].split(";"), s["tcp.options.sack_re"].split(";")):
        if left and (signed(number(right), c.sent) > 0 or signed(number(left), c.first) < 0 or signed(number(right), number(left)) <= 0):
            faults.append(where + "a SACK block outside of what was sent")
    shift = 0 if flags & SYN or None in c.scale.values() else c.scale[False]
    edge = (ack + (number(s["tcp.window_size_value"]) << shift)) & 0xFFFFFFFF
    if newest and c.una is not None and signed(ack, c.una) >= 0 and c.edge is not None and signed(edge, c.edge) < 0:
        faults.append(where + f"the window shrinks by {signed(c.edge, edge)} bytes")
    if c.una is None or signed(ack, c.una) >= 0:
        c.una = ack
    if c.edge is None or signed(edge, c.edge) > 0:
        c.edge = edge
print(len(conns), "connections,", count, "segments,", len(faults), "faults")
for fault in faults[:8]:
    print(fault)
