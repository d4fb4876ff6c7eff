#!/usr/bin/env bash
# A router that has policies of IPsec: what one takes is this machine's stack's, which encrypts or drops it. prey sends none of it on in
# clear, and translates all else as before. By either executor, with and without a nat that may take it.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@"
live_begin

space host prey far
link host eth0 prey lan
link prey wan far eth0
address host eth0 10.1.0.7/24 fd00:1::7/64
address prey lan 10.1.0.1/24 fd00:1::1/64
address prey wan 203.0.113.2/24 fd00:f::2/64
address far eth0 203.0.113.9/24 fd00:f::9/64
ip -n "$id-host" route add default via 10.1.0.1
ip -n "$id-host" -6 route add default via fd00:1::1
ip -n "$id-prey" route add default via 203.0.113.9
ip -n "$id-prey" -6 route add default via fd00:f::9
ip -n "$id-far" route add 10.1.0.0/24 via 203.0.113.2
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
if ! ip -n "$id-prey" xfrm policy add src 10.1.0.0/24 dst 10.99.0.0/16 dir out action block 2>out; then
    echo 'ok - a router with IPsec # SKIP this kernel has no policies of IPsec'
    exit 0
fi
ip -n "$id-prey" xfrm policy flush

rules natted <<'END'
nat home { masquerade from 10.1.0.0/24 to not 10.99.0.0/16 out on "wan" }
firewall f forward default drop { accept state established, related; accept on "lan" }
END
rules judged <<'END'
firewall f forward default drop { accept state established, related; accept on "lan" }
END
rules all <<'END'
nat home { masquerade out on "wan" }
END

# Sends to ADDRESS all that a host would: a datagram, one in fragments, an opening segment, an echo request; then a datagram to far.
cat >sends.py <<'END'
import socket, subprocess, sys
to = sys.argv[1]
u = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
for text in b"one", b"x" * 3000:
    u.sendto(text, (to, 500))
t = socket.socket(u.family, socket.SOCK_STREAM)
t.setblocking(False)
try: t.connect((to, 80))
except OSError: pass
subprocess.run(["ping", "-q", "-c", "1", "-W", "1", to], stdout=subprocess.DEVNULL)
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"last", ("203.0.113.9", 9))
END
# wire ADDRESS: the sources of what came to far for that address, once a datagram to far itself came.
wire() {
    sniff wire.pcap far eth0 "host $1 or (udp and port 9)"
    at host python3 sends.py "$1"
    until_true 50 "$way, $rules: what was sent last is there" arrived
    sniffed
    tcpdump -nr wire.pcap "host $1" 2>/dev/null | grep -oE 'IP6? [0-9a-f.:]+ >' | sed -E 's/IP6? //; s/(203[.0-9]*|10[.0-9]*)[.][0-9]+ >/\1 >/; s/ >//' | grep -oE '^(10\.1\.0\.7|203\.0\.113\.2|fd00:1::7|fd00:f::2)' | sort -u | tr '\n' ' '
}
arrived() { tcpdump -nr wire.pcap 'udp and port 9' 2>/dev/null | grep -q .; }
policy() { ip -n "$id-prey" xfrm policy "$@"; }
# Its policy is known once status or an explanation says so.
known() { ctl explain "udp 10.1.0.7:1000 -> $1:500 on lan" && grep -q 'IPsec' out; }

for way in user 'kernel tc' 'kernel xdp'; do
    read -r exec hook <<<"$way"
    for rules in natted judged; do
        [ "$way $rules" = 'kernel xdp judged' ] && continue # as by traffic control: its packets do not come up
        prey prey --exec "$exec" ${hook:+--hook "$hook"} -i lan -i wan "$rules.pbc"
        same "$way, $rules: without a policy it leaves" "$(wire 10.99.0.5)" '10.1.0.7 '
        policy add src 10.1.0.0/24 dst 10.99.0.0/16 dir out priority 20 tmpl src 203.0.113.2 dst 203.0.113.9 proto esp mode tunnel
        until_true 50 "$way, $rules: explain knows it" known 10.99.0.5
        same "$way, $rules: nothing of it leaves in clear" "$(wire 10.99.0.5)" ''
        policy add src 10.1.0.7/32 dst 10.99.0.6/32 dir out priority 10
        same "$way, $rules: what another policy excepts leaves" "$(wire 10.99.0.6)" '10.1.0.7 '
        same "$way, $rules: and nothing else" "$(wire 10.99.0.5)" ''
        policy flush
        until_true 50 "$way, $rules: without policies it leaves again" eval '[ "$(wire 10.99.0.5)" = "10.1.0.7 " ]'
        prey_ends
    done
done
# A policy takes the packets of a flow that is open and translated, too.
cat >flow.py <<'END'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.0.7", 5555))
for line in sys.stdin:
    for _ in range(5): s.sendto(line.encode(), ("10.99.0.7", 5000))
    s.sendto(line.encode(), ("203.0.113.9", 9))
END
mkfifo lines
left() { echo $(($(tcpdump -nr flow.pcap 'dst host 10.99.0.7' 2>/dev/null | wc -l))); }
came() { [ "$(tcpdump -nr flow.pcap 'udp and port 9' 2>/dev/null | wc -l)" = "$1" ]; }
for way in user 'kernel tc' 'kernel xdp'; do
    read -r exec hook <<<"$way"
    prey prey --exec "$exec" ${hook:+--hook "$hook"} -i lan -i wan all.pbc
    sniff flow.pcap far eth0 '(udp and port 9 and dst host 203.0.113.9) or dst host 10.99.0.7'
    ip netns exec "$id-host" python3 flow.py <lines &
    pids="$pids $!"
    exec 6>lines
    echo first >&6
    until_true 50 "$way: the first datagrams are there" came 1
    same "$way: an open flow leaves" "$(left)" 5
    policy add src 10.1.0.0/24 dst 10.99.0.0/16 dir out action block
    until_true 50 "$way: explain knows the policy" known 10.99.0.7
    echo second >&6
    until_true 50 "$way: the last datagram is there" came 2
    same "$way: once a policy takes it, nothing of it does" "$(left)" 5
    exec 6>&-
    sniffed
    policy flush
    prey_ends
done
[ "$failed" = 0 ]
