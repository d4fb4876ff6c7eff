#!/usr/bin/env bash
# `masquerade` by several uplinks, each with addresses of its own: netfilter, both executors, a replay and an answer of
# `preyc --ask` give a packet the same one. The last two know them from what `ip route` prints.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || executors=user
live_begin

space client prey far
link client eth0 prey lan
link prey wan far eth0
link prey up2 far eth1
link prey ppp7 far eth2
address client eth0 10.1.0.7/24 fd00:1::7/64
address prey lan 10.1.0.1/24 fd00:1::1/64
# The second of a subnet is secondary.
address prey wan 203.0.113.2/24 203.0.113.1/24 fd00:f::2/64
address prey up2 198.51.100.2/24 fd00:e::2/64
address prey ppp7 172.16.7.2/24
address far eth0 203.0.113.9/24 fd00:f::9/64
address far eth1 198.51.100.9/24 fd00:e::9/64
address far eth2 172.16.7.9/24
address far lo 192.0.2.1/32 192.0.2.2/32 192.0.2.3/32 fd00:9::1/128 fd00:9::2/128
ip -n "$id-prey" route add default via 203.0.113.9
ip -n "$id-prey" -6 route add default via fd00:f::9
# A `src` says nothing of what is translated.
ip -n "$id-prey" route add 192.0.2.2/32 via 198.51.100.9 src 203.0.113.2
ip -n "$id-prey" -6 route add fd00:9::2/128 via fd00:e::9
ip -n "$id-prey" route add 192.0.2.3/32 via 172.16.7.9
ip -n "$id-client" route add default via 10.1.0.1
ip -n "$id-client" -6 route add default via fd00:1::1
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0
at far sysctl -q -w net.ipv4.conf.all.rp_filter=0
web far
for rules in 'by_name:out on wan, up2, "ppp*"' 'by_not:out on not lan'; do
    rules "${rules%%:*}" <<END
interface lan = "lan"
interface wan = "wan"
interface up2 = "up2"
nat home { masquerade from 10.1.0.0/24, fd00:1::/64 ${rules#*:} }
firewall f forward default drop { accept state established, related; accept on lan }
END
done
cat >unnamed.prey <<'END'
limits { flows 30_000 }
nat home { masquerade from 10.1.0.0/24, fd00:1::/64 out on not "lan" }
firewall f forward default drop { accept state established, related; accept on "lan" }
END
"$bin/preyc" unnamed.prey -o unnamed.pbc >/dev/null 2>said || ok 1 'unnamed.prey compiles'

to='192.0.2.1 192.0.2.2 192.0.2.3 [fd00:9::1] [fd00:9::2]'
wanted='203.0.113.2 198.51.100.2 172.16.7.2 fd00:f::2 fd00:e::2 '
from() { at client curl -s -m 6 "http://$1/from" || echo failed; }
all_from() { for a in $to; do from "$a"; done | tr '\n' ' '; }

printf 'table inet n { chain p { type nat hook postrouting priority 100; oifname != "lan" masquerade; }\n}\n' | at prey nft -f -
sniff lan.pcap prey lan 'src host 10.1.0.7 or src host fd00:1::7'
same 'netfilter: each uplink has its own address' "$(all_from)" "$wanted"
sniffed
at prey nft delete table inet n

{
    for six in '' -6; do ip -n "$id-prey" $six rule && ip -n "$id-prey" $six route show table all; done
} >routes
ip -n "$id-prey" route >main

for rules in by_name by_not unnamed; do
    for exec in ${executors:-user kernel}; do
        prey prey --exec "$exec" -i lan -i wan -i up2 -i ppp7 "$rules.pbc"
        until_true 50 "$exec, $rules: prey translates" eval '[ "$(from 192.0.2.1)" = 203.0.113.2 ]'
        same "$exec, $rules: each uplink has its own address" "$(all_from)" "$wanted"
        prey_ends
    done
done

self=10.1.0.1,203.0.113.2,203.0.113.1,198.51.100.2,172.16.7.2,fd00:1::1,fd00:f::2,fd00:e::2
left() { tcpdump -nr left.pcapng 'tcp[13] = 2 or (ip6 and ip6[53] = 2)' 2>/dev/null | sed -E 's/.* IP6? ([^ ]*)\.[0-9]+ > .*/\1/' | tr '\n' ' '; }
replayed() { # RULES OPTION...
    local rules=$1
    shift
    rm -f left.pcapng
    run --pcap lan.pcap --on lan --write left.pcapng "$@" "$rules.pbc"
}
asked() { # RULES OPTION...
    local a
    for a in $to; do
        case $a in *:*) inside='[fd00:1::7]' ;; *) inside=10.1.0.7 ;; esac
        "$bin/preyc" "${@:2}" --ask "tcp $inside:5000 -> $a:80 syn on lan" "$1.prey" 2>>asked.err
    done | sed -nE 's/^ *source .* -> \[?([^]]*)\]?:[0-9]+$/\1/p' | tr '\n' ' '
}
for rules in by_name by_not unnamed; do
    : >asked.err
    replayed "$rules" --routes routes --self "$self"
    same "replay, $rules: the same, with all addresses in --self" "$(left)" "$wanted"
    same "replay, $rules: nothing is in doubt" "$status $(cat err)" '0 '
    replayed "$rules" --routes routes --self "$self" --exec user
    same "ask, $rules: the same" "$(asked "$rules" --routes routes --self "$self")" "$wanted"
    same "ask, $rules: also without --self" "$(asked "$rules" --routes routes)" "$wanted"
    same "ask, $rules: nothing is in doubt" "$(cat asked.err)" ''
    [ -n "${executors-}" ] || {
        replayed "$rules" --routes routes --self "$self" --exec kernel
        same "replay by the kernel executor, $rules: the same" "$(left)" "$wanted"
    }
