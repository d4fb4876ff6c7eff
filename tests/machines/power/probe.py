#!/usr/bin/python3
"""Asks a machine from outside and from behind, twenty times a second, and writes down whatever comes of it: probe.py FILE NETWORK...

A NETWORK is NAMESPACE:DEVICE:MAC of the network namespace, the tap device in it, and the machine's card there; they stand for
the sides of SIDES, in that order. Every second FILE gets a line `TIME KIND COUNT` for each kind of frame that came:

    arp, nd        the machine answers for its address
    open           from a port that its rules open, this machine's or of the one behind
    closed KIND    from a port that they close, or an error about one: by whom it was sent and with what
    behind KIND    a packet for a closed port arrived at the machine behind, or at the one outside
"""
import ctypes
import os
import select
import socket
import struct
import sys
import time

# Each side: the addresses of the machine there, and of who asks.
SIDES = [
    {"name": "wan", "machine": "10.1.0.1", "self": "10.1.0.9", "machine6": "fd01::1", "self6": "fd01::9"},
    {"name": "lan", "machine": "10.2.0.1", "self": "10.2.0.2", "machine6": "fd02::1", "self6": "fd02::2"},
    {"name": "far", "machine": "10.3.0.10", "self": "10.3.0.9", "machine6": "fd03::1", "self6": "fd03::9"},
]
CLOSED, OPEN, THROUGH = 5432, 22, 8022
ETH_P_ALL, PACKET_OUTGOING, CLONE_NEWNET = 3, 4, 0x40000000
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
PERIOD = 0.05


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def packet(source, target, protocol, payload, at):
    """An IP packet; AT is where the payload's checksum stands."""
    source, target = address(source), address(target)
    pseudo = b"" if protocol == ICMP else source + target + struct.pack("!II", len(payload), protocol)
    payload = payload[:at] + struct.pack("!H", checksum(pseudo + payload)) + payload[at + 2:]
    if len(source) == 16:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 255) + source + target + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0) + source + target
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def syn(source, target, port, number):
    ports = 20000 + number % 30000, port
    return packet(source, target, TCP, struct.pack("!HHIIBBHHH", *ports, 1000 + number, 0, 0x50, 2, 64240, 0, 0), 16)


def datagram(source, target, port, number):
    return packet(source, target, UDP, struct.pack("!HHHH", 20000 + number % 30000, port, 8, 0), 6)


def echo(source, target, number):
    return packet(source, target, ICMP, struct.pack("!BBHHH", 8, 0, 0, 77, number & 0xFFFF), 2)


class Side:
    def __init__(self, side, network, home):
        self.__dict__.update({k.replace("self", "own"): v for k, v in side.items()})
        namespace, device, mac = network.split(":", 2)
        with open("/run/netns/" + namespace) as other:
            enter(other.fileno())
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((device, 0))
        self.socket.setblocking(False)
        enter(home)
        self.mac = bytes.fromhex(mac.replace(":", ""))
        self.station = self.socket.getsockname()[4]

    def send(self, data, kind=None):
        kind = kind or (b"\x86\xdd" if data[0] >> 4 == 6 else b"\x08\0")
        try:
            self.socket.send(self.mac + self.station + kind + data)
        except OSError:
            pass  # a card that isn't there, or whose queue is full, is asked again

    def ask(self, number, others):
        arp = struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + self.station + address(self.own) + bytes(6) + address(self.machine)
        self.send(arp, b"\x08\x06")
        self.send(packet(self.own6, self.machine6, ICMP6, struct.pack("!BBHI", 135, 0, 0, 0) + address(self.machine6) + b"\1\1" + self.station, 2))
        # All addresses of the machine by each card: Linux answers for any of them.
        for target in dict.fromkeys([self.machine] + [o.machine for o in others[:2]]):
            self.send(syn(self.own, target, CLOSED, number))
            self.send(datagram(self.own, target, CLOSED, number))
            self.send(echo(self.own, target, number))
        self.send(syn(self.own6, self.machine6, CLOSED, number))
        self.send(syn(self.own, self.machine, OPEN, number))
        self.send(syn(self.own6, self.machine6, OPEN, number))
        for other in others:
            if other is self or other.name == "far":
                continue
            for port in (CLOSED, THROUGH):
                self.send(syn(self.own, other.own, port, number))
                self.send(syn(self.own6, other.own6, port, number))
            self.send(datagram(self.own, other.own, CLOSED, number))
            self.send(echo(self.own, other.own, number))


