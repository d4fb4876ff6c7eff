"""A TCP echo that takes one connection after the other, and a client that says its input's lines and prints what comes back:
serve PORT; ask ADDR PORT."""
import contextlib
import socket
import sys

if sys.argv[1] == "serve":
    listening = socket.create_server(("", int(sys.argv[2])))
    while True:
        one, _ = listening.accept()
        with contextlib.suppress(ConnectionError):
            while data := one.recv(65536):
                one.sendall(data)
        one.close()

s = socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=10)
back = s.makefile("rb")
for line in sys.stdin:
    s.sendall(line.encode())
    print(back.readline().decode(), end="", flush=True)
