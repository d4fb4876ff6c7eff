#!/usr/bin/env bash
# SYNs of a flood, from addresses that answer nothing, to services in the wire on a bridge, and meanwhile clients of the same services:
# each is served. Half-open connections beyond their limit give way, which is counted and told, and memory stays within what they take.
set -u
EXEC=user # its bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space left prey right
link left eth0 prey a
link right eth0 prey b
address left eth0 10.1.0.1/24
address right eth0 10.1.0.2/24 10.1.0.3/24
# The flood's addresses, so that the server's answers go back by the wire, where nobody takes them.
ip -n "$id-right" route add 198.51.100.0/22 via 10.1.0.77
ip -n "$id-right" neigh add 10.1.0.77 lladdr "$(at left cat /sys/class/net/eth0/address)" dev eth0 nud permanent
web right
right_mac=$(at right cat /sys/class/net/eth0/address)
# With `server first` each half-open one is a connection at the server, which takes 512.
rules flooded <<'END'
limits { half_open 300; proxy_sessions 20_000 }
timeouts { tcp half_open 5s }
service asks on 10.1.0.2 tcp/80 { mode proxy inline; bytes first }
service waits on 10.1.0.3 tcp/80 { mode proxy inline; server first }
firewall f forward default accept { }
END
counted() { # NAME: of preyctl counters
    ctl counters "$1"
    awk -v name="$1" '$1 == name { gsub(",", ""); print $2 }' out
}
gives_way() { [ "$(counted wire.gave_way)" -ge "$1" ]; }

for server in 10.1.0.2 10.1.0.3; do
    way=$([ $server = 10.1.0.2 ] && echo 'bytes first' || echo 'server first')
    small_prey prey --bridge a:b --format json flooded.pbc
    same "$way: before, a client is served" "$(ask left $server/)" right
    before=$(rss)
    rm -f over
    mkfifo over
    at left python3 "$top/tests/e2e/live/flood.py" --unanswered 30 eth0 "$right_mac" $server <over >flood &
    flood=$!
    pids="$pids $flood"
    exec 8>over
    until_true 100 "$way: half-open connections give way" gives_way 1000
    for i in $(seq 20); do ask left $server/from 60; done | shares >asked
    same "$way: beside a flood twenty clients are served" "$(cat asked)" ' 20 10.1.0.1 '
    until_true 100 "$way: the flood goes on" gives_way 10000
    # 300 half-open ones, and the numbers and descriptors that they took in turn.
    grown=$(($(rss) - before))
    if grep -q __asan_init "$bin/preyrun"; then
        echo "ok - $way: the process grew by less than 30 MB # SKIP the sanitizers keep what is freed"
    else
        [ "$grown" -lt 30000 ]
        ok $? "$way: the process grew by less than 30 MB ($grown KiB)"
    fi
    exec 8>&-
    wait "$flood"
    same "$way: and is served afterwards" "$(ask left $server/from)" 10.1.0.1
    truncate -s 0 prey.out
    prey_ends
    same "$way: it ends well" "$status" 0
    gave_way=$(python3 -c 'import json; print(json.load(open("prey.out"))["wire"]["gave_way"])')
    told=$(awk '/half-open flows removed for newer ones \(`limits { half_open }`\)/ { sum += $NF } END { print sum + 0 }' prey.err)
    same "$way: each that gave way is told, by its limit" "$told" "$gave_way"
done
exit $failed
