"""A client that sends what no sound one does, by raw frames, for live-inline-hostile.sh: wire_hostile.py serve, the server that it
speaks to; wire_hostile.py CASE... MACS: `MACS` is CLIENT SERVER PID, where PID is a process in the server's namespace, from
which frames are forged, too. Prints a line of TAP for each case and family."""
import ctypes
import os
import random
import select
import socket
import struct
import sys
import threading
import time

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
WAIT = 60


def folded(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


# The server: what a connection says first tells what becomes of it.


def handle(c):
    try:
        first = c.recv(1, socket.MSG_PEEK)
        if first == b"R":  # resets
            c.recv(100)
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif first == b"H":  # speaks once the client has ended
            while c.recv(100):
                pass
            c.sendall(b"late")
        elif first == b"F":  # ends first, then listens; tells how much it heard to the next who asks
            c.shutdown(socket.SHUT_WR)
            heard = b""
            while part := c.recv(100):
                heard += part
            print(f"heard {heard.decode()}\n", end="", flush=True)  # whole, beside other threads
        elif first == b"B":
            c.sendall(bytes(20000))
            while c.recv(100):
                pass
        else:
            while part := c.recv(65536):
                c.sendall(part)
    except ConnectionResetError:
        print("reset\n", end="", flush=True)
    c.close()


def serve():
    socket_of = socket.create_server(("::", 7), family=socket.AF_INET6, backlog=1000, dualstack_ipv6=True)
    print("listens", flush=True)
    while True:
        threading.Thread(target=handle, args=(socket_of.accept()[0],), daemon=True).start()


class Ends:
    """Both ends of the wire: raw sockets in either namespace."""

    def __init__(self, macs):
        self.client, self.server = (bytes.fromhex(m.replace(":", "")) for m in macs[:2])
        self.left = self.wire()
        here = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.enter(os.open(f"/proc/{macs[2]}/ns/net", os.O_RDONLY))
        self.right = self.wire()
        self.enter(here)

    @staticmethod
    def enter(fd):
        assert ctypes.CDLL(None, use_errno=True).setns(fd, 0) == 0

    @staticmethod
    def wire():
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.bind(("eth0", 3))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        return s


class Packet:
    def __init__(self, frame):
        self.frame, ip = frame, frame[14:]
        self.v6 = frame[12:14] == b"\x86\xdd"
        head = 40 if self.v6 else (ip[0] & 15) * 4
        self.proto = ip[6] if self.v6 else ip[9]
        self.length = 40 + struct.unpack("!H", ip[4:6])[0] if self.v6 else struct.unpack("!H", ip[2:4])[0]
        self.ip, self.tcp = ip[:self.length], ip[head:self.length]
        if self.proto == 6:
            self.sport, self.dport, self.seq, self.ack = struct.unpack("!HHII", self.tcp[:12])
            self.flags, self.payload = self.tcp[13], self.tcp[(self.tcp[12] >> 4) * 4:]


class Raw:
    """One connection of the client's, from an address that its kernel doesn't have."""

    port = 20000

    def __init__(self, ends, v6, port=None):
        Raw.port += 1
        self.ends, self.v6, self.sport = ends, v6, port or Raw.port
        family = socket.AF_INET6 if v6 else socket.AF_INET
        self.src = socket.inet_pton(family, "fd00:1::77" if v6 else "10.1.0.77")
        self.dst = socket.inet_pton(family, "fd00:1::2" if v6 else "10.1.0.2")
        self.seq, self.got, self.next = random.getrandbits(32), b"", 0
        self.window, self.options = 65000, b""  # of each segment

    def ip(self, proto, body, src=None, dst=None):
        src, dst = src or self.src, dst or self.dst
        if self.v6:
            return struct.pack("!IHBB", 6 << 28, len(body), proto, 64) + src + dst + body
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0, 64, proto, 0) + src + dst
        return head[:10] + struct.pack("!H", folded(head)) + head[12:] + body

    def summed(self, proto, body, at, src=None, dst=None):
        pseudo = (src or self.src) + (dst or self.dst) + struct.pack("!II", len(body), proto)
        return body[:at] + struct.pack("!H", folded(pseudo + body)) + body[at + 2:]

    def segment(self, flags, seq, payload=b"", ack=None, urgent=0):
        ack = self.next if ack is None else ack
        offset = 5 + len(self.options) // 4 << 4
        tcp = struct.pack("!HHIIBBHHH", self.sport, 7, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset, flags, self.window, 0, urgent)
        tcp += self.options + payload
        return self.summed(6, tcp, 16)

    def frame(self, ip):
        return self.ends.server + self.ends.client + (b"\x86\xdd" if self.v6 else b"\x08\0") + ip

    def send(self, flags, seq, payload=b"", ack=None, urgent=0):
        self.ends.left.send(self.frame(self.ip(6, self.segment(flags, seq, payload, ack, urgent))))

    def packets(self, wire=None, wait=WAIT, back=True):
        """What comes for it (or, at the server's side, of it), until nothing has come for so long."""
        wire = wire or self.ends.left
        until = time.monotonic() + wait
        while select.select([wire], [], [], max(0, until - time.monotonic()))[0]:
            frame, address = wire.recvfrom(70000)
            if address[2] == 4 or frame[12:14] not in (b"\x08\0", b"\x86\xdd"):
                continue
            p = Packet(frame)
            if p.v6 == self.v6 and p.proto == 6 and (p.dport if back else p.sport) == self.sport:
                yield p

    def drain(self):
        for wire in (self.ends.left, self.ends.right):
            while select.select([wire], [], [], 0)[0]:
                wire.recv(70000)

    def syn(self, payload=b"", wait=WAIT, again=1.0):
        """A SYN, sent again as clients do, until it is answered."""
        until = time.monotonic() + wait
        while time.monotonic() < until:
            self.send(SYN, self.seq, payload, 0)
            for p in self.packets(wait=again):
                if p.flags & RST and p.ack == self.seq + 1 & 0xFFFFFFFF:
                    return "reset"
                if p.flags & (SYN | ACK) == SYN | ACK and p.ack == self.seq + 1 & 0xFFFFFFFF:
                    self.next = p.seq + 1 & 0xFFFFFFFF
                    return "answered"
                if p.flags & ACK and not p.flags & RST:  # a challenge: this end knows of no such connection
                    self.send(RST, p.ack, b"", 0)
        return "late"

    def open(self, **how):
        said = self.syn(**how)
        assert said == "answered", said
        self.seq += 1
        self.send(ACK, self.seq)
        return self

    def says(self, payload):
        self.send(ACK | PSH, self.seq, payload)
        self.seq += len(payload)

    def hear(self, enough, wait=WAIT):
        """Bytes in order, until there are so many, or the end."""
        while len(self.got) < enough:
            for p in self.packets(wait=wait):
                if p.flags & RST:
                    return "reset"
                if p.seq != self.next:
                    self.send(ACK, self.seq)
                    continue
                self.got += p.payload
                self.next = self.next + len(p.payload) + (p.flags & FIN) & 0xFFFFFFFF
                if p.payload or p.flags & FIN:
                    self.send(ACK, self.seq)
                if p.flags & FIN:
                    return "ended"
                if len(self.got) >= enough:
                    break
            else:
                return "late"
        got, self.got = self.got[:enough], self.got[enough:]
        return got

    def echoes(self, text=b"hallo"):
        self.says(text)
        got = self.hear(len(text))
        assert got == text, got
        return True

    def ends_well(self):
        self.send(FIN | ACK, self.seq)
        self.seq += 1
        assert (got := self.hear(1 << 20)) == "ended", got

    def error(self, wire, quoted, kind, rest, back=True):
        """An ICMP error about that packet, at its sender."""
        src = socket.inet_pton(socket.AF_INET6 if self.v6 else socket.AF_INET, "fd00:1::fe" if self.v6 else "10.1.0.254")
        to = quoted[8:24] if self.v6 else quoted[12:16]
        body = struct.pack("!BBHI", *kind, 0, rest) + quoted[:200 if self.v6 else 28]
        if self.v6:
            body = self.summed(58, body, 2, src, to)
        else:
            body = body[:2] + struct.pack("!H", folded(body)) + body[4:]
        ip = self.ip(58 if self.v6 else 1, body, src, to)
        macs = self.ends.client + self.ends.server if back else self.ends.server + self.ends.client
        wire.send(macs + (b"\x86\xdd" if self.v6 else b"\x08\0") + ip)


