#!/usr/bin/env bash
# preyctl takeover --workers N: more or fewer workers go on with the flows of those that run, under load: balanced, by addresses of
# its own, of which several flows have one port, or by the clients'; masqueraded; and those that merely pass a firewall. By
# TCP and UDP, with a question under way at any time. Nothing is lost or another, no connection that begins meanwhile is refused,
# and what was counted goes on.
set -u
EXEC=user
. tests/e2e/live/takeover.sh

echoes one two
rules all <<'END_OF_RULES'
limits { flows 20_000 }
pool farm { balance round_robin; source 10.2.0.77 ports 20000-21023; server one 10.2.0.2; server two 10.2.0.3 }
pool kept { server one 10.2.0.2; server two 10.2.0.3 }
service echo on 10.1.0.100 tcp/9000, udp/9000 { mode passthrough; announce; -> farm }
service keep on 10.1.0.101 tcp/9000, udp/9000 { mode passthrough keep source; announce; affinity source 1h; -> kept }
nat home { masquerade from 10.1.0.0/24 to 10.2.0.2 out on "lan" }
firewall ways forward default drop {
  accept state established, related
  accept tcp to port 9000 state new as TCP
  accept udp to port 9000 as UDP
}
END_OF_RULES
workers_now() {
    at prey "$bin/preyctl" counters --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["workers"]))'
}

# goes_over CTL N: as many workers take over, by ctl or kctl; on a machine that is too busy the other one may not answer in time.
goes_over() {
    local was
    was=$(owner)
    for _ in 1 2 3 4 5; do
        $1 takeover --workers $2
        [ "$status" != 0 ] && grep -q 'timed out\|stopped the takeover' err || break
    done
    same "$2 workers take over" "$status $(cat err) $([ "$(owner)" != "$was" ] && workers_now)" "0  $2"
    until_true 300 'the one before ends' ends_itself "$was"
}

prey prey -i wan -i lan --workers 1 all.pbc
talks 10.1.0.100 10.1.0.101 10.2.0.2 10.2.0.3
at client python3 "$takeover" open 10.1.0.100 10.1.0.101 >opened 2>&1 &
opener=$!
pids="$pids $opener"
for n in 3 2 4 4 1 2 1; do
    before=$(number verdicts.forward.packets)
    goes_over ctl $n
    [ "$(number verdicts.forward.packets)" -ge "$before" ]
    ok $? "$n: what was counted goes on"
done
talked 'more and fewer workers'
wait "$opener"
same 'and no connection is refused' "$(grep -v '^#' opened)" 'True 0 refused'
same 'no flow had to end' "$(grep -c 'flows end' prey.err)" 0

# ---- another version, whose dealing program's tables are laid out otherwise ----

two_layouts
talks 10.1.0.100 10.1.0.101 10.2.0.2
for n in 2 2 2 3 1 2; do goes_over kctl $n; done
talked 'another version'

# ---- who takes over is killed, or says something else: those that were there have all frames ----

prey=$(owner)
socket=$(at prey sh -c 'echo "/run/prey/$(stat -L -c %i /proc/self/ns/net)/wan.sock"')
between_them() { at prey timeout 300 python3 "$top/tests/e2e/live/takeover_between.py" "$@" "$socket" "$bin/preyrun" --takeover -i wan -i lan --workers $n all.pbc 2>>between.err; }
answers_come() { # FROM: of 40 flows from that port on, to two workers or more, if there are
    [ "$(at client "$tools/udp" flows 10.2.0.2 9000 "$1" 40 | wc -l)" = 40 ]
}
talks 10.1.0.100 10.2.0.2
port=20000
for workers in 1 3; do
    [ "$(workers_now)" = $workers ] || goes_over ctl $workers
    prey=$(owner)
    same "they are $workers" "$(workers_now)" $workers
    n=$((4 - workers))
    for step in early early-port advance now luggage port ready; do
        for who in new new-service; do
            between_them kill $who $step >ended
            answers_come $((port += 50))
            same "$workers, $who killed at $step: the others go on, and have all frames" "$? $(workers_now) $(owner) $(shut_stays) $(judges)" "0 $workers $prey shut 1"
        done
    done
    same "$workers, damaged words: refused by a line" "$(between_them damage 1 22)" '22 of 22'
    answers_come $((port += 50))
    same "$workers, damaged words: the others go on, and have all frames" "$? $(workers_now) $(owner)" "0 $workers $prey"
    goes_over ctl $n
done
talked 'who was killed'

prey=$(owner)
ctl stop
until_true 300 'it ends' ends_itself "$prey"

# ---- what can't move ----

refuses() { # SENTENCE WORDS OPTION...: for more workers, and for fewer
    local sentence=$1 words=$2
    shift 2
    prey prey -i wan -i lan --workers 2 "$@"
    for n in 1 3; do
        ctl takeover --workers $n
        same "$sentence, $n: refused, and they go on" "$status $(grep -c "the running instance has 2 workers, but this start would have $n, and $words .*; use --workers 2, or stop prey and start it without --takeover" err) $(owner)" "2 1 $prey"
    done
    ctl takeover
    same "$sentence: as many take over" "$status $(cat err)" '0 '
    prey=$(owner)
    ctl stop
    until_true 300 "$sentence: it ends" ends_itself "$prey"
}
rules inline <<'END'
limits { proxy_sessions 50; flows 20_000 }
pool farm { server one 10.2.0.2:9000 }
service wire on 10.2.0.2 tcp/9000 { mode proxy inline; -> farm }
END
rules observed <<'END'
limits { flows 20_000 }
service seen on 10.2.0.2 tcp/9000 { mode observe }
END
refuses 'inline connections' 'inline connections stay' inline.pbc
refuses 'observed connections' 'observed connections stay' observed.pbc
exit $failed
