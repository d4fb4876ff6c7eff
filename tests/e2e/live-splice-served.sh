#!/usr/bin/env bash
# `mode proxy` with `splice packets`, for services of this machine's: which source servers see, that the host's own stack sees
# none of it, in both families, by packet socket and beside the executor in the kernel, with one worker and several.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two
# Each connection is told its own ends as the server sees them, then gets back what it says.
cat >teller.py <<'PY'
import socket, threading
def serve(c):
    at = c.getpeername()
    c.sendall(("%s %d\n" % (at[0].replace("::ffff:", ""), at[1])).encode())
    while d := c.recv(65536): c.sendall(d)
    c.close()
s = socket.create_server(("::", 7000), family=socket.AF_INET6, dualstack_ipv6=True, backlog=256)
while True: threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
PY
# With ADDRESS PORT COUNT [FIRST [taken]] it opens that many at once, sends 100 kB each, and prints what all were told, or what
# failed. FIRST comes back, too, if it is not taken off.
cat >asks.py <<'PY'
import os, socket, sys, threading
address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
first = sys.argv[4].encode() if len(sys.argv) > 4 else b""
told, lock, all_open = [], threading.Lock(), threading.Barrier(count)
def one():
    try:
        said = os.urandom(100000)
        s = socket.create_connection((address, port), 20)
        s.settimeout(60)
        f = s.makefile("rb")
        s.sendall(first)
        line = f.readline().decode().strip()
        all_open.wait(60)
        t = threading.Thread(target=lambda: (s.sendall(said), s.shutdown(socket.SHUT_WR)))
        t.start()
        got = f.read()
        t.join()
        if got != (b"" if len(sys.argv) > 5 else first) + said: line = "other bytes: %d of %d" % (len(got), len(said))
    except Exception as e:
        all_open.abort()
        line = "failed: %s" % e
    with lock: told.append(line)
