#!/usr/bin/env bash
# What becomes of packets from and to a device that is not served: preyc --ask, given this machine's routes and the devices that are
# served, says what explain says of a running program.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

between one
link prey aside client eth9
address prey aside 10.8.0.1/24
at prey sysctl -q -w net.ipv4.ip_forward=1
ip -n "$id-prey" route add 10.9.0.0/24 dev aside
rules asked <<'RULES'
interface lan = "lan"
interface aside = "aside"
nat home { masquerade from 10.2.0.0/24 out on aside }
firewall f forward default drop { accept on lan as LAN; accept on aside out on lan to port 80 as IN }
RULES
rules several <<'RULES'
interface wan = "wan"
interface lan = "lan"
interface aside = "aside"
nat home { masquerade from 10.2.0.0/24 out on aside, wan }
firewall f forward default drop { accept on lan as LAN; accept on aside out on lan to port 80 as IN }
RULES
rules there <<'RULES'
firewall f on "lan" forward default drop { accept to port 80 as THERE }
firewall g on "wan" forward default drop { accept on "aside" }
RULES
{ at prey ip rule; at prey ip route show table all; } >routes

# both SENTENCE PACKET WANTED: the verdict of either, and why nothing leaves
told() { grep -E '^ *(verdict|lost|not sent)' "$1" | sed -E 's/^ *(lost|not sent:) */lost /' | sort | tr -s ' ' | tr '\n' '|'; }
both() {
    ctl explain "$2"
    same "$1: explain" "$(told out)" "$3"
    "$bin/preyc" --ask "$2" --self 10.1.0.2,10.2.0.1,10.8.0.1 --routes routes -i wan,lan $allow "$rules.pbc" >asked 2>asked.err
    same "$1: --ask" "$(told asked)" "$3"
}
shut='verdict: drop reason unjudged (aside is shut except for ARP, ND and DHCP)|'
open='verdict: no firewall judges the packet (aside is open)|'
for way in shut open; do
    allow=
    rules=asked
    [ $way = shut ] || allow='--allow-unjudged aside'
    prey prey -i wan -i lan --exec kernel $allow asked.pbc
    both "$way, from the device to itself" 'udp 10.8.0.7:4 -> 10.9.0.7:5 on aside' "${!way}"
    both "$way, found by the routes" 'udp 10.8.0.7:4 -> 10.9.0.7:5' "${!way}"
    both "$way, what a rule lets across" 'udp 10.8.0.7:4 -> 10.2.0.2:80 on aside' 'verdict: accept rule IN|'
    both "$way, its device found by the routes" 'udp 10.8.0.7:4 -> 10.2.0.2:80' 'verdict: accept rule IN|'
    both "$way, what none lets across" 'udp 10.8.0.7:4 -> 10.2.0.2:81 on aside' 'verdict: drop rule default|'
    both "$way, what a nat would send by the device" 'udp 10.2.0.2:4 -> 10.9.0.9:5 on lan' \
        'lost the route to 10.9.0.9 leaves by aside, which -i doesn'\''t name|verdict: forward rule LAN|'
    rules=several
    ctl load several.pbc $allow
    both "$way, a nat of several devices has no address there" 'udp 10.2.0.2:4 -> 10.9.0.9:5 on lan' \
        'verdict: drop rule LAN reason no-source-port|'
    rules=there
    ctl load there.pbc --allow-unjudged aside
    allow='--allow-unjudged aside'
    both 'the firewall of the way out judges what that of the device leaves' 'udp 10.8.0.7:4 -> 10.2.0.2:81 on aside' 'verdict: drop rule default|'
    both 'and lets through' 'udp 10.8.0.7:4 -> 10.2.0.2:80 on aside' 'verdict: accept rule THERE|'
    prey_ends
done

# Guard rules of the user executor can't see where a rule by interface leads: who starts it there is told.
ip -n "$id-prey" rule add iif lan lookup main pref 90
prey prey -i wan -i lan --exec kernel --allow-unjudged aside asked.pbc
same 'kernel: a rule by interface is nothing to tell' "$(grep -c 'iif lan' prey.err)" 0
prey_ends
prey prey -i wan -i lan --exec user --allow-unjudged aside asked.pbc
hears 'user: a rule by interface is told' 'notice: `ip rule` has a rule with `iif lan`'
prey_ends
same 'once' "$(grep -c 'iif lan' prey.err)" 1
ip -n "$id-prey" rule del pref 90
[ "$failed" = 0 ]
