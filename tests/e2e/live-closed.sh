#!/usr/bin/env bash
# --on-exit closed: from the moment that a start has its first guard rules, nothing that no rule has judged gets to a closed port of this
# machine or of a machine behind it: through the rest of the start, a start that is refused, restarts, kills of either process, stops, and
# a change of the executor; and, where programs judge, flushes of all tables of nftables. `preyctl stop --open` and --cleanup open.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@"
live_begin

space prey far behind
link prey wan far eth0
link prey lan behind eth0
address prey wan 10.3.0.1/24
address prey lan 10.1.0.1/24
address far eth0 10.3.0.2/24 10.6.0.2/24
address behind eth0 10.1.0.2/24
ip -n "$id-behind" route add default via 10.1.0.1
ip -n "$id-far" route add default via 10.3.0.1
at prey sysctl -q -w net.ipv4.ip_forward=1
rules both <<'RULES'
firewall box in default drop { accept udp to port 9; accept icmp }
firewall ways forward default drop { accept udp to port 9; accept icmp }
RULES
rules ways <<'RULES'
firewall box in default accept { }
firewall ways forward default drop { accept udp to port 9; accept icmp }
RULES
echo 'no program' >broken.pbc
# Floods both ports of both machines with the number of the phase, which a file says.
cat >floods.py <<'END'
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.monotonic() + 300
while time.monotonic() < end:
    with open("phase") as f: text = f.read().strip().encode()
    for to in "10.3.0.1", "10.1.0.2":
        for port in 9, 10:
            try: s.sendto(text, (to, port))
            except OSError: pass
    time.sleep(0.0005)
END
phase=0
# next_phase: from now on datagrams say another number.
next_phase() {
    phase=$((phase + 1))
    echo "$phase" >phase.new
    mv phase.new phase
}
next_phase
for name in prey behind; do
    ip netns exec "$id-$name" python3 "$top/tests/e2e/live/texts.py" 9 10 >"heard-$name" &
    pids="$pids $!"
    until_true 50 "$name listens" grep -q ready "heard-$name"
done
ip netns exec "$id-far" python3 floods.py &
pids="$pids $!"

heard() { grep -qx "$2 $phase" "heard-$1"; }              # NAME PORT: in this phase
# passes NAME PORT SENTENCE: it gets there in this phase.
passes() { until_true 100 "$3" heard "$1" "$2" && ok 0 "$3"; }
tables() { at prey nft list tables | grep -c ' inet prey_wan$'; }
shut() { [ "$(tables)" = 1 ]; }
began() { # OPTION...: preyrun, from the moment that guard rules stand
    : >prey.out >prey.err
    nsenter "--net=/run/netns/$id-prey" "$bin/preyrun" --workers 1 --on-exit closed -i wan -i lan "$@" >>prey.out 2>>prey.err </dev/null &
    prey=$!
    pids="$pids $prey"
    until_true 100 'guard rules stand' shut
}
ready() { until_true 300 "preyrun is ready ($1)" is_ready prey; }
cleans() { at prey "$bin/preyrun" --cleanup --name wan >out 2>err; }

passes prey 10 'without prey the port is open'
passes behind 10 'and that of the machine behind'

