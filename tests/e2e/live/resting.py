"""Connections in TLS that rest once they were answered: ADDRESS PORT COUNT PID... Says how many bytes of memory of its own each
took in those processes."""
import socket
import ssl
import sys


def memory(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as said:
            total += sum(1024 * int(line.split()[1]) for line in said if line.startswith("Private_Dirty:"))
    return total


address, port, count, pids = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE


def rests():
    s = context.wrap_socket(socket.create_connection((address, port), 10))
    s.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    if not s.recv(4096):
        raise EOFError
    return s


first = [rests() for _ in range(20)]  # what is taken once
before = memory(pids)
rest = [rests() for _ in range(count)]
print((memory(pids) - before) // count)
