#!/usr/bin/env bash
# A live bridge: frames cross as forward rules say, also for this machine's own address, which hears none of them; super-
# packets and tags cross as they come; what two stations on one side say to each other stays there.
set -u
EXEC=user # bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

across left right
web right
head -c 20000000 /dev/urandom >web-right/file
rules across <<'END'
firewall f forward default drop {
  accept arp
  accept icmp6 type nd
  accept icmp, icmp6
  accept state established, related
  accept tcp port 80 as WEB
  reject tcp port 8080 as CLOSED
}
END
at left curl -s -m 1 http://10.1.0.2/ >out
same 'without the bridge nothing crosses' "$(cat out)" ''
at left ip neigh flush dev eth0
prey prey --bridge a:b --format json across.pbc
same 'it says that it is ready' "$(grep -v '^--exec auto: user, because only the user-space executor supports --bridge' prey.err)" 'ready: a: a, b by packet, 1 worker, across.pbc'
for a in 10.1.0.2 '[fd00:1::2]'; do
    same "TCP crosses to $a" "$(at left curl -s -m 20 "http://$a/")" right
    at left curl -s -m 30 "http://$a/files/file" | cmp -s - web-right/file
    ok $? "20 MB from $a arrive as they are"
done
# A busy machine may lose one of them, as any network does.
until_true 50 'pings in fragments' at left ping -c 1 -W 5 -s 4000 10.1.0.2 && ok 0 'pings in fragments'
at left curl -s -m 20 http://10.1.0.2:8080/ >out 2>&1
same 'a reject is answered at once' $? 7
at left ping -c 1 -W 1 10.1.0.9 >/dev/null

# An address of this machine itself, on either port: still across.
address prey a 10.1.0.7/24
address right eth0 10.1.0.7/24
same "so does what is for this machine's own address" "$(at left curl -s -m 20 http://10.1.0.7/from)" 10.1.0.1

# A tag: put on by hand, taken off by hand, for this kernel has no VLAN devices.
at right timeout 60 tcpdump -i eth0 -n -c 1 -e vlan 7 >tagged 2>/dev/null &
dump=$!
pids="$pids $dump"
sent() {
    at left python3 - <<'END'
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
icmp = bytes.fromhex("0800f7ff00000000")
ip = bytes.fromhex("4500001c000000004001") + b"\0\0" + bytes([10, 1, 0, 1, 10, 1, 0, 2])
n = sum(int.from_bytes(ip[i:i + 2], "big") for i in range(0, 20, 2))
n = 0xffff - (n % 0xffff)
ip = ip[:10] + n.to_bytes(2, "big") + ip[12:]
s.send(b"\xff" * 6 + b"\2\0\0\0\0\7" + bytes.fromhex("810000070800") + ip + icmp + bytes(20))
END
    ! kill -0 "$dump" 2>/dev/null
}
until_true 60 'a tagged frame crosses' sent
wait "$dump"
same 'with its tag' "$(grep -c 'vlan 7' tagged)" 1
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame has one verdict'
same 'what was accepted or passed has crossed' \
    "$(python3 -c "print($(number verdicts accept packets) + $(number verdicts pass packets) - $(number live crossed) - $(number live stayed))")" 0
same 'super-packets were among it' "$(python3 -c "print($(number interfaces 1 super) > 0)")" True
same 'nothing was only watched' "$(number live watched)" 0
at left curl -s -m 1 http://10.1.0.2/ >out
same 'after a stop nothing crosses' "$(cat out)" ''
exit $failed
