#!/usr/bin/env bash
# A set with `keep` and a machine that loses its power: whenever all processes are killed, also in the middle of a write, the file is whole, and
# has all members that had come when it was begun. A file system that is read-only, or slow, is told or waited for; packets cross meanwhile.
set -u
: "${EXEC:=user}"
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
. "$top/tests/e2e/live/takeover.sh"
. "$top/tests/e2e/live/takeover_ends.sh"

between one
ip -n "$id-client" route add default via 10.1.0.2
at prey sysctl -q -w net.ipv4.ip_forward=1
export STATE_DIRECTORY=$work/state
mkdir "$STATE_DIRECTORY"
rules shop <<'END'
set caught = live size 500_000 keep
firewall f forward default accept { drop from caught }
END
starts() {
    prey prey -i wan -i lan shop.pbc
    is_ready prey || exit 1
}
sets() { at prey "$bin/preyctl" sets "$@" 2>&1; }
members() { sets caught --json | python3 -c 'import json, sys; print(*sorted(json.loads(l)["member"] for l in sys.stdin if "member" in json.loads(l)))'; }
has() { sets caught has "$1" >seen; }
now() { date +%s%3N; }

# Power is lost, again and again, while members come. The file says when its members were put together: who had come by then is there, and at a
# start whatever was written last is whole. Three times with few members, three times with many, whose file is written less often.
kept() { ls "$STATE_DIRECTORY"/*/sets; }
written_at() { python3 -c 'import struct, sys; print(struct.unpack_from("<Q", open(sys.argv[1], "rb").read(), 40)[0])' "$(kept)"; } # in ms
cut_off() {
    kill -KILL $(pgrep -P "$prey") "$prey" 2>/dev/null
    until_true 100 'all have ended' ends_itself "$prey"
}
starts
lost=0 came=0 oldest=0 before='' damaged=0
for round in 1 2 3 4 5 6; do
    [ $round != 4 ] || for i in $(seq 0 199); do seq -f "+12.$i.%.0f.1" 0 255; done | sets caught feed >fed
    : >acked
    until=$(($(now) + 2500 + RANDOM % 1000))
    n=0
    while [ "$(now)" -lt $until ]; do
        n=$((n + 1))
        sets caught add "11.$round.$((n >> 8)).$((n & 255))" for 1h >/dev/null && echo "$(now) 11.$round.$((n >> 8)).$((n & 255))" >>acked
    done
    killed=$(now)
    cut_off
    at=$(written_at)
    [ $((killed - at)) -lt $oldest ] || oldest=$((killed - at))
    starts
    ! grep -q 'is damaged' prey.err || damaged=$((damaged + 1))
    members | tr ' ' '\n' >there
    awk -v at="$at" '$1 < at { print $2 }' acked >due
    came=$((came + $(wc -l <due)))
    lost=$((lost + $(printf '%s\n' $before | cat due - | sort -u | comm -23 - <(sort there) | grep -c .)))
    before=$(grep '^11\.' there)
done
same 'all members come' "$(cat fed)" 'caught: 51,200 added'
[ $came -gt 60 ]
ok $? "members have come before the last write: $came"
same 'and none of those is lost' "$lost" 0
same 'nor is any of many' "$(grep -c '^12\.' there)" 51200
same 'and no file is damaged' $damaged 0
echo "# the oldest file of those that were left had members of $oldest ms before"
[ $oldest -lt 5000 ]
ok $? 'a file is written every second or so'

# A file system that is read-only for a moment.
small=$work/small
mkdir "$small"
if mount -t tmpfs -o size=64m none "$small" 2>/dev/null; then
    trap 'umount -l "$small"; live_end' EXIT
    stops
    STATE_DIRECTORY=$small starts
    sets caught add 10.9.2.1 >/dev/null
    written() { ls "$small"/*/sets >/dev/null 2>&1; }
    until_true 50 'members are written' written
    mount -o remount,ro "$small"
    sets caught add 10.9.2.2 >/dev/null
    says() { grep -q "$1" prey.err; }
    until_true 100 'a file system that is read-only is told' says 'prey can'\''t keep members for the next start: Read-only file system'
    same 'and members count all the same' "$(members)" '10.9.2.1 10.9.2.2'
    mount -o remount,rw "$small"
    was=$(stat -c %i "$(ls "$small"/*/sets)")
    again() { [ "$(stat -c %i "$(ls "$small"/*/sets)")" != "$was" ]; }
    until_true 200 'once it can be written members are' again
    cut_off
    STATE_DIRECTORY=$small starts
    same 'so none is lost' "$(members)" '10.9.2.1 10.9.2.2'
fi
stops

# A file system that takes two seconds for each file.
cat >slow.c <<'END'
#include <unistd.h>
int fsync(int fd) { (void)fd; return sleep(2) ? 0 : 0; }
END
"${CC:-gcc}" -shared -fPIC -o slow.so slow.c
starts_slowly() {
    export LD_PRELOAD=$work/slow.so ASAN_OPTIONS=verify_asan_link_order=0
    : >prey.out >prey.err
    ip netns exec "$id-prey" "$bin/preyrun" --exec "$EXEC" -i wan -i lan shop.pbc >>prey.out 2>prey.err </dev/null &
    prey=$!
    pids="$pids $prey"
    unset LD_PRELOAD ASAN_OPTIONS
}
starts_slowly
until_true 400 'it starts there, too' grep -q 'ready: ' prey.err
sets caught add 10.9.3.1 >/dev/null
at client ping -q -i 0.02 -c 200 10.2.0.2 >pings
same 'no packet waits for a slow file' "$(grep -o '200 received' pings) $(awk -F/ '/^rtt/ { print ($6 < 500 ? "soon" : $6) }' pings)" '200 received soon'
sets caught add 10.9.3.2 >/dev/null
stops
starts
has 10.9.3.1 && has 10.9.3.2
ok $? 'and all members are kept'
stops
exit $failed
