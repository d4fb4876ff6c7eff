#!/usr/bin/env bash
# A takeover as a unit of systemd does it, without systemd: options that preyctl takeover takes and refuses; a reload by
# prey-compile, in which the preyrun that is installed takes over from one that is another; and preyctl by hand, which asks the
# unit for it. Here the test plays systemctl; tests/machines/power has the real one.
set -u
EXEC=user
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

mkdir -p lib etc run kept old fake
sed "s|@BINDIR@|$bin|g; s|@LIBDIR@|$work/lib|g; s|@DOCDIR@|$work/doc|g; s|/etc/default/prey-|$work/etc/default-|" "$top/systemd/prey-compile" >lib/prey-compile
chmod 755 lib/prey-compile
# Another program that does the same.
cp "$bin/preyrun" old/preyrun && echo >>old/preyrun
between one
at prey sysctl -q -w net.ipv4.ip_forward=1
ends_itself() { ! kill -0 "$1" 2>/dev/null || is_over "$1"; }
owner() { at prey sh -c 'sed -n "s/^pid\t//p" "/run/prey/$(stat -L -c %i /proc/self/ns/net)/edge.state"'; }
exe() { readlink "/proc/$(owner)/exe"; }
words() { tr '\0' ' ' <"/proc/$(owner)/cmdline"; }
rules_of() { printf 'limits { flows 20_000 }\nfirewall ways forward default drop { accept tcp to port %s as ONE }\n' "$1" >etc/edge.prey; }
unit() { # COMMAND [VARIABLE=VALUE...]: as the unit calls it
    at prey env CONFIGURATION_DIRECTORY="$work/etc" RUNTIME_DIRECTORY="$work/run" STATE_DIRECTORY="$work/kept" OPTIONS='-i wan -i lan' MAINPID="$(owner 2>/dev/null)" "${@:2}" \
        lib/prey-compile "$1" edge >heard 2>said
    status=$?
}
ctl() {
    at prey "$bin/preyctl" --name edge "$@" >out 2>err
    status=$?
}
begins() { # FOLDER [OPTION...]: that folder's preyrun, as the unit starts it
    local was=$bin
    bin=$1
    OPTIONS='-i wan -i lan' prey prey --name edge -i wan -i lan --workers 1 "${@:2}" "$work/run/edge.pbc"
    bin=$was
}
ends() {
    prey=$(owner)
    ctl stop
    until_true 300 'it ends' ends_itself "$prey"
}

rules_of 80
unit start
unit runs
begins "$bin"

echo '# Options'
refuses() { # SENTENCE WORDS OPTION...
    local sentence=$1 words=$2 was
    shift 2
    was=$(owner)
    ctl takeover "$@"
    same "$sentence: refused, and it goes on" "$status $(grep -cF -e "$words" err) $(owner)" "2 1 $was"
}
refuses 'to look alone' 'takeover doesn'\''t accept --preflight: a takeover makes these checks itself' --preflight
refuses 'to clean up' 'takeover doesn'\''t accept --cleanup' --cleanup
refuses 'to take over' 'takeover doesn'\''t accept --takeover' --takeover
refuses 'an option of replays' 'takeover doesn'\''t accept --pcap=x, which is for a replay' --pcap=x
refuses 'an option that there is not' '`--no-such` isn'\''t an option of preyrun: to see preyrun'\''s options, run preyrun --help' --no-such
refuses 'a letter that there is not' '`-x` isn'\''t an option of preyrun' -x
refuses 'a program' '`new.pbc` isn'\''t an option of preyrun: a takeover keeps the program' new.pbc
refuses 'an option without its value' '--ring needs a value: SIZE' --ring
refuses 'one interface less, by a letter' 'keeps running: the new process has ended with status 2' -iwan
refuses 'interfaces take the place of those before, and are not added' 'the running instance serves other interfaces, or in another order' -ilan -i wan
ctl takeover -iwan -i lan --stats 127.0.0.1:8404
same 'in the same order it takes over' "$status $(words)" "0 $bin/preyrun --takeover -iwan -i lan --stats 127.0.0.1:8404 --exec user --name edge --workers 1 $work/run/edge.pbc "
ctl takeover --stats=127.0.0.1:8405
same 'an option in place of the one before' "$status $(words)" "0 $bin/preyrun --takeover --stats=127.0.0.1:8405 -iwan -i lan --exec user --name edge --workers 1 $work/run/edge.pbc "
ends
mkdir gone
back=$PWD
cd gone || exit 2
begins "$bin"
cd "$back" || exit 2
rm -rf gone
was=$(owner)
ctl takeover
same 'its working directory is gone: it takes over' "$status $(grep -c "from $was\$" out)" '0 1'
ends

