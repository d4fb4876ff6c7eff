"""A program in the middle that behaves badly: middle_bad.py SOCKET deaf|floods|dies. Says `reached` of each stream."""
import os
import socket
import sys
import threading


def floods(s):
    try:
        while True:
            s.sendall(bytes(65536))
    except OSError:
        print("over\n", end="", flush=True)  # whole, beside another thread


listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(100)
held = []
while True:
    held.append(listener.accept()[0])
    print("reached\n", end="", flush=True)
    if sys.argv[2] == "floods":
        threading.Thread(target=floods, args=(held[-1],), daemon=True).start()
    if sys.argv[2] == "dies" and len(held) == 2:
        held[0].sendall(b"half of it")
        os._exit(0)
