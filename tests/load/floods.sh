#!/usr/bin/env bash
# Floods of RATE frames a second (50,000) beside real connections: SYNs against cookies beside 1,000; SYNs that take all ports of
# a pool beside 60; UDP, fragments, resets and ICMP errors beside 300 each. Whoever's packets the receive ring did not lose twice
# is answered within 3 s; the ring's loss is told; memory stays.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
rate=${RATE:-50000}

space client flooder prey one two
lan outside 1 client prey:wan flooder
lan inside 2 prey:lan one two
for s in one two; do
    web "$s"
    ip -n "$id-$s" route add default via 10.2.0.1
done
# What is answered to the flood's sources goes to who sends it.
ip -n "$id-prey" route add 198.18.0.0/15 via 10.1.0.3
mac=$(at prey cat /sys/class/net/wan/address)

rules all <<'END'
limits { flows 200_000; half_open 20_000; fragments 4096 }
pool near { balance round_robin; server one 10.2.0.2; server two 10.2.0.3 }
service proved on 10.1.0.100 tcp/80 { mode passthrough keep source; syn cookies; announce; -> near }
service through on 10.1.0.102 tcp/80 { mode passthrough; announce; -> near }
service kept on 10.1.0.101 tcp/80, udp/53 { mode passthrough keep source; announce; -> near }
END

# flooded KIND ADDRESS PORT CONNECTIONS
flooded() {
    local kind=$1 address=$2 port=$3 count=$4 flood before asked within late never slowest
    prey prey -i wan -i lan --format json all.pbc
    at client curl -s -o /dev/null "http://$address/"
    before=$(rss)
    ip netns exec "$id-flooder" "$bin/tests/tools/flood" eth0 "$mac" "$address" "$port" "$kind" "$rate" 300 >flood.out &
    flood=$!
    pids="$pids $flood"
    read -r within late never slowest <<<"$(at client python3 "$top/tests/load/connects.py" "$address" 80 "$count" 100)"
    grown=$(($(rss) - before))
    kill "$flood"
    wait "$flood" 2>/dev/null
    truncate -s 0 prey.out
    prey_ends
    same "$kind: it ends with 0" "$status" 0
    adds_up "$kind: every frame has one verdict"
    echo "# $kind: of $(number live frames) frames the ring lost $(number interfaces 0 lost); slowest $slowest ms, $late late, $never never; $grown KiB more"
    # Of those whose SYN, or answer, was lost twice, as often as chance has it, thrice that at most.
    same "$kind: $count connections, within 3 s but where the ring lost twice" "$(python3 -c "
lost = $(number interfaces 0 lost) + $(number interfaces 1 lost)
p = lost / (lost + $(number live frames))
print($count - $within <= (3 * $count * (3 * p) ** 2 + 3 if lost else 0))")" True
    same "$kind: the flood came" "$(python3 -c "print($(number live frames) > 20 * $count)")" True
    same "$kind: memory stays" "$(python3 -c "print($grown < 65536)")" True
}
flooded syn 10.1.0.100 80 1000
same 'cookies answered' "$(python3 -c "print($(number cookies sent) > 20000, $(number cookies proven) >= 990)")" 'True True'
flooded syn 10.1.0.102 80 60
same 'half-open flows gave way' "$(python3 -c "print($(number flows ended evicted-half-open) > 1000)")" True
flooded udp 10.1.0.101 53 300
flooded fragment 10.1.0.101 53 300
flooded rst 10.1.0.101 80 300
flooded icmp 10.1.0.101 53 300
exit $failed
