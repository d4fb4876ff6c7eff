#!/usr/bin/env bash
# The executor in the kernel: what stays of an end, a kill, and a start that nobody confirms.
set -u
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
all="prey $((4 - filter))" # pins: two maps, and links
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
kernel_alone --cleanup
same '--cleanup takes it off' "$status|$(cat out err)|$(gets 8080)|$(left)" "0|preyrun: undone: the programs in the kernel on \`eth0\`|prey|0"
kernel --on-exit closed host.pbc
prey_ends
same 'an end that is closed goes on judging' "$status|$(gets 8080 0.2) $(gets 80)" '0|curl 28 prey'
kernel_alone --cleanup
kernel --confirm 300ms host.pbc
wait "$prey"
same 'nobody has confirmed it' "$?|$(gets 8080)|$(pinned)" '1|prey|0'

# Where nothing can be pinned, a kill leaves nothing that judges; a filter that stays lets everything pass, and is taken off.
umount /sys/fs/bpf
kernel host.pbc
same 'without pins it judges' "$(gets 8080 0.2) $(gets 80)" 'curl 28 prey'
prey_killed "$prey" "$(pgrep -P "$prey")"
until_true 100 'without pins a kill leaves nothing that judges' [ "$(gets 8080)" = prey ] && ok 0 'without pins a kill leaves nothing that judges'
same 'but a filter, where there are no links' "$(filters)" "$filter"
kernel_alone --cleanup
same '--cleanup takes it off, too' "$status|$(filters)|$(at prey tc qdisc show dev eth0 | grep -c clsact)" '0|0|0'
