#!/usr/bin/env bash
# The executor in the kernel: what stays of an end, a kill, and a start that nobody confirms. Traffic control takes what arrives, or, with
# HOOK=xdp, XDP.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - ends of the kernel executor, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
. "$top/tests/e2e/live/kernel.sh"
web prey
filters() { at prey tc filter show dev eth0 egress | grep -c handle; }

# What stays of a kill goes on judging, whoever was killed and in whatever order; the next start takes its place, with no
# packet that nobody judges: `asks` has that tried all the time.
kernel host.pbc
filter=$(filters) # in the place of a link, where the kernel has none for what leaves
[ -z "${OLD_KERNEL-}" ] || same 'a filter judges what leaves' "$filter" 1
all='prey 4' # pins: two maps, and links or programs
at client sh -c 'through=0; while [ ! -e stop ]; do curl -s -m 0.1 -o /dev/null http://10.1.0.2:8080/ && through=$((through + 1)); done; echo "$through" >through' &
asks=$!
rounds=${LONG:+100}
bad=
for round in $(seq "${rounds:-2}"); do
    service=$(pgrep -P "$prey")
    case $((round % 4)) in
    0) prey_killed "$service" ;;
    1) prey_killed ;;
    2) prey_killed "$prey" "$service" ;;
    3) prey_killed "$service" "$prey" ;;
    esac
    [ "$(gets 8080 0.2) $(gets 80) $(pinned)" = "curl 28 $all" ] || bad="$bad killed-$round"
    kernel host.pbc
    [ "$(gets 80) $(pinned)" = "$all" ] || bad="$bad started-$round"
done
touch stop
wait $asks
same 'killed, it goes on judging; the next start takes its place' "$bad|$(cat through)" '|0'
prey_killed "$(pgrep -P "$prey")"
same 'without its service, too' "$(gets 8080 0.2) $(gets 80)" 'curl 28 prey'
# XDP does not see tags that a device takes off, so that stays off as long as the programs judge.
tags() { at prey ethtool -k eth0 | sed -n 's/^rx-vlan-offload: //p'; }
with=on on=
[ "${HOOK-}" != xdp ] || with=off on="
preyrun: undone: the offload \`eth0/rx-vlan-stag-hw-parse\`
preyrun: undone: the offload \`eth0/rxvlan\`"
tagged=$(tags)
kernel_alone --cleanup
same '--cleanup takes it off' "$status|$(cat out err)|$(gets 8080)|$(left)" "0|preyrun: undone: the table of nftables \`prey_eth0\`
preyrun: undone: the programs in the kernel on \`eth0\`$on|prey|0"
same 'what they would not see is off as long as they judge' "$tagged $(tags)" "$with on"
kernel --on-exit closed host.pbc
prey_ends
same 'an end that is closed goes on judging' "$status|$(gets 8080 0.2) $(gets 80)" '0|curl 28 prey'
kernel_alone --cleanup
kernel --confirm 300ms host.pbc
wait "$prey"
same 'nobody has confirmed it' "$?|$(gets 8080)|$(pinned)" '1|prey|0'

# Of a filter the kernel protects nothing, so prey does: what another program does to it is undone, told and counted. Two of three times
# that of what arrives, too.
[ "${HOOK-}" = xdp ] && again=3 || again=5
if [ "$filter" = 1 ]; then
    stands() { [ "$(filters)" = "$1" ] && [ "$(gets 8080 0.2) $(gets 80)" = 'curl 28 prey' ]; }
    at prey tc qdisc add dev eth0 clsact
    kernel host.pbc
    at prey tc filter del dev eth0 egress
    until_true 100 'a filter that is deleted is set again' stands 1 && ok 0 'a filter that is deleted is set again'
    hears 'it is told' "eth0: another program removed prey's traffic-control filter, or put another filter before it; prey has put its own filter back"
    at prey tc qdisc del dev eth0 clsact
    until_true 100 'one whose hooks are deleted, too' stands 1 && ok 0 'one whose hooks are deleted, too'
    at prey ip link set eth0 down
    at prey tc qdisc del dev eth0 clsact
    at prey ip link set eth0 up
    until_true 100 'of a link that was down, too' stands 1 && ok 0 'of a link that was down, too'
    prey_ends
    same 'each is counted, and all is taken off' "$status|$(tr -d ' \t' <prey.out | grep -o '"set_again":[0-9]*')|$(filters)|$(at prey tc qdisc show dev eth0 | grep -c clsact)" "0|\"set_again\":$again|0|0"
    at prey tc qdisc add dev eth0 egress_block 22 clsact
    refused 'filters that are shared are told' 'the filters for leaving packets of eth0 are shared with other interfaces (egress_block)' host.pbc -i eth0
    at prey tc qdisc del dev eth0 clsact
fi

# Where nothing can be pinned, a kill leaves nothing that judges; a filter that stays lets everything pass, and is taken off.
while umount /sys/fs/bpf 2>/dev/null; do :; done # one may lie over another
kernel host.pbc
same 'without pins it judges' "$(gets 8080 0.2) $(gets 80)" 'curl 28 prey'
prey_killed "$prey" "$(pgrep -P "$prey")"
lets_pass() { [ "$(gets 8080)" = prey ]; } # the kernel lets go of programs a little later
until_true 100 'without pins a kill leaves nothing that judges' lets_pass && ok 0 'without pins a kill leaves nothing that judges'
same 'but a filter, where there are no links' "$(filters)" "$filter"
kernel_alone --cleanup
same '--cleanup takes it off, too' "$status|$(filters)|$(at prey tc qdisc show dev eth0 | grep -c clsact)" '0|0|0'
