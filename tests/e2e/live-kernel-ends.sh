#!/usr/bin/env bash
# The executor in the kernel: what stays of an end, a kill, and a start that nobody confirms.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - ends of the kernel executor, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
. "$top/tests/e2e/live/kernel.sh"
web prey

# What stays of a kill goes on judging; a start takes it off, and so does --cleanup.
kernel host.pbc
service=$(pgrep -P "$prey")
kill -KILL "$prey"
wait "$prey" 2>/dev/null
until_true 100 'the service ends' sh -c "! kill -0 $service"
same 'killed, it goes on judging' "$(gets 8080 0.2) $(gets 80) $(pinned)" 'curl 28 prey 4'
kernel host.pbc
same 'the next start takes its place' "$(gets 8080 0.2) $(gets 80) $(pinned)" 'curl 28 prey 4'
kill -KILL "$(pgrep -P "$prey")"
wait "$prey" 2>/dev/null
same 'without its service, too' "$(gets 8080 0.2) $(gets 80)" 'curl 28 prey'
kernel_alone --cleanup
same '--cleanup takes it off' "$status|$(cat out err)|$(gets 8080)|$(pinned)" "0|preyrun: undone: the programs in the kernel on \`eth0\`|prey|0"
kernel --on-exit closed host.pbc
prey_ends
same 'an end that is closed goes on judging' "$status|$(gets 8080 0.2) $(gets 80)" '0|curl 28 prey'
kernel_alone --cleanup
kernel --confirm 300ms host.pbc
wait "$prey"
same 'nobody has confirmed it' "$?|$(gets 8080)|$(pinned)" '1|prey|0'
