#!/usr/bin/env bash
# Policy rules that ask where a packet came in: what begins a flow by an interface of a nat leaves by their way or not at all, as without
# prey, which is asked first; also in fragments. By the kernel executor, at either hook.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey far branch
link client eth0 prey lan
link prey wan far eth0
link prey vpn branch eth0
address client eth0 10.1.0.7/24
address prey lan 10.1.0.1/24
address prey wan 203.0.113.2/24
address prey vpn 10.99.0.1/24
address far eth0 203.0.113.9/24 192.0.2.1/32 192.0.2.2/32
address branch eth0 10.99.0.5/24 192.0.2.2/32
ip -n "$id-client" route add default via 10.1.0.1
ip -n "$id-far" route add 10.1.0.0/24 via 203.0.113.2
ip -n "$id-branch" route add default via 10.99.0.1
ip -n "$id-prey" route add default via 203.0.113.9
ip -n "$id-prey" route add prohibit 192.0.2.1 table 7
ip -n "$id-prey" route add 192.0.2.2 via 10.99.0.5 dev vpn table 7
ip -n "$id-prey" rule add iif lan table 7
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.{lan,wan,vpn}.rp_filter=0

rules edge <<'END'
nat home { masquerade from 10.9.0.0/24 out on "wan" }
firewall f forward default drop { accept from any }
END

# asked TO [OPTION...]: how many answers of four
asked() { at client ping -q -c 4 -i 0.2 -W 1 "${@:2}" "$1" >out 2>&1; sed -n 's/.* \([0-9]*\) received.*/\1/p' out; }
asked_quietly() { asked "$1" -s 3000 >quiet; }
# follows WHO: rules of this machine hold
follows() {
    sniff "wan-$1.pcap" far eth0 'ip src 10.1.0.7 and not host 203.0.113.9'
    same "$1: what no rule leads elsewhere goes by the main table" "$(asked 203.0.113.9)" 4
    same "$1: also in fragments" "$(asked 203.0.113.9 -s 3000)" 4
    same "$1: a rule prohibits" "$(asked 192.0.2.1)" 0
    same "$1: fragments, too" "$(asked 192.0.2.1 -s 3000)" 0
    same "$1: a rule leads by another device" "$(asked 192.0.2.2)" 4
    "${@:2}"
    sniffed
    same "$1: nothing of that left by the main table's way" "$(tcpdump -nr "wan-$1.pcap" 2>/dev/null | wc -l)" 0
}

follows linux same "linux: fragments, too, by another device" "$(asked 192.0.2.2 -s 3000)" 4
for hook in tc xdp; do
    prey prey --exec kernel --hook "$hook" -i lan -i wan edge.pbc
    follows "$hook" asked_quietly 192.0.2.2
    ctl counters
    has "$hook: what is lost is counted" 'no_way'
    prey_ends
    same "$hook: it ends with 0" "$status" 0
done
[ "$failed" = 0 ]
