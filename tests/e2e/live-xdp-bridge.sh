#!/usr/bin/env bash
# A live bridge on AF_XDP: frames cross as forward rules say, tags among them, also for this machine's own address, which hears
# none of them; the rules change while it carries; one that is too long is told of.
set -u
EXEC=user # --io is user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

across left right
web right
head -c 5000000 /dev/urandom >web-right/file
across() { # PORT: the one that is let across
    cat <<END
firewall f forward default drop {
  accept arp
  accept icmp6 type nd
  accept icmp, icmp6
  accept state established, related
  accept tcp port $1 as WEB
  reject tcp port 81 as CLOSED
}
END
}
across 80 | rules across

prey prey --bridge a:b --io xdp --format json across.pbc
same 'it says that it is ready' "$(grep ^ready prey.err)" 'ready: a: a, b by xdp, 1 worker, across.pbc'
for a in 10.1.0.2 '[fd00:1::2]'; do
    same "TCP crosses to $a" "$(ask left "$a")" right
    at left curl -s -m 30 "http://$a/files/file" | cmp -s - web-right/file
    ok $? "5 MB from $a arrive as they are"
done
# A busy machine may lose one of them, as any network does.
until_true 50 'pings in pieces' at left ping -c 1 -W 5 -s 4000 10.1.0.2 && ok 0 'pings in pieces'
at left curl -s -m 20 http://10.1.0.2:81/ >out 2>&1
same 'a reject is answered at once' $? 7
address prey a 10.1.0.7/24
address right eth0 10.1.0.7/24
same "what is for this machine's own address crosses, too" "$(ask left 10.1.0.7)" right

# tagged TPIDS WORDS [DEVICE]: a frame with these tags, put on by hand, arrives with them.
tagged() {
    at right timeout 60 tcpdump -i eth0 -n -c 1 -e ether src 02:00:00:00:00:07 >tagged 2>/dev/null &
    local dump=$!
    pids="$pids $dump"
    sent() {
        at left python3 - "$1" "${2:-eth0}" <<'END'
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[2], 0))
ip = bytes.fromhex("4500001c000000004001") + b"\0\0" + bytes([10, 1, 0, 1, 10, 1, 0, 2])
n = sum(int.from_bytes(ip[i:i + 2], "big") for i in range(0, 20, 2))
ip = ip[:10] + (0xffff - n % 0xffff).to_bytes(2, "big") + ip[12:]
s.send(b"\xff" * 6 + b"\2\0\0\0\0\7" + bytes.fromhex(sys.argv[1] + "0800") + ip + bytes.fromhex("0800f7ff00000000") + bytes(20))
END
        ! kill -0 "$dump" 2>/dev/null
    }
    until_true 60 "a frame tagged $1 crosses" sent "$1" "${3-}"
    wait "$dump"
    grep -qE "$2" tagged
    ok $? "a frame tagged $1 crosses as it was${3:+, by a switch}" || cat tagged
}
tagged 81000007 'vlan 7'
tagged 88a800098100000a '802.1Q-QinQ|0x88a8.*vlan 9'
# A switch of the kernel's takes tags off, and keeps them beside the frame: they are there with what the start says.
ip -n "$id-left" link add x0 up type veth peer name x1
bridged left switch x1 eth0
at left $(sed -n 's/.*lost on a (veth).*: \(ethtool -K\) DEVICE \(.*\)/\1 eth0 \2/p' prey.err)
tagged 81000007 'vlan 7' x0
tagged 88a800098100000a '802.1Q-QinQ|0x88a8.*vlan 9' x0
ip -n "$id-left" link del switch

across 8080 | rules other
cp other.pbc across.pbc
kill -HUP "$prey"
until_true 50 'other rules are taken' grep -q ^reloaded prey.err && ok 0 'other rules are taken'
same 'what they let across' "$(ask left 10.1.0.2:8080)" right
same 'and what not' "$(ask left 10.1.0.2 1)" 'failed: 28'
for d in left:eth0 prey:a; do ip -n "$id-${d%:*}" link set dev "${d#*:}" mtu 3000; done
at left ping -c 1 -W 1 -s 2500 10.1.0.2 >/dev/null
until_true 50 'a frame that is too long is told of' grep -q 'too long for --io xdp' prey.err && ok 0 'a frame that is too long is told of'
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
same 'all that came has crossed, or was dropped' \
    "$(python3 -c "print($(number verdicts accept packets) + $(number verdicts pass packets) - $(number live crossed) - $(number live stayed))")" 0
same 'nothing was only watched, nothing given to this machine' "$(number live watched) $(number live given)" '0 0'
same 'after a stop nothing crosses' "$(ask left 10.1.0.2:8080 1)" 'failed: 28'
exit $failed
