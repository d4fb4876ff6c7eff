#!/usr/bin/env bash
# Connections that this machine opened before prey was there, and that only receive: they live across a start, a restart and a
# kill where established ones are let in, by IPv4 and IPv6, and where an `out` firewall lets theirs out. Not with `pickup 0s`; and a
# segment of no such connection is let in by nothing.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space outside prey
link outside eth0 prey wan
address outside eth0 10.1.0.1/24 fd00:1::1/64
address prey wan 10.1.0.2/24 fd00:1::2/64
hears='firewall f on "wan" in default drop {
  accept arp
  accept icmp6
  accept state established as OLD
  drop state invalid as INVALID
}'
sends() {
    echo "firewall g on \"wan\" out default drop {
  accept arp
  accept icmp6
  accept state established
  $1
}"
}
rules hears <<<"$hears"
rules none <<<"timeouts { pickup 0s }
$hears"
rules lets <<<"$hears
$(sends 'accept tcp to port 9000 as OUT')"
rules holds <<<"$hears
$(sends 'drop tcp to port 9000 as HELD')"

starts() { prey prey -i wan --exec kernel --format json "$@"; }
# The same, and all is written down.
written() { RECORD=0 prey prey -i wan --exec kernel --format json --record tape --record-sample 1 "$@"; }

# opens ADDRESS: a connection from prey to the outside, which only sends. says WORD has it send that.
heard() { grep -q "^$1\$" heard; }
says() {
    echo "$1" >&7
    until_true 100 "$1: it goes on" heard "$1" && ok 0 "$1: it goes on"
}
listens() { at outside ss -Hltn 'sport = 9000' | grep -q .; }
opens() {
    rm -f lines
    mkfifo lines
    : >heard
    exec 7<>lines
    ip netns exec "$id-outside" python3 "$top/tests/e2e/live/echo.py" tell 9000 <lines 2>outside.err &
    ends="$!"
    until_true 100 'somebody listens outside' listens
    ip netns exec "$id-prey" python3 "$top/tests/e2e/live/echo.py" hear "$1" 9000 >heard 2>inside.err &
    ends="$ends $!"
    pids="$pids $ends"
    says before
    # What it has heard is acknowledged: this machine has nothing to say any more.
    until_true 100 'all is acknowledged' acknowledged
}
acknowledged() { [ -z "$(at outside ss -Htin 'sport = 9000' | grep unacked)" ]; }
over() {
    exec 7>&-
    kill $ends 2>/dev/null
    wait $ends 2>/dev/null
}

drops() { ctl counters verdicts.drop; tr -d , <out | awk '$1 == "verdicts.drop.packets" { print $2 }'; }
# Segments that are dropped come again and again.
dropped() { [ "$(drops)" -ge $((${1:-0} + 4)) ]; }
stays_dropped() { # SENTENCE
    local before
    before=$(drops)
    echo frozen >&7
    until_true 200 "$1: its segments are dropped" dropped "$before" && ok 0 "$1"
}

for there in 10.1.0.1 fd00:1::1; do
    opens $there
    starts hears.pbc
    says "started-$there"
    prey_ends
    starts hears.pbc
    says "restarted-$there"
    prey_killed
    starts hears.pbc
    says "after-a-kill-$there"
    says "again-$there"
    prey_ends
    same "$there: none of its packets were invalid, all were let in as established" "$(by_rule INVALID) $(($(by_rule OLD) > 0)) $(number verdicts drop packets)" '0 1 0'
    over
done

# A segment from the middle of no connection; of one that somebody else has with the outside's port, from here; and of none at
# a port where this machine listens.
capture strangers <<'END'
eth / ip4 10.1.0.1 > 10.1.0.2 / tcp 9000 > 45000 ack seq 100 ack 100
eth / ip4 10.1.0.9 > 10.1.0.2 / tcp 9000 > 45000 ack seq 100 ack 100
eth / ip6 fd00:1::1 > fd00:1::2 / tcp 9000 > 45000 ack seq 100 ack 100
eth / ip4 10.1.0.1 > 10.1.0.2 / tcp 9000 > 9001 ack seq 100 ack 100
END
background prey python3 "$top/tests/e2e/live/echo.py" serve 9001
until_true 100 'port 9001 listens in prey' at prey ss -Hltn 'sport = 9001'
starts hears.pbc
at outside python3 "$top/tests/e2e/live/send.py" eth0 strangers.pcap >/dev/null
four() { [ "$(drops)" -ge 4 ]; }
until_true 100 'strangers come' four
prey_ends
same 'segments of no connection: the default drops them all' "$(by_rule OLD) $(by_rule INVALID) $(number verdicts drop packets)" '0 0 4'

opens 10.1.0.1
starts none.pbc
stays_dropped 'not with pickup 0s'
prey_ends
same 'with pickup 0s they are invalid' $(($(by_rule INVALID) > 0)) 1
over

opens 10.1.0.1
written hears.pbc
says written
prey_ends
replays_alike 'a recording is replayed alike' tape
rm -rf tape
over

# What is for this machine itself the executor in user space only watches.
opens 10.1.0.1
prey prey -i wan --exec user --monitor --format json hears.pbc
says watched
says watched-again
prey_ends
same 'watched it is taken up by what this machine sends' "$(by_rule INVALID) $(($(by_rule OLD) > 0))" '0 1'
over

opens 10.1.0.1
starts lets.pbc
says 'let-out'
says 'let-out-again'
prey_ends
same 'what this machine sends takes it up, by the rule that lets it out' "$(by_rule INVALID) $(($(by_rule OUT) > 0)) $(number verdicts drop packets)" '0 1 0'
over

opens 10.1.0.1
starts holds.pbc
stays_dropped 'what an out firewall does not let out it does not let out now'
prey_ends
same 'its acknowledgements are dropped by the rule that drops its SYN' $(($(by_rule HELD) > 3)) 1
over
exit $failed
