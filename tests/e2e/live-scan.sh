#!/usr/bin/env bash
# Whoever sends to very many places takes nothing from others: the table of routes says each place's next hop, by the
# longest prefix, with 20,000 routes as with three; a scan of a link asks for few neighbours at a time, and what prey
# itself sends finds room beside it. Several ways share flows by weight. Too many routes for `limits` are told of.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey east west
link client eth0 prey wan
lan switch 2 prey:lan east west
address client eth0 10.1.0.2/24
address prey wan 10.1.0.1/24
ip -n "$id-client" route add default via 10.1.0.1
for s in east west; do
    ip -n "$id-$s" route add 10.1.0.0/24 via 10.2.0.1
    ip -n "$id-$s" route add local 0.0.0.0/0 dev lo table main # it answers for the whole world
    at "$s" sysctl -q -w net.ipv4.conf.all.arp_ignore=1   # but says so of its own address alone
    udp "$s" 53
done
web east
# Every second of 20,000 networks is west's; all else is east's.
python3 -c '
for i in range(20000):
    print(f"route add 64.{i // 256}.{i % 256}.0/24 via 10.2.0.{2 + i % 2}")' >routes
ip -n "$id-prey" -batch routes
ip -n "$id-prey" route add default via 10.2.0.2
ip -n "$id-prey" route add 198.51.100.0/24 nexthop via 10.2.0.2 weight 3 nexthop via 10.2.0.3 weight 1
ip -n "$id-prey" route add 10.8.0.0/16 dev lan # nobody is there
rules cross <<'RULES'
firewall cross forward default drop {
  accept icmp type echo-request, echo-reply as PING
  accept udp to port 53 as DNS
  accept udp source port 53 as BACK
}
pool web { server east 10.2.0.2 }
service www on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
RULES
sed 's/^firewall/limits { routes 10 }\n&/' cross.prey >few.prey
"$bin/preyc" few.prey -o few.pbc >/dev/null || exit 1
scan() { at client python3 "$top/tests/e2e/live/scan.py" "$@"; }
asked() { at client curl -s -m 20 http://10.1.0.100/ || echo failed; }
heard() { at "$1" awk '$1 == "Icmp:" && $2 ~ /^[0-9]/ { print $10 }' /proc/net/snmp; }
lost() {
    truncate -s 0 prey.out
    kill -USR1 "$prey"
    until_true 100 'counters are printed' python3 -c 'import json; json.load(open("prey.out"))'
    python3 -c 'import json, sys; print({k.upper(): n for k, n in json.load(open("prey.out"))["live"]["lost"].items()}[sys.argv[1]])' "$1"
}
# How many of so many flows went which way.
flows() { at client "$tools/udp" flows 198.51.100.9 53 20000 "$1" | shares; }

prey prey -i wan -i lan --format json cross.pbc
same 'a request' "$(asked)" east
same 'both ways are known' "$(scan 2 64.0.0.0/23)" 2
before=$(heard west)
same 'each of 100,000 random places answers' "$(scan 100000 64.0.0.0/8)" 100000
same 'by the longest prefix' "$(($(heard west) - before))" "$(python3 -c '
import random
print(sum(i // 256 < 20000 and i // 256 % 2 for i in random.Random(7).sample(range(1, 2**24 - 1), 100000)))')"
same 'nothing was lost, and nothing waited for more than two neighbours' "$(lost NEIGHBOUR) $(lost CROWD)" '0 0'

# A scan of a link where nobody is, while the way to the server has to be found anew.
scan 600 10.8.0.0/16 300 >silent &
scanning=$!
questions() { [ "$(ip -n "$id-prey" neigh show dev lan | grep -c '^10.8')" -ge 20 ]; }
until_true 100 'the link is asked' questions
for i in 1 2 3; do
    ip -n "$id-prey" neigh flush to 10.2.0.2
    same 'a request meanwhile' "$(asked)" east
done
wait $scanning
same 'nobody answers' "$(cat silent)" 0
all_lost() { # the last ones wait a second
    silent=$(lost NEIGHBOUR)
    lost=$((silent + $(lost CROWD)))
    [ "$lost" -ge 600 ] && [ "$lost" -le 610 ]
}
until_true 50 'what was lost has a reason' all_lost && ok 0 "what was lost has a reason: $lost"
ok $((silent < 64 || silent > 256)) 'few have waited'

flows 400 >ways
set -- $(cat ways)
ok $((${1-0} + ${3-0} != 400 || ${1-0} < 260 || ${1-0} > 340)) "400 flows by two ways, 3 to 1: $(cat ways)"
same 'each keeps its way' "$(flows 400)" "$(cat ways)"
ip -n "$id-prey" route replace 198.51.100.0/24 via 10.2.0.3
moved() { [ "$(flows 20)" = ' 20 west ' ]; }
until_true 50 'a route that changes is followed' moved && ok 0 'a route that changes is followed'
prey_sums_but() { prey_ends; same 'it ends with 0' "$status" 0; adds_up 'every frame has one verdict'; }
truncate -s 0 prey.out
prey_sums_but

# More routes than the rules want kept: the kernel is asked.
prey prey -i wan -i lan --format json few.pbc
grep -q 'the kernel has [0-9]* routes, but `limits { routes }` allows 10' prey.err
ok $? 'too many routes are told of'
same 'and 1,000 places answer' "$(scan 1000 64.0.0.0/8 32)" 1000
truncate -s 0 prey.out
prey_sums_but
exit $failed
