#!/usr/bin/env bash
# Members of live sets outlive the process: `keep` a stop and a start, all of them a crash of the service and a takeover. Those whose time has
# passed meanwhile do not come back, nor those that the rules refuse by now, nor those of a set that was gone; a full disk loses none once
# there is room; a damaged file is told, and nothing of it is used.
set -u
: "${EXEC:=user}" # kernel: live-sets-kept-kernel.sh
. tests/e2e/live/takeover.sh
. "$top/tests/e2e/live/sets.sh"
. "$top/tests/e2e/live/takeover_ends.sh"

between one
keeps_state
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
    prey prey -i wan -i lan "$@"
    is_ready prey || exit 1
}
sets() { at prey "$bin/preyctl" sets "$@" 2>&1; }
# members SET: all of it, in order, without who and when
members() { sets "$1" --json | python3 -c 'import json, sys; print(*sorted(json.loads(l)["member"] for l in sys.stdin if "member" in json.loads(l)))'; }
has_in() { [ "$(members "$1")" = "$2" ]; }
# counts SET: how many were added, renewed and removed
counts() { sets --json | python3 -c 'import json, sys; s = {s["set"]: s for s in json.load(sys.stdin)["sets"]}[sys.argv[1]]; print(s["added"], s["renewed"], s["removed"])' "$1"; }
# notes SET: each member with its comment, and who added it
notes() { sets "$1" --json | python3 -X utf8 -c 'import json, sys; print(*sorted("%s: %s by %s %s" % (m["member"], m["comment"], m["by"], m["uid"]) for m in map(json.loads, sys.stdin) if "member" in m), sep=", ")'; }
since() { sets caught --json | python3 -c 'import json, sys; print(*sorted({m["since"] for m in map(json.loads, sys.stdin) if m.get("comment")}))'; }
written() { [ -s "$STATE_DIRECTORY/prey.history/sets" ] || ls "$STATE_DIRECTORY"/*/sets >/dev/null 2>&1; }

starts shop.pbc
sets caught add 10.1.1.1 10.1.2.0/24 fd00:7::1 >/dev/null
sets caught add 10.1.1.2 for 2s >/dev/null
sets caught add 10.1.1.3 for 1h comment 'from the log, naïve' >/dev/null
sets others add 10.1.3.1 >/dev/null
all='10.1.1.1 10.1.1.3 10.1.2.0/24 fd00:7::1'
noted='10.1.1.1: None by hand 0, 10.1.1.3: from the log, naïve by hand 0, 10.1.2.0/24: None by hand 0, fd00:7::1: None by hand 0'
when=$(since)

# A crash.
until_true 50 'members are written' written
sleep 1.5
before=$(owner)
kill -KILL "$(service_of "$prey")"
until_true 300 'after a crash another service goes on' judges_again "$before"
until_true 100 'members are there after a crash' has_in caught "$all"
same 'also of a set without keep' "$(members others)" 10.1.3.1
same 'and who added them since when, with which comment' "$(notes caught) $(since)" "$noted $when"
told=$(counts caught | cut -d' ' -f1)
same 'what comes back is not counted as added' "$(counts caught)" '0 0 0'

# A takeover.
sets caught add 10.1.1.9 >/dev/null
all='10.1.1.1 10.1.1.3 10.1.1.9 10.1.2.0/24 fd00:7::1'
takes_over 'another process is taking over'
same 'all members go over' "$(members caught), $(members others)" "$all, 10.1.3.1"
same 'comments, users and times, too' "$(notes caught) $(since)" "${noted/, 10.1.2/, 10.1.1.9: None by hand 0, 10.1.2} $when"
same 'and counts: what came by the crash is not counted' "$(counts caught)" "$((told + 1)) 0 0"
sets caught remove 10.1.1.9 >/dev/null
all='10.1.1.1 10.1.1.3 10.1.2.0/24 fd00:7::1'

# A stop and a start.
stops
starts shop.pbc
same 'after a stop and a start the kept set is there, and the other is empty' "$(members caught), $(members others)" "$all, "
same 'with comments, users and times' "$(notes caught) $(since)" "$noted $when"
sets caught has 10.1.1.3 >has
same 'with its end' "$(sed 's/, for 59m .*//' has)" 'caught has 10.1.1.3: member 10.1.1.3'
printf '10.9.0.0/16\n10.8.0.1\n' | at prey "$bin/preyctl" sets caught replace >/dev/null
stops
starts shop.pbc
same 'what came by a file is kept, too' "$(members caught)" '10.8.0.1 10.9.0.0/16'
same 'and who put it there' "$(notes caught)" '10.8.0.1: None by replace 0, 10.9.0.0/16: None by replace 0'
sets caught flush >/dev/null
sets caught add 10.1.1.1 10.1.2.0/24 >/dev/null
stops
starts less.pbc
same 'what rules refuse by now does not come back' "$(members caught)" 10.1.2.0/24
stops

# What is gone stays gone: a set without `keep` after a stop, whose members come back by no crash after it.
starts shop.pbc
file=$(ls "$STATE_DIRECTORY"/*/sets)
sets others add 10.1.3.2 >/dev/null
stops
was=$(stat -c %i "$file")
anew() { [ "$(stat -c %i "$file")" != "$was" ]; }
starts shop.pbc
until_true 50 'the file is written after a start' anew
before=$(owner)
kill -KILL "$(service_of "$prey")"
until_true 300 'after that crash, too, another service goes on' judges_again "$before"
same 'a crash brings nothing back from before the stop' "$(members others)" ''
# A set that a reload, or a start, has removed; `keep` that a reload has added.
rules none <<END
firewall f forward default accept { drop tcp to port 9999 }
END
rules soon <<END
set others = live size 1000 keep
firewall f forward default accept { drop from others }
END
stops
cp shop.pbc now.pbc
starts now.pbc
sets caught add 10.1.2.1 >/dev/null
sets others add 10.1.3.3 >/dev/null
cp soon.pbc now.pbc
at prey "$bin/preyctl" reload >/dev/null
stops
starts now.pbc
same '`keep` that a reload adds keeps what was there' "$(members others)" 10.1.3.3
cp none.pbc now.pbc
at prey "$bin/preyctl" reload >/dev/null
is_gone() { [ ! -e "$file" ]; }
until_true 50 'without sets the file goes' is_gone
stops
starts shop.pbc
same 'and nothing comes back with the sets' "$(members caught), $(members others)" ', '
sets caught add 10.1.2.1 >/dev/null
stops
starts none.pbc
stops
[ ! -e "$file" ]
ok $? 'a run without sets leaves no file of members'

# The clock of the day was set forward by two hours; in another boot that time has passed.
starts shop.pbc
sets caught add 10.1.2.1 10.1.2.2 for 1h >/dev/null
sets caught add 10.1.2.3 comment 'stays for good' >/dev/null
sets caught add 10.1.2.3 once comment 'stays, and says so' >/dev/null # changes nothing but the comment
later() { # BOOT: the file as it were written two hours ago, in this boot or in another one
    python3 - "$file" "$1" <<PY
import hashlib, struct, sys
name, boot = sys.argv[1:]
b = bytearray(open(name, "rb").read())
head = 8 + 32
b[head:head + 8] = struct.pack("<Q", struct.unpack("<Q", b[head:head + 8])[0] - 7200_000)
if boot == "other": b[head + 16:head + 52] = b"1" * 36
b[8:40] = hashlib.blake2b(b[40:], digest_size=32).digest()
open(name, "wb").write(b)
PY
}
stops
later this
starts shop.pbc
same 'a clock that was set forward ends no member' "$(members caught)" '10.1.2.1 10.1.2.2 10.1.2.3'
stops
later other
starts shop.pbc
same 'time without power does' "$(members caught)" 10.1.2.3
same 'comments survive a reboot' "$(notes caught)" '10.1.2.3: stays, and says so by hand 0'
stops

# A file of a version that kept no comments; comments that somebody has put into the file.
edited() { python3 "$top/tests/e2e/live/kept_file.py" "$file" "$@"; }
for bad in '\x1b[2Jstays for ever' 'stays\nand says so.' 'stays, and \x9b31m...' 'stays\0and says so.'; do
    cp "$file" sound
    edited 'stays, and says so' "$bad"
    starts shop.pbc
    same "a comment of other bytes comes to nobody: $bad" "$(notes caught)" '10.1.2.3: None by rule None'
    grep -q 'sets: the kept comments and users of members are damaged; prey ignores them' prey.err
    ok $? 'that is told'
    stops
    cp sound "$file"
done
edited older
starts shop.pbc
same 'a file of a version before brings members without comments' "$(notes caught)" '10.1.2.3: None by rule None'
grep 'sets: ' prey.err
[ $? = 1 ]
ok $? 'and without complaint'
stops

# A disk that is full for a moment.
full=$work/full
mkdir "$full"
if mount -t tmpfs -o size=200k none "$full" 2>/dev/null; then
    trap 'umount -l "$full"; live_end' EXIT
    STATE_DIRECTORY=$full starts shop.pbc
    sets caught add 10.1.2.1 >/dev/null
    on_small() { ls "$full"/*/sets >/dev/null 2>&1; }
    until_true 50 'members are on the small disk' on_small
    head -c 400000 /dev/zero >"$full/fill" 2>/dev/null
    sets caught add 10.1.2.2 >/dev/null
    says() { grep -q "$1" prey.err; }
    until_true 50 'a full disk is told' says 'prey can'\''t keep members for the next start: No space left'
    rm "$full/fill"
    stops
    STATE_DIRECTORY=$full starts shop.pbc
    same 'once there is room all members are kept' "$(members caught)" '10.1.2.1 10.1.2.2'
    stops
fi

# No folder.
(unset STATE_DIRECTORY && starts shop.pbc && stops)
has_line() { grep -q "$1" prey.err; }
has_line 'notice: set caught has `keep`, but there is no folder for its members'
ok $? 'a start without a folder says that `keep` keeps nothing'

# Ranges that user space has kept, and for which the kernel has no room: it says so, and nothing is lost.
if [ "$EXEC" = kernel ]; then
    starts --exec user shop.pbc
    for i in $(seq 0 299); do seq -f "2001:db8:$i:%.0f::/64" 0 2 1998; done >many
    at prey "$bin/preyctl" sets caught replace <many >said 2>&1
    sets caught add 10.1.2.3 >/dev/null
    stops
    at prey timeout 60 "$bin/preyrun" --exec kernel -i wan -i lan shop.pbc >out 2>err
    same 'ranges for which the kernel has no room end a start' "$? $(tail -1 err)" \
        '2 preyrun: set caught: the set'\''s table in the kernel is too small for the kept ranges: write a larger `size` for the set in the rules, or use --exec user'
    starts --exec user shop.pbc
    same 'and are there afterwards' "$(members caught | cut -d" " -f 1) $(at prey "$bin/preyctl" sets --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["sets"][0]["ranges"])')" '10.1.2.3 300000'
    sets caught flush >/dev/null
    stops
fi

# A file that is damaged.
file=$(ls "$STATE_DIRECTORY"/*/sets)
head -c 400 "$file" >half && cp half "$file"
starts shop.pbc
holds_true() { grep -q "$1" prey.err; }
until_true 50 'a damaged file is told' holds_true 'sets: the kept members are damaged'
same 'and nothing of it is used' "$(members caught)" ''
stops
exit $failed
