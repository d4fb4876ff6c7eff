"""What cards.sh sends to a machine, and who takes it: cards_traffic.py frames|bulk|sink. It ends with the machine, by a signal,
or after 40 minutes."""
import socket
import sys
import time

END = time.monotonic() + 2400
SERVICE = "10.1.0.100"


def send(s, what):
    try:
        s.send(what)
    except OSError:
        time.sleep(0.001)


def frames():
    """64 flows, in bursts of frames that are cut before the card: more than any contender takes, so that it never waits; what
    it does not take is dropped before it."""
    UDP_SEGMENT, each = 103, 18  # frames of 64 bytes with what a card adds
    ours = []
    for i in range(64):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("10.1.0.1", 1024 + i))
        s.connect((SERVICE, 53))
        s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, each)
        ours.append(s)
    burst, one = bytes(60 * each), bytes(each)
    while time.monotonic() < END:
        flood_until = time.monotonic() + 0.4
        while time.monotonic() < flood_until:
            for s in ours:
                send(s, burst)
        for s in ours:  # so slowly that who begins flows beside the kernel comes to it
            time.sleep(0.005)
            send(s, one)


def bulk():
    """One connection after the other, for each contender has one."""
    block = bytes(1 << 20)
    while time.monotonic() < END:
        try:
            with socket.create_connection((SERVICE, 53), timeout=1) as s:
                s.settimeout(5)
                while time.monotonic() < END:
                    s.sendall(block)
        except OSError:
            time.sleep(0.1)


def sink():
    import threading

    def drain(s):
        try:
            while s.recv(1 << 20):
                pass
        except OSError:
            pass

    server = socket.create_server(("0.0.0.0", 53), backlog=64)
    while time.monotonic() < END:
        s, _ = server.accept()
        threading.Thread(target=drain, args=(s,), daemon=True).start()


{"frames": frames, "bulk": bulk, "sink": sink}[sys.argv[1]]()
