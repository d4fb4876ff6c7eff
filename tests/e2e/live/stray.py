"""An ACK of no connection to port 80, and what comes back: SOURCE ADDRESS [made]."""
import select, socket, struct, sys
source, to = sys.argv[1:3]
six = ":" in to
family = socket.AF_INET6 if six else socket.AF_INET
mine = 7777
if sys.argv[3:]:
    s = socket.socket(family)
    s.settimeout(20)
    s.bind((source, 0))
    mine = s.getsockname()[1]
    s.connect((to, 80))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.bind((source, 0))
sure = "fd00:1::2" if six else "10.1.0.2"
def send(to, port):
    head = lambda checksum: struct.pack("!HHIIBBHHH", mine, port, 1, 1, 5 << 4, 16, 1000, checksum, 0)
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, to)
    all = ends + (struct.pack("!II", 20, 6) if six else struct.pack("!HH", 6, 20)) + head(0)
    sum_ = sum(struct.unpack("!%dH" % (len(all) // 2), all))
    while sum_ >> 16: sum_ = (sum_ & 0xffff) + (sum_ >> 16)
    raw.sendto(head(~sum_ & 0xffff), (to, 0))
send(to, 80)
send(sure, 82)  # to a port of nobody's, whose reset says that the first has been dealt with
resets = set()
while 82 not in resets and select.select([raw], [], [], 10)[0]:
    b = raw.recv(2000)
    b = b if six else b[(b[0] & 15) * 4:]
    if b[13] & 4 and b[2:4] == struct.pack("!H", mine): resets.add(struct.unpack("!H", b[:2])[0])
print("reset" if 80 in resets else "nothing" if 82 in resets else "no answer at all")
