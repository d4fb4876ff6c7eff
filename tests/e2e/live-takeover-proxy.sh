#!/usr/bin/env bash
# preyctl takeover where connections end here (`mode proxy`), in user space: listening sockets go over with those who wait in their
# queues, the process before serves its sessions to their ends, HTTP that is kept alive comes to the new one after the answer under way.
# Byte for byte, no refused connection, no failed handshake of TLS, across five takeovers; `status` counts what goes on elsewhere;
# --takeover-drain bounds it; whoever of the two is killed, the other one does what is said.
set -u
EXEC=${EXEC:-user} # kernel: live-takeover-proxy-kernel.sh
way="--exec $EXEC"
[ "${XDP-}" != 1 ] || way='--io xdp' # live-takeover-proxy-xdp.sh
. tests/e2e/live/takeover.sh
. "$top/tests/e2e/live/takeover_ends.sh"

between one
serves
ends_rules 50 'access log common "access.log";' ''

for workers in 1 $([ "$way" != '--exec user' ] || echo 2); do
    say="$workers worker$([ $workers = 1 ] || echo s)"
    rm -f enough talked
    : >access.log
    # shellcheck disable=SC2086
    prey prey $way -i wan -i lan --workers $workers ends.pbc
    five_takeovers 10.1.0.2
    same "$say: and its screen, too" "$(at prey "$bin/preyctl" status | grep -c 'still serves 8 connections')" 1
    all_talked
    first_ends
    lines() { [ "$(grep -c . access.log)" -ge 5 ]; }
    until_true 100 "$say: sessions of the process before are in the access log" lines && ok 0 "$say: sessions of the process before are in the access log"
    stops
    same "$say: it undoes all" "$(at prey nft list tables | grep -c prey) $(at prey sh -c 'ls "/run/prey/$(stat -L -c %i /proc/self/ns/net)"' 2>&1 | grep -c wan)" '0 0'
done

# ---- who waits in the queue of a listening socket ----

# shellcheck disable=SC2086
prey prey $way -i wan -i lan ends.pbc
holds 50 10.1.0.2 1000
at client python3 "$clients" queue 5 10.1.0.2 1000 >queued 2>&1 &
queued=$!
pids="$pids $queued"
until_true 300 'five more are connected' grep -q waits queued
same 'and nobody accepts them' "$(cat queued)" waits
takes_over 'full of sessions it is taken over'
wait "$queued"
same 'and those who wait are accepted by the new one' "$(tail -n 1 queued)" '5 answered'
same 'the others go on' "$(answered)" '50 answered'
until_true 300 'it counts them' others_are '50 of 1'
takes_over 'once more, while the first one drains'
until_true 300 'which still counts' others_are '50 of 1'
same 'and serves' "$(answered)" '50 answered'
lets_go
until_true 300 'until they end' befores_are 0

if [ "$way" != '--exec user' ]; then # all that follows is the processes', and the same
    stops
    exit $failed
fi

# ---- a bound, and what ends whom ----

holds 3 10.1.0.2 1000
takes_over 'with a bound' --takeover-drain 2s
same 'they are served' "$(answered)" '3 answered'
until_true 300 'within that' befores_are 0
hears 'and then cut, and that is said' '3 connections of the old process end: the time of --takeover-drain is over'
same 'they have ended' "$(answered)" '0 answered'
lets_go
takes_over 'without a bound again' --takeover-drain 1h

holds 3 10.1.0.2 1002
before=$prey
takes_over 'with three in TLS'
until_true 300 'which it counts' others_are '3 of 1'
kill -KILL "$before"
until_true 300 'the process before is killed: nobody counts it' others_are '0 of 0'
same 'its sessions have ended, and the new one judges' "$(answered) $(owner)" "0 answered $prey"
lets_go
for way in TERM stop KILL; do
    holds 3 10.1.0.2 1000
    before=$prey
    takes_over "before $way"
    until_true 300 "$way: it is counted" others_are '3 of 1'
    case $way in stop) ctl stop ;; *) kill -$way "$prey" ;; esac
    until_true 300 "$way of the new one: it ends" is_over "$prey"
    until_true 300 "$way of the new one ends the one before, too" is_over "$before" && ok 0 "$way of the new one ends the one before, too"
    same "$way: the sessions have ended" "$(answered)" '0 answered'
    lets_go
    prey prey -i wan -i lan ends.pbc
done
holds 3 10.1.0.2 1000
before=$prey
takes_over 'before the one before is asked to end'
kill -TERM "$before"
until_true 300 'SIGTERM of the process before ends it' is_over "$before"
until_true 300 'and the new one knows' others_are '0 of 0'
same 'which judges' "$(owner)" "$prey"
lets_go

# ---- a reload, and turned logs, while one drains ----

holds 2 10.1.0.2 1000
takes_over 'before a reload'
cp ends.prey other.prey
sed -i 's/proxy_sessions 50/proxy_sessions 60/' other.prey
"$bin/preyc" other.prey -o other.pbc && mv other.pbc ends.pbc
mv access.log access.1
kill -HUP "$prey"
awaits '^reloaded'
same 'sessions of the process before outlive a reload' "$(answered)" '2 answered'
lets_go
in_new() { [ "$(grep -c . access.log)" -ge 2 ]; }
until_true 300 'their lines' in_new && ok 0 'their lines are in the log that was made anew'
until_true 300 'it ends' befores_are 0
stops
exit $failed
