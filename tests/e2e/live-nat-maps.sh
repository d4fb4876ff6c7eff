#!/usr/bin/env bash
# A router whose nat maps prefixes one to one, shares several addresses, forwards by interface and a protocol without ports, and clamps
# segments; by the executor in user space, then by the one in the kernel, where this machine lets us pin programs.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || executors=user
live_begin

space client prey far
link client eth0 prey lan
link prey wan far eth0
address client eth0 10.1.0.1/24 10.1.0.17/24 fd00:1::1/64 fd00:1::10:5/64
address prey lan 10.1.0.2/24 fd00:1::2/64
address prey wan 10.2.0.2/24 fd00:2::2/64
address far eth0 10.2.0.3/24 fd00:2::3/64
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
ip -n "$id-far" -6 route add fd00:1::/64 via fd00:2::2
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
web client
web prey
web far
udp far 53
payload 500000 far

rules edge <<'END'
interface lan = "lan"
interface wan = "wan"
set inside = 10.1.0.0/24
nat edge {
  map 10.2.0.16/28 <-> 10.1.0.16/28 on wan
  map fd00:2::10:0/112 <-> fd00:1::10:0/112
  source from inside out on wan to 10.2.0.64-10.2.0.67
  forward self on wan tcp/80, gre -> 10.1.0.1
  forward self on wan from 10.9.0.0/16 udp/53 -> 10.1.0.1
  mss clamp 1200
}
END

from() { at client curl -s -m 10 --interface "$1" "http://$2/from" || echo failed; }
cat >gre.py <<'END'
# ask ADDRESS: who answers, and what; serve: answers one.
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
s.settimeout(8)
if sys.argv[1] == "ask":
    s.sendto(b"\0\0\x88\xb5question", (sys.argv[2], 0))
else:
    open("listens", "w").close()
while True:
    packet, (who, _) = s.recvfrom(1500)
    if packet[24:] == b"question" and sys.argv[1] == "serve":
        s.sendto(b"\0\0\x88\xb5answer to " + who.encode(), (who, 0))
        break
    if packet[24:30] == b"answer":
        print(who, packet[24:].decode())
        break
END

for exec in ${executors:-user kernel}; do
    prey prey --exec "$exec" -i lan -i wan --format json edge.pbc
    sniff "syn-$exec.pcap" far eth0 'tcp[13] & 2 != 0'
    same "$exec: a mapped host has its own address outside" "$(from 10.1.0.17 10.2.0.3)" 10.2.0.17
    same "$exec: and is reached there" "$(ask far 10.2.0.17)" client
    same "$exec: IPv6 likewise" "$(from fd00:1::10:5 '[fd00:2::3]') $(ask far '[fd00:2::10:5]')" 'fd00:2::10:5 client'
    same "$exec: what no map says stays" "$(from fd00:1::1 '[fd00:2::3]')" fd00:1::1
    same "$exec: asked by its own address, a mapped host answers from there" "$(ask far '[fd00:1::10:5]')" client
    one=$(from 10.1.0.1 10.2.0.3)
    same "$exec: one of the shared addresses, always the same" "$one $(talk client 10.2.0.3)" "$(grep -xE '10\.2\.0\.6[4-7]' <<<"$one") far $one 5"
    fetches "$exec: half a megabyte" client 10.2.0.3
    same "$exec: inside to an outside address, and back" "$(from 10.1.0.1 10.2.0.17)" "$one"
    same "$exec: a ping each way, in fragments" "$(at client ping -q -c1 -W 20 -s 4000 -I 10.1.0.17 10.2.0.3 | grep -c ' 0% packet loss') $(
        at far ping -q -c1 -W 20 -s 4000 10.2.0.17 | grep -c ' 0% packet loss')" '1 1'
    at far ping -c1 -W 20 -t1 10.2.0.17 >out
    has "$exec: the last hop" 'Time to live exceeded'
    same "$exec: a port forward for what comes in there" "$(ask far 10.2.0.2)" client
    same "$exec: the same port from inside is this machine's" "$(ask client 10.1.0.2) $(ask client 10.2.0.2)" 'prey prey'
    rm -f listens
    background client python3 "$PWD/gre.py" serve
    until_true 80 'who answers listens' test -e listens
    same "$exec: a protocol without ports" "$(at far python3 "$PWD/gre.py" ask 10.2.0.2)" '10.2.0.2 answer to 10.2.0.3'
    sniffed
    same "$exec: segments are clamped, whoever begins" "$(tcpdump -n -r "syn-$exec.pcap" 2>/dev/null | grep -oE '> 10\.2\.0\.3\..*mss [0-9]+' | grep -oE 'mss [0-9]+' | sort -u)" 'mss 1200'
    prey_sums "$exec"
done
exit $failed
