#!/usr/bin/env bash
# The service is killed: its parent has another preyrun go on with what the service wrote last. Flows that are translated and
# balanced go on, and what was set by hand, health and counters; TCP that waits in the meantime is sent again, and the questions of UDP are asked again.
# A service that crashes again and again ends the instance, closed. So does one that breaks the rules between the two, and none that is told to end is
# started again. Where no manager has another main process, the first one stays, hands signals on, and ends as the last one ends.
set -u
EXEC=${EXEC:-user} # kernel: live-crash-kernel.sh
IO=${IO-}           # --io xdp: live-crash-xdp.sh
. tests/e2e/live/takeover.sh
needs_plain

echoes one two
farm_rules all
service_of() { pgrep -P "$1" -x prey-service; }
# asks: a flow begins right now, which was written down nowhere
asks() { at client timeout 20 bash -c 'exec 3<>/dev/udp/10.1.0.100/9000; echo question >&3; head -n 1 <&3' 2>&1; }
killed() { # SIGNAL: kill the service, and wait until another one judges
    was=$(owner)
    kill "-$1" "$(service_of "$was")"
    until_true 600 "after SIG$1 another service judges" judges_again "$was"
}
second=SEGV # which sanitizers catch, and end the process with a status
grep -q __asan_init "$bin/preyrun" && second=ABRT
# Time in which the state is written once more
kept() { sleep 2.5; }

for workers in 1 $([ "$EXEC$IO" != user ] || echo 2); do
    say="$workers worker$([ $workers = 1 ] || echo s)"
    prey prey $IO -i wan -i lan --workers $workers --stats 127.0.0.1:8404 --format json all.pbc
    first=$prey
    rm -f enough talked
    at client python3 "$takeover" slow 120 10.1.0.100 10.2.0.2 10.2.0.3 >talked 2>&1 &
    talker=$!
    pids="$pids $talker"
    until_true 300 'all connections are open' grep -q open talked
    ctl set farm/two weight 3
    ctl set farm/one drain
    kept
    before=$(number verdicts.forward.packets)
    kept
    for signal in KILL $second; do
        same "$say: a flow begins before SIG$signal" "$(asks)" question
        killed $signal
        same "$say: and one begins after it" "$(asks)" question
        same "$say: it says so, SIG$signal" "$(grep -c "preyrun starts it again" prey.err) $(grep -c "continues after a crash of the service of process $was" prey.err)" \
            "$([ $signal = KILL ] && echo 1 1 || echo 2 1)"
        kept
    done
    [ "$(number verdicts.forward.packets)" -ge "$before" ]
    ok $? "$say: what was counted goes on"
    ctl servers
    same "$say: what was set by hand stays" "$(grep -c '^farm/two .*weight 3 .*by user 0' out) $(grep -c '^farm/one .*DRAIN.*by user 0' out)" '1 1'
    same "$say: the page answers" "$(at prey curl -s -m 20 http://127.0.0.1:8404/healthz)" ok
    touch enough
    wait "$talker"
    sed -n '/^#/p' talked
    same "$say: each flow goes on" "$(grep -v '^#' talked)" "open
True 0 lost 0 other 0 under way"
    kill -0 "$first"
    ok $? "$say: the first process stays"
    prey=$(owner)
    kill -TERM "$first"
    wait "$first"
    same "$say: and hands the signal on, and ends as the last one" "$?" 0
    until_true 100 "$say: which has ended" ends_itself "$prey"
    same "$say: which undoes all" "$(at prey nft list tables | grep -c prey)" 0
done

# ---- connections that end here: those end with the service, and new ones are served ----
rules ends <<'END'
pool farm { server one 10.2.0.2 }
service echo on 10.1.0.100 tcp/9000 { mode proxy; announce; -> farm }
END
prey prey $IO -i wan -i lan ends.pbc
first=$prey
asked() { at client timeout 20 bash -c 'exec 3<>/dev/tcp/10.1.0.100/9000; echo question >&3; head -n 1 <&3'; }
same 'a proxied connection' "$(asked)" question
kept
killed KILL
same 'another one, after a crash' "$(asked)" question
kill -TERM "$first"
wait "$first"
same 'it ends well' "$?" 0

# ---- where it ends ----
prey prey $IO -i wan -i lan all.pbc
first=$prey
for n in 1 2 3; do
    kept
    killed KILL
done
kept
kill -KILL "$(service_of "$(owner)")"
wait "$first"
same 'the fourth crash within a minute each ends it' "$? $(grep -c 'preyrun doesn'\''t restart the service, which has crashed 4 times' prey.err)" '2 1'
same 'closed' "$(at prey nft list tables | grep -cx 'table inet prey_wan')" 1
prey prey $IO -i wan -i lan all.pbc
first=$prey
kept
kill -TERM "$first"
kill -KILL "$(service_of "$first")" 2>/dev/null
wait "$first"
same 'none is started again that was to end' "$(grep -c 'starts it again' prey.err)" 0
exit $failed
