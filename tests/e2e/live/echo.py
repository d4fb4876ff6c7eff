"""TCP that echoes what one connection after the other says, and a client that says its input's lines and prints what comes
back: serve PORT; ask ADDR PORT. And one that only sends, its input's lines to the first who comes, and who only hears them:
tell PORT; hear ADDR PORT."""
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

if sys.argv[1] == "tell":
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    one, _ = socket.create_server(("", int(sys.argv[2])), family=family, dualstack_ipv6=socket.has_dualstack_ipv6()).accept()
    for line in sys.stdin:
        one.sendall(line.encode())
    sys.exit()

s = socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=10)
back = s.makefile("rb")
if sys.argv[1] == "hear":
    s.settimeout(None)
    for line in back:
        print(line.decode(), end="", flush=True)
    sys.exit()
for line in sys.stdin:
    s.sendall(line.encode())
    print(back.readline().decode(), end="", flush=True)
