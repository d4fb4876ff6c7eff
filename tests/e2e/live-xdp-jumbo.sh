#!/usr/bin/env bash
# Live on AF_XDP with frames longer than a slot (MTU 9000): they are gathered from pieces and sent in pieces; beside them
# ordinary ones, a way that is narrower, and frames that no interface's MTU allows.
set -u
EXEC=user # --io is user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one
link client eth0 prey wan
link prey lan one eth0
for d in client:eth0 prey:wan prey:lan one:eth0; do ip -n "$id-${d%:*}" link set "${d#*:}" mtu 9000; done
address client eth0 10.1.0.1/24 fd00:1::1/64
address prey wan 10.1.0.2/24 fd00:1::2/64
address prey lan 10.2.0.2/24 fd00:2::2/64
address one eth0 10.2.0.3/24 fd00:2::3/64
web one
udp one 53
rules shop <<'END'
pool farm { server one 10.2.0.3 }
pool farm6 { server one fd00:2::3 }
service four on 10.1.0.100 tcp/80, udp/53, icmp { mode passthrough; announce; -> farm }
service six on fd00:1::100 tcp/80, udp/53 { mode passthrough; announce; -> farm6 }
END
head -c 3000000 /dev/urandom >web-one/file
datagram() { at client "$tools/udp" ask "$1" 53 0 "$2" || echo failed; }
counted() { python3 -c "print($(number interfaces 0 copied) > 0 and $(number interfaces 1 copied) > 0)"; }

prey prey -i wan -i lan --io xdp --format json shop.pbc
same 'it says how' "$(grep ^ready prey.err)" 'ready: wan: wan, lan by xdp, 1 worker, shop.pbc'
for a in 10.1.0.100 fd00:1::100; do
    case $a in *:*) url="http://[$a]" from=fd00:2::2 ;; *) url="http://$a" from=10.2.0.2 ;; esac
    for size in 5 1400 3700 3760 3800 4000 7600 8900; do
        same "a datagram of $size bytes to $a" "$(datagram $a $size)" "one $from $size"
    done
    same "one in pieces, each longer than a slot, to $a" "$(datagram $a 20000)" "one $from 20000"
    at client curl -s -m 20 "$url/files/file" | cmp -s - web-one/file
    ok $? "3 MB from $a arrive as they are"
done
at one nstat -az TcpInCsumErrors UdpInCsumErrors Udp6InCsumErrors >errors
at client nstat -az TcpInCsumErrors UdpInCsumErrors Udp6InCsumErrors >>errors
same 'no receiver counts a wrong checksum' "$(awk '/Csum/ { n += $2 } END { print n + 0 }' errors)" 0

# What does not fit behind prey: the sender is told, and sends less.
ip -n "$id-prey" link set lan mtu 4000
at client ping -c 1 -W 20 -M 'do' -s 6000 10.1.0.100 >out
has 'a packet that does not fit behind us: its sender is told' 'Frag needed|Message too long|message too long'
ip -n "$id-prey" link set lan mtu 9000
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame that was taken has one verdict'
same 'long frames were copied, in and out' "$(counted)" True
same 'none was too long' "$(number interfaces 0 cut) $(number interfaces 1 cut) $(number interfaces 0 not_sent) $(number interfaces 1 not_sent)" '0 0 0 0'

# An MTU that was raised behind its back: such frames are counted, and those of before still come.
for d in client:eth0 prey:wan prey:lan one:eth0; do ip -n "$id-${d%:*}" link set "${d#*:}" mtu 1500; done
prey prey -i wan -i lan --io xdp --format json shop.pbc
for d in client:eth0 prey:wan; do ip -n "$id-${d%:*}" link set "${d#*:}" mtu 3000; done
at client ping -c 1 -W 1 -s 2500 10.1.0.100 >out
same 'a frame of now is served' "$(datagram 10.1.0.100 1000)" 'one 10.2.0.2 1000'
prey_ends
same 'one that is too long is counted' "$(python3 -c "print($(number interfaces 0 cut) > 0)")" True
exit $failed
