#!/usr/bin/env bash
# An interface of -i that is absent or down at the start holds nothing up: the others are served, it is shut as long as nothing judges there,
# and it is served when it comes; in both executors. Where none is there the start is refused, but with --wait, as where a bridge's port
# is missing. One that is renamed is left, and served again by its name.
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
open_again() { at prey nft list ruleset | grep -cE 'iif != { ("wan" . "wan", "far" . "far"|"far" . "far", "wan" . "wan") } jump shut' | grep -qx 2 && ! at prey nft list ruleset | grep -q 'iifname "far" jump shut'; }
# asked: echo requests that the rules have seen, of which preyrun reckons anew each second; asks: `late` sends one, by what prey serves;
# judged: the rules have seen more of these than $before.
asked() {
    ctl status --json
    "$tools/figures" out by_rule ASKED
}
asks() { at late ping -q -c 1 -W 1 "$target" >/dev/null; }
judged() {
    asks
    [ "$(asked)" -gt "$before" ]
}
unjudged() {
    sleep 1.2
    before=$(asked)
    asks
    asked=$?
    sleep 1.2
    same "$1" "$asked $(($(asked) - before))" '0 0'
}
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
    same "$exec: one that is absent is told" "$(grep -c '^preyrun: notice: there is no interface .far., which preyrun serves once it appears' prey.err)" 1
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
    same "$exec: one that is down likewise" "$(grep -c '^preyrun: notice: far is down: preyrun serves it once it is up; to fix it: ip link set far up' prey.err)" 1
    same "$exec: it is shut meanwhile" "$(at prey nft list ruleset | grep -c 'iifname "far" jump shut')" 3
    rises
    hears "$exec: it comes up" 'far is back'
    until_true 50 "$exec: nothing is shut any more" open_again && ok 0 "$exec: nothing is shut any more"
    until_true 50 "$exec: and what crosses gets there again" pings && ok 0 "$exec: and what crosses gets there again"
    prey_ends
    ip -n "$id-prey" link del far
done

# --wait: none is there. A name is followed, as `iifname` does.
rules host <<'RULES'
firewall box in default drop { accept icmp type echo-request as ASKED }
RULES
while IFS=, read -r way target other rules; do
    read -r exec hook <<<"$way"
    if [ "$exec" = kernel ] && ! seeing prey timeout 60 "$bin/preyrun" -i wan --preflight --exec kernel host.pbc >out 2>err; then
        echo "ok - $way: --wait # SKIP the kernel lacks what the executor there needs"
        continue
    fi
    prey prey --wait -i far -i "$other" --exec "$exec" ${hook:+--hook "$hook"} --stats 127.0.0.1:8404 "$rules.pbc"
    same "$way: with --wait a start needs none" "$(grep -c '^preyrun: notice: there is no interface .far., which preyrun serves once it appears' prey.err)" 1
    ctl status
    has "$way: status names what is missing" '^not served yet: far .no such interface.'
    at prey curl -s http://127.0.0.1:8404/metrics >out
    has "$way: so do the metrics" '^prey_interface_up{interface="far"} 0$'
    comes
    rises
    hears "$way: it comes" 'far is back'
    before=0
    until_true 50 "$way: it is judged" judged && ok 0 "$way: it is judged"
    at prey curl -s http://127.0.0.1:8404/metrics >out
    has "$way: which the metrics know" '^prey_interface_up{interface="far"} 1$'
    ip -n "$id-prey" link set far down
    ip -n "$id-prey" link set far name moved
    ip -n "$id-prey" link set moved up
    hears "$way: one that is renamed is left" 'far is called moved now: preyrun doesn'\''t serve that name, and serves far again when it returns'
    unjudged "$way: nothing judges there any more"
    ip -n "$id-prey" link add far type veth peer name eth1 netns "$id-late"
    ip -n "$id-late" link set eth1 up
    : >prey.err
    ip -n "$id-prey" link set far up
    hears "$way: another one of its name is served" 'far is back'
    unjudged "$way: and that one alone"
    ip -n "$id-prey" link del far
    ip -n "$id-prey" link set moved down
    hears "$way: until it is gone" 'far is gone'
    ip -n "$id-prey" link set moved name far
    : >prey.err
    rises
    hears "$way: then the first one is, by its name" 'far is back'
    until_true 50 "$way: by the rules" judged && ok 0 "$way: by the rules"
    prey_ends
    ip -n "$id-prey" link del far
done <<'WAYS'
kernel tc,10.3.0.1,further,host
kernel xdp,10.3.0.1,further,host
user,10.1.0.1,wan,open
WAYS

# A bridge whose ports come later.
space one two
rules across <<'RULES'
firewall f forward default drop { accept arp; accept icmp type echo-request; accept icmp type echo-reply }
RULES
at prey timeout 60 "$bin/preyrun" --bridge west:east --exec user across.pbc >out 2>err </dev/null
same 'a bridge without its ports: refused' "$? $(grep -c '^preyrun: there is no interface' err)" '2 2'
through() { at one ping -q -c 1 -W 1 10.4.0.2 >/dev/null; }
for io in packet xdp; do
    prey prey --wait --bridge west:east --io $io across.pbc
    link prey west one eth0
    address one eth0 10.4.0.1/24
    hears "--io $io: a bridge's first port comes" 'west is back'
    link prey east two eth0
    address two eth0 10.4.0.2/24
    hears "--io $io: and its second" 'east is back'
    until_true 50 "--io $io: what the rules accept crosses" through && ok 0 "--io $io: what the rules accept crosses"
    prey_ends
    ip -n "$id-prey" link del west
    ip -n "$id-prey" link del east
done
[ "$failed" = 0 ]
