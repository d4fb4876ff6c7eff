#!/usr/bin/env bash
# Ends of members and a clock that jumps by a year, either way: while preyrun runs, over a stop in one boot, and over another boot. Nobody stays longer
# than for what it was added. The machine's own clock is left alone: preyrun gets one that the test sets (clock_shim.c).
set -u
: "${EXEC:=user}"
. tests/e2e/live/takeover.sh
. "$top/tests/e2e/live/sets.sh"
. "$top/tests/e2e/live/takeover_ends.sh"

between one
keeps_state
rules shop <<'END'
set caught = live size 1000 keep
firewall f forward default accept { drop from caught }
END
"${CC:-gcc}" -shared -fPIC -D_GNU_SOURCE -o shim.so "$top/tests/e2e/live/clock_shim.c" -ldl || ok 1 'the clock compiles'
mkfifo clock.set
head -c 16 /dev/zero >clock
ahead() { python3 -c 'import struct, sys
with open("clock", "r+b") as f: f.write(struct.pack("=qq", int(sys.argv[1]) * 10**9, 0))' "$1"; } # SECONDS
starts() {
    export CLOCK_SHIM=$work/clock LD_PRELOAD=$work/shim.so ASAN_OPTIONS=verify_asan_link_order=0
    prey_with shop.pbc
    unset CLOCK_SHIM LD_PRELOAD ASAN_OPTIONS
    is_ready prey || exit 1
}
day=86400 year=$((365 * 86400))
# left: each member with the days that it has left, rounded up: 1 day is the one of an hour. `for good`: until it is removed.
left() { ctl sets caught --json; python3 -c 'import json
print(*sorted("%s %s" % (m["member"], "for good" if m["left_ms"] is None else -(-m["left_ms"] // 86400000)) for m in map(json.loads, open("out"))), sep=", ")'; }
# hour: what the one of an hour has left: no more than that, and not much less
hour() { ctl sets caught --json; python3 -c 'import json
print(*(3_300_000 < m["left_ms"] <= 3_600_000 for m in map(json.loads, open("out")) if m["member"] == "10.1.2.1"))'; }
# until: the year in which the one of two years ends, less the year of the clock
until_year() { ctl sets caught --json; python3 -c 'import json, sys, time
print(*(int(m["until"][:4]) - time.gmtime(time.time() + int(sys.argv[1])).tm_year for m in map(json.loads, open("out")) if m["member"] == "10.1.2.2"))' "$1"; }
other_boot() { python3 - "$file" <<'END'
import hashlib, sys
b = bytearray(open(sys.argv[1], "rb").read())
b[8 + 32 + 16:8 + 32 + 16 + 36] = b"1" * 36
b[8:40] = hashlib.blake2b(b[40:], digest_size=32).digest()
open(sys.argv[1], "wb").write(b)
END
}
all='10.1.2.1 1, 10.1.2.2 730, 10.1.2.3 for good'

starts
ctl sets caught add 10.1.2.1 for 1h
ctl sets caught add 10.1.2.2 for 730d comment 'for two years'
ctl sets caught add 10.1.2.3
same 'members have their ends' "$(left) $(hour)" "$all True"
summed() { sha256sum "$STATE_DIRECTORY"/*/sets; }
is_written() { [ "$(summed)" != "$sum" ]; }
# The last file before the clock is right again is written by the wrong one: a stop writes another.
for s in $year -$year 0; do
    ahead "$s"
    sum=$(summed)
    [ "$s" = 0 ] || ctl sets caught add 10.1.2.3 comment "by a clock that is off by $s s"
    [ "$s" = 0 ] || until_true 300 'members are written' is_written
    sleep 2.5
    same "the clock is set by $s s while preyrun runs: members have what they had" "$(left) $(hour)" "$all True"
    same "the clock is set by $s s: the end that is shown goes by it" "$(until_year "$s")" 2
done
ctl stop
until_true 300 'it ends' is_over "$prey"
file=$(ls "$STATE_DIRECTORY"/*/sets)
cp "$file" kept
after() { # SENTENCE SECONDS MEMBERS HOUR: a start with that clock
    ahead "$2"
    starts
    same "$1" "$(left) $(hour)" "$3 $4"
    ctl stop
    until_true 300 'it ends' is_over "$prey"
    cp kept "$file"
}
for s in $year -$year $((-50 * year)); do after "a start by a clock that is off by $s s" "$s" "$all" True; done
other_boot
cp "$file" kept
after 'another boot, a year later' $year '10.1.2.2 365, 10.1.2.3 for good' ''
after 'another boot, 730 days later' $((2 * year)) '10.1.2.3 for good' ''
after 'another boot, by a clock that is a year behind' -$year "$all" True
after 'another boot, by a clock that is fifty years behind' $((-50 * year)) "$all" True
after 'another boot, by a clock that is right' 0 "$all" True
exit $failed