def quoted(protocol, data):
    """What an error is about: None of an open port, in either direction; else in words."""
    quote = data[8:]
    head = 40 if protocol == ICMP6 else (quote[0] & 15) * 4 if quote else 0
    about = f"{data[0]}.{data[1]}"
    if len(quote) < head + 4:
        return about
    carried, ports = quote[6 if protocol == ICMP6 else 9], struct.unpack("!HH", quote[head:head + 4])
    if carried == TCP and (OPEN in ports or THROUGH in ports):
        return None
    return f"{about} about {carried} {min(ports)}" if carried in (TCP, UDP) else f"{about} about {carried}"


def kind_of(frame, side, sides):
    """What a frame from the machine is a sign of, or None."""
    what, data = frame[12:14], frame[14:]
    if what == b"\x08\x06":
        return "arp" if data[6:8] == b"\0\2" and data[14:18] == address(side.machine) else None
    if what == b"\x08\0" and len(data) >= 28:
        protocol, source, target, data = data[9], data[12:16], data[16:20], data[(data[0] & 15) * 4:]
    elif what == b"\x86\xdd" and len(data) >= 48:
        protocol, source, target, data = data[6], data[8:24], data[24:40], data[40:]
    else:
        return None
    machine = [address(a) for s in sides for a in (s.machine, s.machine6)]
    others = {address(a): s.name for s in sides for a in (s.own, s.own6)}
    name = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMP6: "icmp6"}.get(protocol)
    if name is None or len(data) < 8:
        return None
    source_port, target_port = struct.unpack("!HH", data[:4])
    if source in machine:
        if protocol == ICMP6 and data[0] >= 128:
            return "nd" if data[0] == 136 else None
        if protocol in (ICMP, ICMP6):
            about = quoted(protocol, data)
            return about and f"closed {name} {about} by the machine"
        return "open" if protocol == TCP and source_port == OPEN else f"closed {name} by the machine" if source_port == CLOSED else None
    if source in others and target in others:
        if protocol == TCP and source_port == THROUGH:
            return "open"
        if protocol == TCP and target_port == THROUGH:
            return None
        return f"behind {name} from {others[source]} at {side.name}"
    return None


def enter(namespace):
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def main(file, networks):
    with open("/proc/self/ns/net") as home:
        sides = [Side(side, network, home.fileno()) for side, network in zip(SIDES, networks)]
    poll = select.poll()
    by_file = {side.socket.fileno(): side for side in sides}
    for number in by_file:
        poll.register(number, select.POLLIN)
    counts, number, next_ask, next_line = {}, 0, time.time(), time.time() + 1
    with open(file, "w") as log:
        while True:
            now = time.time()
            if now >= next_ask:
                next_ask, number = now + PERIOD, number + 1
                for side in sides:
                    side.ask(number, sides)
            if now >= next_line:
                next_line = now + 1
                for kind, count in sorted(counts.items()):
                    log.write(f"{now:.2f} {kind} {count}\n")
                log.write(f"{now:.2f} alive 1\n")
                log.flush()
                counts = {}
            for ready, _ in poll.poll(20):
                side = by_file[ready]
                for _ in range(256):
                    try:
                        frame, origin = side.socket.recvfrom(2048)
                    except OSError:
                        break
                    if origin[2] != PACKET_OUTGOING:
                        kind = kind_of(frame, side, sides)
                        if kind:
                            counts[kind] = counts.get(kind, 0) + 1


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