# The cases: each returns, or says in an assertion what was wrong.


def syn_with_data(raw):
    """a SYN with data opens a connection, and its data comes once"""
    raw.syn(b"hallo")
    raw.seq += 1
    raw.send(ACK, raw.seq)
    raw.echoes()
    raw.ends_well()


def syn_again(raw):
    """a SYN that is sent again is the same connection"""
    for _ in range(5):
        raw.send(SYN, raw.seq, b"", 0)
    raw.open().echoes()
    raw.ends_well()


def syn_with_another_number(raw):
    """a SYN with another number is another connection"""
    raw.send(SYN, raw.seq, b"", 0)
    raw.seq += 100000
    raw.open().echoes()
    raw.ends_well()


def port_after_fin(raw):
    """a port is used again right after FIN"""
    for _ in range(20):
        raw.open().echoes()
        raw.ends_well()
        raw.seq += 70000


def port_after_rst(raw):
    """a port is used again right after RST"""
    for _ in range(20):
        raw.open().echoes()
        raw.send(RST, raw.seq, b"", 0)
        raw.seq += 70000


def resets_that_guess(raw):
    """an RST at a wrong number ends nothing, nor does a SYN behind it"""
    raw.open().echoes()
    for away in (-1, 1, 1000, 60000, -60000, 1 << 31, 12345678):
        raw.send(RST, raw.seq + away, b"", 0)
        raw.send(RST | ACK, raw.seq + away)
        raw.send(SYN, raw.seq + away, b"", 0)
    raw.echoes()
    raw.ends_well()