for exec in kernel user; do
    rules=both hosts='prey behind'
    [ "$exec" = kernel ] || rules=ways hosts=behind # whose rules accept what comes to this machine itself
    leaked() { # SENTENCE: nothing of this phase has come to a closed port
        local h n=0
        sleep 0.2
        for h in $hosts; do n=$((n + $(grep -c "^10 $phase$" "heard-$h"))); done
        same "$exec: $1" "$n" 0
    }

    # A refused start: it shuts, and says how to open. So does one whose command line is wrong.
    for words in broken.pbc "--no-such 3 $rules.pbc" "$rules.pbc --workers none" "-i no-interface-has-such-a-name $rules.pbc" "-i odd* broken.pbc"; do
        at prey timeout 60 "$bin/preyrun" --on-exit closed -i wan -i lan --exec "$exec" $words >out 2>err </dev/null
        same "$exec, $words: a start that is refused ends with 2, and says what opens" "$? $(tail -n 1 err | grep -c 'to open them, run: preyrun --cleanup --name wan')" '2 1'
        next_phase
        sleep 0.2
        same "$exec, $words: and nothing gets through" "$(cat heard-prey heard-behind | grep -c " $phase$")" 0
        cleans
        next_phase
        passes prey 10 "$exec, $words: --cleanup opens"
    done
    # What lies above an interface that is shut hears nothing either.
    if ip -n "$id-prey" link add link wan name above type macvlan mode bridge 2>/dev/null; then
        address prey above 10.6.0.9/24 # its own way back, not by wan
        ip -n "$id-prey" link set above up
        reaches() { at far ping -c 1 -W 2 10.6.0.9 >/dev/null 2>&1; }
        until_true 50 "$exec: a device above wan is reached" reaches
        at prey timeout 60 "$bin/preyrun" --on-exit closed -i wan -i lan --exec "$exec" broken.pbc >out 2>err </dev/null
        same "$exec: but not once wan is shut" "$(reaches && echo reached)" ''
        cleans
        until_true 50 "$exec: and again once it is open" reaches
        ip -n "$id-prey" link del above
    fi
    # Without room for a record it shuts all the same, and says what opens then.
    nsenter "--net=/run/netns/$id-prey" unshare -m sh -c 'mount -t tmpfs -o ro tmpfs /run && exec "$@"' - \
        timeout 60 "$bin/preyrun" --on-exit closed -i wan -i lan --exec "$exec" "$rules.pbc" >out 2>err </dev/null
    same "$exec: without a record a refused start says what opens" "$? $(tail -n 1 err | grep -o 'to open them, run: .*')" '2 to open them, run: nft delete table inet prey_wan; nft delete table netdev prey_wan'
    next_phase
    sleep 0.2
    same "$exec: and nothing gets through" "$(cat heard-prey heard-behind | grep -c " $phase$")" 0
    at prey nft 'delete table inet prey_wan; delete table netdev prey_wan'
    for words in --monitor --preflight '--on-exit open'; do
        same "$exec: one that would not have shut changes nothing, $words" "$(at prey timeout 60 "$bin/preyrun" --on-exit closed -i wan -i lan $words --no-such >out 2>err </dev/null; echo "$? $(tables)")" '2 0'
    done
    same "$exec: without --on-exit closed a refused start changes nothing" "$(at prey timeout 60 "$bin/preyrun" -i wan -i lan --exec "$exec" broken.pbc >out 2>err </dev/null; echo "$? $(tables)")" '2 0'

    began --exec "$exec" $rules.pbc
    next_phase
    ready start
    passes behind 9 "$exec: what the rules accept gets through after a start"
    leaked 'and nothing else, from its first guard rules on'

    worst=0 back=0
    for n in 1 2 3 4 5; do
        begun=$(date +%s%N)
        at prey nft flush ruleset
        until_true 100 'guard rules are back after a flush' shut && back=$((back + 1))
        took=$((($(date +%s%N) - begun) / 1000000))
        [ "$took" -le "$worst" ] || worst=$took
    done
    echo "# $exec: after a flush of all tables guard rules were back within $worst ms"
    same "$exec: guard rules are back after each flush of all tables" "$back" 5
    [ "$exec" = user ] || leaked 'and what programs judge is judged meanwhile'

    next_phase
    for n in 1 2 3; do
        prey_ends
        began --exec "$exec" $rules.pbc
        ready "restart $n"
    done
    leaked 'nor through three restarts'
    next_phase
    passes behind 9 "$exec: after which the rules hold"

    next_phase
    for n in 1 2; do
        prey_killed
        began --exec "$exec" $rules.pbc
        ready "killed $n"
        prey_killed "$(pgrep -P "$prey")"
        began --exec "$exec" $rules.pbc
        ready "service killed $n"
    done
    leaked 'nor through kills of either process'

    next_phase
    ctl stop
    wait "$prey"
    same "$exec: preyctl stop ends it" "$? $status $(cat out)" '0 0 wan ends: the interfaces stay shut until you start prey again or run preyrun --cleanup'
    leaked 'closed'
    ctl --name wan stop --open
    same "$exec: where none runs, preyctl says what opens" "$status $(grep -o '; to open .*' err)" '2 ; to open interfaces that an earlier run left shut, use preyrun --cleanup --name wan'
    next_phase
    seeing prey timeout 60 "$bin/preyrun" --on-exit closed -i wan -i lan --exec "$exec" broken.pbc >out 2>err </dev/null
    leaked 'a start that is refused after it leaves it so'

    began --exec "$exec" $rules.pbc
    ready 'to stop open'
    next_phase
    ctl stop --open
    same "$exec: preyctl stop --open undoes everything before it returns" "$status $(at prey nft list tables) $(cat out)" '0  wan ends: all its changes are undone'
    wait "$prey"
    same "$exec: and is an ordinary end" "$?" 0
    next_phase
    passes behind 10 "$exec: all is open"
    passes prey 10 "$exec: this machine, too"
done

# From one executor to the other, and back.
hosts=behind
began --exec kernel ways.pbc
ready kernel
next_phase
for exec in user kernel user; do
    prey_ends
    began --exec "$exec" ways.pbc
    ready "$exec"
done
leaked 'nothing gets through as the executor changes'
next_phase
passes behind 9 'and the rules hold'
same 'what judged before is taken off' "$(find /sys/fs/bpf/prey -name '*-arrives' 2>/dev/null | grep -c .)" 0
ctl stop --open
[ "$failed" = 0 ]
