#!/usr/bin/env bash
# `urpf-failed` of what comes in by a device that is not served: where its source is reached by another, it is dropped where it leaves;
# `explain`, `preyc --ask` and a replay say the same, and nftables (`fib saddr . iif oif missing`), which is asked first.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@"
live_begin
RECORD=1 RECORD_SAMPLE=1

# wan and lan are served. Rules name vpn and t1, not other. Behind each: its own address, and 192.0.2.99, which the default route reaches.
space client prey far branch tunnel third
link client eth0 prey lan
link prey wan far eth0
n=3
for i in vpn:branch t1:tunnel other:third; do
    link prey "${i%:*}" "${i#*:}" eth0
    address prey "${i%:*}" "10.$n.0.1/24" "fd00:$n::1/64"
    address "${i#*:}" eth0 "10.$n.0.5/24" 192.0.2.99/32 "fd00:$n::5/64" 2001:db8::99/128
    ip -n "$id-${i#*:}" route add default via "10.$n.0.1"
    ip -n "$id-${i#*:}" -6 route add default via "fd00:$n::1"
    n=$((n + 1))
done
address client eth0 10.1.0.7/24 fd00:1::7/64
address prey lan 10.1.0.1/24 fd00:1::1/64
address prey wan 10.2.0.1/24 fd00:2::1/64
address far eth0 10.2.0.9/24 fd00:2::9/64
ip -n "$id-client" route add default via 10.1.0.1
ip -n "$id-client" -6 route add default via fd00:1::1
ip -n "$id-prey" route add default via 10.2.0.9
ip -n "$id-prey" -6 route add default via fd00:2::9
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0
for i in lan wan vpn t1 other; do at prey sysctl -q -w "net.ipv4.conf.$i.rp_filter=0"; done

rules guard <<'END'
interface lan = "lan"
interface vpn = "vpn"
interface tunnels = "t*"
firewall f forward default drop {
  drop urpf-failed as SPOOFED
  accept on vpn, tunnels to port 5000 as BRANCH
  accept to port 5000 as OTHERS
}
END

# came NAME ADDRESS: `came` where a datagram from that address of NAME's arrives at the client, or `none`.
came() {
    local to=10.1.0.7
    case $2 in *:*) to=fd00:1::7 ;; esac
    sniff came.pcap client eth0 udp port 5000 and src host "$2"
    at "$1" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 50000))
s.sendto(b"hello", (sys.argv[2], 5000))' "$2" "$to"
    sleep 0.2
    sniffed
    [ "$(frames_of came.pcap)" = 0 ] && echo none || echo came
}
all() { # every source by every device
    echo "$(came branch 10.3.0.5) $(came branch 192.0.2.99) $(came branch fd00:3::5) $(came branch 2001:db8::99)" \
        "$(came tunnel 10.4.0.5) $(came tunnel 192.0.2.99) $(came third 10.5.0.5) $(came third 192.0.2.99)"
}

at prey nft 'table inet t { chain f { type filter hook forward priority 0; fib saddr . iif oif missing drop; }; }'
same 'nftables drops what is reached by another device' "$(all)" 'came none came none came none came none'
at prey nft delete table inet t

# decides ADDRESS DEVICE: the rule by which preyctl explain, then preyc --ask, decides a datagram from there.
decides() {
    local to=10.1.0.7 said asked
    case $1 in *:*) to='[fd00:1::7]' ;; esac
    ctl explain "udp ${2:+$1}:50000 -> $to:5000 on $2"
    said=$(grep -oE '^ *[A-Z]+ +yes|by [A-Z]+' out | head -n 1 | grep -oE '[A-Z]{3,}')
    asked=$("$bin/preyc" --ask "udp $1:50000 -> $to:5000 on \"$2\"" --routes routes --self 10.1.0.1 guard.prey 2>&1 | grep -oE '^ *[A-Z]+ +yes|by [A-Z]+' | head -n 1 | grep -oE '[A-Z]{3,}')
    echo "$said $asked"
}
{ at prey ip route show table all; at prey ip -6 route show table all; } >routes

for hook in tc xdp; do
    prey prey --hook "$hook" -i lan -i wan --allow-unjudged 'vpn,t1' --format json guard.pbc
    same "$hook: it does, too" "$(all)" 'came none came none came none came none'
    same "$hook: forged and true sources are explained so" \
        "$(decides 10.3.0.5 vpn), $(decides 192.0.2.99 vpn), $(decides '[fd00:3::5]' vpn), $(decides '[2001:db8::99]' vpn)" \
        'BRANCH BRANCH, SPOOFED SPOOFED, BRANCH BRANCH, SPOOFED SPOOFED'
    same "$hook: by a pattern, and by a device without a name" \
        "$(decides 10.4.0.5 t1), $(decides 192.0.2.99 t1), $(decides 192.0.2.99 other)" 'BRANCH BRANCH, SPOOFED SPOOFED, SPOOFED SPOOFED'
    prey_ends
    same "$hook: it ends with 0" "$status" 0
done
exit $failed
