"""One question from each of many ports, and how many were answered: FIRST COUNT."""
import socket, sys
first, count = map(int, sys.argv[1:])
answered = 0
for port in range(first, first + count):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("", port))
        s.connect(("10.1.0.1", 53))
        s.settimeout(1)
        for _ in range(5):
            s.send(b"x")
            try:
                answered += bool(s.recv(100))
                break
            except (TimeoutError, ConnectionRefusedError):
                pass
print(answered)
