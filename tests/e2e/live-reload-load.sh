#!/usr/bin/env bash
# Live reload under load: every 100 ms other weights, by SIGHUP and by preyctl load in turn, and no request fails, nor is a
# connection reset; with one worker and with two, whose counts of flows are each one's own. A replay goes through all
# reloads alike.
# COUNT requests with each, 1,000 unless it is said.
set -u
: "${RECORD:=1}"
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one two
lan switch 1 client prey one two
for s in one two; do web "$s"; done
for n in 0 1 2; do
    rules "weights$n" <<END
limits { flows $((100 * ${COUNT:-1000})) }
pool farm {
  balance round_robin
  source 10.1.0.50-10.1.0.57
  server one 10.1.0.3 weight $((n + 1))
  server two 10.1.0.4 weight $((3 - n))
}
service web on 10.1.0.100 tcp/80 { mode passthrough; announce; max flows $((5 * ${COUNT:-1000})); max flows $((4 * ${COUNT:-1000})) per source; -> farm }
END
done
ten_a_second() { # until it is killed
    local n=0
    while sleep 0.1; do
        n=$((n + 1))
        if [ $((n % 2)) -eq 0 ]; then
            at prey "$bin/preyctl" load "weights$((n % 3)).pbc" >/dev/null || echo "load failed"
            continue
        fi
        cp "weights$((n % 3)).pbc" next.pbc
        mv next.pbc rules.pbc
        kill -HUP "$prey"
    done
}
for workers in 1 2; do
    cp weights0.pbc rules.pbc
    prey prey -i eth0 --workers $workers --format json rules.pbc
    ten_a_second >"loads$workers" 2>&1 &
    reloading=$!
    pids="$pids $reloading"
    # A slow machine makes few reloads while it asks: on until there were some.
    for round in $(seq 30); do
        at client python3 "$top/tests/e2e/live/load.py" 10.1.0.100 80 "${COUNT:-1000}" 10 >"said$workers"
        [ "$(cat "said$workers")" = "${COUNT:-1000} 0 0 " ] || break
        [ "$(grep -c '^reloaded' prey.err)" -lt 3 ] || break
    done
    { kill "$reloading" && wait "$reloading"; } 2>/dev/null
    same "$workers: every load is made" "$(cat "loads$workers")" ''
    same "$workers: all requests are answered" "$(cat "said$workers")" "${COUNT:-1000} 0 0 "
    reloads=$(grep -c '^reloaded' prey.err)
    [ "$reloads" -ge 3 ]
    ok $? "$workers: it was reloaded meanwhile, $reloads times"
    truncate -s 0 prey.out
    prey_ends
    same "$workers: it ends with 0" "$status" 0
done
exit $failed
