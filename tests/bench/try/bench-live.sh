#!/usr/bin/env bash
# make bench-live on small sizes: a contender of each kind forwards, and stands in the tables.
set -u
. tests/lib/scratch.sh
export SMALL=1
export ONLY='bare-drop drop bare bridge wire wire-tcp passthrough recorded asked kernel dnat two-both hashed news judged mirrored-device mirrored-file mirrored-socket'
latencies=4
[ ! -x "$bin/tests/bench/bare_xdp" ] || { ONLY="$ONLY bare-drop-xdp bare-xdp passthrough-xdp two-0-xdp bare-kernel drop-kernel passthrough-kernel news-kernel judged-kernel mirrored-device-kernel"; latencies=8; }
# Links of traffic control came with Linux 6.6.
[ ! -x "$bin/tests/bench/by_hand" ] || [ "$(printf '%s\n' 6.6 "$(uname -r)" | sort -V | head -n 1)" != 6.6 ] || ONLY="$ONLY hand-tc hand-peer"
cd "$top" || exit 2
nice bash tests/bench/live.sh >"$work/out" 2>"$work/err"
status=$?
if grep -q '^ok - .* # SKIP' "$work/out"; then
    cat "$work/out"
    exit 0
fi
[ $status -eq 0 ] && ! grep 'nothing came\|not ok' "$work/out" "$work/err"
status=$?
[ $status -eq 0 ] || sed 's/^/# /' "$work/out" "$work/err"
ok $status 'make bench-live ends well'
python3 tests/bench/try/live_rows.py "$work/out" "$(echo "$ONLY" | wc -w)" $latencies
ok $? 'each contender has forwarded what came, and has its rows'
exit $failed
