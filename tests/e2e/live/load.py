"""Requests one after the other by several threads, each a connection of its own: load.py ADDRESS PORT COUNT THREADS. Prints how
many were answered, how many were not, and how many of those by a reset; of the first that was not, why."""
import socket
import sys
import threading

address, port, count, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
lock = threading.Lock()
answered, failed, reset, why = 0, 0, 0, ""


def ask():
    with socket.create_connection((address, port), 20) as s:
        s.settimeout(20)
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        got = b""
        while part := s.recv(4096):
            got += part
    if b" 200 OK" not in got:
        raise OSError(f"answered with {got[:40]!r}")


def work(n):
    global answered, failed, reset, why
    for _ in range(n):
        try:
            ask()
            with lock:
                answered += 1
        except OSError as e:
            with lock:
                failed += 1
                reset += isinstance(e, ConnectionResetError)
                why = why or repr(e)


all_of_them = [threading.Thread(target=work, args=(count // threads,)) for _ in range(threads)]
for t in all_of_them:
    t.start()
for t in all_of_them:
    t.join()
print(answered, failed, reset, why)
