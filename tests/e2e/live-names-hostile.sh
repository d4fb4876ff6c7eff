#!/usr/bin/env bash
# Names whose answers are cut and come over TCP, are forged, are longer than they may be, have no address, very many, or this machine's own: each
# set has what is true, or what it had, and says why; the resolver outlives all of it. EXEC=kernel: live-names-hostile-kernel.sh.
set -u
: "${EXEC:=user}"
. tests/e2e/live/names.sh
. "$top/tests/e2e/live/sets.sh"

between one
address one eth0 10.2.0.3/24
ip -n "$id-client" route add default via 10.1.0.2
name_files
bad='othersource tcpcut tcplong tcpnoise tcpother tcpshort tcphang otherid otherport othername othertype loop each silent'
{
    for n in $bad failed tcp huge none own; do echo "set of_$n = live names \"$n.example.net\""; done
    cat <<'END'
set most = live names "tcp.most.example.net"
set too_many = live names "tcp.many.example.net"
pool web { server a name "own.example.net":80; server b name "right.example.net":80 }
pool few { servers few srv "_few._tcp.tcp.example.net" max 4 }
pool many { servers many srv "_many._tcp.tcp.example.net" max 4 }
service web on 203.0.113.10 tcp/80 { mode passthrough; -> web }
service few on 203.0.113.10 tcp/81 { mode passthrough; -> few }
service many on 203.0.113.10 tcp/82 { mode passthrough; -> many }
END
    echo 'firewall f forward default accept {'
    for n in othersource tcpcut tcp huge; do echo "  drop from of_$n"; done
    echo '}'
} | rules shop
# zone ADDRESS: what the name server knows; bad names have that address
addresses() { for net in $(seq 0 $(($2 / 250 - 1))); do seq -f "$1.example.net A 1 10.$((200 + net / 250)).$((net % 250)).%.0f" 1 250; done; } # NAME COUNT
zone() {
    for n in $bad failed; do echo "$n.example.net A 1 $1"; done
    seq -f 'tcp.example.net A 1 10.3.0.%.0f' 1 200
    seq -f 'tcp.example.net AAAA 1 fd00:3::%.0f' 1 100
    addresses huge 1000
    addresses tcp.most 1000
    addresses tcp.many 4000
    for i in $(seq 256); do echo "_few._tcp.tcp.example.net SRV 1 1,$i,80,t$i.example.net"; done
    for i in $(seq 300); do echo "_many._tcp.tcp.example.net SRV 1 1,$i,80,t$i.example.net"; done
    seq -f 't%.0f.example.net A 3600 10.2.0.9' 1 300
    printf '%s\n' 'right.example.net A 1 10.2.0.2' 'own.example.net A 1 10.2.0.1' 'own.example.net A 1 10.1.0.2'
}
zone_is() { zone "$1" >zone.new && mv zone.new zone; }
zone_is 10.1.0.66
touch zone.well
background one python3 "$top/tests/e2e/live/dns.py" serve 10.2.0.2 zone 10.2.0.3 >dns.out 2>dns.err
until_true 100 'the name server is there' grep -q ready dns.out
prey_with shop.pbc
is_ready prey || exit 1
verdict() { of_set "$1" members fault; } # SET: its members, and why its names fail
has_members() { [ "$(of_set "$1" members)" = "$2" ]; }
fails() { [ "$(of_set "$1" failing)" = 1 ]; }
members() { ctl sets "$1" --json; python3 -c 'import json; print(*(m["member"] + ("" if m["until"] is None else "!") for m in map(json.loads, open("out"))))'; }
for n in $bad failed; do until_true 300 "$n has its address" has_members of_$n 1; done
resolver_was=$(resolver)

# Answers over TCP, long ones, none, and this machine's own addresses.
rm zone.well
zone_is 10.1.0.67
until_true 300 'an answer over TCP has members' has_members of_tcp 300
same 'an answer over TCP has members' "$(verdict of_tcp)" '300 '
until_true 100 'a thousand addresses over TCP are members' has_members most 1000
same 'a thousand addresses over TCP are members' "$(verdict most)" '1000 '
until_true 300 'four thousand are too many' fails too_many
same 'four thousand are too many' "$(verdict too_many)" '0 tcp.many.example.net keeps its old addresses: the answer has 4000 addresses, more than 1024'
until_true 100 'one datagram may be long' has_members of_huge 1000 && ok 0 'one datagram may be long'
same 'a name without an answer has no members' "$(verdict of_none)" '0 '
hears 'it is told' '^names: none\.example\.net has no address.*: '
ctl sets
has 'the table says it, too' '^of_none: none\.example\.net has no address: '
same 'and that is no failure' "$(of_set of_none failing)" 0
until_true 100 "this machine's own addresses are members" has_members of_own 2 && ok 0 "this machine's own addresses are members"
until_true 100 'an own address is told' is web a health down
same 'but no server is this machine' "$(state web a why)" 'this machine itself has the address, and forwarded packets can'\''t reach it'
until_true 300 'a service of 256 targets has a server' is few few-1 address 10.2.0.9
same 'a service of 256 targets has a server' "$(state few few-1 weight) $(state few few-2 address)" '256 -'
same 'one of 300 has none' "$(state many many-1 address) $(grep -c '^names: .*: the service has 300 targets, more than 256' prey.err | sed 's/[1-9]/told/')" '- told'

# Names that had an address, and whose answers are bad now.
address client eth0 10.1.0.66/32
ip -n "$id-prey" route add 10.1.0.66 via 10.1.0.1
for n in $bad; do
    until_true 600 "$n: fails" fails of_$n
    same "$n: nothing is added, what was known stays, and the set says why" "$(members of_$n), $(of_set of_$n fault | sed 's/: [A-Z].*//')" "10.1.0.66, $n.example.net keeps its old addresses"
done
ends() { [ "$(members of_failed)" = '10.1.0.66!' ]; }
until_true 300 'a name that there is no longer loses its address' ends
same 'a name that there is no longer loses its address, and that is no failure' "$(members of_failed), $(of_set of_failed failing)" '10.1.0.66!, 0'
same 'rules drop what was known, and nobody else' "$(fate 10.1.0.66) $(fate)" 'drops passes'
same 'other names have answers meanwhile' "$(of_set of_tcp failing) $(state web b address)" '0 10.2.0.2'
same 'the same process asks' "$(resolver)" "$resolver_was"

# They are right again.
touch zone.well
moved() { [ "$(members "$1")" = '10.1.0.66! 10.1.0.67' ] || [ "$(members "$1")" = '10.1.0.67 10.1.0.66!' ]; }
for n in $bad; do until_true 700 "$n: a good answer counts again" moved of_$n && ok 0 "$n: a good answer counts again"; done
same 'the same process has asked all the time' "$(resolver)" "$resolver_was"
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
