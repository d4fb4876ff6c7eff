#!/bin/bash
# Meters, schedules and rates of logs in a replay: summary, JSON, explain, and time to the nanosecond across batches.
set -u
B=${B:-build}
work=$B/scratch/meters-replay
rm -rf "$work"
mkdir -p "$work"
failed=0

check() { # SENTENCE COMMAND...: the command succeeds
    local what=$1
    shift
    if "$@"; then echo "ok - $what"; else echo "not ok - $what"; failed=1; fi
}
compile() { # NAME: rules from standard input
    cat >"$work/$1.prey"
    "$B/preyc" "$work/$1.prey" -o "$work/$1.pbc" 2>"$work/said" || { sed 's/^/# /' "$work/said"; failed=1; }
}
capture() { # NAME: notes from standard input
    cat >"$work/$1.notes"
    "$B/tests/tools/mkcap" "$work/$1.notes" "$work/$1.pcap" || failed=1
}
replay() { # CAPTURE PROGRAM OPTION...: into out and err
    "$B/preyrun" --pcap "$work/$1.pcap" ${EXEC:+--exec "$EXEC"} "${@:3}" "$work/$2.pbc" >"$work/out" 2>"$work/err"
}
verdicts() { # CAPTURE PROGRAM: how often each verdict and rule, in the order in which they first come
    replay "$1" "$2" --verdicts - && tail -n +2 "$work/out" | cut -f 2,3 | uniq -c | awk '{ printf "%s%s %s:%s", s, $1, $2, $3; s = " " }'
}
same() { # GOT WANTED
    [ "$1" = "$2" ] || { printf '# got    %s\n# wanted %s\n' "$1" "$2"; return 1; }
}

# A frame a millisecond; 100 a second at most, one at once: every tenth, whatever batches the capture is read in.
compile steady <<'RULES'
meter m = 100/s burst 1
firewall f default drop { accept udp within m as IN }
RULES
capture steady <<'NOTES'
repeat 1000 eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
NOTES
replay steady steady --format json
check "1,000 frames in a second, 100 of them within 100/s" grep -q '"within":	100,' "$work/out"
check "the other 900 over" grep -q '"over":	900,' "$work/out"
replay steady steady --verdicts -
check "every tenth, from the first on" same "$(awk '$2 == "accept" && $1 % 10 != 1' "$work/out" | wc -l)" 0
replay steady steady
check "the summary shows the meter" grep -q '^meters      m: 100 within, 900 over$' "$work/out"
replay steady steady --from 501 --format json
check "a replay from the middle has 50" grep -q '"within":	50,' "$work/out"

# --explain knows what the frames before it took.
compile source <<'RULES'
meter syns = 1/s burst 10 per source/24,/64
firewall f default accept {
  drop udp over syns as FLOOD
}
RULES
replay steady source --explain 4
check "explain: what is left, and for whom" grep -Eq 'FLOOD +no +syns has 7 tokens for 10.0.0.0/24' "$work/out"
replay steady source --explain 10
check "explain: the last one" grep -Eq 'FLOOD +no +syns has 1 token for 10.0.0.0/24' "$work/out"
replay steady source --explain 11
check "explain: over" grep -Eq 'FLOOD +yes +drop' "$work/out"
replay steady source --explain 4 --from 4
check "explain after --from begins there" grep -q 'syns has 10 tokens' "$work/out"
replay steady source --explain 4 --format json
check "the same as JSON" grep -q '"why":"syns has 7 tokens for 10.0.0.0/24"' "$work/out"

# A schedule changes within a batch: the capture begins on a Monday at 09:00:00.001.
compile minute <<'RULES'
schedule s = mon 09:00-09:01
firewall f default drop { accept during s as IN }
RULES
capture minute <<'NOTES'
repeat 20 eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
after 59978ms
repeat 4 eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
after 86340s
eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
after 518400s
repeat 2 eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
NOTES
check "a schedule that ends between two frames of a batch" \
    same "$(verdicts minute minute)" "22 accept:IN 3 drop:default 2 accept:IN"
replay minute minute --explain 24
check "explain says that it is not time" grep -Eq 'IN +no +it isn.t s' "$work/out"

# Logs by rate.
compile log <<'RULES'
firewall f default accept { drop udp log 3/m as QUIET }
RULES
replay steady log --log text
check "a line every twenty seconds" same "$(grep -c QUIET "$work/err")" 1
check "the others are counted" grep -q '999 more, not logged because of rate limits' "$work/out"
replay steady log --format json
check "the same as JSON" grep -q '"limited":	999' "$work/out"

compile prefix <<'RULES'
firewall f default accept { drop udp log "dns: " 3/m as QUIET; log "other" tcp }
RULES
replay steady prefix --log text
check "a line begins with its rule's prefix" grep -q '  frame 1  dns: QUIET  drop  udp ' "$work/err"
replay steady prefix --log json
check "which JSON has as a member" grep -q '"prefix":"dns: ","rule":"QUIET"' "$work/err"

# Keys without room.
compile small <<'RULES'
meter m = 1/h per flow entries 2
firewall f default drop { accept udp within m as IN }
RULES
capture many <<'NOTES'
eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
eth / ip4 10.0.0.1 > 10.0.0.9 / udp 2 > 53
eth / ip4 10.0.0.1 > 10.0.0.9 / udp 3 > 53
eth / ip4 10.0.0.1 > 10.0.0.9 / udp 4 > 53
NOTES
replay many small
check "a full table is told" grep -q 'm: 3 within, 1 over, of them 2 without a bucket of their own' "$work/out"

# The same through the kernel, where it takes our programs; EXEC=kernel asks it for all of this script.
if [ -z "${EXEC:-}" ] && EXEC=kernel replay many small; then
    check "in the kernel: a full table is told" grep -q 'm: 3 within, 1 over, of them 2 without a bucket of their own' "$work/out"
    EXEC=kernel replay steady steady --format json
    check "in the kernel: 100 of 1,000 frames within 100/s" grep -q '"within":	100,' "$work/out"
    EXEC=kernel replay steady source --explain 4
    check "in the kernel: explain sees what the frames before took" grep -Eq 'FLOOD +no +syns has 7 tokens for 10.0.0.0/24' "$work/out"
fi

# `limits` reach the answers.
compile rejects <<'RULES'
limits { rejects 5/s }
firewall f default reject { accept icmp6 type nd }
RULES
replay steady rejects
check "rejects 5/s" grep -q '^replies     9 sent, 991 over the limit of 5 per second' "$work/out"

# A zone that this machine does not know.
compile zone <<'RULES'
schedule s = 08:00-18:00 zone "Europe/Paris"
firewall f default accept { drop udp during s }
RULES
TZDIR=/nowhere replay steady zone
check "an unknown zone is one line and status 2" \
    same "$? $(cat "$work/err")" "2 preyrun: $work/zone.pbc: this machine doesn't know the time zone \`Europe/Paris\`; to fix it, run: apt-get install tzdata"
TZDIR=/nowhere "$B/preyc" --check "$work/zone.prey" 2>"$work/err"
check "without zones the compiler says what is missing" grep -q 'package tzdata' "$work/err"
exit $failed
