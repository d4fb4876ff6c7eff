#!/usr/bin/env bash
# preyctl takeover on a bad day, in user space: TAKEOVERS in a row (10; in `make soak` 200) under load and a flood, after which
# no process holds more than after the third; what an instance says of flows and servers is the same before and after; two that take over at once; an instance that
# hangs, as a whole or in part, and goes on later; no memory for two; a program that waits to be confirmed.
set -u
EXEC=user
. tests/e2e/live/takeover.sh

times=${TAKEOVERS:-10}
echoes one two
farm_rules all 'affinity source 10m;' 'drop flows over 5_000 per source'
service_of() { cut -d' ' -f1 "/proc/$1/task/$1/children"; }
# held: how many descriptors the instance's two processes have, without those that come and go with a question
held() { echo "$(ls "/proc/$(owner)/fd" | wc -l) $(ls "/proc/$(service_of "$(owner)")/fd" | wc -l)"; }

# ---- many in a row, under load ----

prey prey -i wan -i lan --workers 2 all.pbc
at client python3 "$takeover" talk 3000 10.1.0.100 10.2.0.2 10.2.0.3 >talked 2>&1 &
talker=$!
pids="$pids $talker"
until_true 300 'all connections are open' grep -q open talked
good=0
for n in $(seq "$times"); do
    was=$(owner)
    [ $((n % 5)) != 2 ] || at client "$tools/flood" eth0 "$(at prey cat /sys/class/net/wan/address)" 10.1.0.100 9000 syn 5000 1 >/dev/null 2>&1 &
    ctl takeover
    if [ "$status" = 0 ] && [ "$(owner)" != "$was" ]; then good=$((good + 1)); else sed 's/^/# /' err; fi
    until_true 300 'the one before ends' ends_itself "$was"
    [ "$n" != 3 ] || third=$(held)
done
same "$times takeovers in a row" "$good" "$times"
same 'none holds more than the third did' "$(held)" "$third"
touch enough
wait "$talker"
sed -n '/^#/p' talked
same 'no byte is lost or another' "$(grep -v '^#' talked)" "open
True 0 lost 0 other 0 under way"

# ---- the same before and after ----

udp one 9001
at client "$tools/udp" flows 10.2.0.2 9000 10000 500 >/dev/null
ctl set farm/two weight 3
ctl set farm/one drain
said() { # SUFFIX: what it says of flows and servers
    local what
    for what in 'flows --limit 100000' servers; do
        # shellcheck disable=SC2086 # words on purpose
        ctl --json $what
        cp out "${what%% *}-$1"
    done
}
said before
ctl takeover
same 'it is taken over' "$status $(cat err)" '0 '
said after
for what in flows servers; do
    python3 "$top/tests/e2e/live/takeover_same.py" $what $what-before $what-after >differs
    same "$what: the same before and after" "$(sed '$d' differs | head -5)" ''
    [ "$(tail -n 1 differs)" -ge $([ $what = flows ] && echo 500 || echo 2) ]
    ok $? "$what: there are some"
done

# ---- two at once ----

prey=$(owner)
socket=$(at prey sh -c 'echo "/run/prey/$(stat -L -c %i /proc/self/ns/net)/wan.sock"')
one_waits() { # while another process has asked, and says nothing yet, a second one is told so
    : >waits
    at prey timeout 100 python3 "$takeover" bad "$socket" waits >waits 2>&1 &
    local first=$!
    pids="$pids $first"
    until_true 100 'the first one has asked' grep -q waits waits
    ctl takeover
    wait "$first"
    [ "$status" = 2 ] && grep -q 'another process is already taking over' err
}
until_true 300 'two at once: the second is told' one_waits && ok 0 'two at once: the second is told'
ctl counters
same 'two at once: it goes on' "$status" 0

# ---- it hangs ----

answers() { ctl counters && [ "$status" = 0 ]; }
takes() { ctl takeover && [ "$status" = 0 ]; }
for who in service parent; do
    prey=$(owner)
    pid=$prey
    [ $who = parent ] || pid=$(service_of "$prey")
    kill -STOP "$pid"
    timeout 120 ip netns exec "$id-prey" "$bin/preyctl" takeover >out 2>err </dev/null
    same "its $who hangs: it is not taken over" "$?" 2
    kill -CONT "$pid"
    until_true 300 "its $who goes on" answers
    same "its $who goes on: the same instance" "$(owner)" "$prey"
    until_true 300 "its $who goes on: it is taken over" takes && ok 0 "its $who goes on: it is taken over"
done

# ---- no memory for two ----

prey=$(owner)
if grep -q __asan_init "$bin/preyrun"; then
    echo 'ok - no memory for two # SKIP sanitizers reserve more than any bound'
else
    at prey sh -c "ulimit -v 150000; exec timeout 120 '$bin/preyctl' takeover" >out 2>err </dev/null
    same 'no memory for two: refused, and it goes on' "$? $(owner)" "2 $prey"
fi

# ---- a program that waits to be confirmed ----

ctl stop
until_true 300 'it ends' ends_itself "$prey"
prey prey -i wan -i lan all.pbc
cp all.pbc next.pbc
ctl load "$PWD/next.pbc" --confirm 5m
ctl takeover
same 'a program waits to be confirmed: it waits in the new process' "$status $(grep -c 'unless you run: preyctl confirm .*it took over' prey.err)" '0 1'
prey=$(owner)
ctl confirm --force
same 'and is confirmed there' "$status $(grep -c 'confirmed by user' prey.err)" '0 1'
ctl stop
until_true 300 'it ends' ends_itself "$prey"
same 'and undoes all' "$(at prey nft list tables | grep -c prey) $(at prey ls "${socket%/*}" 2>&1 | grep -c wan)" '0 0'
exit $failed
