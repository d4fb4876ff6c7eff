#!/usr/bin/env bash
# make bench-proxy on small sizes: prey, and of its peers those that are installed, do all that is asked of them.
set -u
. tests/lib/scratch.sh
export SMALL=1
cd "$top" || exit 2
ONLY=prey
peers=
! command -v haproxy >/dev/null || { ONLY="haproxy $ONLY"; peers=haproxy; }
! command -v nginx >/dev/null || ONLY="$ONLY nginx-64k"
export ONLY
nice bash tests/bench/proxy.sh >"$work/out" 2>"$work/err"
status=$?
if grep -q '^ok - .* # SKIP' "$work/out"; then
    cat "$work/out"
    exit 0
fi
[ $status -eq 0 ] && ! grep -q 'nothing came\|does not\|Traceback\|not ok' "$work/err" "$work/out"
status=$?
[ $status -eq 0 ] || cat "$work/out" "$work/err" | sed 's/^/# /'
ok $status 'make bench-proxy ends well'

# rows BALANCER WHAT...: each has a figure.
rows() {
    local balancer=$1 what
    shift
    for what; do
        grep -qE "^\| $what \| $balancer \| [0-9][0-9,.]*( Gbit)? \|" "$work/out" || { echo "# no row of $balancer: $what"; return 1; }
    done
}
whole() { # BALANCER
    local bulk='bulk, one stream' wrk='HTTP requests by host, asked by wrk'
    command -v iperf3 >/dev/null || bulk='new connections'
    command -v wrk >/dev/null || wrk='new connections'
    rows "$1" 'new connections' 'kept-alive messages of 64 bytes' 'HTTP requests by host' 'TLS handshakes, P-256, none resumed' "$bulk" "$wrk" \
        '[0-9,]+' '[0-9]+ in TLS'
}
whole prey
ok $? 'prey has all rows'
[ -z "$peers" ] || { whole HAProxy; ok $? 'HAProxy has the same'; }
if command -v nginx iperf3 >/dev/null 2>&1; then
    rows 'nginx, buffers of 64 KiB' 'bulk, one stream'
    ok $? 'nginx has its row'
fi
exit $failed
