#!/usr/bin/env bash
# preyctl takeover: another preyrun goes on with the flows of the one that runs, in user space: translated, balanced and plain
# ones, by TCP and UDP, all of them with a question under way at any time. What was set by hand, what health checks found and
# what was counted goes on, too; so do the sockets of preyctl and of --stats. What can't be handed over is told before anything
# changes, and whoever takes over and ends, hangs or talks nonsense at some step leaves the other one as it was.
set -u
EXEC=user
. tests/e2e/live/takeover.sh

echoes one two
farm_rules all

for workers in 1 2; do
    say="$workers worker$([ $workers = 1 ] || echo s)"
    rm -f enough talked
    prey prey -i wan -i lan --workers $workers --stats 127.0.0.1:8404 --format json all.pbc
    at client python3 "$takeover" talk 120 10.1.0.100 10.2.0.2 10.2.0.3 >talked 2>&1 &
    talker=$!
    pids="$pids $talker"
    until_true 300 'all connections are open' grep -q open talked
    ctl set farm/two weight 3
    ctl set farm/one drain
    before=$(number verdicts.forward.packets)
    first=$prey
    for n in 1 2 3 4 5; do
        was=$(owner)
        ctl takeover
        [ "$status" = 0 ] && grep -q "^process [0-9]* has taken over from $was\$" out || { ok 1 "$say: takeover $n"; sed 's/^/# /' out err; }
        same "$say: its file says who it is, $n" "$(grep -c "from process $was" prey.err) $(kill -0 "$(owner)" && echo runs)" '1 runs'
    done
    same "$say: the first one has ended well" "$(wait "$first"; echo $?)" 0
    [ "$(number verdicts.forward.packets)" -ge "$before" ]
    ok $? "$say: what was counted goes on"
    ctl servers
    same "$say: what was set by hand stays" "$(grep -c '^farm/two .*weight 3 .*by user 0' out) $(grep -c '^farm/one .*DRAIN.*by user 0' out)" '1 1'
    same "$say: health is known" "$(grep -c 'check [0-9]' out)" 2
    same "$say: the page answers" "$(at prey curl -s -m 20 http://127.0.0.1:8404/healthz)" ok
    touch enough
    wait "$talker"
    sed -n '/^#/p' talked
    same "$say: no byte is lost or another" "$(grep -v '^#' talked)" "open
True 0 lost 0 other 0 under way"
    [ "$(grep -c ' 0 lost 0 other' talked)" = 1 ] || { ctl counters && grep -v ' 0$' out | sed 's/^/# /'; } # why, for whoever reads
    same "$say: no frame was lost" "$(grep -c 'lost' prey.err)" 0
    prey=$(owner)
    ctl stop
    until_true 300 "$say: it ends" ends_itself "$prey"
    same "$say: and undoes all" "$(at prey nft list tables | grep -c prey) $(at prey sh -c 'ls "/run/prey/$(stat -L -c %i /proc/self/ns/net)"' 2>&1 | grep -c wan)" '0 0'
done

# ---- who takes over badly ----

prey prey -i wan -i lan all.pbc
socket=$(at prey sh -c 'echo "/run/prey/$(stat -L -c %i /proc/self/ns/net)/wan.sock"')
rm -f enough talked
at client python3 "$takeover" talk 120 10.1.0.100 10.2.0.2 >talked 2>&1 &
talker=$!
pids="$pids $talker"
until_true 300 'all connections are open' grep -q open talked
for step in asked begin now hangs nonsense; do
    was=$(grep -c 'the old process keeps running' prey.err)
    at prey timeout 100 python3 "$takeover" bad "$socket" $step >bad.out 2>&1
    same "$step: the other one comes to its end" "$?" 0
    goes_on() { [ "$(grep -c 'the old process keeps running' prey.err)" -gt "$was" ]; }
    until_true 300 "$step: it is told, and goes on" goes_on && ok 0 "$step: it is told, and goes on"
