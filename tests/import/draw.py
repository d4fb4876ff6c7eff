"""Packets for a rule set, drawn from its own words: addresses, ports, types and lengths that stand in its text, their
neighbours, and others; single packets of any kind, and conversations, of which some are told only in part. Each is a line of
packet notation (tests/packets/README.md), with where it arrives, or leaves."""
import ipaddress
import re

FLAGS = ("syn",) * 6 + ("ack", "syn ack", "fin ack", "rst", "rst ack", "psh ack", "", "syn fin", "fin", "syn psh ack", "fin psh urg", "syn rst")
SERVICES = {"ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "http": 80, "ntp": 123, "snmp": 161, "https": 443,
            "submission": 587, "imaps": 993, "openvpn": 1194}
OUTSIDE = ("198.18.7.0/24", "192.0.2.0/24", "2001:db8:f00::/48", "2a00:1450::/32")


def words_of(text):
    """(networks, numbers) that stand in a rule set."""
    nets, numbers = set(), set()
    for word in re.findall(r"[0-9a-fA-F:.]*[:.][0-9a-fA-F:.]+(?:/\d+)?", text):
        try:
            nets.add(ipaddress.ip_network(word, strict=False))
        except ValueError:
            pass
    for a, b in re.findall(r"(?<![\w.:/])(\d{1,5})(?:[-:](\d{1,5}))?(?![\w.:/])", text):
        numbers.update(int(n) for n in (a, b) if n)
    numbers.update(SERVICES[w] for w in re.findall(r"[a-z]+", text) if w in SERVICES)
    return sorted(nets, key=str), sorted(n for n in numbers if n < 65536)


class Conversation:
    """Two ends that speak in turn. What is translated between them is seen by each as it is there: by a rule set's own words,
    `# forwarded PROTO ADDRESS:PORT -> ADDRESS:PORT` and `# masqueraded NETWORK -> ADDRESS`."""

    def __init__(self, drawn, ends, kind):
        rng = drawn.rng
        self.drawn, self.kind = drawn, kind
        self.translated = bool(drawn.masqueraded or drawn.forwarded)
        # From 61000 on: prey and the kernel both keep such a port when they translate.
        client = (ends[0], rng.randrange(61000, 65536) if drawn.masqueraded else rng.randrange(1024, 65536))
        server = drawn.forwarded_of(kind, ends) or (ends[1], drawn.number(65535))
        # Each end, and what the other knows it by.
        self.ends = [client, drawn.forwarded.get((kind, server), server)]
        self.known = [(drawn.masqueraded_of(client[0], self.ends[1][0]), client[1]), server]
        self.seq = [rng.randrange(1 << 30), rng.randrange(1 << 30)]
        told = {"tcp": ["syn", "syn ack", "ack", "psh ack", "psh ack", "fin ack", "fin ack", "ack"],
                "udp": [""] * 5, "icmp": [""] * 4}[kind]
        who = {"tcp": (0, 1, 0, 0, 1, 0, 1, 0), "udp": (0, 1, 0, 1, 1), "icmp": (0, 1, 0, 1)}[kind]
        self.steps = list(zip(who, told))
        # Of some the beginning is not seen, some are never answered, some end at once.
        if rng.random() < 0.15:
            # (A SYN ACK is: without it the kernel lets by whatever the server says. So is the first of what is translated.)
            del self.steps[rng.choice([i for i in range(len(self.steps)) if i != 1 and (i or not self.translated)])]
        if rng.random() < 0.2:
            self.steps.insert(rng.randrange(1, len(self.steps)), (1, "error"))
        if kind == "icmp" and rng.random() < 0.3:
            self.steps.insert(rng.randrange(1, len(self.steps)), (1, "other"))

    def next(self):
        who, flags = self.steps.pop(0)
        self.say(who, flags)
        self.drawn.packets[-1]["talk"] = (self, flags)

    def say(self, who, flags):
        (src, sport), (dst, dport) = self.ends[who], self.known[1 - who]
        if flags == "error":
            return self.error(src, dst, sport, dport)
        if self.kind == "tcp":
            data = 100 if "psh" in flags else 0
            seq, ack = self.seq[who], self.seq[1 - who]
            self.seq[who] += data + ("syn" in flags) + ("fin" in flags)
            return self.drawn.packet(src, dst, "tcp", sport, dport, flags, seq, ack if "ack" in flags else 0, data)
        if self.kind == "udp":
            return self.drawn.packet(src, dst, "udp", sport, dport, data=20)
        v6 = src.version == 6
        asked = (128, 129) if v6 else (8, 0)
        if flags == "other":  # the same identifier, and no answer to what was asked
            asked = (None, 140) if v6 else (None, self.drawn.rng.choice((14, 16, 18)))
        return self.drawn.packet(src, dst, "icmp6" if v6 else "icmp", asked[who], 0, data=56, ident=self.ends[0][1])

    def error(self, src, dst, sport, dport):
        """What the server says of the client's last packet; the quote is that packet's beginning, as it came."""
        v6 = src.version == 6
        head = f"ip{src.version} {dst} > {src}" + (" len 48" if v6 else " id 1 len 48")
        body = {"tcp": f"tcp {dport} > {sport} ack seq {self.seq[0]}", "udp": f"udp {dport} > {sport} len 28 csum 1",
                "icmp": f"icmp{'6' if v6 else ''} type {128 if v6 else 8} id {dport} seq 1"}[self.kind]
        return self.drawn.packet(src, dst, "icmp6" if v6 else "icmp", 1 if v6 else 3, 4 if v6 else 3, quote=f" / {head} / {body}" + (
            "" if self.kind == "tcp" else " / zeros 20"))


