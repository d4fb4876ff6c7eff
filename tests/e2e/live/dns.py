#!/usr/bin/env python3
"""DNS by hand. dns.py serve ADDRESS ZONE-FILE [OTHER]: a resolver that answers over UDP and TCP, and misbehaves as the name's first label that is no
service's says, unless there is a file ZONE-FILE.well; prints each question. OTHER: another address, from which it answers where that is so.
dns.py ask ADDRESS NAME [TYPE] [--from ADDRESS] [--port N] [--wait SECONDS]: one question; prints all datagrams that come.
dns.py many N: frames for tests/tools/mkcap: so many hosts, each with an address of its own, then connections to some of them and to
others.
dns.py forge CLIENT RESOLVER NAME ADDRESS DEVICE MAC: a client's question to a resolver, and then its own answer in the resolver's
name, both to that MAC.
dns.py message KIND NAME [TYPE] [ID] [ADDRESS TTL]...: a question or an answer as hex, for captures.

The zone file has a line `NAME TYPE TTL VALUE` a record, of an SRV record with `PRIORITY,WEIGHT,PORT,TARGET`; of a CNAME the chain is followed."""
import functools
import ipaddress
import os
import socket
import struct
import sys
import threading
import time

TYPES = {"A": 1, "CNAME": 5, "AAAA": 28, "TXT": 16, "SRV": 33, "HTTPS": 65}
ANSWERS, CUT, FAILED = 0x8180, 0x8380, 0x8183


def name_bytes(name):
    out = b""
    for label in name.rstrip(".").split("."):
        out += bytes([len(label)]) + label.encode()
    return out + b"\0"


def question(number, name, kind, flags=0x0100):
    return struct.pack(">6H", number, flags, 1, 0, 0, 0) + name_bytes(name) + struct.pack(">2H", TYPES[kind], 1)


def data_of(kind, value):
    if kind == "SRV":
        *numbers, target = value.split(",")
        return struct.pack(">3H", *map(int, numbers)) + name_bytes(target)
    return name_bytes(value) if kind == "CNAME" else ipaddress.ip_address(value).packed


def answer(number, section, records, flags=ANSWERS):
    """records: (name or raw bytes, type, ttl, data)"""
    out = struct.pack(">6H", number, flags, 1, len(records), 0, 0) + section
    for name, kind, ttl, data in records:
        out += (name if isinstance(name, bytes) else name_bytes(name)) + struct.pack(">2HIH", TYPES[kind], 1, ttl, len(data)) + data
    return out


def read_question(message):
    at, labels = 12, []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    kind = struct.unpack(">H", message[at + 1:at + 3])[0]
    return struct.unpack(">H", message[:2])[0], ".".join(labels), kind, message[12:at + 5]


def zone_of(path):
    return zone_as_of(path, os.stat(path).st_mtime_ns, os.stat(path).st_ino)


@functools.lru_cache(2)
def zone_as_of(path, _time, _file):
    zone = {}
    for line in open(path):
        name, kind, ttl, value = line.split()
        zone.setdefault(name.lower(), []).append((kind, int(ttl), value))
    return zone


def found(zone, name, kind):
    out, at = [], name.lower()
    for _ in range(20):
        alias = [r for r in zone.get(at, []) if r[0] == "CNAME"]
        if not alias:
            break
        out.append((at, "CNAME", alias[0][1], data_of("CNAME", alias[0][2])))
        at = alias[0][2].lower()
    return out + [(at, k, ttl, data_of(k, v)) for k, ttl, v in zone.get(at, []) if TYPES[k] == kind]


def addresses(message):
    """The addresses of an answer, as a client reads it that believes all of it."""
    count, at, out = struct.unpack(">H", message[6:8])[0], 12, []

    def skip(at):
        while message[at] and message[at] < 0xc0:
            at += 1 + message[at]
        return at + (2 if message[at] else 1)
    at = skip(at) + 4
    for _ in range(count):
        at = skip(at)
        kind, _, _, length = struct.unpack(">2HIH", message[at:at + 10])
        if kind in (1, 28):
            out.append(str(ipaddress.ip_address(message[at + 10:at + 10 + length])))
        at += 10 + length
    return out


def how_of(name, path):
    return "well" if os.path.exists(path + ".well") else next(label for label in name.split(".") if not label.startswith("_"))


def over_tcp(asked, path):
    """Answer what comes by one connection: names of tcp… as that says, all others in full."""
    stream = asked.makefile("rb")
    while len(head := stream.read(2)) == 2:
        number, name, kind, section = read_question(stream.read(struct.unpack(">H", head)[0]))
        records = found(zone_of(path), name, kind)
        whole = answer(number, section, [(b"\xc0\x0c" if at == name.lower() else at, *rest) for at, *rest in records])
        out = struct.pack(">H", len(whole)) + whole
        how = how_of(name, path)
        if how == "tcphang":
            continue
        asked.sendall({"tcpcut": out[:-1], "tcplong": b"\xff\xff" + out[2:], "tcpnoise": b"\xff\xff" + os.urandom(65535),
                       "tcpother": out[:2] + bytes([out[2] ^ 1]) + out[3:], "tcpshort": b"\0\1\0" * 1000}.get(how, out))
        if how != "tcp" and how.startswith("tcp"):
            break
    asked.close()


