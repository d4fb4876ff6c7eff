"""Ends of connections across takeovers, and processes that take over badly, for live-takeover.sh:
takeover.py echo                    gives back what it hears by TCP at port 9000, and by UDP
takeover.py talk SECONDS ADDRESS…   over ten TCP connections and ten UDP ports to each address, until the file `enough` is there:
                                    (SIZES: of questions, in bytes; PROTOCOLS=tcp: without UDP) prints what was sent, lost, reset or other than it was said
takeover.py open ADDRESS…            opens connections to each in turn, one after the other, and asks one question by each, until the file
                                    `enough` is there: prints how many were refused or gave another answer
takeover.py slow SECONDS ADDRESS…   the same, but a datagram without an answer is sent again each second
takeover.py bad SOCKET STEP         asks to take over, and ends or hangs at that step: asked, waits, begin, now, hangs;
                                    FORMS: the oldest and the newest form of the talk that it can have"""
import array
import json
import os
import random
import select
import socket
import struct
import sys
import threading
import time

PORT = 9000
IP_PKTINFO = 8
MAGIC = 0x35766F6579657270


def echo():
    tcp = socket.create_server(("", PORT), backlog=200)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("", PORT))
    udp.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)

    def one(s):
        try:
            while part := s.recv(65536):
                s.sendall(part)
        except OSError:
            pass  # a health check's end is a reset
        s.close()

    def datagrams():
        while True:
            data, with_it, _, of = udp.recvmsg(65536, 64)
            asked = with_it[0][2][8:12]  # the address that was asked answers: behind dsr that is the service's
            udp.sendmsg([data], [(socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + asked + bytes(4))], 0, of)

    threading.Thread(target=datagrams, daemon=True).start()
    print("listens", flush=True)
    while True:
        threading.Thread(target=one, args=(tcp.accept()[0],), daemon=True).start()


def talk(seconds, addresses, again=None):
    """Each connection has a question under way at any time; a datagram without an answer within ten seconds is lost. again: one that
    has none within so long is asked again, and of several answers one counts."""
    ends, waits, asked, before = {}, {}, {}, {}
    patience = 40 if again else 10
    sizes = [int(size) for size in os.environ.get("SIZES", "20 200 1200").split()]
    count = lost = other = 0
    tcp_alone = os.environ.get("PROTOCOLS") == "tcp"
    for a in addresses:
        for i in range(10):
            ends[socket.create_connection((a, PORT), 30)] = "tcp"
            if tcp_alone:
                continue
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.connect((a, PORT))
            ends[s] = "udp"

    def ask(s):
        data = os.urandom(random.choice(sizes))
        waits[s] = data, b"", time.monotonic()
        asked[s] = time.monotonic()
        s.send(data)

    for s in ends:
        s.setblocking(False)
        ask(s)
    print("open", flush=True)
    end, stops, worst = time.monotonic() + seconds, False, 0
    while waits and not lost and time.monotonic() < end:
        stops |= os.path.exists("enough")
        for s in select.select(list(waits), [], [], 0.05)[0]:
            data, got, since = waits[s]
            part = s.recv(65536)
            if again and ends[s] == "udp" and part == before.get(s):
                continue  # a question that was asked twice
            got += part
            assert got, "the connection has ended"
            waits[s] = data, got, since
            if len(got) < len(data):
                continue
            count += 1
            other += got != data
            worst = max(worst, time.monotonic() - since)
            del waits[s]
            before[s] = data
            if not stops:
                ask(s)
        for s in [s for s in waits if again and ends[s] == "udp" and time.monotonic() - asked[s] > again]:
            asked[s] = time.monotonic()
            s.send(waits[s][0])
        lost = sum(time.monotonic() - since > patience for _, _, since in waits.values())
    print(f"{count > len(ends)} {lost} lost {other} other {len(waits)} under way")
    for s, (data, got, since) in waits.items():
        print(f"# {ends[s]} {s.getsockname()} to {s.getpeername()}: {len(got)} of {len(data)} bytes for {time.monotonic() - since:.1f} s")
    print(f"# {count} answers, the longest took {worst * 1000:.1f} ms")


def opens(addresses):
    count = bad = 0
    while not os.path.exists("enough") or count < 100:
        data = os.urandom(100)
        try:
            at = "connecting"
            source = "", 10000 + count  # of its own: behind another address may be the same server
            with socket.create_connection((addresses[count % len(addresses)], PORT), 30, source) as s:
                at = f"asking from {s.getsockname()}"
                s.sendall(data)
                got = b""
                while len(got) < len(data) and (part := s.recv(4096)):
                    got += part
                bad += got != data
        except OSError as e:
            print(f"# {addresses[count % len(addresses)]}, {at}: {e}")
            bad += 1
        count += 1
    print(f"{count >= 100} {bad} refused")
    print(f"# {count} connections")


def bad(path, step):
    ctl = socket.socket(socket.AF_UNIX)
    ctl.connect(path)
    mine, its = socket.socketpair()
    question = json.dumps({"ask": "takeover"}).encode()
    fds = array.array("i", [its.fileno()])
    ctl.sendmsg([b"q" + struct.pack("<I", len(question)) + question], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    its.close()
    head = ctl.recv(5)
    said = ctl.recv(struct.unpack("<I", head[1:])[0])
    assert head[:1] == b"e" and said[:1] == b"0", said
    if step == "asked":
        return
    if step == "waits":
        print("waits", flush=True)
        mine.recv(1)
        return
    size = 1 << 32
    file = os.memfd_create("bad")
    os.ftruncate(file, size)
    fds = array.array("i", [file])
    least, most = (int(n) for n in os.environ.get("FORMS", "1 1").split())
    begin = struct.pack("<IQQIIi36x", 64, MAGIC if step != "nonsense" else 1, size, least, most, os.getpid())
    mine.sendmsg([begin], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    hello, fds, _, _ = socket.recv_fds(mine, 1 << 16, 16)
    for fd in fds:
        os.close(fd)
    if hello[20:21] != b"\0":
        print(hello[20:324].split(b"\0")[0].decode())
    elif "FORMS" in os.environ:
        print(f"form {struct.unpack_from('<I', hello, 12)[0]}")
    if step in ("begin", "nonsense"):
        return
    mine.send(struct.pack("<II", 4, 1))
    mine.settimeout(60)
    assert mine.recv(64), "nothing came"
    if step == "hangs":
        while mine.recv(1 << 16):
            pass
        print("given up")


if sys.argv[1] == "echo":
    echo()
elif sys.argv[1] == "talk":
    talk(float(sys.argv[2]), sys.argv[3:])
elif sys.argv[1] == "open":
    opens(sys.argv[2:])
elif sys.argv[1] == "slow":
    talk(float(sys.argv[2]), sys.argv[3:], again=1)
else:
    bad(sys.argv[2], sys.argv[3])
