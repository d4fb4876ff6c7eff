#!/usr/bin/env bash
# A router with two uplinks that sends all DNS to one resolver: a packet whose destination is turned leaves by one of the
# routes' ways, with that way's address, or not at all. In either executor, and at either hook.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

two_uplinks 192.0.2.53
for far in one two; do udp "$far" 53; done
by_first() { ip -n "$id-prey" route replace default via 203.0.113.9 dev up1; }
by_second() { ip -n "$id-prey" route replace default via 198.51.100.9 dev up2; }

rules redirect <<'END'
interface up1 = "up1"
interface up2 = "up2"
nat home { forward any from 10.1.0.0/24 udp/53 -> 192.0.2.53; masquerade from 10.1.0.0/24 out on up1; masquerade from 10.1.0.0/24 out on up2 }
END
rules list <<'END'
interface up1 = "up1"
interface up2 = "up2"
nat home { forward any udp/53 -> 192.0.2.53; masquerade out on up1, up2 }
END

# asks PORT...: who answers a question from each port to a resolver that nobody has, and where it came from.
asks() { for port in "$@"; do talk client 192.0.2.99 53 "$port"; done | cut -d ' ' -f 1-2 | sort -u | tr '\n' ' '; }
goes() { [ "$(asks 5200)" = "$1" ]; }
# explained PATTERN: explain says so of a question
explained() { ctl explain 'udp 10.1.0.7:5301 -> 192.0.2.99:53 on lan' && grep -q "$1" out; }
watches() { for far in one two; do sniff "$far-$1.pcap" "$far" eth0 'udp dst port 53'; done; }
# by NAME: source addresses that left by the first uplink, and by the second
by() { for far in one two; do echo "$(tcpdump -nr "$far-$1.pcap" 2>/dev/null | awk '{ sub(/\.[0-9]+$/, "", $3); print $3 }' | sort -u | tr '\n' ' ')|"; done | tr -d '\n'; }

for how in 'user' 'kernel --hook tc' 'kernel --hook xdp'; do
    by=${how##* }
    for file in redirect list; do
        several
        prey prey --exec $how -i lan -i up1 -i up2 "$file.pbc"
        watches "$file-$by"
        same "$by, $file: of several ways each packet has its way's address" "$(asks $(seq 5101 5116))" 'one 203.0.113.2 two 198.51.100.2 '
        sniffed
        same "$by, $file: and no other" "$(by "$file-$by")" '203.0.113.2 |198.51.100.2 |'

        by_first
        until_true 100 "$by, $file: one way has its address" goes 'one 203.0.113.2 ' && ok 0 "$by, $file: one way has its address"
        by_second
        until_true 100 "$by, $file: another way ends the flow" goes 'two 198.51.100.2 ' &&
            ok 0 "$by, $file: another way ends the flow, and has its address"

        # Another table may mark what crosses, and send it elsewhere: not by a guess.
        ip -n "$id-prey" rule add fwmark 1 table 7
        ip -n "$id-prey" route add default via 203.0.113.9 dev up1 table 7
        if [ "$by" != user ]; then
            until_true 100 "the rule for a mark is known" explained 'dropped (no-way): a policy rule matches a mark'
            ctl load "$file.pbc"
            watches "mark-$by"
            same "$by, $file: a way that hangs on a mark is none" "$(asks 5300)" 'failed '
            sniffed
            same "$by, $file: and nothing leaves" "$(by "mark-$by")" '||'
            explained 'reason no-way'
            ok $? "$by, $file: explain says so"
        fi
        ip -n "$id-prey" route flush table 7
        ip -n "$id-prey" rule del fwmark 1 table 7
        prey_ends
        same "$by, $file: it ends with 0" "$status" 0
    done
done
[ "$failed" = 0 ]
