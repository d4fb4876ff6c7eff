"""Who sends what no sound end does about connections in packets, for live-splice-hostile.sh:
splice_hostile.py serve                       gives back what it hears, at port 7
splice_hostile.py FAMILY MACS PID COMMAND...  forges segments of both ends of a sound connection, and is an odd end itself; MACS are CLIENT PREY SERVER
                                              LAN, PID is a process in the server's namespace, COMMAND prints counters

Prints a line of TAP for each case; a COMMAND is asked how many have left their sockets, and how many stay."""
import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time

import ctypes

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
WAIT = 60
MASK = 0xFFFFFFFF


def serve():
    listener = socket.create_server(("::", 7), family=socket.AF_INET6, backlog=100, dualstack_ipv6=True)
    print("listens", flush=True)

    def echo(s):
        try:
            while part := s.recv(65536):
                s.sendall(part)
        except ConnectionError:
            print("reset\n", end="", flush=True)  # whole, beside other threads
        s.close()

    while True:
        threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()


def folded(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Wire:
    """Frames of one end's device."""

    def __init__(self, own, other):
        self.own, self.other, self.datagram = own, other, 0
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.raw.bind(("eth0", 3))
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)

    def send(self, src, dst, flags, seq, ack, payload=b"", options=b"", window=500, cut=()):
        """src, dst: (address, port). The checksum is right. cut: places, multiples of 8, at which the segment is cut into fragments."""
        v6 = len(src[0]) == 16
        options += b"\1" * (-len(options) % 4)
        tcp = struct.pack("!HHIIBBHHH", src[1], dst[1], seq & MASK, ack & MASK, (20 + len(options)) << 2, flags, window, 0, 0)
        tcp += options + payload
        tcp = tcp[:16] + struct.pack("!H", folded(src[0] + dst[0] + struct.pack("!II", len(tcp), 6) + tcp)) + tcp[18:]
        ends = (0, *cut, len(tcp))
        parts = [(at, tcp[at:end], end < len(tcp)) for at, end in zip(ends, ends[1:])]
        self.datagram += 1
        random.shuffle(parts)
        for at, part, more in parts:
            if v6:
                head = struct.pack("!BBHI", 6, 0, at | more, self.datagram) if cut else b""
                ip = struct.pack("!IHBB", 6 << 28, len(head) + len(part), 44 if cut else 6, 64) + src[0] + dst[0] + head
            else:
                bits = more << 13 | at >> 3 if cut else 0x4000
                ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(part), self.datagram & 0xFFFF, bits, 64, 6, 0) + src[0] + dst[0]
                ip = ip[:10] + struct.pack("!H", folded(ip)) + ip[12:]
            self.raw.send(self.other + self.own + (b"\x86\xdd" if v6 else b"\x08\0") + ip + part)

    def segments(self, wait):
        """What comes and goes: (it leaves, source, destination, flags, seq, ack, options, payload), until nothing has come for so long."""
        until = time.monotonic() + wait
        while select.select([self.raw], [], [], max(0, until - time.monotonic()))[0]:
            frame, address = self.raw.recvfrom(70000)
            v6, ip = frame[12:14] == b"\x86\xdd", frame[14:]
            if not v6 and frame[12:14] != b"\x08\0" or (ip[6] if v6 else ip[9]) != 6:
                continue
            at, length = (40, 40 + struct.unpack("!H", ip[4:6])[0]) if v6 else ((ip[0] & 15) * 4, struct.unpack("!H", ip[2:4])[0])
            src, dst = (ip[8:24], ip[24:40]) if v6 else (ip[12:16], ip[16:20])
            tcp = ip[at:length]
            sport, dport, seq, ack = struct.unpack("!HHII", tcp[:12])
            head = (tcp[12] >> 4) * 4
            yield address[2] == 4, (src, sport), (dst, dport), tcp[13], seq, ack, tcp[20:head], tcp[head:]