class Drawn:
    """The packets of one seed. mine: world.networks(); text: the rule set."""

    def __init__(self, rng, mine, text):
        self.rng, self.mine = rng, mine
        self.nets, self.numbers = words_of(text)
        # In this order: what is masqueraded gets the first.
        self.own = [a.ip for pair in mine.values() for a in pair]
        self.links = [a.network for pair in mine.values() for a in pair]
        self.untracked = "untracked" in text  # much of that is drawn where a rule set asks for it
        self.packets = []  # of {way, interface, v6, line, reset, quiet}, and of later fragments {first: its number}
        # Drawn where a rule set that asks for them has the kernel put them together: it sees what came of both.
        self.fragments = re.search(r"\bfrag\b|frag-off|-f ", text) and re.search(r"ct state|conntrack", text)
        end = r"(\S+):(\d+)"
        self.forwarded = {(kind, (ipaddress.ip_address(a), int(b))): (ipaddress.ip_address(c), int(d))
                          for kind, a, b, c, d in re.findall(rf"# forwarded (\w+) {end} -> {end}", text)}
        self.masqueraded = [(ipaddress.ip_network(n), ipaddress.ip_address(a))
                            for n, a in re.findall(r"# masqueraded (\S+) -> (\S+)", text)]

    # ---- values ----

    def number(self, most):
        rng = self.rng
        stock = [n for n in self.numbers if n <= most]
        if not stock or rng.random() < 0.2:
            return rng.randrange(1, most + 1)
        return min(most, max(0, rng.choice(stock) + rng.choice((0, 0, 0, 0, 0, 1, -1))))

    def within(self, net):
        ends = (0, 1, net.num_addresses - 2, net.num_addresses - 1, self.rng.randrange(net.num_addresses))
        return net[min(net.num_addresses - 1, max(0, self.rng.choice(ends)))]

    def host(self, version):
        """Somebody else, where packets can come from and go to."""
        while True:
            stock = self.rng.choice((self.nets, self.nets, self.links, [ipaddress.ip_network(n) for n in OUTSIDE]))
            stock = [n for n in stock if n.version == version]
            if not stock:
                continue
            a = self.within(self.rng.choice(stock))
            near = int(a) + self.rng.choice((0, 0, 0, 0, 1, -1))
            a = type(a)(near) if 0 < near < 1 << a.max_prefixlen else a
            if self.usable(a):
                return a

    def usable(self, a):
        if a in self.own or a.is_multicast or a.is_loopback or a.is_unspecified or a.is_link_local or a.is_reserved and a.version == 4:
            return False
        if a.version == 4 and int(a) >> 24 == 0 or a.version == 6 and not 0x2000 <= int(a) >> 112 < 0xFE00:
            return False
        # The first and the last address of a link are for groups.
        return not any(a in n and a in (n[0], n[-1]) for n in self.links if n.version == a.version)

    def way_of(self, a):
        """The interface that leads to an address."""
        for name, pair in self.mine.items():
            if any(a in i.network for i in pair if i.version == a.version):
                return name
        return next(iter(self.mine))

    # ---- what is translated ----

    def forwarded_of(self, kind, ends):
        """Of conversations with this machine every second is with a port that it forwards."""
        ports = [known for k, known in self.forwarded if k == kind and known[0].version == ends[1].version]
        outside = self.way_of(ends[0]) == next(iter(self.mine))
        return self.rng.choice(ports) if ports and ends[1] in self.own and outside and self.rng.random() < 0.5 else None

    def masqueraded_of(self, client, server):
        """The address by which a server outside knows a client."""
        outside = self.way_of(server) == next(iter(self.mine)) and server not in self.own
        return next((a for n, a in self.masqueraded if outside and client in n), client)

    def ends(self):
        """Two ends, of which at most one is this machine."""
        version = self.rng.choice((4, 4, 6))
        other = self.host(version)
        kind = self.rng.random()
        if kind < 0.45:
            # (What it says from an address of another side might be translated.)
            own = [i.ip for pair in ([self.mine[self.way_of(other)]] if self.masqueraded else self.mine.values()) for i in pair]
            return other, self.rng.choice([a for a in own if a.version == version])
        if kind < 0.7:
            # A program of this machine speaks from the address that leads there.
            return next(i.ip for i in self.mine[self.way_of(other)] if i.version == version), other
        return other, self.host(version)

    # ---- packets ----

    def packet(self, src, dst, kind, a, b, flags="", seq=0, ack=0, data=0, ident=1, quote=""):
        """One more; a and b are ports, or type and code."""
        rng, n, v6 = self.rng, len(self.packets) + 1, src.version == 6
        ttl = self.number(255) if rng.random() < 0.1 else 64
        tos = rng.choice((0x10, 0x28, 0x48, 0xB8)) if rng.random() < 0.1 else 0
        if v6:
            head = f"ip6 {src} > {dst} hop {255 if 133 <= a <= 136 and kind == 'icmp6' else max(ttl, 2)} tclass {tos} flow {n}"
        else:
            head = f"ip4 {src} > {dst} id {n} ttl {max(ttl, 2)} tos {tos}"
        reset = None
        if kind == "tcp":
            body = f"tcp {a} > {b} {flags} seq {seq} ack {ack}"
            counted = seq + ("syn" in flags.split()) + ("fin" in flags.split()) + data
            reset = (b, a, ack, 0) if "ack" in flags.split() else (b, a, 0, counted & 0xFFFFFFFF)
        elif kind == "udp":
            body = f"udp {a} > {b}"
        elif kind == "sctp":
            # An INIT, or a HEARTBEAT: of SCTP the kernel calls most else that belongs to nothing invalid. Only an INIT may have
            # the tag 0 (RFC 9260, 8.5.1), which the kernel doesn't ask of a HEARTBEAT.
            tag, chunk = rng.choice(((0, "0100001400000001000100000001000100000001"),) * 4 + ((7, "0400000800010004"),))
            body, data = f'sctp {a} > {b} tag {tag} / payload x"{chunk}"', 0
        elif kind in ("icmp", "icmp6"):
            body = f"{kind} type {a} code {b} id {ident} seq 1" if not quote else f"{kind} type {a} code {b}{quote}"
        else:
            body = kind
        out = src in self.own
        eth = "eth"
        # (Routing stops a broadcast that is translated to go on, but its connection has counted it.)
        if dst in self.own and not quote and not self.masqueraded and rng.random() < 0.06:
            eth = rng.choice(("eth 02:00:00:00:00:77 > 02:00:00:00:00:02", "eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff"))
        line = f"{eth} / {head} / {body}" + (f" / zeros {data}" if data else "")
        way = "out" if out else "in" if dst in self.own or dst.is_multicast else "on"
        at = self.way_of(dst if out else src)
        if not out and rng.random() < 0.08:
            at = rng.choice(list(self.mine))
        # Nobody is told of these, whatever a rule says.
        error = kind == "icmp" and a in (3, 4, 5, 11, 12) or kind == "icmp6" and a < 128
        quiet = "rst" in flags or error or dst.is_multicast or "ff:ff" in eth
        self.packets.append({"way": way, "interface": at, "v6": v6, "line": line, "reset": reset, "quiet": quiet})

    def single(self):
        rng = self.rng
        src, dst = self.ends()
        v6 = src.version == 6
        # What has no ports and is translated has one host at a time that talks to a peer.
        kind = rng.choice(("tcp",) * 9 + ("udp",) * 6 + ("icmp",) * (20 if self.untracked else 4) + ("sctp",) + (() if self.masqueraded else ("gre", "esp")))
        data = rng.choice((0, 0, 0, 8, 60, self.number(1400)))
        if kind == "icmp":
            kind = "icmp6" if v6 else "icmp"
            known = (1, 2, 3, 4, 128, 129, 130, 133, 135, 136, 143) if v6 else (0, 3, 8, 8, 11, 13, 17)
            a, b = rng.choice(known), rng.choice((0, 0, 0, 1, 4))
        else:
            a, b = rng.choice((rng.randrange(1024, 65536), self.number(65535))), self.number(65535)
        if rng.random() < 0.02 and src not in self.own:
            dst = ipaddress.ip_address("ff02::1" if v6 else "224.0.0.1")
        self.packet(src, dst, kind, a, b, rng.choice(FLAGS), rng.randrange(1 << 31), rng.randrange(1 << 31), data, rng.randrange(1 << 16))

    def datagram(self):
        """One in two fragments, from another host."""
        rng, (src, dst) = self.rng, self.ends()
        if src in self.own:
            src, dst = dst, src
        n, v6, half = len(self.packets) + 1, src.version == 6, 24
        port = self.number(65535)
        udp = f"udp {rng.randrange(1024, 65536)} > {port} len {8 + 2 * half} csum 0 / zeros {half}"
        if v6:
            head = f"ip6 {src} > {dst} flow {n}"
            lines = f"{head} / frag6 0 more id {n} / {udp}", f"{head} / frag6 {8 + half} id {n} next 17 / zeros {half}"
        else:
            head = f"ip4 {src} > {dst} id {n}"
            lines = f"{head} more / {udp}", f"{head} frag {8 + half} proto udp / zeros {half}"
        way = "in" if dst in self.own else "on"
        for line in lines:
            self.packets.append({"way": way, "interface": self.way_of(src), "v6": v6, "line": f"eth / {line}", "reset": None, "quiet": True,
                                 "first": n})

    def some(self, count):
        """At least so many packets, several conversations at once among single ones."""
        talks = []
        while len(self.packets) < count or talks:
            if self.fragments and len(self.packets) < count and self.rng.random() < 0.1:
                self.datagram()
            elif len(self.packets) < count and self.rng.random() < 0.4:
                self.single()
            elif len(self.packets) < count and len(talks) < 6 and self.rng.random() < 0.5:
                src, dst = self.ends()
                # Identifiers of translated queries may become others.
                kinds = ("tcp", "tcp", "tcp", "udp", "udp" if self.masqueraded else "icmp")
                talks.append(Conversation(self, (src, dst), self.rng.choice(kinds)))
            elif talks:
                talk = self.rng.choice(talks)
                talk.next()
                if not talk.steps:
                    talks.remove(talk)
        return self.packets
