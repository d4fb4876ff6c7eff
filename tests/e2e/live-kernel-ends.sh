#!/usr/bin/env bash
# The executor in the kernel: what stays of an end, a kill, and a start that nobody confirms.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - ends of the kernel executor, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
. "$top/tests/e2e/live/kernel.sh"
web prey

# What stays of a kill goes on judging, whoever was killed and in whatever order; the next start takes its place, with no
# packet that nobody judges: `asks` has that tried all the time.
kernel host.pbc
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
    [ "$(gets 8080 0.2) $(gets 80) $(pinned)" = 'curl 28 prey 4' ] || bad="$bad killed-$round"
    kernel host.pbc
    [ "$(gets 80) $(pinned)" = 'prey 4' ] || bad="$bad started-$round"
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