class Watch:
    """What prey counts."""

    def __init__(self, command):
        self.command = command

    def counts(self):
        out = subprocess.run(self.command, capture_output=True, text=True, timeout=WAIT).stdout
        rows = re.findall(r"^\S*proxy\.(\S+) +([\d,]+)$", out, re.M)
        return {key: int(n.replace(",", "")) for key, n in rows}

    def until(self, true):
        end = time.monotonic() + WAIT
        while not true(now := self.counts()):
            assert time.monotonic() < end, now
            time.sleep(0.1)
        return now

    def left(self, before):
        """Until one more has left, or stays for now."""
        stays = lambda c: sum(n for key, n in c.items() if key.startswith("stays."))
        return self.until(lambda c: c["spliced"] > before["spliced"] or stays(c) > stays(before))


# ---- forged, beside a sound connection ----


def exchanged(s, count=20000):
    said = os.urandom(count)
    sender = threading.Thread(target=s.sendall, args=(said,))
    sender.start()
    got = b""
    while len(got) < count:
        part = s.recv(65536)
        assert part, "it has ended"
        got += part
    sender.join()
    assert got == said, "other bytes"


class Forger:
    """Says things in the name of either end of a connection, with numbers beside those of its last segment there."""

    def __init__(self, s, wires):
        self.s, self.wires, self.last = s, wires, [None, None]

    def listen(self):
        """Take the numbers from the newest segments of both ends, each on its own wire."""
        mine = self.s.getsockname()[1]
        for at, wire in enumerate(self.wires):
            for leaves, src, dst, flags, seq, ack, _, payload in wire.segments(0.05):
                of_mine = mine in (src[1], dst[1]) if at == 0 else src[1] == 7
                if leaves and of_mine and not flags & (SYN | RST):
                    self.last[at] = src, dst, seq + len(payload), ack

    def forge(self, at, flags, seq, ack=0, **what):
        src, dst, next_seq, next_ack = self.last[at]
        self.wires[at].send(src, dst, flags, next_seq + seq, next_ack + ack, **what)

    def each(self, flags, away, **what):
        self.listen()
        for at in range(2):
            for seq, ack in away:
                self.forge(at, flags, seq, ack, **what)


FAR = (1, 100, 60000, 1 << 20, 1 << 24, 1 << 30, (1 << 31) - 1, 1 << 31, MASK, MASK - 60000)


def resets(f):
    """resets that guess"""
    f.each(RST, [(n, 0) for n in FAR])
    f.each(RST | ACK, [(n, 0) for n in FAR])


def ends(f):
    """FINs that guess, or acknowledge what was never sent"""
    f.each(FIN | ACK, [(n, 0) for n in FAR[3:8]])
    f.each(FIN | ACK, [(0, 1 << 20), (0, 1 << 30), (1 << 24, 1 << 24)])
    f.each(FIN, [(0, 0)])


def opens(f):
    """SYNs, at the number that is next and at others"""
    f.each(SYN, [(n, 0) for n in (0, *FAR)])
    f.each(SYN | ACK, [(n, 0) for n in (0, *FAR)])


def unsent(f):
    """acknowledgements of what was never sent, with bytes"""
    f.each(ACK | PSH, [(0, n) for n in FAR[:7] if n > 60000], payload=b"wrong")
    f.each(ACK | PSH, [(n, n) for n in FAR[3:8]], payload=b"wrong")


def unseen(f):
    """SACK of what the other side never saw"""
    f.listen()
    for at in range(2):
        ack = f.last[at][3]
        for n in (1000, 1 << 20, 1 << 30):
            f.forge(at, ACK, 0, options=b"\1\1\5\x0a" + struct.pack("!II", ack + n & MASK, ack + n + 1000 & MASK))


def windows(f):
    """windows that shrink to nothing, with old numbers and with new ones"""
    f.each(ACK, [(0, 0), (MASK, 0), (MASK - 5000, MASK - 5000)], window=0)


# ---- an odd end ----


