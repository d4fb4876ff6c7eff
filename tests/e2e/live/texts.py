"""texts.py PORT...: which texts came as datagrams to these UDP ports, a line each of port and text, and of each that it has not said
yet. Prints `ready` first."""
import select
import socket
import sys

ports = {}
for port in map(int, sys.argv[1:]):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", port))
    ports[s] = port
seen = set()
print("ready", flush=True)
while True:
    for s in select.select(list(ports), [], [])[0]:
        what = (ports[s], s.recv(99).decode())
        if what in seen:
            continue
        seen.add(what)
        print(*what, flush=True)
