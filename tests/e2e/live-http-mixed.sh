#!/usr/bin/env bash
# Live, `mode proxy http`: 60 clients at once that break off in the middle of requests and answers, over connections that are
# kept and shared, with weights, least_conn, a queue, a server that is drained, and reloads: no byte of another's. LONG=1: for a minute.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
seconds=2
[ "${LONG-0}" = 0 ] && [ "${LIVE-0}" = 0 ] || seconds=60

between one two
mixed=$top/tests/e2e/live/mixed.py
for name in one two; do
    background $name python3 "$mixed" serve 90
    until_true 100 "a server answers in $name" at $name curl -s -o /dev/null http://127.0.0.1:90/0/0/1/length
done
write_rules() { # COMMENT: others, that say the same
    rules mixed <<RULES
# $1
pool farm {
  balance least_conn; retries 1
  server one 10.2.0.2:90 weight 2 max flows 20
  server two 10.2.0.3:90 max flows 20
}
service shop on 10.1.0.2 tcp/80 { mode proxy http; queue 100 within 60s; -> farm }
RULES
}
write_rules first
prey prey --workers 2 -i wan -i lan mixed.pbc
at client timeout 300 python3 "$mixed" ask 10.1.0.2 80 60 $seconds "${SEED:-1}" >asked 2>&1 &
asked=$!
n=0
while kill -0 $asked 2>/dev/null; do
    n=$((n + 1))
    case $((n % 4)) in
    1) ctl set farm/two drain ;;
    2) ctl set farm/two up ;;
    3) write_rules $n && kill -HUP "$prey" ;;
    esac
    sleep 0.4
done
wait $asked
same "60 clients for $seconds s: none hears a byte of another's, or waits for ever ($(tail -1 asked))" "$(tail -1 asked | sed 's/.* wrong/wrong/'; head -3 asked | grep -v ^right)" 'wrong 0'
same "… and most are answered" "$(tail -1 asked | awk '{ print ($2 > 2 * ($4 + $6)) }')" 1
prey_ends
same "it ends with 0" "$status" 0
reused=$(sed -n 's/^  http .* \([0-9,]*\) connections_reused.*/\1/p' prey.out | tr -d ,)
[ "${reused:-0}" -gt 0 ]
ok $? "… over connections that were kept ($reused)"
