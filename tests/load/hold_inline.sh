#!/usr/bin/env bash
# COUNT connections (10,000) open at once through `mode proxy inline` on a bridge, answered by the server first and by us first: each still
# answers when all are open, and what each holds of prey's memory is told.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
count=${COUNT:-10000}
# Each takes two descriptors of prey's: where it may not have so many, as many as it may.
ulimit -n $((2 * count + 3000)) 2>/dev/null || count=$((count < ($(ulimit -Hn) - 2000) / 2 ? count : ($(ulimit -Hn) - 2000) / 2))

space left prey right
link left eth0 prey a
link right eth0 prey b
address left eth0 $(seq -f '10.1.0.%g/24' 60 63)
address right eth0 10.1.0.2/24
at right sysctl -q -w net.core.somaxconn=4096
hold="python3 $top/tests/load/hold.py"
for i in 1 2; do
    : >serves
    background right $hold serve 7000 >serves
    until_true 100 'a server listens' grep -q ready serves
done
first=1100
for way in server bytes; do
    rules $way <<END
service wire on any tcp/any { mode proxy inline; $way first }
firewall f forward default accept { }
END
    small_prey prey --bridge a:b --format json $way.pbc
    before=$(rss)
    : >held
    holders=
    mkfifo "say-$way"
    for i in 60 61 62 63; do
        ip netns exec "$id-left" $hold ask 10.1.0.2 7000 $((count / 4)) "10.1.0.$i" "$first" <"say-$way" >>held &
        holders="$holders $!"
        pids="$pids $!"
    done
    exec 9>"say-$way"
    told() { [ "$(grep -c "$1" held)" -eq 4 ]; }
    until_true 1500 "$way first: they are open" told open
    each=$((($(rss) - before) * 1024 / (count / 4 * 4)))
    touch go
    until_true 1500 "$way first: they were asked" told answered
    same "$way first: $((count / 4 * 4)) open at once, and each answers" \
        "$(awk '{ sum[$1] += $2 } END { print sum["open"], sum["answered"] }' held)" "$((count / 4 * 4)) $((count / 4 * 4))"
    echo "# $way first: a connection holds $each bytes of prey's memory while it is open and idle; at the start it says: $(grep -o 'a proxied connection takes.*' prey.err)"
    ok $((each > 6000)) "$way first: that is less than 6,000"
    exec 9>&-
    rm go
    wait $holders
    let_go() { [ "$(at right ss -Htn state established state close-wait '( sport = :7000 )' | wc -l)" -eq 0 ]; }
    until_true 1200 "$way first: they are closed" let_go
    first=$((first + 30000))
    truncate -s 0 prey.out
    prey_ends
    same "$way first: it ends with 0" "$status" 0
done
exit $failed
