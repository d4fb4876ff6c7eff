"""Connections one after the other: connects.py ADDR PORT COUNT RATE. Each sends a line of HTTP and waits for the answer. Prints how many
were answered within 3 s of their beginning, how many later, how many never, and the slowest (ms)."""
import select
import socket
import sys
import time

to, count, gap = (sys.argv[1], int(sys.argv[2])), int(sys.argv[3]), 1 / float(sys.argv[4])
poll, open_, took, never = select.epoll(), {}, [], 0
begun, first = 0, time.monotonic()
while begun < count or open_:
    now = time.monotonic()
    while begun < count and now >= first + begun * gap:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setblocking(False)
        s.connect_ex(to)
        open_[s.fileno()] = (s, now)
        poll.register(s.fileno(), select.EPOLLOUT)
        begun += 1
    for fd, events in poll.poll(gap / 2):
        s, since = open_[fd]
        try:
            if events & select.EPOLLIN:
                if not s.recv(4096):
                    raise OSError
                took.append(time.monotonic() - since)
            else:
                s.send(b"GET / HTTP/1.0\r\n\r\n")
                poll.modify(fd, select.EPOLLIN)
                continue
        except OSError:
            never += 1
        open_.pop(fd)[0].close()
    for fd in [fd for fd, (_, since) in open_.items() if time.monotonic() - since > 30]:
        never += 1
        open_.pop(fd)[0].close()
within = sum(t <= 3 for t in took)
print(within, len(took) - within, never, round(1000 * max(took, default=0)))
