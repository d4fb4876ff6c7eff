#!/usr/bin/env bash
# preyctl takeover of connections that have left their sockets for the packet path (`splice packets`, `-> pass`): the new process carries
# them, and the process before, which has their sessions, hears of their ends, and ends those that are silent or too old. What it
# has that did not leave stays in its sockets; what the new one accepts leaves. Byte for byte, across several takeovers.
set -u
EXEC=${EXEC:-user} # kernel: live-takeover-splice-kernel.sh
way="--exec $EXEC"
. tests/e2e/live/takeover.sh
. "$top/tests/e2e/live/takeover_ends.sh"

sends_on
rules ends <<END
limits { flows 20_000; proxy_sessions 40_000 }
pool echo { server one 10.2.0.3:9000 } # another address than passes has: both would have a client's port there
service leaves on any tcp/1000 { mode proxy inline; splice packets; -> echo }
service passes on any tcp/9000 { mode proxy inline first bytes within 60s; when bytes payload at 0 is x"00" -> reject; else -> pass }
service here on 10.1.0.2 tcp/1005 { mode proxy; splice packets; -> echo }
service idle on any tcp/1006 { mode proxy inline; splice packets; idle 8s; -> echo }
service aged on any tcp/1007 { mode proxy inline; splice packets; max age 5s; -> echo }
firewall ways forward default accept { }
END
spliced() { # how many have left so far, by the process that judges
    at prey "$bin/preyctl" counters --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["proxy"]["spliced"])'
}
have_left() { [ "$(spliced)" -ge "$1" ]; }
in_kernel() { answered >/dev/null && [ "$(number kernel.spliced)" = "$1" ]; } # that many directions
starts() { # [OPTION...]
    # shellcheck disable=SC2086
    prey prey $way -i wan -i lan "$@" ends.pbc
}

# ---- bytes, and ends ----

for to in '10.2.0.2 1000' '10.2.0.2 9000' '10.1.0.2 1005'; do
    starts
    # shellcheck disable=SC2086
    holds 5 $to
    until_true 100 'all have left' have_left 5
    for n in 1 2 3; do
        takes_over "$to: takeover $n"
        same "$to: they go on, $n" "$(answered)" '5 answered'
        [ "$EXEC" = user ] || { until_true 100 "$to: the kernel carries them, $n" in_kernel 10 && ok 0 "$to: the kernel carries them, $n"; }
    done
    until_true 300 "$to: the first process has their sessions" others_are '5 of 1' && ok 0 "$to: the first process has their sessions"
    before=$(spliced)
    # shellcheck disable=SC2086
    at client python3 "$clients" hold 2 $to >fresh 2>&1 &
    fresh=$!
    pids="$pids $fresh"
    until_true 100 'two more are open' grep -qs open fresh
    until_true 100 "$to: what the new one accepts leaves, too" have_left $((before + 2)) && ok 0 "$to: what the new one accepts leaves, too"
    lets_go
    wait "$fresh"
    until_true 300 'the first process ends' befores_are 0 && ok 0 "$to: the first process hears of their ends, and ends"
    stops
done
[ "${ONLY-}" != bytes ] || exit $failed

# ---- those that are silent, and those that are too old ----

starts
holds 3 10.2.0.2 1006
until_true 100 'all have left' have_left 3
(for _ in $(seq 600); do [ ! -e enough ] || break; printf x >>ask; sleep 0.2; done) &
asker=$!
pids="$pids $asker"
takes_over 'before silence'
until_true 300 'they are asked for longer than they may be silent' lines_are $(($(wc -l <held) + 60))
touch enough
wait "$asker"
rm enough
same 'those that speak are not silent, whoever carries them' "$(sort -u held | grep -v open)" '3 answered'
until_true 300 'the process before ends those that are' befores_are 0 && ok 0 'the process before ends those that are'
same 'by resets' "$(answered)" '0 answered'
lets_go
holds 3 10.2.0.2 1007
takes_over 'before they are too old'
until_true 300 'the process before ends those that are too old' befores_are 0 && ok 0 'the process before ends those that are too old'
same 'which their clients hear' "$(answered)" '0 answered'
lets_go
stops

# ---- under load ----

for workers in 1 $([ "$EXEC" = kernel ] || echo 2); do
    say="$workers worker$([ $workers = 1 ] || echo s)"
    starts --workers $workers
    at client python3 "$clients" plain 240 10.2.0.2 1000 9000 >talked 2>&1 &
    talker=$!
    pids="$pids $talker"
    until_true 300 'they are open' grep -q open talked
    for n in 1 2 3 4 5; do takes_over "$say: takeover $n"; done
    touch enough
    wait "$talker"
    sed -n '/^#/p' talked
    same "$say: no byte is lost or another, and nothing is refused" "$(grep -v '^#' talked)" "open
2 downloads, 2 lasting, 0 kept
0 failed, 0 under way"
    until_true 300 "$say: all processes before end" befores_are 0
    same "$say: none was unknown" "$(number proxy.unknown)" 0
    rm -f enough
    stops
done

# ---- who is killed ----

starts
holds 5 10.2.0.2 1000
until_true 100 'all have left' have_left 5
takes_over 'before the process before is killed'
until_true 300 'it counts them' others_are '5 of 1'
kill -KILL "$(at prey "$bin/preyctl" status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["instance"]["before"][0]["process"])')"
until_true 300 'the process before is killed: nobody counts it' others_are '0 of 0'
same 'what has left it goes on' "$(answered) $(owner)" "5 answered $prey"
lets_go
holds 5 10.2.0.2 1000
takes_over 'before a stop'
until_true 300 'it counts them' others_are '5 of 1'
stops
same 'a stop of the new one ends them' "$(answered)" '0 answered'
lets_go
exit $failed
