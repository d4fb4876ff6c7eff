"""Segments of a capture at one end, or of prey's device on its side, as that end hears them: segments.py FILE ADDRESS [OTHER], of that
end. What it is told must hold by what it has said: acknowledgements and SACK blocks lie within what it has sent, timestamps that are
echoed are no newer than its own, and right edges of windows never shrink. OTHER is a capture on the other side of prey, where connections
have the same port of the client's: a window that the other end took back itself, as heard there, is no fault of prey's,
nor is one that comes behind a later segment: with no newer acknowledgement, number or timestamp, so that no end takes it for news (RFC 9293,
3.10.7.4; RFC 7323, 5.3). Prints the number of connections, of segments, of faults, of windows that an end took back itself and of late ones;
and each fault."""
import subprocess
import sys

HERE = sys.argv[2]
FIELDS = [
    "tcp.stream", "ip.src", "ipv6.src", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw", "tcp.len", "tcp.flags", "tcp.window_size_value",
    "tcp.options.wscale.shift", "tcp.options.sack_le", "tcp.options.sack_re", "tcp.options.timestamp.tsval", "tcp.options.timestamp.tsecr", "frame.number",
]
FIN, SYN, RST, ACK = 1, 2, 4, 16


def signed(a, b):
    d = (a - b) & 0xFFFFFFFF
    return d - (1 << 32) if d >> 31 else d


class Window:
    """The window that one end of a connection was told."""

    def __init__(self):
        self.una = self.edge = self.seq = self.stamp = None
        self.late = False  # the latest segment came behind one that was sent later, for all that its end can know

    def told(self, s, ack, edge):
        """By how many bytes a segment takes back what was told before."""
        less, seq, stamp = 0, number(s["tcp.seq_raw"]), s["tcp.options.timestamp.tsval"] and number(s["tcp.options.timestamp.tsval"])
        newer = stamp != "" and self.stamp is not None and signed(stamp, self.stamp) > 0
        self.late = self.seq is not None and signed(seq, self.seq) <= 0 and not newer and self.una is not None and signed(ack, self.una) <= 0
        if self.seq is None or signed(seq, self.seq) > 0:
            self.seq = seq
        if stamp != "" and (self.stamp is None or newer):
            self.stamp = stamp
        if self.una is not None and signed(ack, self.una) >= 0:
            less = max(0, signed(self.edge, edge))
        if self.una is None or signed(ack, self.una) >= 0:
            self.una = ack
        if self.edge is None or signed(edge, self.edge) > 0:
            self.edge = edge
        return less


class Conn:
    def __init__(self):
        self.sent = self.first = None  # end of what this end has sent; its SYN's number
        self.scale = {True: None, False: None}
        self.window = Window()
        self.stamp = None  # newest TSval that it has sent

    def edge(self, s):
        shift = 0 if number(s["tcp.flags"]) & SYN or None in self.scale.values() else self.scale[False]
        return (number(s["tcp.ack_raw"]) + (number(s["tcp.window_size_value"]) << shift)) & 0xFFFFFFFF

    def unit(self):
        return 1 << (0 if None in self.scale.values() else self.scale[False])


def number(text):
    return int(text, 0) if text else 0


def segments(file, hears):
    """Each segment, its connection, and whether the end that hears has sent it; `hears(address)` says which end that is."""
    args = ["tshark", "-r", file, "-Y", "tcp", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;", "-o", "tcp.relative_sequence_numbers:FALSE"]
    out = subprocess.run(args + [a for f in FIELDS for a in ("-e", f)], capture_output=True, text=True, check=True).stdout
    conns, of_port = {}, {}
    for line in out.splitlines():
        s = dict(zip(FIELDS, line.split("\t")))
        ours = hears(s["ip.src"] or s["ipv6.src"])
        if s["tcp.stream"] not in conns:
            c = conns[s["tcp.stream"]] = Conn()
            port = s["tcp.srcport"]  # who is heard first is the client
            of_port[port] = of_port.get(port, 0) + 1
            c.name = (port, of_port[port])
        c = conns[s["tcp.stream"]]
        flags, seq = number(s["tcp.flags"]), number(s["tcp.seq_raw"])
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
        yield c, ours, flags, s


def taken_back():
    """What the other end has taken back itself, by connection: acknowledgements and edges, counted from the SYN of who hears them."""
    took = {}
    for c, ours, flags, s in segments(sys.argv[3], lambda address: address == HERE) if len(sys.argv) > 3 else ():
        if not ours and flags & ACK and not flags & RST and c.first is not None:
            ack, edge = number(s["tcp.ack_raw"]), c.edge(s)
            if c.window.told(s, ack, edge):
                took.setdefault(c.name, []).append((signed(ack, c.first), signed(edge, c.first)))
    return took


took = None  # asked for once a window shrinks
conns, faults, count, own, late = set(), [], 0, 0, 0
for c, ours, flags, s in segments(sys.argv[1], lambda address: address == HERE):
    count += 1
    conns.add(c)
    if ours or flags & RST:
        continue
    ack, stamp, echo = number(s["tcp.ack_raw"]), s["tcp.options.timestamp.tsval"], number(s["tcp.options.timestamp.tsecr"])
    where = f"frame {s['frame.number']}, port {c.name[0]}: "
    if stamp and c.stamp is not None and flags & ACK and echo and signed(echo, c.stamp) > 0:
        faults.append(where + "echoes a timestamp that was not sent")
    if not flags & ACK or c.sent is None:
        continue
    if signed(ack, c.sent) > 0 or signed(ack, c.first) < 0:
        faults.append(where + f"acknowledges {signed(ack, c.sent)} bytes that were not sent")
    for left, right in zip(s["tcp.options.sack_le"].split(";"), s["tcp.options.sack_re"].split(";")):
        if left and (signed(number(right), c.sent) > 0 or signed(number(left), c.first) < 0 or signed(number(right), number(left)) <= 0):
            faults.append(where + "a SACK block outside of what was sent")
    edge = c.edge(s)
    less = c.window.told(s, ack, edge)
    at = signed(edge, c.first)
    if less and took is None:
        took = taken_back()
    if less and any(signed(ack, c.first) == a and 0 <= e - at < c.unit() for a, e in took.get(c.name, ())):
        own += 1
    elif less and c.window.late:
        late += 1
    elif less:
        faults.append(where + f"the window shrinks by {less} bytes, at {at} past the SYN")
print(len(conns), "connections,", count, "segments,", len(faults), "faults,", own, "windows that an end took back itself,", late, "late")
for fault in faults[:8]:
    print(fault)