def serve_tcp(address, path):
    here = socket.create_server((address, 53), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    while True:
        threading.Thread(target=over_tcp, args=(here.accept()[0], path), daemon=True).start()


def serve(address, path, stranger):
    here = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    here.bind((address, 53))
    other = socket.socket(here.family, socket.SOCK_DGRAM)
    other.bind((address, 5353))
    elsewhere = socket.socket(here.family, socket.SOCK_DGRAM)
    if stranger:
        elsewhere.bind((stranger, 53))
    threading.Thread(target=serve_tcp, args=(address, path), daemon=True).start()
    print("ready", flush=True)
    questions = 0
    while True:
        message, asker = here.recvfrom(65535)
        questions += 1
        number, name, kind, section = read_question(message)
        print("asked", name, kind, flush=True)
        records = found(zone_of(path), name, kind)
        if "turned" in name.split(".") and questions % 2:
            records.reverse()
        good = answer(number, section, records)
        how = how_of(name, path)
        if how == "silent":
            pass
        elif how == "otherid":
            here.sendto(answer(number ^ 1, section, records), asker)
        elif how == "otherport":
            other.sendto(good, asker)
        elif how == "othersource":
            elsewhere.sendto(good, asker)
        elif how.startswith("tcp") or (how == "well" and len(good) > 1232):
            here.sendto(answer(number, section, [], CUT), asker)
        elif how == "huge":  # more than was asked for, in one datagram
            here.sendto(answer(number, section, [(b"\xc0\x0c", *rest) for _, *rest in records]), asker)
        elif how == "othername":
            here.sendto(answer(number, section[:1] + bytes([section[1] ^ 1]) + section[2:], records), asker)
        elif how == "othercase":
            here.sendto(answer(number, name_bytes(name.upper()) + section[-4:], records), asker)
        elif how == "othertype":
            here.sendto(answer(number, section[:-4] + struct.pack(">2H", 29 - kind, 1), records), asker)
        elif how == "toelse":
            here.sendto(good, (asker[0], asker[1] ^ 1))
        elif how == "twice":
            here.sendto(good, asker)
            here.sendto(answer(number, section, [(name, "A", 60, data_of("A", "198.51.100.222"))]), asker)
        elif how == "cut":
            here.sendto(answer(number, section, records, CUT), asker)
        elif how == "failed":
            here.sendto(answer(number, section, records, FAILED), asker)
        elif how == "stray":
            here.sendto(answer(number, section, [("else.example.net", "A", 60, data_of("A", "198.51.100.223"))] + records), asker)
        elif how == "loop":
            at = struct.pack(">H", 0xc000 | (12 + len(section)))
            here.sendto(answer(number, section, [(at, "A", 60, data_of("A", "198.51.100.224"))]), asker)
        elif how == "each":  # a cut at each byte, all of them before the whole one
            for n in range(len(good)):
                here.sendto(good[:n], asker)
        elif how == "many":
            here.sendto(answer(number, section, [(b"\xc0\x0c", "A", 60, data_of("A", f"198.51.{i >> 8}.{i & 255}")) for i in range(80)]), asker)
        else:
            here.sendto(good, asker)


def ask(address, name, kind, source, port, wait):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((source or ("::" if ":" in address else "0.0.0.0"), port))
    s.settimeout(wait)
    s.sendto(question(int.from_bytes(os.urandom(2), "big"), name, kind), (address, 53))
    until = time.monotonic() + wait
    while time.monotonic() < until:
        try:
            message, _ = s.recvfrom(65535)
        except TimeoutError:
            break
        print(*addresses(message), flush=True)
        if name.split(".")[0] not in ("twice",):
            break


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff


def datagram(source, sport, to, port, data):
    """An IPv4 packet; its UDP has no checksum."""
    head = struct.pack(">2B3H2BH4s4s", 0x45, 0, 28 + len(data), 1, 0, 64, 17, 0, *(ipaddress.ip_address(a).packed for a in (source, to)))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + struct.pack(">4H", sport, port, 8 + len(data), 0) + data


def forge(client, resolver, name, address, device, mac):
    asked = question(77, name, "A")
    told = answer(77, asked[12:], [(b"\xc0\x0c", "A", 60, data_of("A", address))])
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    for packet in datagram(client, 5400, resolver, 53, asked), datagram(resolver, 53, client, 5400, told):
        s.sendto(packet, (device, 0x0800, 0, 0, bytes.fromhex(mac.replace(":", ""))))
        time.sleep(0.2)


def many(hosts):
    for i in range(hosts):
        asked = question(i, f"h{i}.example.net", "A")
        told = answer(i, asked[12:], [(b"\xc0\x0c", "A", 300, bytes([198, 51, i >> 8, i & 255]))])
        print(f'eth / ip4 10.0.0.1 > 192.0.2.53 / udp {1024 + i} > 53 / payload x"{asked.hex()}"')
        print(f'eth / ip4 192.0.2.53 > 10.0.0.1 / udp 53 > {1024 + i} / payload x"{told.hex()}"')
    for i in range(0, 2 * hosts, 100):
        print(f"eth / ip4 10.0.0.1 > 198.51.{i >> 8}.{i & 255} / tcp {20000 + i} > 443 syn")


def main():
    words = sys.argv[1:]
    options = {}
    for key in ("--from", "--port", "--wait"):
        if key in words:
            at = words.index(key)
            options[key] = words[at + 1]
            del words[at:at + 2]
    if words[0] == "serve":
        serve(words[1], words[2], words[3] if len(words) > 3 else None)
    elif words[0] == "many":
        many(int(words[1]))
    elif words[0] == "forge":
        forge(*words[1:])
    elif words[0] == "ask":
        ask(words[1], words[2], words[3] if len(words) > 3 else "A", options.get("--from"), int(options.get("--port", 0)),
            float(options.get("--wait", 2)))
    else:
        kind, name, of, number = words[1], words[2], words[3], int(words[4])
        asked = question(number, name, of)
        pairs = list(zip(words[5::2], words[6::2]))
        print((asked if kind == "question" else
               answer(number, asked[12:], [(b"\xc0\x0c", of, int(ttl), data_of(of, a)) for a, ttl in pairs])).hex())


main()
