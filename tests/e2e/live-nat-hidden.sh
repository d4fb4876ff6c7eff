#!/usr/bin/env bash
# A router with two uplinks of equal weight, where only the host knows a packet's way: pieces, clamped SYNs and flows of statements that name
# several interfaces leave translated, by the interface whose address they have, or not at all. By the kernel executor, at either hook.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

two_uplinks 192.0.2.1
for name in one two; do web "$name"; done

rules list <<'END'
interface up1 = "up1"
interface up2 = "up2"
nat home { mss clamp 1200 out on up1, up2; masquerade from 10.1.0.0/24 out on up1, up2 }
firewall f forward default drop { accept from 10.1.0.0/24; accept state established, related }
END
rules pattern <<'END'
nat home { masquerade from 10.1.0.0/24 on "lan" out on "up*" }
firewall f forward default drop { accept from 10.1.0.0/24; accept state established, related }
END
rules tos <<'END'
interface up1 = "up1"
interface up2 = "up2"
nat home { masquerade from 10.1.0.0/24 out on up1; source from 10.1.0.0/24 out on up2 -> 198.51.100.77 }
firewall f forward default drop { accept from 10.1.0.0/24; accept state established, related }
END

answers() { for _ in $(seq 1 16); do at client curl -s -m 6 "http://192.0.2.1/from" || echo none; echo; done | grep . | sort -u | tr '\n' ' '; }
frames() { tcpdump -nr "$1" "${@:2}" 2>/dev/null | wc -l; }
watches() { sniff "one-$1.pcap" one eth0 'ip and not src 203.0.113.9 and not src 192.0.2.1' && sniff "two-$1.pcap" two eth0 'ip and not src 198.51.100.9 and not src 192.0.2.1'; }
# wire NAME: packets from inside, or with the other uplink's address
wire() { echo "$(frames "one-$1.pcap" not src 203.0.113.2) $(frames "two-$1.pcap" not src 198.51.100.2 and not src 198.51.100.77)"; }

for hook in tc xdp; do
    several
    watches "list-$hook"
    prey prey --exec kernel --hook "$hook" -i lan -i up1 -i up2 list.pbc
    same "$hook: clamped connections open by both ways" "$(answers)" '198.51.100.2 203.0.113.2 '
    at client ping -q -c 3 -i 0.2 -s 3000 -W 1 192.0.2.1 >/dev/null 2>&1
    sniffed
    same "$hook: and nothing leaves with an inside address, or the other way's" "$(wire "list-$hook")" '0 0'
    same "$hook: SYNs were clamped" "$(frames "one-list-$hook.pcap" 'tcp[tcpflags] & tcp-syn != 0 and tcp[22:2] > 1200')" 0

    watches "pattern-$hook"
    ctl load pattern.pbc
    same "$hook: a pattern's connections have the address of their way" "$(answers)" '198.51.100.2 203.0.113.2 '
    sniffed
    same "$hook: and only that" "$(wire "pattern-$hook")" '0 0'

    # Some kernels compare a part of the TOS: the way of EF is unknown.
    ip -n "$id-prey" route replace default via 203.0.113.9 dev up1
    ip -n "$id-prey" route replace default via 198.51.100.9 dev up2 table 7
    ip -n "$id-prey" rule add tos 0x18 table 7
    watches "tos-$hook"
    ctl load tos.pbc
    at client ping -q -c 2 -i 0.2 -Q 0xb8 -W 1 192.0.2.1 >out
    same "$hook: EF goes there and back" "$(grep -c ' 0% packet loss' out)" 1
    sniffed
    same "$hook: and only translated" "$(wire "tos-$hook")" '0 0'
    ip -n "$id-prey" rule del tos 0x18 table 7
    prey_ends
    same "$hook: it ends with 0" "$status" 0
done
[ "$failed" = 0 ]