done
same 'one that takes over in other forms alone: refused' "$(at prey env FORMS='1000 1001' python3 "$takeover" bad "$socket" begin)" \
    'the running instance hands over in formats 1 to 1, but the new version takes over in formats 1000 to 1001; a restart of prey works, but ends its flows'
same 'one that can have newer forms, too: it is told which' "$(at prey env FORMS='1 1000' python3 "$takeover" bad "$socket" begin)" 'form 1'
was=$prey
background prey "$bin/preyrun" --takeover -i wan -i lan --exec user all.pbc 2>default.err >default.out
until_true 300 'one that names no number has taken over' judges_again "$was"
prey=$(owner)
same 'and has as many as the one before' "$(at prey "$bin/preyctl" counters --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["workers"]))')" 1
[ "$(nproc)" = 1 ] || same 'which it says' "$(grep -c 'there is 1 worker, as before; a fresh start would use [0-9]' default.err)" 1
ctl takeover -i eth9
same 'another interface: refused' "$status $(grep -c 'eth9\|other interfaces' err) $(owner)" "2 1 $prey"
at prey timeout 60 "$bin/preyrun" --takeover --name wan -i lan -i wan --io xdp --workers 1 --ring 4MiB all.pbc >out 2>err
same 'other interfaces, and another way: all of it is told' "$? $(grep -c 'the running instance serves other interfaces, or in another order' err) $(grep -c 'the running instance uses --io packet' err) $(owner)" "2 1 1 $prey"
ctl takeover --ring 1MiB
same 'another ring: refused' "$status $(owner)" "2 $prey"
ctl takeover --no-such-option
same 'an option that there is not: refused' "$status $(owner)" "2 $prey"
ctl --name other takeover
same 'no such instance' "$status" 2
at prey "$bin/preyrun" --takeover --name other -i wan all.pbc >out 2>err
same 'no such instance, by preyrun' "$? $(grep -c 'no preyrun named `other` runs here' err)" '2 1'
was=$(owner)
ctl --json takeover
same 'and then it is taken over' "$status $(cat out)" "0 {\"process\":$(owner),\"from\":$was}"
was=$(owner)
timeout 60 ip netns exec "$id-prey" sh -c "'$bin/preyctl' takeover | cat" >out
same 'a reader of its output sees the end: no process keeps the pipe' "$? $(cat out)" "0 process $(owner) has taken over from $was"
touch enough
wait "$talker"
same 'nobody has lost anything' "$(grep -v '^#' talked)" "open
True 0 lost 0 other 0 under way"
prey=$(owner)
ctl stop
until_true 300 'it ends' ends_itself "$prey"

# ---- ports that workers share: the end of the one before gives none of the new one's back ----

udp one 9001
rules short <<'END'
limits { flows 20_000 }
timeouts { udp 10s }
nat home { masquerade from 10.1.0.0/24 out on "lan" ports 62000-62127 }
END
no_flow() { [ "$(number flows.now)" = 0 ] || [ -z "$(number flows.now)" ]; }
prey prey -i wan -i lan --workers 2 short.pbc
for n in 1 2; do
    same "nearly all ports are in use, $n" "$(at client "$tools/udp" flows 10.2.0.2 9001 10000 120 | wc -l)" 120
    ctl takeover
    same "they go over, $n" "$status $(cat err)" '0 '
    until_true 600 "all flows are over, $n" no_flow
done
same 'and each is given back once: none is missed' "$(at client "$tools/udp" flows 10.2.0.2 9001 10000 120 | wc -l) $(number flows.ended.port-needed | grep -v '^0$')" '120 '

# ---- the new one may have nothing to hand over itself ----

prey=$(owner)
mkdir -m 700 recorded
ctl takeover --record recorded
same 'one that records takes over' "$status $(cat err) $(grep -c "^process $(owner) has taken over from $prey\$" out)" '0  1'
prey=$(owner)
ctl stop
until_true 300 'it ends' ends_itself "$prey"

# ---- one between the two: who says something else, and who is killed at which step ----

