#!/usr/bin/env bash
# `-> proxy inline` in mode observe, live: connections whose client says SSH first are cut into, at random points of random transfers both
# ways, with half-closes: each is byte-exact, goes through sockets from then on, and neither end notices. Those with a bad name are reset; of
# others each frame arrives as it was sent.
set -u
EXEC=user # its bridge is user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
RECORD=0 # sockets' answers are no part of a recording's packets

across client server

# LOSS=10: each end loses ten of a thousand packets that come to it
for end in ${LOSS:+client server}; do
    at $end nft "add table inet lossy; add chain inet lossy in { type filter hook input priority 0; }
        add rule inet lossy in meta l4proto tcp numgen random mod 1000 < $LOSS drop"
done

rules cut <<'END'
names bad = "bad.example"
firewall edge forward default accept { }
service ssh on any tcp/any {
  mode observe
  sessions to "sessions.jsonl" limit 1MiB
  when sni bad -> reject
  when bytes payload at 0 is x"53 53 48" -> proxy inline
  else -> pass
}
END

# Both ends say a line, then as many random bytes as they have, in pieces; each closes its half when it is through.
cat >talk.py <<'END'
import hashlib, os, random, socket, sys, threading, time
def talk(s, first, seed, most):
    r = random.Random(seed)
    sent, got, said = hashlib.sha256(), hashlib.sha256(), 0
    def send():
        nonlocal said
        s.sendall(first)
        sent.update(first)
        left = r.randrange(most)
        while left:
            n = min(left, r.choice((1, 7, 500, 1460, 20000, 200000)))
            piece = r.randbytes(n)
            s.sendall(piece)
            sent.update(piece)
            left -= n
            if r.random() < 0.02:
                time.sleep(r.random() / 50)
        s.shutdown(socket.SHUT_WR)
    t = threading.Thread(target=send)
    t.start()
    n, head = 0, b""
    while True:
        d = s.recv(65536)
        if not d:
            break
        got.update(d)
        head += d[: 80 - len(head)]
        n += len(d)
        if r.random() < 0.002:
            time.sleep(r.random() / 50)
    t.join()
    return sent.hexdigest(), got.hexdigest(), n, head.split(b"\r")[0].decode()
def say(*what):
    os.write(1, (" ".join(map(str, what)) + "\n").encode()) # one line at once: threads print side by side
def serve(c):
    try:
        c.settimeout(60)
        said = talk(c, b"SSH-2.0-server\r\n", c.getpeername()[1], int(sys.argv[3]))
        say(said[3], *said[:3])
    except OSError as e:
        say(c, e)
    c.close()
def ask(host, first, seed):
    s = socket.create_connection((host, 22), 20)
    s.settimeout(60)
    me = f"{first}-{seed}" # a port may be used again
    try:
        say(me, *talk(s, me.encode() + b"\r\n", seed, int(sys.argv[3]))[:3])
    except OSError as e:
        say(me, e)
    s.close()
if sys.argv[1] == "serve":
    l = socket.create_server(("::", 22), family=socket.AF_INET6, dualstack_ipv6=True, backlog=256)
    print("ready", flush=True)
    while True:
        threading.Thread(target=serve, args=(l.accept()[0],), daemon=True).start()
else:
    # arguments: ask FIRST MOST SEED COUNT HOST...
    first, seed, count = sys.argv[2], int(sys.argv[4]), int(sys.argv[5])
    for i in range(0, count, 8):
        all = [threading.Thread(target=ask, args=(random.Random(seed + k).choice(sys.argv[6:]), first, seed + k))
               for k in range(i, min(count, i + 8))]
        for t in all: t.start()
        for t in all: t.join()
END
most=3000000
at server python3 talk.py serve - $most >served 2>serve.err &
pids="$pids $!"
until_true 100 'the server listens' grep -q ready served
prey prey --bridge a:b --workers 1 --control "$PWD/control" --format json cut.pbc

# agree FILE: what each end has sent is what the other has got, for each connection of the file.
agree() {
    python3 - "$1" <<'END'
import sys
served = {l.split()[0]: l.split()[1:] for l in open("served") if len(l.split()) == 4}
asked = [l.split() for l in open(sys.argv[1])]
bad = [a for a in asked if len(a) != 4 or served.get(a[0], [None] * 3)[:2] != [a[2], a[1]]]
print(len(asked), "bad:", bad[:2], [served.get(b[0]) for b in bad[:2]])
END
}
seed=${SEED:-$$}
echo "# SEED=$seed"
count=${COUNT:-24}
at client timeout 200 python3 talk.py ask SSH-2.0-client $most "$seed" "$count" 10.1.0.2 fd00:1::2 >asked
same 'cut into, transfers go on byte for byte, both ways' "$(agree asked)" "$count bad: [] []"
offloads off client:eth0 server:eth0 prey:a prey:b
sniff client.pcap client eth0 tcp port 22
sniff server.pcap server eth0 tcp port 22
at client timeout 200 python3 talk.py ask HELLO 500000 "$seed" 4 10.1.0.2 fd00:1::2 >others
same 'others, too, are whole' "$(agree others)" '4 bad: [] []'
sniffed
# Each frame a line; their order is no other either, but two processors may overtake each other between a capture and its cable.
frames() { tcpdump -n -t -xx -r "$1" src host "$2" or src host "$3" 2>said | awk '/^IP/ { if (NR > 1) print all; all = "" } { all = all $0 } END { print all }' | sort; }
for from in '10.1.0.1 fd00:1::1' '10.1.0.2 fd00:1::2'; do
    # shellcheck disable=SC2086
    frames client.pcap $from >at-client && frames server.pcap $from >at-server && [ "$(wc -l <at-client)" -gt 100 ] && cmp at-client at-server
    ok $? "of others each frame arrives as it was sent, and no other: from $from"
