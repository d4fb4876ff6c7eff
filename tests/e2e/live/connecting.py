"""Eight connections that begin at once, and how many of them are accepted once an answer came to somebody else."""
import select, socket
def begin(port):
    s = socket.socket()
    s.bind(("10.1.0.1", 0))
    s.setblocking(False)
    s.connect_ex(("10.1.0.2", port))
    return s
all = [begin(90) for _ in range(8)]
p = select.poll()
for s in all: p.register(s, select.POLLOUT)
done = set()
while len(done) < 5 and (ready := p.poll(20000)):
    for fd, _ in ready: done.add(fd), p.unregister(fd)
sure = begin(82)
select.select([], [sure], [], 20)
for fd, _ in p.poll(0): done.add(fd)
print(len(done), "connected")
