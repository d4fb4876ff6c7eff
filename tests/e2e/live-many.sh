#!/usr/bin/env bash
# Live: a thousand clients behind one address, all from the same source port, by UDP and TCP at once: each gets its own answers, through
# a port of its own; and a thousand outside, by a forwarded port, of which the server inside sees each.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

between one
many() { # NAME DEVICE NET: a thousand addresses
    for i in $(seq 1000); do echo "addr add $3.$((i / 256)).$((i % 256))/32 dev $2"; done | ip -n "$id-$1" -b -
}
many client eth0 10.7
many one eth0 10.8
ip -n "$id-prey" route add 10.7.0.0/16 via 10.1.0.1
ip -n "$id-prey" route add 10.8.0.0/16 via 10.2.0.2
for s in client one; do
    : >"$s.many"
    ip netns exec "$id-$s" python3 "$top/tests/e2e/live/many.py" serve 7000 >"$s.many" &
    pids="$pids $!"
    until_true 100 "$s listens" grep -q ready "$s.many"
done

rules nat <<'END'
interface wan = "wan"
set inside = 10.2.0.0/24, 10.8.0.0/16
nat home {
  masquerade from inside out on wan
  forward 10.1.0.2 tcp/7000, udp/7000 -> 10.2.0.2
}
END
prey prey -i wan -i lan --format json nat.pbc
# Who asks first waits for a neighbour, and with it no more than 15 others.
ask_many() { at "$1" python3 "$top/tests/e2e/live/many.py" ask "$2" 7000 "$3" "${4:-1000}"; }
same 'masquerade: one' "$(ask_many one 10.1.0.1 10.8.0.1 1)" '1 1 1 1 1 1'
same 'forward: one' "$(ask_many client 10.1.0.2 10.7.0.1 1)" '1 1 1 1 1 1'
same 'masquerade: a thousand, all answered, by one address and a thousand ports' "$(ask_many one 10.1.0.1 10.8.0.1)" '1000 1 1000 1000 1 1000'
same 'forward: a thousand, all answered, seen as they are' "$(ask_many client 10.1.0.2 10.7.0.1)" '1000 1000 1 1000 1000 1'
prey_sums many
same 'mappings at once' "$(python3 -c "print($(number translated most) >= 2000)")" True
same 'none was refused' "$(number translated exhausted) $(number translated full) $(number verdicts drop packets)" '0 0 0'
exit $failed