def reset_by_the_server(raw):
    """the server's reset reaches the client"""
    raw.open().says(b"R")
    assert (got := raw.hear(1)) == "reset", got


def reversed_bytes(raw):
    """segments of one byte in reverse order arrive in order"""
    text = bytes(range(65, 125))
    raw.open()
    for i in reversed(range(len(text))):
        raw.send(ACK, raw.seq + i, text[i:i + 1])
    raw.seq += len(text)
    assert (got := raw.hear(len(text))) == text, got
    raw.ends_well()


def overlaps(raw):
    """overlaps that differ are one stream"""
    raw.open()
    raw.send(ACK, raw.seq + 10, b"A" * 10)
    raw.send(ACK, raw.seq + 5, b"b" * 10)
    raw.send(ACK, raw.seq + 15, b"c" * 10)
    raw.send(ACK, raw.seq, b"d" * 12)
    raw.seq += 25
    got = raw.hear(25)
    assert len(got) == 25 and set(got) <= set(b"Abcd"), got
    raw.echoes()
    raw.ends_well()


def jumps(raw):
    """jumps by 2 and 4 GB are no part of it"""
    raw.open().echoes()
    for away in (1 << 31, (1 << 31) - 1, (1 << 32) - 70000, 1 << 30, 1 << 24):
        raw.send(ACK | PSH, raw.seq + away, b"wrong")
        raw.send(ACK | FIN, raw.seq + away)
        raw.send(ACK | PSH, raw.seq, b"wrong", raw.next + away)
    raw.echoes()
    raw.ends_well()


def urgent(raw):
    """urgent data takes no ordinary bytes with it"""
    raw.open()
    raw.send(ACK | URG, raw.seq, b"abX", urgent=3)
    raw.seq += 3
    raw.says(b"cd")
    got = raw.hear(4)
    assert got == b"abcd" or (got == b"abXc" and raw.hear(1) == b"d"), got
    raw.ends_well()


def keep_alive(raw):
    """a keep-alive is answered"""
    raw.open().echoes()
    raw.drain()
    raw.send(ACK, raw.seq - 1)
    p = next(raw.packets())
    assert p.flags == ACK and p.ack == raw.seq & 0xFFFFFFFF, p.flags
    raw.ends_well()


def half_closed(raw):
    """a client that has ended still hears the server"""
    raw.open().says(b"H")
    raw.send(FIN | ACK, raw.seq)
    raw.seq += 1
    assert (got := raw.hear(4)) == b"late", got
    assert (got := raw.hear(1)) == "ended", got


def half_closed_by_the_server(raw):
    """a server that has ended still hears the client"""
    raw.open().says(b"F")
    assert (got := raw.hear(1)) == "ended", got
    raw.send(SYN, 12345, b"", 0)
    raw.send(FIN | ACK, raw.seq + 12345)
    raw.send(SYN, 12345, b"", 0)
    raw.says(b"more")
    raw.says(b" of it")
    raw.send(FIN | ACK, raw.seq)
    for p in raw.packets():
        assert not p.flags & RST
        if p.ack == raw.seq + 1 & 0xFFFFFFFF:
            return
    raise AssertionError("its end is not acknowledged")


