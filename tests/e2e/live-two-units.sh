#!/usr/bin/env bash
# Two instances of other names for one interface: the second is refused, names the first, and neither opens nor shuts what that one
# judges; what it alone would have judged is shut. Nor does anything of an earlier run of it stay there.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || true # where nobody may mount one, the machine's does
live_begin

space client prey
link client eth0 prey eth0
link client eth1 prey eth1
address client eth0 10.1.0.1/24
address prey eth0 10.1.0.2/24
address client eth1 10.2.0.1/24
address prey eth1 10.2.0.2/24
# What user space enforces is what crosses.
for at in in forward; do
    echo "firewall host $at default accept { drop udp to port 9 }" | rules "first-$at"
    echo "firewall host $at default accept { drop icmp }" | rules "second-$at"
done
pings() { at client ping -c 1 -W "${2-10}" "$1" | grep -c ' 0% packet loss'; }
ruleset() { seeing prey nft list ruleset | sed 's/counter packets.*bytes [0-9]*//'; }
second() { # OPTION...: it ends by itself
    seeing prey timeout 60 "$bin/preyrun" --name second --wait --on-exit closed --exec "$by" "$@" "second-$at.pbc" >out 2>err </dev/null
    status=$?
}
refusal='preyrun: the running instance `first` also serves eth0: give each instance its own interfaces'
shuts='preyrun: the interfaces of -i are shut to unjudged packets (--on-exit closed); to open them, run: preyrun --cleanup --name second'

for by in user kernel; do
    [ "$by" = user ] || [ ! -e "$bin/tests/lib/no_one_kernel.o" ] || continue
    [ "$by" = user ] && at=forward || at=in
    prey prey --name first --wait --on-exit closed --exec "$by" -i eth0 "first-$at.pbc"
    ruleset >before
    second -i eth0
    same "$by: a second for the same interface is refused, by the first's name" "$status $(cat err)" "2 $refusal"
    same "$by: and changes nothing" "$(ruleset | diff before -; pings 10.1.0.2)" 1
    for again in once again; do
        second -i eth0 -i eth1
        same "$by: one for another interface, too, $again" "$status $(cat err)" "2 $refusal
$shuts"
        same "$by: leaves the first its own, and shuts the other, $again" "$(pings 10.1.0.2) $(pings 10.2.0.2 1)" '1 0'
    done
    seeing prey "$bin/preyrun" --cleanup --name second 2>err
    same "$by: which --cleanup opens" "$(ruleset | diff before -; pings 10.2.0.2)" 1
    prey_ends
    seeing prey "$bin/preyrun" --cleanup --name first 2>err

    # The second ran there, and has ended closed: then the first comes.
    prey prey --name second --wait --on-exit closed --exec "$by" -i eth0 "second-$at.pbc"
    prey_ends
    same "$by: something of it stays after its end" "$(ruleset | grep -c '^table inet prey_second')" 1
    prey prey --name first --wait --on-exit closed --exec "$by" -i eth0 "first-$at.pbc"
    second -i eth0
    same "$by: a second that has left something there is refused" "$status $(cat err)" "2 $refusal"
    same "$by: and it is gone" "$(ruleset | grep -c prey_second) $(pings 10.1.0.2)" '0 1'
    prey_ends
    seeing prey "$bin/preyrun" --cleanup 2>err
    same "$by: nothing is left" "$(ruleset)" ''

    # Both start at once: one has the interface, whichever.
    wins=0
    for n in 1 2 3 4 5 6; do
        both=''
        for name in first second; do
            nsenter "--net=/run/netns/$id-prey" "$bin/preyrun" --name "$name" --wait --on-exit closed --exec "$by" -i eth0 "$name-$at.pbc" >out 2>"$name.err" </dev/null &
            both="$both $!" pids="$pids $!"
        done
        settled() { [ "$(cat first.err second.err | grep -cE '^ready|also serves eth0')" = 2 ]; }
        until_true 100 "$by: of two that start at once, each says what becomes of it" settled
        wins=$((wins + $(cat first.err second.err | grep -c '^ready')))
        kill -TERM $both 2>/dev/null
        wait $both
        seeing prey "$bin/preyrun" --cleanup 2>err
    done
    same "$by: of two that start at once one serves, in each of 6 rounds" "$wins" 6
done
exit $failed
