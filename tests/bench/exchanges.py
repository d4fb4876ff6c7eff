"""Exchanges of 100 bytes on new connections, which the change to packets may delay: exchanges.py serve HOST PORT [GREETING], which says that
first and gives back what comes; exchanges.py ask HOST PORT COUNT [WORD [GREETING]], which prints the median and the 99th percentile, in
microseconds, of the first, second, third and eighth exchange of COUNT connections, one after the other; messages begin with WORD."""
import socket
import statistics
import sys
import threading
import time

KIND, HOST, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])


def give_back(s):
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.sendall("".join(sys.argv[4:]).encode())
    while data := s.recv(65536):
        s.sendall(data)
    s.close()


if KIND == "serve":
    listener = socket.create_server((HOST, PORT), backlog=256)
    print("listens", flush=True)
    while True:
        threading.Thread(target=give_back, args=(listener.accept()[0],), daemon=True).start()

MESSAGE = (sys.argv[5] if len(sys.argv) > 5 else "").encode().ljust(100, b"x")
GREETING = len("".join(sys.argv[6:]))
took = [[] for _ in range(8)]
for _ in range(int(sys.argv[4])):
    with socket.create_connection((HOST, PORT), 20) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for n, all_of in enumerate(took):
            begun = time.perf_counter()
            s.sendall(MESSAGE)
            left = 100 + (0 if n else GREETING)
            while left > 0:
                left -= len(s.recv(left)) or left
            all_of.append((time.perf_counter() - begun) * 1e6)
for at in (0, 1, 2, 7):
    print(f"{statistics.median(took[at]):.0f} ({sorted(took[at])[len(took[at]) * 99 // 100]:.0f})", end=" | " if at != 7 else "\n")
