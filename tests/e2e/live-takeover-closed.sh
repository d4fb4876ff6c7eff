#!/usr/bin/env bash
# preyctl takeover where the machine stays closed (--on-exit closed): until the new process judges, guard rules are those of the old
# one, and after that its own, whatever they say differently. Nobody is told that prey has changed its own rules. Who looks on is
# told of the takeover, and what the rules' text says goes on: names of those that dropped.
set -u
EXEC=${EXEC:-user}
. tests/e2e/live/takeover.sh

between one
space dzz
link prey dmz dzz eth0
address prey dmz 10.9.0.1/24
address dzz eth0 10.9.0.9/24
ip -n "$id-dzz" route add default via 10.9.0.1
ip -n "$id-one" route replace default via 10.2.0.1
at prey sysctl -q -w net.ipv4.ip_forward=1
rules one <<'END'
limits { flows 20_000 }
firewall ways forward default accept { accept state established; drop on "dmz" tcp to port 1 as D1 }
END
crosses() { at dzz ping -q -c 1 -W 1 10.2.0.2 >said 2>&1; }
is_shut() { ! crosses; }
there() { at prey nft list ruleset; }

prey prey -i wan -i lan --on-exit closed --allow-unjudged dmz one.pbc
until_true 50 'who is not judged crosses' crosses && ok 0 'who is not judged crosses, as the options allow'
there >before
socket=$(at prey sh -c 'echo "/run/prey/$(stat -L -c %i /proc/self/ns/net)/wan.sock"')
for step in advance now luggage ready; do
    at prey timeout 300 python3 "$top/tests/e2e/live/takeover_between.py" kill new $step "$socket" "$bin/preyrun" --takeover --exec user \
        -i wan -i lan --on-exit closed --allow-unjudged none0 --workers 1 one.pbc >ended 2>between.err
    same "killed at $step: guard rules are as they were" "$(there | diff before - | head -n 5) $(owner)" " $prey"
done
for n in 1 2 3; do
    ctl takeover --allow-unjudged none0
    same "$n: another one takes over, which allows less" "$status $(grep -v notice: err)" '0 '
    until_true 50 'it does not cross' is_shut
    sleep 1.5 # by then each side has seen what the other one did
    crosses
    same "$n: its guard rules are in force" "$?" 1
    ctl takeover --allow-unjudged dmz
    same "$n: and one that allows more" "$status $(grep -v notice: err)" '0 '
    until_true 50 'it crosses' crosses && ok 0 "$n: whose guard rules are in force"
done
same 'nobody is told that prey has changed its rules' "$(grep -c 'guard rules were changed' prey.err)" 0
prey=$(owner)

# ---- who looks on ----

at prey timeout 60 "$bin/preyctl" trace >traced 2>trace.err &
tracer=$!
at prey timeout 60 "$bin/preyctl" talkers --for 50s >talked 2>talk.err &
talker=$!
sees() { crosses; [ -s traced ]; }
until_true 100 'trace shows packets' sees
ctl takeover
wait $tracer
same 'trace is told of the takeover, and what it has shown' "$? $(grep -c "packet.*; process $(owner) has taken over: run the command again" trace.err)" '2 1'
wait $talker
same 'talkers prints what it has seen' "$? $(grep -c '10.2.0.2' talked) $(cat talk.err talked | grep -c "process $(owner) has taken over")" '0 1 1'
prey=$(owner)

# ---- limits, which no takeover changes ----

sed 's/20_000/50_000/' one.prey >two.prey
"$bin/preyc" two.prey -o two.pbc >/dev/null
ctl load two.pbc
limits() { at prey "$bin/preyctl" status --json | python3 -c 'import json, sys; f = json.load(sys.stdin)["flows"]; print(f["limit"], f.get("limit_of_rules"))'; }
same 'a reload tells that a limit waits' "$(grep -c 'changed `limits` take effect after a stop and a start' prey.err) $(limits)" '1 20000 50000'
ctl takeover
same 'and so it does after a takeover' "$(limits) $(at prey "$bin/preyctl" status | grep -c 'of 20,000), peak.*; the rules set a limit of 50,000, which takes effect after a stop and a start')" '20000 50000 1'
prey=$(owner)
same 'the program that runs is named' "$(grep '^ready' prey.err | tail -n 1 | grep -c 'two.pbc')" 1
ctl stop --open
until_true 300 'it ends' ends_itself "$prey"

# ---- with whose end all others would end ----

at prey unshare --pid --fork --mount-proc "$bin/preyrun" -i wan -i lan one.pbc >first.out 2>&1 &
outer=$!
pids="$pids $outer"
until_true 100 'the first process of a PID namespace runs' grep -q '^ready' first.out
inner=$(pgrep -P "$(pgrep -P "$outer")")
timeout 60 nsenter --target "$inner" --net --pid --mount "$bin/preyctl" takeover >out 2>err
same 'from it nobody takes over' "$? $(grep -c 'nothing is taken over: process 1 is the first of its PID namespace' err)" '2 1'
kill -0 "$inner"
ok $? 'and it goes on'
ctl stop --open
exit $failed