class End:
    """A client that has no kernel."""

    port = 30000

    def __init__(self, wire, src, dst, options=b"", window=60000, scale=0):
        End.port += 1
        self.wire, self.src, self.dst = wire, (src, End.port), (dst, 7)
        self.options, self.window, self.scale, self.cut = options, window, scale, ()
        self.seq, self.next, self.got, self.stamps, self.echo = random.getrandbits(32), 0, b"", b"\x08\x0a" in options, 0

    def stamp(self):
        now = int(time.monotonic() * 1000) & MASK
        return b"\1\1\x08\x0a" + struct.pack("!II", now, self.echo) if self.stamps else b""

    def send(self, flags, payload=b"", seq=None, options=None, window=None):
        field = (self.window if window is None else window) >> (0 if flags & SYN else self.scale)
        options = self.stamp() if options is None else options
        self.wire.send(self.src, self.dst, flags, self.seq if seq is None else seq, self.next, payload, options, min(field, 65535), self.cut if payload else ())

    def take(self, wait):
        """Take segments in order and acknowledge them. Return the flags of the next that came, or None."""
        for leaves, src, dst, flags, seq, _, options, payload in self.wire.segments(wait):
            if leaves or src != self.dst or dst != self.src:
                continue
            assert not flags & RST, "reset"
            if self.stamps and options[:4] == b"\1\1\x08\x0a":
                self.echo = struct.unpack("!I", options[4:8])[0]
            if flags & SYN:
                self.next = seq + 1 & MASK
                return flags
            if seq == self.next:
                self.got += payload
                self.next = self.next + len(payload) + (flags & FIN) & MASK
            if payload or flags & FIN:
                self.send(ACK)
            return flags
        return None

    def open(self):
        syn = self.options.replace(b"\x08\x0a", b"\x08\x0a" + struct.pack("!II", 1, 0))
        until = time.monotonic() + WAIT
        while not self.next:
            assert time.monotonic() < until, "not answered"
            self.send(SYN, options=syn)
            self.take(1)
        self.seq += 1
        self.send(ACK)

    def echoes(self, count):
        said, sent, until = os.urandom(count), 0, time.monotonic() + WAIT
        self.got = b""
        while len(self.got) < count:
            assert time.monotonic() < until, f"{len(self.got)} of {count} came back"
            first = len(self.got) if sent > len(self.got) else sent
            part = said[first:first + 500]
            self.send(ACK | PSH, part, self.seq + first)
            sent = max(sent, first + len(part))
            while self.take(0.5) is not None and len(self.got) < sent:
                pass
        assert self.got == said, "other bytes"
        self.seq = self.seq + count & MASK

    def end(self):
        until = time.monotonic() + WAIT
        while True:
            assert time.monotonic() < until, "no end"
            self.send(FIN | ACK)
            flags = self.take(1)
            if flags is not None and flags & FIN:
                self.seq += 1
                self.send(ACK)
                return


MSS = b"\2\4\5\xb4"