echo '# What was told'
begins "$bin"
ip -n "$id-client" route add default via 10.1.0.2
told() { awk '/no neighbour answered/ { n += $NF } END { print n + 0 }' prey.err; }
reached() { at prey "$bin/preyctl" --name edge status --json | sed -n 's/.*"limit":"neighbour","reached":\([0-9]*\).*/\1/p'; }
is_told() { [ "$(told)" -gt 0 ]; }
at client timeout 10 bash -c '</dev/tcp/10.2.0.99/80' 2>/dev/null
until_true 300 'a loss is told' is_told
ctl takeover
looked() { [ "$(at prey "$bin/preyctl" --name edge status --json | sed -n 's/.*"uptime_s":\([0-9]*\).*/\1/p')" -ge 3 ]; }
until_true 300 'the new process has looked, too' looked
same 'losses that the one before has told are not told anew' "$status $(told)" "0 $(reached)"
ends

echo '# A reload after an upgrade'
begins "$work/old"
same 'another program than the installed one runs' "$(exe)" "$work/old/preyrun"
was=$(owner)
rules_of 81
unit reload
same 'by a reload the installed one takes over, and has the rules of now' \
    "$status $(grep -c "^process [0-9]* has taken over from $was\$" heard) $(grep -c 'edge.pbc runs' heard) $(exe)" "0 1 1 $bin/preyrun"
same 'which are kept' "$(cmp run/edge.pbc kept/edge.pbc; ls run | tr '\n' ' ')" 'edge.pbc '
was=$(owner)
unit reload
same 'once more: nothing is to be taken over' "$status $(owner) $(grep -c 'taken over' heard)" "0 $was 0"
ends
cp "$bin/preyrun" fake/
begins "$work/fake"
was=$(owner)
unit reload
same 'a copy of the installed one is the same program' "$status $(owner)" "0 $was"
ends
begins "$work/old"
was=$(owner)
echo 'firewall x {' >etc/edge.prey
unit reload
same 'rules that do not compile: it takes over, and the reload fails' "$status $(grep -c "has taken over from $was\$" heard) $(tail -n 1 said | grep -c 'the old program keeps running$') $(exe)" "1 1 1 $bin/preyrun"
rules_of 82
ends
begins "$work/old"
was=$(owner)
unit reload OPTIONS='-i wan -i lan --stats 127.0.0.1:8404'
changed="OPTIONS in $work/etc/default-edge have changed since the start: to use them, run systemctl restart preyrun@edge"
same 'OPTIONS that have changed are told' "$status $(grep -c "$changed" said)" '0 1'
unit reload OPTIONS='-i wan -i lan --stats 127.0.0.1:8404'
same 'also by a reload without a takeover' "$status $(grep -c "$changed" said)" '0 1'
unit reload
same 'but not those of the start' "$status $(grep -c "$changed" said)" '0 0'
ends
copied_of() { rules_of "$1"; sed -i 's/drop {/drop { mirror to socket "ids" udp to port 53;/' etc/edge.prey; }
copied_of 83
unit start
begins "$work/old" --tap ids="$work/tap.sock"
was=$(owner)
copied_of 84
unit reload
same 'where it can hand nothing over, it goes on with the rules of now, and that is told' \
    "$status $(grep -c 'the installed preyrun can'\''t take over from the running one, which goes on until you run systemctl restart preyrun@edge (open connections end then): other programs may read copies from a socket' said) $(owner) $(exe) $(grep -c 'edge.pbc runs' heard)" \
    "0 1 $was $work/old/preyrun 1"
