#!/usr/bin/env bash
# An interface of -i that is absent or down at the start holds nothing up: the others are served, it is shut as long as nothing judges there,
# and it is served when it comes; in both executors. Where none is there the start is refused.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@"
live_begin

between server
at prey sysctl -q -w net.ipv4.ip_forward=1
space late
ip -n "$id-client" route add 10.3.0.0/24 via 10.1.0.2
ip -n "$id-client" route add 10.2.0.0/24 via 10.1.0.2
web server
rules open <<'RULES'
firewall box in default accept { }
firewall ways forward default drop { accept icmp type echo-request as ASKED; accept icmp type echo-reply; accept tcp to port 80; accept tcp source port 80 }
RULES
# comes: the link to `late` is there, and its other end up; rises: prey's end, too.
comes() {
    ip -n "$id-prey" link add far type veth peer name eth0 netns "$id-late"
    ip -n "$id-late" link set eth0 up
    ip -n "$id-late" addr add 10.3.0.2/24 dev eth0
    ip -n "$id-late" route add default via 10.3.0.1
}
rises() {
    ip -n "$id-prey" addr replace 10.3.0.1/24 dev far
    ip -n "$id-prey" link set far up
}
# open_again: the guard rules let in what comes by the interface that is there.
open_again() { at prey nft list ruleset | grep -c 'iif != { "wan", "far" } jump shut' | grep -qx 2 && ! at prey nft list ruleset | grep -q 'iifname "far" jump shut'; }
pings() { at client ping -q -c 1 -W 1 10.3.0.2 >/dev/null; }

at prey timeout 60 "$bin/preyrun" -i far -i near --exec user open.pbc >out 2>err </dev/null
same 'none of them is there: refused' "$? $(grep -c '^preyrun: there is no interface' err)" '2 2'

for exec in user kernel; do
    if [ "$exec" = kernel ] && ! seeing prey timeout 60 "$bin/preyrun" -i wan -i lan --preflight --exec kernel open.pbc >out 2>err; then
        sed 's/^/# /' err
        echo "ok - in the kernel # SKIP the kernel lacks what the executor there needs"
        continue
    fi
    prey prey -i wan -i lan -i far --exec "$exec" open.pbc
    same "$exec: one that is absent is told" "$(grep -c '^preyrun: notice: there is no interface .far., which is served when it comes' prey.err)" 1
    same "$exec: the others are served" "$(ask client 10.2.0.2 8)" server
    ctl status --json
    same "$exec: status knows it" "$status $(grep -c '"link": *"gone"' out)" '0 1'
    comes
    rises
    hears "$exec: when it comes it is served" '^link: far is back\|far is back'
    until_true 50 "$exec: and what crosses gets there" pings && ok 0 "$exec: and what crosses gets there"
    prey_ends
    same "$exec: by the rules" "$(grep -c 'ASKED  *accept  *[1-9]' prey.out)" 1
    ip -n "$id-prey" link set far down
    prey prey -i wan -i far --exec "$exec" open.pbc
    same "$exec: one that is down likewise" "$(grep -c '^preyrun: notice: far is down: it is served when it is up; this mends it: ip link set far up' prey.err)" 1
    same "$exec: it is shut meanwhile" "$(at prey nft list ruleset | grep -c 'iifname "far" jump shut')" 2
    rises
    hears "$exec: it comes up" 'far is back'
    until_true 50 "$exec: nothing is shut any more" open_again && ok 0 "$exec: nothing is shut any more"
    until_true 50 "$exec: and what crosses gets there again" pings && ok 0 "$exec: and what crosses gets there again"
    prey_ends
    ip -n "$id-prey" link del far
done
[ "$failed" = 0 ]