done
offloads on client:eth0 server:eth0 prey:a prey:b
ctl --control "$PWD/control" counters observed
same 'they were cut into, but for some that ended first' \
    "$(awk '$1 ~ /cut_into$/ { into = $2 } $1 ~ /cut_(ends|unknown|late|sockets|busy|room)$/ { not += $2 } END { print into + not, (into > 0) }' out)" "$count 1"

# One of each is open: what is told of it.
cat >holds.py <<'END'
import signal, socket, sys
host, first = sys.argv[1:]
if host == "-":
    l = socket.create_server(("10.1.0.2", 24))
    print("ready", flush=True)
    keep = []
    while True:
        keep.append(l.accept()[0])
        try:
            keep[-1].sendall(keep[-1].recv(100))
        except OSError:
            print("reset", flush=True)
s = socket.create_connection((host, 24))
s.sendall(first.encode() + b"\n")
print(s.recv(100).decode().strip(), s.getsockname()[1], flush=True)
signal.pause()
END
background server python3 holds.py - - >holding
until_true 100 'the server listens' grep -q ready holding
for first in SSH-2.0-x HELLO; do background client python3 holds.py 10.1.0.2 $first >said-$first; done
for first in SSH-2.0-x HELLO; do until_true 100 "$first is answered" grep -q $first said-$first; done
cut=$(cut -d ' ' -f 2 said-SSH-2.0-x) others=$(cut -d ' ' -f 2 said-HELLO)
ctl --control "$PWD/control" flows tcp to port 24
same 'flows say which was cut into, and since when, beside one that is observed' \
    "$(grep -oE "10\.1\.0\.1:($cut|$others) +10\.1\.0\.2:24 +(observed|cut into) +ssh .* [0-9:]{8}$" out | awk '{ print $1, $3 }' | sort)" \
    "$(printf '10.1.0.1:%s\n' "$cut cut" "$others observed" | sort)"
ctl --control "$PWD/control" flows --json tcp to port 24
same 'and so in JSON' "$(python3 -c 'import json
for x in map(json.loads, open("out")):
    if x.get("observed"): print(x["state"], x["branch"], x["since"] > x["began"], x["last"] >= x["since"])' | sort)" 'cut into proxy inline True True
observed pass False True'
for way in "10.1.0.1:$cut -> 10.1.0.2:24 ack on a" "10.1.0.2:24 -> 10.1.0.1:$cut ack on b"; do
    ctl --control "$PWD/control" explain "tcp $way"
    same "explain of a segment of it: $way" "$(sed -E 's/since [0-9:.]*[0-9]/since THEN/; 1d' out)" '  no rule is tried: its connection was judged when it began
  service ssh, mode proxy inline: cut into since THEN: the connection'\''s segments end in preyrun'\''s sockets
  observe service ssh, when -> proxy inline (cut.prey:7), observed since THEN
verdict: forward  rule -  service ssh'
done
ctl --control "$PWD/control" explain "tcp 10.1.0.1:$others -> 10.1.0.2:24 ack on a"
has 'explain of a segment of one that is observed' 'observe service ssh, else -> pass \(cut.prey:8\), observed since [0-9:.]+$'
ctl --control "$PWD/control" explain --json "tcp 10.1.0.1:$cut -> 10.1.0.2:24 ack on a"
same 'and in JSON' "$(python3 -c 'import json
x = json.load(open("out"))
print(x["verdict"], x["rule"], x["connection"]["state"], x["connection"]["since"][:2], x["observed_by"]["branch"], x["observed_by"]["since"][:2])')" \
    'forward None cut into 20 proxy inline 20'

# A ClientHello in pieces
cat >hello.py <<'END'
import socket, ssl, sys
into, hello = ssl.MemoryBIO(), ssl.MemoryBIO()
try:
    ssl.create_default_context().wrap_bio(into, hello, server_hostname=sys.argv[2]).do_handshake()
except ssl.SSLWantReadError:
    pass
s, hello = socket.create_connection((sys.argv[1], 24)), hello.read()
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
try:
    for i in range(0, len(hello), 100):
        s.sendall(hello[i : i + 100])
    print("answered", s.recv(100) in hello)
except ConnectionResetError:
    print("reset")
END
same 'the same service resets who names a bad name, and lets by who does not' \
    "$(for name in bad.example good.example; do at client timeout 60 python3 hello.py 10.1.0.2 $name; done)" 'reset
answered True'
until_true 100 'the server was reset, too' grep -q reset holding

# What watches takes no connection, so it has none to refuse.
ctl --control "$PWD/control" drain service ssh
same 'a service that watches is not drained' "$status $(cat err)" \
    '2 preyctl: ssh: the running program has no service of this name that takes connections; you can drain these services: none'

# The rules are read again, without the branch.
sed -i '/proxy inline/d' cut.prey
"$bin/preyc" cut.prey -o cut.pbc >/dev/null || ok 1 'the rules compile'
kill -HUP "$prey"
awaits 'reloaded: cut.pbc'
ctl --control "$PWD/control" flows tcp to port 24
has 'it outlives rules without the branch' "10\.1\.0\.1:$cut +10\.1\.0\.2:24 +open "
prey_ends
same '… until the end' "$("$tools/figures" prey.out number proxy ended_by stopped)" 1
exit $failed