done
same 'ask: a way that is said has that address, too' \
    "$(for d in wan up2 ppp7; do "$bin/preyc" --routes routes --ask "tcp 10.1.0.7:5000 -> 192.0.2.9:80 syn on lan out on $d" unnamed.prey; done 2>&1 |
        sed -nE 's/^ *source .* -> (.*):[0-9]+$/\1/p' | tr '\n' ' ')" '203.0.113.2 198.51.100.2 172.16.7.2 '

# The main table alone tells IPv4 addresses by the routes of their subnets.
four='203.0.113.2 198.51.100.2 172.16.7.2 '
tcpdump -nr lan.pcap -w four.pcap ip 2>/dev/null
mv four.pcap lan.pcap
replayed by_name --routes main --self "${self%%,fd*}"
same 'ip route alone: the same' "$(left)" "$four"
# Where --self says otherwise, it counts, and that is said.
replayed by_name --routes routes --self 203.0.113.77
same '--self says otherwise: it counts' "$(left)" '203.0.113.77 203.0.113.77 203.0.113.77 '
same '... which is said for each interface' "$(grep -c '^preyrun: notice: --routes gives [a-z0-9]* an address that --self doesn'\''t list, .*: `masquerade` takes 203.0.113.77 there$' err)" 3
# Devices of a pattern have an id each, as far as there are ids.
for i in $(seq 0 256); do
    printf '192.%s.7/32 dev ppp%s\nlocal 172.%s.1 dev ppp%s table local proto kernel scope host src 172.%s.1\n' "$((i / 256)).$((i % 256))" $((i + 100)) \
        "$((i / 256)).$((i % 256))" $((i + 100)) "$((i / 256)).$((i % 256))"
done >many
for i in 0 99 256; do
    "$bin/preyc" --routes many --ask "tcp 10.1.0.7:5000 -> 192.$((i / 256)).$((i % 256)).7:80 syn on lan" by_name.prey
done >out 2>err
same 'each device of a pattern has its address, the last has none left' "$(sed -nE 's/^ *source .* -> (.*):[0-9]+$/\1/p' out | tr '\n' ' ')" '172.0.0.1 172.0.99.1 172.0.0.1 '
same '... and of more this is said' "$(grep -c 'gives addresses to more than 256 devices that no rule names: for 1 of them, prey uses the first address of --self' err)" 3
# Nothing is known of an interface.
printf 'default via 203.0.113.9 dev wan\n10.1.0.0/24 dev lan proto kernel scope link src 10.1.0.1\n' >few
replayed by_name --routes few --self 203.0.113.77
same 'no address is known: that of --self' "$(left)" '203.0.113.77 203.0.113.77 203.0.113.77 '
same '... which is said, too' "$(grep -oE 'gives [a-z0-9]* no address .*: `masquerade` takes 203.0.113.77 there$' err | cut -d' ' -f2 | tr '\n' ' ')" 'wan up2 '
# Several that would do: the first of --self, else the first in the file, and that is said.
printf 'default via 203.0.113.9 dev wan\nlocal 203.0.113.1 dev wan table local proto kernel scope host src 203.0.113.1\nlocal 192.0.2.99 dev wan table local proto kernel scope host src 192.0.2.99\n' >several
replayed by_name --routes several
same 'several addresses: the first one' "$(left)" '203.0.113.1 203.0.113.1 203.0.113.1 '
same '... which is said' "$(grep -c '^preyrun: notice: --routes gives wan several addresses: `masquerade` takes 203.0.113.1 there; ' err)" 1
replayed by_name --routes several --self 192.0.2.99,203.0.113.1
same '... or that of --self' "$(left)$(grep several err)" '192.0.2.99 192.0.2.99 192.0.2.99 '
[ "$failed" = 0 ]
