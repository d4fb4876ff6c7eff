#!/usr/bin/env bash
# make demo-live: prey between a client and two nginx servers, one of which dies, in a minute. Network namespaces are made for all of them and are
# gone at the end, however it ends; nothing else on this machine changes but the packages that make installs for it, of which none runs. `demo-live.sh allowed`: one line that says why
# not, and status 1, where this machine or this user may not make any.
set -u
if [ "$(id -u)" -ne 0 ]; then
    echo 'demo-live: network namespaces take root: sudo make demo-live'
    exit 1
fi
if ! unshare --net --mount true 2>/dev/null; then
    echo 'demo-live: this machine lets even root make no network namespaces (a container?); make demo needs none'
    exit 1
fi
[ "${1:-}" != allowed ] || exit 0

B=${B:-build}
top=$(pwd)
bin=$(cd "$B" && pwd)
. tests/e2e/live/lib.sh
pins # beside them the executor in the kernel may run
work=$(mktemp -d "$bin/demo-live.XXXXXX") || exit 1
prey=

# preyrun ends first, so that it takes back what it changed.
demo_end() {
    [ -z "$prey" ] || kill -TERM "$prey" 2>/dev/null
    [ -z "$prey" ] || timeout 10 tail --pid="$prey" -s 0.1 -f /dev/null
    { (failed=0 && live_end); wait; } 2>/dev/null # it ends its shell
    rm -rf "$work"
}
trap demo_end EXIT
trap 'exit 1' INT TERM HUP
# What the library says where something never came true.
ok() {
    echo "demo-live: it has not come true that $2" >&2
    exit 1
}

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; fi
step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { printf '  $ %s\n' "$*"; }
indent() { sed 's/^./  &/'; }
compile() { "$bin/preyc" shop.prey -o shop.pbc >/dev/null || exit 1; }
# The last line of the log that tells so, when it comes.
line() { # PATTERN
    until_true 100 "the log says: $1" grep -q "$1" prey.err
    grep "$1" prey.err | tail -1 | indent
}
# Who answered how many.
requests() { # COUNT
    local i
    for i in $(seq "$1"); do
        at client curl -s -m 10 http://10.1.0.100/ || echo failed
    done | sort | uniq -c | awk '{ printf "  %7d %-6s ", $1, $2; while ($1--) printf "#"; print "" }'
}

cd "$work" || exit 1
step '1. A network: a client, prey, and two nginx servers behind it'
site one two
printf '  client 10.1.0.1 -- wan 10.1.0.2 prey 10.2.0.1 lan -- one 10.2.0.2, two 10.2.0.3\n'

cat >shop.prey <<'RULES'
check alive = http GET "/" expect 200 every 200ms timeout 500ms rise 2 fall 2
pool web {
  balance round_robin; check alive
  server one 10.2.0.2:80 weight 2
  server two 10.2.0.3:80
}
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
RULES
step '2. Rules: 10.1.0.100 is a service, and server one takes two thirds of it'
sed 's/^/  | /; s/ *$//' shop.prey

step '3. Start prey'
show 'preyc shop.prey -o shop.pbc; preyrun -i wan -i lan --workers 1 --stats 127.0.0.1:8404 shop.pbc &'
compile
prey prey -i wan -i lan --stats 127.0.0.1:8404 shop.pbc
grep -v notice prey.err | sed 's/, checked with [0-9,]* frames in [^,]*//' | indent

step '4. Twelve requests'
show 'for i in $(seq 12); do curl http://10.1.0.100/; done | sort | uniq -c'
requests 12

step '5. Server one dies: its health check notices, and requests go on'
show 'kill -KILL NGINX-OF-ONE'
{ kill -KILL "$web_one"; wait "$web_one"; } 2>/dev/null
line 'web/one is down'
requests 12

step '6. preyctl and the statistics page show it'
show 'preyctl servers'
at prey "$bin/preyctl" servers | indent
show 'curl http://127.0.0.1:8404/    # the page, its row of server one'
at prey curl -s -m 10 http://127.0.0.1:8404/ | sed -n '/<th[^>]*>one /{s/<[^>]*>/ /g; s/&nbsp;/ /g; s/  */ /g; p}' | indent

step '7. Server one comes back'
web one
serves() { at prey "$bin/preyctl" servers | grep 'web/one *up'; }
until_true 100 'server one serves again' serves
show 'preyctl servers | grep web/one'
serves | indent
requests 12

step '8. Change the rules while prey runs: server two now takes three quarters'
sed -i 's/ weight 2//; /server two/s/$/ weight 3/' shop.prey
show 'preyc shop.prey -o shop.pbc; pkill -HUP preyrun'
compile
kill -HUP "$prey"
line '^reloaded'
requests 12

step '9. Stop prey: it prints its counters, and this machine is as it was'
prey_ends
prey=
sed -n '/^service/,/^ *web\/two/p' prey.out | indent