def pieces(raw, size):
    """One segment, as fragments of so many bytes."""
    body, out = raw.segment(ACK | PSH, raw.seq, bytes(range(48, 118))), []
    raw.seq += 70
    ident = random.getrandbits(16)
    for at in range(0, len(body), size):
        part, more = body[at:at + size], at + size < len(body)
        if raw.v6:
            head = struct.pack("!BBHI", 6, 0, at | more, ident)
            out.append(raw.frame(raw.ip(44, head + part)))
        else:
            ip = raw.ip(6, part)
            ip = ip[:4] + struct.pack("!HH", ident, at // 8 | more << 13) + ip[8:10] + b"\0\0" + ip[12:]
            out.append(raw.frame(ip[:10] + struct.pack("!H", folded(ip[:20])) + ip[12:]))
    return out


def fragments(raw):
    """segments in fragments arrive, in any order"""
    raw.open()
    for order in (list, lambda p: p[::-1], lambda p: random.Random(1).sample(p, len(p)), lambda p: p[1:] + p[:1]):
        for frame in order(pieces(raw, 24)):
            raw.ends.left.send(frame)
        assert (got := raw.hear(70)) == bytes(range(48, 118)), got
    raw.ends_well()


def path_to_the_server(raw):
    """a router on the way to the server that wants less gets less"""
    raw.open().echoes()
    raw.drain()
    raw.says(bytes(1400))
    for p in raw.packets(raw.ends.right, back=False):
        if len(p.ip) > 1300:
            raw.error(raw.ends.right, p.ip, (2, 0) if raw.v6 else (3, 4), 1290)
        elif p.payload:
            break
    else:
        raise AssertionError("nothing smaller came")
    assert (got := raw.hear(1400)) == bytes(1400), got[:20]
    raw.ends_well()


def path_to_the_client(raw):
    """a router on the way to the client that wants less gets less"""
    raw.open().says(b"B")
    for p in raw.packets():
        if len(p.ip) > 1300:
            raw.error(raw.ends.left, p.ip, (2, 0) if raw.v6 else (3, 4), 1290, False)
        elif p.payload:
            break
    else:
        raise AssertionError("nothing smaller came")
    raw.next = p.seq if p.seq == raw.next else raw.next
    assert (got := raw.hear(20000)) == bytes(20000), len(got)
    raw.ends_well()


def forged_errors(raw):
    """errors that quote what was never sent end nothing"""
    raw.open().echoes()
    for kind in ((3, 1), (3, 3), (3, 2), (3, 13), (11, 0), (3, 4)) if not raw.v6 else ((1, 0), (1, 4), (1, 1), (3, 0), (2, 0)):
        for away in (-70000, 70000, 1 << 31):
            quoted = raw.ip(6, raw.segment(ACK, raw.seq + away))
            raw.error(raw.ends.right, quoted, kind, 100)
            back = raw.ip(6, struct.pack("!HHIIBBHHH", 7, raw.sport, raw.next + away & 0xFFFFFFFF, 1, 80, ACK, 1, 1, 0), raw.dst, raw.src)
            raw.error(raw.ends.left, back, kind, 100, False)
    raw.echoes(bytes(1200))
    raw.ends_well()


def simultaneous(raw):
    """both ends that open at once are a connection each, or none, and nothing is left of it"""
    for _ in range(20):
        raw.send(SYN, raw.seq, b"", 0)
        tcp = struct.pack("!HHIIBBHHH", 7, raw.sport, random.getrandbits(32), 0, 80, SYN, 1000, 0, 0)
        tcp = raw.summed(6, tcp, 16, raw.dst, raw.src)
        raw.ends.right.send(raw.ends.client + raw.ends.server + (b"\x86\xdd" if raw.v6 else b"\x08\0") + raw.ip(6, tcp, raw.dst, raw.src))
        raw.seq += 1000
    Raw(raw.ends, raw.v6).open().echoes()


def loops(raw):
    """frames that come back by either side make no more of themselves"""
    raw.drain()
    raw.send(SYN, raw.seq, b"", 0)
    p = next(raw.packets(raw.ends.right, back=False))
    for _ in range(200):
        raw.ends.left.send(p.frame)
        raw.ends.right.send(p.frame)
    raw.open().echoes()
    count = sum(1 for _ in raw.packets(raw.ends.right, 0.2, False))
    assert count < 50, count
    raw.ends_well()


def flood(raw):
    """among SYNs that nobody completes others connect and go on"""
    held = Raw(raw.ends, raw.v6).open()
    for i in range(int(os.environ["SYNS"])):
        raw.src = raw.src[:-4] + struct.pack("!BBH", 198, 18, i) if raw.v6 else struct.pack("!BBH", 198, 18, i)
        while True:
            try:
                raw.send(SYN, random.getrandbits(32), b"", 0)
                break
            except OSError:  # no room on the wire
                time.sleep(0.001)
        if i % 1000 == 0:
            held.echoes()
            Raw(raw.ends, raw.v6).open().echoes()
    held.echoes()


def full(raw):
    """sixteen connections, and what becomes of the next"""
    for _ in range(16):
        Raw(raw.ends, raw.v6).open().echoes()
    said = raw.syn()
    if said == "answered":
        raw.seq += 1
        raw.send(ACK, raw.seq)
        raw.echoes()
    print("the next is", said)


def attack(cases, macs):
    families = {"4": (False,), "6": (True,)}.get(os.environ.get("FAMILY"), (False, True))
    ends = Ends(macs)
    for case in cases:
        for v6 in families:
            why = None
            try:
                case(Raw(ends, v6))
            except (AssertionError, StopIteration) as e:
                why = repr(e)
            print(f"{'not ok' if why else 'ok'} - {case.__doc__}, IPv{6 if v6 else 4}", flush=True)
            if why:
                print("#", why, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    attack([globals()[name] for name in sys.argv[1:-3]], sys.argv[-3:])
