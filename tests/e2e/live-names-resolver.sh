#!/usr/bin/env bash
# A resolver that is killed, stopped, or says what none says, again and again: preyrun starts another one, says so, and keeps what it knows.
# EXEC=kernel: live-names-resolver-kernel.sh.
set -u
: "${EXEC:=user}"
. tests/e2e/live/names.sh
. "$top/tests/e2e/live/sets.sh"

between one
ip -n "$id-client" route add default via 10.1.0.2
name_files
rules shop <<'END'
set bad = live names "bad.example.net"
pool web { server a name "app.example.net":80 }
service shop on 203.0.113.10 tcp/80 { mode passthrough; -> web }
firewall f forward default accept { drop from bad }
END
names '10.2.0.2 app.example.net' '10.1.0.1 bad.example.net'
serve_names
prey_with shop.pbc
is_ready prey || exit 1
has_member() { ctl sets bad has "$1" && [ "$status" = 0 ]; }
until_true 200 'a set has its address' has_member 10.1.0.1
until_true 200 'a server has its address' is web a address 10.2.0.2
another() { [ -n "$(resolver)" ] && [ "$(resolver)" != "$was" ]; }
told_times() { [ "$(grep -c "^names: the process that looks up names $1" prey.err)" = "$2" ]; }
stays() { same "$1: what was known stays, and the set says that all is well" "$(fate) $(state web a address) $(of_set bad failing)" 'drops 10.2.0.2 0'; }
asks_again() { # SENTENCE: another process asks, so a name that moves does
    until_true 200 "$1: another process asks" another && ok 0 "$1: another process asks"
    stays "$1, afterwards"
    n=$((n + 1))
    names '10.2.0.2 app.example.net' '10.1.0.1 bad.example.net' "10.1.0.$n bad.example.net"
    until_true 200 "$1: a new address is a member" has_member "10.1.0.$n" && ok 0 "$1: a new address is a member"
    names '10.2.0.2 app.example.net' '10.1.0.1 bad.example.net'
    flushed() { ctl sets bad --json; [ "$(grep -c '"left_ms":null' out)" = 1 ]; }
    until_true 200 "$1: and ends when the name has lost it" flushed
}

# Killed, three times in a row, the last one right after its start.
was=$(resolver)
for n_killed in 1 2 3; do
    was=$(resolver)
    kill -KILL "$was"
    until_true 100 "killed, $n_killed: it is told" told_times 'has ended; preyrun starts another$' $n_killed
    same "killed, $n_killed: the set says that nobody asks" "$(of_set bad fault)" 'the process that looks up names has ended, and prey starts another one'
    until_true 200 "killed, $n_killed: another process asks" another
done
ok 0 'killed: each time another process is started'
n=66
asks_again killed

# Stopped: it can't see that its descriptors are closed, so it is killed.
was=$(resolver)
kill -STOP "$was"
hears 'stopped: it is told' '^names: the process that looks up names has shown no sign of life for 30 seconds; prey kills it and starts another one$'
same 'stopped: the set says that nobody asks' "$(of_set bad fault)" 'the process that looks up names has ended, and prey starts another one'
asks_again stopped
until_true 50 'stopped: the one before is gone' is_over "$was" && ok 0 'stopped: the one before is gone'
same 'one process asks' "$(resolver | wc -l)" 1

# Stopped for a while, it goes on.
was=$(resolver)
kill -STOP "$was"
sleep 12
kill -CONT "$was"
sleep 8
same 'stopped for a moment: it goes on' "$(resolver) $(grep -c 'no sign of life' prey.err)" "$was 1"

# It says what no resolver says.
for how in lie short noise; do
    was=$(resolver)
    before=$(grep -c 'sent an invalid message' prey.err)
    python3 "$top/tests/e2e/live/resolver.py" "$was" $how
    until_true 100 "$how: it is told" told_times 'sent an invalid message and was ended; preyrun starts another$' $((before + 1))
    until_true 200 "$how: another process asks" another && ok 0 "$how: another process asks"
    stays $how
done

# A stop while it is stopped.
was=$(resolver)
kill -STOP "$was"
prey_ends
same 'it ends with 0' "$status" 0
until_true 50 'a resolver that is stopped ends with it' is_over "$was" && ok 0 'a resolver that is stopped ends with it'
exit $failed
