#!/usr/bin/env bash
# COUNT connections (100,000) open at once with two workers, through a service that keeps the client's source and through one with twelve
# of its own: each still answers when all are open.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
count=${COUNT:-100000}

space client prey one two
lan outside 1 client prey:wan
lan inside 2 prey:lan one two
for i in $(seq 60 67); do address client eth0 "10.1.0.$i/24"; done
hold="python3 $top/tests/load/hold.py"
for s in one two; do
    ip -n "$id-$s" route add default via 10.2.0.1
    at "$s" sysctl -q -w net.core.somaxconn=4096
    for i in 1 2 3 4; do
        : >"$s.hold"
        ip netns exec "$id-$s" $hold serve 7000 >"$s.hold" &
        pids="$pids $!"
        until_true 100 "$s listens" grep -q ready "$s.hold"
    done
done
servers='server one 10.2.0.2; server two 10.2.0.3'
sources=$(seq -s', ' -f '10.2.0.%g' 50 61)
echo "limits { flows 1_000_000 }
pool near { balance round_robin; $servers }
service kept on 10.1.0.100 tcp/7000 { mode passthrough keep source; announce; -> near }" | rules keep
echo "limits { flows 1_000_000 }
pool farm { balance round_robin; source $sources; $servers }
service web on 10.1.0.100 tcp/7000 { mode passthrough; announce; -> farm }" | rules own

sources_of_clients=$(seq 60 67)
first=1100
for way in keep own; do
    prey prey -i wan -i lan --workers 2 --format json $way.pbc
    # A process a source, for one may not have so many files open.
    : >held
    holders=
    mkfifo "say-$way"
    for i in $sources_of_clients; do
        ip netns exec "$id-client" $hold ask 10.1.0.100 7000 $((count / 8)) "10.1.0.$i" "$first" <"say-$way" >>held &
        holders="$holders $!"
        pids="$pids $!"
    done
    exec 9>"say-$way"
    told() { [ "$(grep -c "$1" held)" -eq 8 ]; }
    until_true 3000 "$way: they are open" told open
    touch go
    until_true 1500 "$way: they were asked" told answered
    same "$way: $((count / 8 * 8)) open at once, and each answers" \
        "$(awk '{ sum[$1] += $2 } END { print sum["open"], sum["answered"] }' held)" "$((count / 8 * 8)) $((count / 8 * 8))"
    echo "# $way: $(rss) KiB of memory"
    exec 9>&-
    rm go
    wait $holders
    # The servers let go of these before the next ones come: each process may have so many files open.
    let_go() { [ "$(for n in one two; do at "$n" ss -Htn state established state close-wait '( sport = :7000 )'; done | wc -l)" -eq 0 ]; }
    until_true 1200 "$way: they are closed" let_go
    first=$((first + 30000))
    truncate -s 0 prey.out
    prey_ends
    same "$way: it ends with 0" "$status" 0
    adds_up "$way: every frame has one verdict"
    same "$way: so many flows at once" "$(python3 -c "print($(number flows most) >= $((count / 8 * 8)))")" True
    echo "# $way: $(number interfaces 0 lost) and $(number interfaces 1 lost) frames found no room in the rings, $(number live hand_lost) none with the other worker"
done
exit $failed
