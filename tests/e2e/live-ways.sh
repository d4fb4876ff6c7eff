#!/usr/bin/env bash
# A router that asks where packets leave, and whether their sources would be reached by where they came from: a route that moves while
# it runs, several ways at once, what a policy rule decides, sources that are not where they say; by the executor in user space,
# then by the one in the kernel, where this machine lets us pin programs.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || executors=user
live_begin

# Behind the router the same addresses twice, 10.9.0.1 and fd00:9::1: which of the two answers tells the way.
space client prey far other
link client eth0 prey lan
link prey wan far eth0
link prey side other eth0
address client eth0 10.1.0.1/24 10.1.0.7/24 10.4.0.77/32 fd00:1::1/64
address prey lan 10.1.0.2/24 fd00:1::2/64
address prey wan 10.2.0.2/24 fd00:2::2/64
address prey side 10.4.0.2/24 fd00:4::2/64
address far eth0 10.2.0.3/24 10.9.0.1/32 fd00:2::3/64 fd00:9::1/128
address other eth0 10.4.0.3/24 10.9.0.1/32 fd00:4::3/64 fd00:9::1/128
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
for name in far:10.2.0.2:fd00:2::2 other:10.4.0.2:fd00:4::2; do
    IFS=: read -r name via via6 <<<"$name"
    ip -n "$id-$name" route add default via "$via"
    ip -n "$id-$name" -6 route add default via "$via6"
done
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0
ways() { at "$1" python3 "$top/tests/e2e/live/ways.py" "${@:2}"; }
for name in far other; do
    background "$name" python3 "$top/tests/e2e/live/ways.py" serve "$name" 10.9.0.1,fd00:9::1 53 54 55
    until_true 100 "a server answers in $name" sh -c "[ \"\$(ip netns exec $id-$name python3 '$top/tests/e2e/live/ways.py' ask 10.9.0.1 10.9.0.1 55)\" = $name ]"
done

rules ways <<'RULES'
allow W0513
interface lan = "lan"
interface wan = "wan"
interface side = "side"
firewall crossing forward default reject {
  drop urpf-failed as SPOOFED
  accept from 10.2.0.0/24, 10.4.0.0/24, 10.9.0.1, fd00:9::1 as BACK
  reject udp port 53 out on wan as WAN
  accept udp port 53 out on side as SIDE
  accept udp port 54 out on wan, side as EITHER
  accept udp port 55 out on not wan as BUT
}
RULES
moves() { # GATEWAY GATEWAY6: where both addresses are; none: nowhere
    local kind=unicast
    [ $# -gt 0 ] || kind=blackhole
    ip -n "$id-prey" route replace $kind 10.9.0.0/24 ${1:+via $1}
    ip -n "$id-prey" -6 route del fd00:9::/64 2>/dev/null
    ip -n "$id-prey" -6 route add $kind fd00:9::/64 ${2:+via $2}
}
four() { ways client ask "${1:-10.1.0.1}" 10.9.0.1 53 54 55; }
six() { ways client ask fd00:1::1 fd00:9::1 53 54 55; }
are() { [ "$($1)" = "$2" ]; }
follows() { # SENTENCE ANSWERS: from now on, of both families
    until_true 100 "$1: IPv4" are four "$2" && until_true 100 "$1: IPv6" are six "$2" && ok 0 "$1"
}

for exec in ${executors:-user kernel}; do
    moves 10.2.0.3 fd00:2::3
    prey prey --exec "$exec" -i lan -i wan -i side --format json ways.pbc
    same "$exec: by one interface" "$(four), $(six)" 'refused far refused, refused far refused'
    moves 10.4.0.3 fd00:4::3
    follows "$exec: the route moves, and so does the verdict" 'other other other'
    moves
    follows "$exec: where none leads, neither is true" 'refused refused refused'
    moves 10.2.0.3 fd00:2::3
    follows "$exec: and back" 'refused far refused'
    ip -n "$id-prey" route add default via 10.4.0.3 table 100
    ip -n "$id-prey" rule add from 10.1.0.7 lookup 100
    until_true 100 "$exec: a policy rule decides" are "four 10.1.0.7" 'other other other' && ok 0 "$exec: a policy rule decides, by source"
    same "$exec: of other sources nothing" "$(four)" 'refused far refused'
    ip -n "$id-prey" rule add pref 5 from 10.1.0.7 tun_id 7 lookup main
    until_true 100 "$exec: what a policy rule asks isn't known" are "four 10.1.0.7" 'refused refused refused'
    ip -n "$id-prey" rule del pref 5
    ip -n "$id-prey" rule del from 10.1.0.7 lookup 100
    for i in {1..65}; do echo "rule add pref $((200 + i)) from 10.8.0.$i lookup 100"; done | ip -n "$id-prey" -batch -
    hears "$exec: policy rules past the bound are told" 'more than 64 policy rules'
    same "$exec: and then no way is known" "$(four)" 'refused refused refused'
    for i in {1..65}; do echo "rule del pref $((200 + i))"; done | ip -n "$id-prey" -batch -
    ip -n "$id-prey" route flush table 100
    follows "$exec: until there are fewer" 'refused far refused'
    ways client send 10.4.0.77 10.9.0.1 54 5
    same "$exec: all the same otherwise" "$(four)" 'refused far refused'
    ctl status
    prey_sums "$exec"
    same "$exec: sources that are not there" "$(by_rule SPOOFED)" 5
    same "$exec: the unknown ones are counted" "$([ "$(number ways_unknown)" -ge 6 ] && echo some)" some
done
exit $failed
