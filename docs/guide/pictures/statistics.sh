#!/usr/bin/env bash
# Draws statistics.png, for `make pictures`: the statistics page as a browser shows it, of the site that tests/e2e/live-page.sh makes, after a
# minute of requests and the end of one server. It needs root, Chromium and pngquant. B: the build folder.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two three four five
# The name is one that never resolves, for a test.
sed -n "/^rules site <<'END2'$/,/^END2$/{/END2/d; / named /d; p}" "$top/tests/e2e/live-page.sh" | rules site
prey prey -i wan -i lan --stats 127.0.0.1:8404 site.pbc
is_ready prey || exit 1
get() { at prey curl -s -m 20 "http://127.0.0.1:8404$1"; }
all_up() { get /stats.json | python3 -c 'import json, sys; sys.exit(any(p["servers_up"] < len(p["servers"]) for p in json.load(sys.stdin)["pools"]))'; }
until_true 200 'all servers are up' all_up

# More requests now and fewer then, and now and then one that a rule drops.
second=0
while [ $((second += 1)) -le "${SECONDS_OF_TRAFFIC:-60}" ]; do
    [ "$second" -ne 40 ] || kill -KILL "$web_two"
    next=$(($(date +%s%N) / 1000000 + 1000))
    for i in $(seq $((12 + (second * second / 7 + second) % 13))); do
        ask client "10.1.0.100/" >/dev/null
        [ $((i % 3)) -ne 0 ] || { ask client "10.1.0.101/"; ask client "10.1.0.102/"; } >/dev/null
    done
    [ $((second % 4)) -ne 0 ] || at client nc.openbsd -z -w 1 10.1.0.2 23 2>/dev/null &
    left=$((next - $(date +%s%N) / 1000000))
    [ "$left" -le 0 ] || sleep "$(printf '%d.%03d' $((left / 1000)) $((left % 1000)))"
done
get / >page.html
grep -q 'connection refused' page.html || { ok 1 'the page shows the server that is down'; exit 1; }

# Its first two parts; browsers leave out the rest.
echo '<style>section ~ section ~ section, footer { display: none }</style>' >>page.html
timeout 100 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --user-data-dir="$work/chromium" \
    --blink-settings=preferredColorScheme=1 --window-size=1280,"${HEIGHT:-1238}" --screenshot="$work/page.png" "file://$work/page.html" >/dev/null 2>&1 &&
    pngquant --force --strip --speed 1 --output "$top/docs/guide/pictures/statistics.png" 64 page.png
ok $? 'docs/guide/pictures/statistics.png is drawn'
prey_ends
exit $failed
