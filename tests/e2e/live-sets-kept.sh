#!/usr/bin/env bash
# Members of live sets outlive the process: `keep` a stop and a start, all of them a crash of the service and a takeover. Those whose time has
# passed meanwhile do not come back, nor those that the rules refuse by now; a damaged file is told, and nothing of it is used.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
. "$top/tests/e2e/live/takeover.sh"
EXEC=user
. "$top/tests/e2e/live/takeover_ends.sh"

between one
export STATE_DIRECTORY=$work/state
mkdir "$STATE_DIRECTORY"
shop() { # NAME NEVER
    rules "$1" <<END
set caught = live size 200_000 keep never $2
set others = live size 1000
firewall f forward default accept { drop from caught; drop from others }
END
}
shop shop 10.66.0.0/16
shop less 10.1.1.0/24
service_of() { pgrep -P "$1" -x prey-service; }
starts() {
    prey prey -i wan -i lan --exec user "$@"
    is_ready prey || exit 1
}
sets() { at prey "$bin/preyctl" sets "$@" 2>&1; }
# members SET: all of it, in order, without who and when
members() { sets "$1" --json | python3 -c 'import json, sys; print(*sorted(json.loads(l)["member"] for l in sys.stdin if "member" in json.loads(l)))'; }
has_in() { [ "$(members "$1")" = "$2" ]; }
written() { [ -s "$STATE_DIRECTORY/prey.history/sets" ] || ls "$STATE_DIRECTORY"/*/sets >/dev/null 2>&1; }

starts shop.pbc
sets caught add 10.1.1.1 10.1.2.0/24 fd00:7::1 >/dev/null
sets caught add 10.1.1.2 for 2s >/dev/null
sets caught add 10.1.1.3 for 1h >/dev/null
sets others add 10.1.3.1 >/dev/null
all='10.1.1.1 10.1.1.3 10.1.2.0/24 fd00:7::1'

# A crash.
until_true 50 'members are written' written
sleep 1.5
before=$(owner)
kill -KILL "$(service_of "$prey")"
until_true 300 'after a crash another service goes on' judges_again "$before"
until_true 100 'members are there after a crash' has_in caught "$all"
same 'also of a set without keep' "$(members others)" 10.1.3.1

# A takeover.
sets caught add 10.1.1.9 >/dev/null
all='10.1.1.1 10.1.1.3 10.1.1.9 10.1.2.0/24 fd00:7::1'
takes_over 'another process takes over'
same 'all members go over' "$(members caught), $(members others)" "$all, 10.1.3.1"
sets caught remove 10.1.1.9 >/dev/null
all='10.1.1.1 10.1.1.3 10.1.2.0/24 fd00:7::1'

# A stop and a start.
stops
starts shop.pbc
same 'after a stop and a start the kept set is there, and the other is empty' "$(members caught), $(members others)" "$all, "
sets caught has 10.1.1.3 >has
same 'with its end' "$(sed 's/, for 59m .*//' has)" 'caught has 10.1.1.3: member 10.1.1.3'
printf '10.9.0.0/16\n10.8.0.1\n' | at prey "$bin/preyctl" sets caught replace >/dev/null
stops
starts shop.pbc
same 'what came by a file is kept, too' "$(members caught)" '10.8.0.1 10.9.0.0/16'
sets caught flush >/dev/null
sets caught add 10.1.1.1 10.1.2.0/24 >/dev/null
stops
starts less.pbc
same 'what rules refuse by now does not come back' "$(members caught)" 10.1.2.0/24
stops

# A file that is damaged.
file=$(ls "$STATE_DIRECTORY"/*/sets)
head -c 400 "$file" >half && cp half "$file"
starts shop.pbc
holds_true() { grep -q "$1" prey.err; }
until_true 50 'a damaged file is told' holds_true 'sets: what was kept of their members is damaged'
same 'and nothing of it is used' "$(members caught)" ''
stops
exit $failed