middle=$top/tests/e2e/live/takeover_between.py
folder=${socket%/*}
between_them() { at prey timeout 120 python3 "$middle" "$@" "$socket" "$bin/preyrun" --takeover -i wan -i lan --workers 2 all.pbc 2>>between.err; }
# left: what lies there but for the record and the socket
left() { at prey ls "$folder" 2>/dev/null | grep -cvx 'wan.state\|wan.sock'; }
goes_on() { # SENTENCE: the first one judges, alone, and can be asked
    ctl counters
    same "$1: the other one goes on, alone, and leaves nothing" "$status $(owner) $(left) $(shut_stays) $(judges)" "0 $prey ${2-0} shut 1"
}
prey prey -i wan -i lan --workers 2 all.pbc
same 'whoever hands over damaged words: refused by a line' "$(between_them damage 1 21)" '21 of 21'
goes_on 'damaged words'
for step in advance now luggage ready; do
    for who in new new-service; do
        between_them kill $who $step >ended
        [ $who = new ] || goes_on "$who killed at $step"
        [ $who != new ] || goes_on "$who killed at $step" "$(left)" # nobody is left to remove a socket
    done
done
ctl takeover
same 'and then it is taken over' "$status $(left)" '0 0'
prey=$(owner)
between_them kill stop - >ended
until_true 600 'the service before ends with YOURS on its tongue: another one judges' judges_again "$prey"
same 'it was not said, so its parent has another one go on, and stays' "$(cat ended) $(shut_stays) $(judges)" '2 shut 2'
prey=$(owner)
ctl stop
until_true 300 'it ends' ends_itself "$prey"
for step in now yours; do
    for who in old old-service new; do
        [ $step-$who != now-new ] || continue
        prey prey -i wan -i lan --workers 2 all.pbc
        first=$prey
        between_them kill $who $step >ended
        [ $step-$who = now-old-service ] || until_true 300 "$who killed at $step: the first one ends" ends_itself "$first"
        case $step-$who in
        now-old-service) # as after any crash: its parent has another one go on, and stays
            until_true 600 "$who killed at $step: another service judges" judges_again "$first"
            same "$who killed at $step: and it is told" "$(shut_stays) $(judges) $(grep -c 'starts it again' prey.err)" 'shut 2 1' ;;
        yours-old*) same "$who killed at $step: the new one judges, alone" "$(cat ended) $(left) $(shut_stays) $(judges) $([ "$(owner)" != "$first" ]; echo $?)" 'runs 0 shut 1 0'; ctl takeover; same "$who killed at $step: it can be asked" "$status" 0 ;;
        *) same "$who killed at $step: nobody judges, and it stays shut" "$(shut_stays) $(judges)" 'shut 0' ;;
        esac
        [ "$(judges)" = 0 ] || { prey=$(owner); ctl stop; until_true 300 "it ends" ends_itself "$prey"; }
    done
done
prey prey -i wan -i lan --workers 2 all.pbc
between_them kill new luggage >ended
ctl stop
until_true 300 'it ends' ends_itself "$prey"
same 'and undoes all' "$(at prey nft list tables | grep -c prey) $(at prey ls "$folder" 2>&1 | grep -c wan)" '0 0'

# ---- what is not handed over ----

refuses() { # SENTENCE WORDS OPTION...
    local sentence=$1 words=$2
    shift 2
    prey prey -i wan -i lan "$@"
    ctl takeover
    same "$sentence: refused, and it goes on" "$status $(grep -c "$words" err) $(owner)" "2 1 $prey"
    prey_ends
}
rules copied <<'END'
firewall ways forward default accept { mirror to socket "ids" udp to port 9000 }
END
refuses 'readers of copies' 'programs may read copies from a socket' --tap ids="$PWD/tap.sock" copied.pbc
prey prey -i wan -i lan --tap ids="$PWD/tap.sock" all.pbc
at client "$tools/udp" flows 10.2.0.2 9000 10000 10 >/dev/null
ctl load "$PWD/copied.pbc"
ctl takeover
same 'two that can not go over: both are told' "$status $(grep -c 'some of which may still be open, and the rules in force track none; and .*programs may read copies from a socket' err) $(owner)" "2 1 $prey"
prey_ends
exit $failed
