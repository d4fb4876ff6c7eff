"""A client of one of several tenants with the same addresses: tenant.py HOST PORT SOURCE-PORT; says `open`, and at SIGUSR1 asks who
answers, and says that."""
import signal
import socket
import sys

host, port, source = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
s.settimeout(60)
s.bind(("", source))
s.connect((host, port))
print("open", flush=True)
signal.sigwait([signal.SIGUSR1])
s.sendall(b"GET / HTTP/1.0\r\n\r\n")
got = b""
while part := s.recv(65536):
    got += part
print(got.split(b"\r\n\r\n")[1].decode().strip())
