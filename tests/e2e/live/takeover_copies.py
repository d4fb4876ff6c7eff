"""Numbered datagrams and their copies, for live-takeover-copies.sh:
takeover_copies.py receive PORT         takes datagrams, until the file `enough` is there; prints their numbers
takeover_copies.py send ADDRESS PORT    sends them, a thousand a second at most, until the file `enough` is there; prints how many
takeover_copies.py device DEVICE        prints the numbers of frames that come to it, until the file `enough` is there
takeover_copies.py check COUNT FILE...  prints what is wrong with each: a pcapng, or numbers one a line; `each once`: nothing"""
import collections
import os
import socket
import struct
import sys
import time

SO_RCVBUFFORCE = 33
MARK = b"a numbered datagram "


def number(data):
    at = data.find(MARK)
    return struct.unpack_from("!I", data, at + len(MARK))[0] if at >= 0 else None


def come(s, ready):
    s.settimeout(0.2)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
    print(ready, flush=True)
    numbers, over = [], False
    while not over:
        over = os.path.exists("enough")
        try:
            while True:
                if (n := number(s.recv(2048))) is not None:
                    numbers.append(n)
        except TimeoutError:
            pass
    print("\n".join(map(str, numbers)), flush=True)


def send(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((address, int(port)))
    n = 0
    while not os.path.exists("stop"):
        s.send(MARK + struct.pack("!I", n) + bytes(n % 900))
        n += 1
        time.sleep(0.001)
    print(n)


def numbers_of(path):
    with open(path, "rb") as f:
        data = f.read()
    if not path.endswith(".pcapng"):
        return [int(line) for line in data.split() if line.isdigit()]
    at, numbers = 0, []
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert length >= 12 and length % 4 == 0 and data[at + length - 4 : at + length] == data[at + 4 : at + 8], f"{path}: no block at {at}"
        if kind == 6:
            numbers.append(number(data[at : at + length]))
        at += length
    return numbers


if sys.argv[1] == "receive":
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("", int(sys.argv[2])))
    come(udp, "listens")
elif sys.argv[1] == "device":
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    raw.bind((sys.argv[2], 0))
    come(raw, "listens")
elif sys.argv[1] == "send":
    send(*sys.argv[2:])
else:
    for file in sys.argv[3:]:
        seen = collections.Counter(numbers_of(file))
        missing = [n for n in range(int(sys.argv[2])) if not seen[n]]
        twice = [n for n, times in seen.items() if times > 1]
        print(f"{file}: " + ("each once" if not missing and not twice and len(seen) == int(sys.argv[2]) else f"missing {missing[:9]}, twice {twice[:9]}"))