ends

echo '# By hand, of a unit'
groups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
group=$groups/preyrun@edge.service
mkdir -p /run/prey
if [ -z "$groups" ] || ! mkdir "$group" 2>/dev/null; then
    echo 'ok - by hand, of a unit # SKIP no control group can be made here'
    exit $failed
fi
group_ends() {
    for p in $(cat "$group/cgroup.procs"); do kill -KILL "$p" 2>/dev/null; done
    until_true 100 'its group is empty' rmdir "$group"
    live_end
}
trap group_ends EXIT
# What systemctl does: in the unit, with its variables.
cat >fake/systemctl <<EOF
#!/bin/sh
echo "\$@" >>$work/asked
echo \$\$ >$group/cgroup.procs
. $work/fake/before
export CONFIGURATION_DIRECTORY=$work/etc RUNTIME_DIRECTORY=/run/prey STATE_DIRECTORY=$work/kept OPTIONS='-i wan -i lan' MAINPID
exec $work/lib/prey-compile reload edge >>$work/journal 2>&1
EOF
chmod +x fake/systemctl
by_hand() { # WORD...: preyctl takeover, with that systemctl
    echo "MAINPID=${main:-$(owner)}" >fake/before
    : >asked
    seeing prey env PATH="$work/fake:$PATH" "$bin/preyctl" --name edge takeover "$@" >out 2>err
    status=$?
}
begins "$bin"
owner >"$group/cgroup.procs"
by_hand
same 'a unit that does not hear who its main process is: refused' "$status $(grep -c 'NotifyAccess=main allows that' err) $(cat asked)" '2 1 '
ends
NOTIFY_SOCKET=$work/no-socket begins "$bin"
owner >"$group/cgroup.procs"
was=$(owner)
: >journal
by_hand --stats 127.0.0.1:8404
same 'else the unit does it' "$status $(cat asked) $(grep -c "^process $(owner) has taken over from $was\$" out) $(cat err)" "0 --quiet reload preyrun@edge 1 "
same 'which ends in its group, with these options, and reads no rules' \
    "$(grep -c preyrun@edge.service "/proc/$(owner)/cgroup") $(words | grep -c -- '--stats 127.0.0.1:8404') $(grep -c 'edge.pbc' journal) $(ls /run/prey | grep -c '^edge[.]')" '1 1 0 0'
was=$(owner)
by_hand --json
same 'as JSON' "$status $(cat out)" "0 {\"process\":$(owner),\"from\":$was}"
was=$(owner)
by_hand --io xdp --ring 4MiB
same 'what is refused is told to whoever asked' "$status $(grep -c 'the running instance uses --io packet, but this start wouldn'\''t' err) $(owner)" "2 1 $was"
main=1 by_hand
same 'one that is not the main process of its unit: refused' "$status $(grep -c 'the main process of preyrun@edge is 1, but' err) $(owner)" "2 1 $was"
exec 7<>/run/prey/edge.takeover
flock 7
by_hand
same 'two at once: the second is refused' "$status $(grep -c 'another preyctl is already asking this instance for a takeover' err) $(owner)" "2 1 $was"
exec 7<&-
rm -f /run/prey/edge.takeover
echo "MAINPID=$was" >fake/before
printf -- '--stats\0127.0.0.1:9\0' >/run/prey/edge.takeover
seeing prey env PATH="$work/fake:$PATH" systemctl reload preyrun@edge
same 'what a killed preyctl has left asks for nothing' "$(owner) $(tail -n 1 journal | grep -c 'edge.pbc')" "$was 1"
ends
rm -f /run/prey/edge.*
exit $failed