threads = [threading.Thread(target=one) for _ in range(count)]
for t in threads: t.start()
for t in threads: t.join()
print("\n".join(told))
PY
# It sends an ACK of a connection that nobody knows, and prints the number of the reset that answers it.
cat >stray.py <<'PY'
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
s.settimeout(20)
def sum16(d):
    t = sum(struct.unpack("!%dH" % (len(d) // 2), d))
    while t >> 16: t = (t & 65535) + (t >> 16)
    return ~t & 65535
t = struct.pack("!HHIIBBHHH", 999, 7001, 1, 77, 80, 16, 512, 0, 0)
ends = socket.inet_aton("10.1.0.1") + socket.inet_aton("10.1.0.2")
t = t[:16] + struct.pack("!H", sum16(ends + struct.pack("!HH", 6, 20) + t)) + t[18:]
s.sendto(t, ("10.1.0.2", 0))
while True:
    p = s.recv(2048)
    h = p[(p[0] & 15) * 4:]
    if struct.unpack("!HH", h[:4]) == (7001, 999):
        print("reset at %d" % struct.unpack("!I", h[4:8]) if h[13] & 4 else "no reset")
        break
PY
for s in one two; do
    background $s python3 teller.py 2>teller-$s.err
    until_true 100 "the server $s listens" at $s bash -c 'exec 3<>/dev/tcp/127.0.0.1/7000'
done
asks() { at client python3 asks.py "$@"; }
# within SENTENCE FILE ADDRESSES LOW HIGH COUNT: all COUNT lines name one of the addresses, a port of that range, and no two are alike.
within() {
    sort -u "$2" | awk -v all="$3" -v lo="$4" -v hi="$5" -v count="$6" '
        BEGIN { n = split(all, a, " "); for (i = 1; i <= n; i++) good[a[i]] = 1 }
        !($1 in good) || $2 < lo || $2 > hi { print "# " $0; bad = 1 }
        END { exit bad || NR != count }'
    ok $? "$1"
}

cat >services <<'END'
pool own { server one 10.2.0.2:7000 }
pool own6 { server one [fd00:2::2]:7000 }
pool named { source 10.2.0.77, 10.2.0.78 ports 20000-20999; server two 10.2.0.3:7000 }
service own on 10.1.0.2 tcp/7001 { mode proxy; splice packets; -> own }
service own6 on fd00:1::2 tcp/7001 { mode proxy; splice packets; -> own6 }
service named on 10.1.0.2 tcp/7002 { mode proxy; splice packets; -> named }
service seen on 10.1.0.2 tcp/7003 { mode proxy transparent; splice packets; -> own }
service beside on 10.1.0.2 tcp/7004 { mode passthrough; -> own }
service other on 10.1.0.99 tcp/7005 { mode proxy; splice packets; announce; when bytes payload at 0 is x"41" -> own }
END
rules bare <services
{ cat services; echo 'firewall f in default drop { accept icmp; accept icmp6; accept tcp port 7001-7005 }'; } | rules served

rules target <<'END'
service goes on 10.1.0.2 tcp/7006 { mode proxy; splice packets; when instruction to 10.2.0.0/24 -> target; }
service shows on 10.1.0.2 tcp/7007 { mode proxy transparent; splice packets; when instruction to 10.2.0.0/24 -> target; }
END
targets() { # HOW OPTION...
    local how=$1
    shift
    prey prey "$@" -i wan -i lan --format json target.pbc
    asks 10.1.0.2 7006 20 '1710.2.0.3:700000' taken >goes
    within "$how: the target of an instruction sees this machine" goes 10.2.0.1 61000 65535 20
    asks 10.1.0.2 7007 20 '1710.2.0.3:700000' taken >shows
    within "$how: of a \`transparent\` service it sees the client" shows 10.1.0.1 1024 65535 20
    asks 10.1.0.2 7006 20 "$(printf '%-32s' '1 10.2.0.2 7000')" taken >kept
    within "$how: an instruction with 1 keeps the client's address" kept 10.1.0.1 1024 65535 20
    asks 10.1.0.2 7007 20 "$(printf '%-32s' '2 10.2.0.2 7000')" taken >hidden
    within "$how: one with 2 hides it" hidden 10.2.0.1 61000 65535 20
    same "$how: a target that may not be is refused" "$(asks 10.1.0.2 7006 1 "$(printf '%-32s' '1 10.1.0.1 7000')" taken | cut -c 1-6)" failed
    prey_ends
    same "$how: it ends well" "$status" 0
}
rounds() { # HOW PROGRAM OPTION...
    local how=$1 program=$2
    shift 2
    prey prey "$@" -i wan -i lan --format json "$program.pbc"
    asks 10.1.0.2 7001 50 >own
    within "$how: servers see this machine's own address, at ports that the host gives to nobody" own 10.2.0.1 61000 65535 50
    asks fd00:1::2 7001 20 >own6
    within "$how: IPv6 likewise" own6 fd00:2::1 61000 65535 20
    asks 10.1.0.2 7002 50 >named
    within "$how: addresses and ports of the pool's \`source\`" named '10.2.0.77 10.2.0.78' 20000 20999 50
    same "$how: both addresses are used" "$(awk '{ print $1 }' named | sort -u | wc -l)" 2
    asks 10.1.0.2 7003 20 >seen
    within "$how: \`transparent\`: the client's own" seen 10.1.0.1 1024 65535 20
    asks 10.1.0.2 7004 50 >beside &
    local besides=$!
    asks 10.1.0.2 7001 50 >again
    wait "$besides"
    within "$how: beside \`mode passthrough\` to the same server" beside 10.2.0.1 61000 65535 50
    within "$how: and it beside these" again 10.2.0.1 61000 65535 50
    asks 10.1.0.99 7005 20 A >other
    within "$how: an address of nobody else is answered for" other 10.2.0.1 61000 65535 20
    same "$how: nobody listens on this machine" "$(at prey ss -Htln | grep -c ':700[0-9] ')" 0
    same "$how: a connection that nobody knows is refused" "$(at client python3 stray.py)" 'reset at 77'
    same "$how: its own stack has reset nobody" "$(at prey nstat -asz TcpOutRsts | awk '/TcpOutRsts/ { print $2 }')" 0
    prey_ends
    same "$how: it ends well" "$status" 0
}
rounds 'packet sockets' bare --io packet --workers 2
rounds 'the executor in user space' bare --exec user --workers 2
rounds 'the executor in the kernel' served --exec kernel
targets 'targets, user space' --exec user --workers 2
targets 'targets, the kernel' --exec kernel
exit $failed