def odd(wires, ends, watch, server):
    """Cases of ends that no kernel is: (what, sysctls of the server's, options, scale, before, after)."""
    def sysctl(pairs):
        for pair in pairs:
            subprocess.run(["nsenter", f"--net=/proc/{server}/ns/net", "sysctl", "-q", "-w", *pair.split()], check=True)

    plain = ["net.ipv4.tcp_timestamps=1", "net.ipv4.tcp_window_scaling=1"]
    cases = (
        ("windows in units of 2^14 against none", ["net.ipv4.tcp_window_scaling=0"], MSS + b"\1\3\3\x0e", 14),
        ("units of 2^14 at the client, its kernel's at the server", [], MSS + b"\1\3\3\x0e", 14),
        ("timestamps at the client alone", ["net.ipv4.tcp_timestamps=0"], MSS + b"\1\1\x08\x0a", 0),
        ("timestamps at the server alone", [], MSS + b"\4\2\1\1", 0),
        ("no options at all", [], b"", 0),
    )
    for what, set_to, options, scale in cases:
        def run(options=options, scale=scale, set_to=set_to):
            sysctl(set_to)
            before = watch.counts()
            e = End(wires[0], *ends, options, scale=scale, window=60000 << scale if scale else 60000)
            e.open()
            e.echoes(100)
            watch.left(before)
            e.echoes(5000)
            e.end()
            sysctl(plain)
        yield what, run

    def fragments():
        before = watch.counts()
        e = End(wires[0], *ends, MSS + b"\1\1\x08\x0a")
        e.open()
        e.echoes(100)
        watch.left(before)
        for e.cut in ((200,), (80, 160, 400), (40, 48), ()):
            e.echoes(5000)
        e.end()
        watch.until(lambda c: not c["spliced_now"])
    yield "an end whose segments come in fragments, in any order", fragments

    def zero():
        before = watch.counts()
        e = End(wires[0], *ends, MSS, window=0)
        e.open()
        e.send(ACK | PSH, b"hello")
        e.seq += 5
        watch.left(before)
        for _ in range(3):
            e.send(ACK)
        e.window = 60000
        e.send(ACK)
        until = time.monotonic() + WAIT
        while e.got != b"hello":
            assert time.monotonic() < until, e.got
            e.take(1)
        e.echoes(5000)
        e.end()
    yield "a window of zero at the moment of change", zero

    def shrinks():
        before = watch.counts()
        e = End(wires[0], *ends, MSS)
        e.open()
        e.echoes(100)
        watch.left(before)
        for window in (60000, 100, 0, 1, 60000, 3000):
            e.window = window
            e.send(ACK)
        e.echoes(5000)
        for seq in (e.seq, e.seq - 5101, e.seq + 100000):
            e.send(SYN, seq=seq, options=MSS)
        e.echoes(5000)
        e.end()
    yield "an end that shrinks its window, and sends its SYN again", shrinks


def attack(family, macs, server, command):
    client_mac, wan_mac, server_mac, lan_mac = (bytes.fromhex(m.replace(":", "")) for m in macs)
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/proc/{server}/ns/net", os.O_RDONLY)
    left = Wire(client_mac, wan_mac)
    assert ctypes.CDLL(None, use_errno=True).setns(there, 0) == 0
    right = Wire(server_mac, lan_mac)
    assert ctypes.CDLL(None, use_errno=True).setns(here, 0) == 0
    watch, wires = Watch(command), (left, right)
    host, kind, odd_one = (("10.2.0.2", socket.AF_INET, "10.1.0.77") if family == "4" else ("fd00:2::2", socket.AF_INET6, "fd00:1::77"))

    def told(what, run):
        try:
            run()
            print(f"ok - IPv{family}: {what}", flush=True)
        except (AssertionError, OSError) as why:
            print(f"not ok - IPv{family}: {what}\n# {why!r}", flush=True)

    before = watch.until(lambda c: not c["spliced_now"])  # what the other family's last end left may still be ending
    s = socket.create_connection((host, 7), WAIT)
    s.settimeout(WAIT)
    exchanged(s, 1000)
    watch.until(lambda c: c["spliced"] > before["spliced"])
    forger = Forger(s, wires)
    for case in (resets, ends, opens, unsent, unseen, windows):
        def run(case=case):
            exchanged(s)
            case(forger)
            exchanged(s)
            now = watch.counts()
            assert now["spliced_now"] == before["spliced_now"] + 1, now
        told(case.__doc__, run)
    s.shutdown(socket.SHUT_WR)
    told("and it ends in order", lambda: (s.recv(1) == b"" and watch.until(lambda c: c["spliced_now"] == before["spliced_now"])) or sys.exit("no end"))
    for what, run in odd(wires, (socket.inet_pton(kind, odd_one), socket.inet_pton(kind, host)), watch, server):
        told(what, run)


if sys.argv[1] == "serve":
    serve()
else:
    attack(sys.argv[1], sys.argv[2:6], sys.argv[6], sys.argv[7:])
