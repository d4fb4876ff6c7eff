#!/usr/bin/env bash
# The flight recorder: what is recorded live is decided and sent the same once more, across a reload, by one worker and by
# two; tools read it; the directory is private, its size bounded; a killed recorder leaves what can be replayed.
set -u
EXEC=user # it compares with all frames; what comes up from the kernel is live-kernel-record's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
RECORD=0 # this script records by itself

space client prey one two
lan switch 1 client prey one two
for s in one two; do web "$s"; done
to() { # SERVER...: the service's servers from now on
    { echo 'pool farm { balance round_robin; source 10.1.0.50, fd00:1::50'
    for s in "$@"; do case $s in one) echo "  server one 10.1.0.3;  server one6 fd00:1::3" ;; two) echo "  server two 10.1.0.4" ;; esac; done
    echo '}'
    echo 'service web on 10.1.0.100, fd00:1::100 tcp/80 { mode passthrough; announce; -> farm }'; printf '%s' "$limits"; } >next.prey
    "$bin/preyc" next.prey -o next.pbc && mv next.pbc rules.pbc
}
json() { python3 -c 'import json, sys; j = json.load(open("again.out")); print(eval(sys.argv[1]))' "$1"; }
again() { # OPTION...: the last recording once more
    "$bin/preyrun" --replay "$dir" "$@" >again.out 2>again.err
    status=$?
}

for workers in 1 2; do
    dir=kept$workers
    to one
    prey prey -i eth0 --workers $workers --format json --record "$dir" --record-size 8MiB rules.pbc
    for i in 1 2 3; do ask client 10.1.0.100; ask client '[fd00:1::100]'; done | sort | uniq -c | tr -s ' ' >got
    at client ping -c 1 -s 3000 -W 20 10.1.0.2 >/dev/null
    background client ping -c 1 -s 3000 -W 1 10.1.0.100 >/dev/null # nobody answers
    to one two
    kill -HUP "$prey"
    until_true 100 'a reload is made' grep -q '^reloaded' prey.err
    for i in 1 2 3 4 5 6; do ask client 10.1.0.100; done | sort -u | tr '\n' ' ' >>got
    same "$workers: requests, before and after a reload" "$(cat got)" "$(printf ' 6 one\none two ')"
    wait "$last"
    prey_ends
    again --format json
    same "$workers: it is decided and sent the same once more" \
        "$status $(json 'j["recording"]["packets_otherwise"], j["recording"]["verdicts_otherwise"]') $(cat again.err)" '0 (0, 0) '
    same "$workers: as many frames, verdict by verdict" \
        "$(json '[j["verdicts"], j["services"]] == [json.load(open("prey.out"))[k] for k in ("verdicts", "services")]')" True
    same "$workers: all that was sent is compared" \
        "$(json 'j["recording"]["packets"] >= sum(i["sent"] for i in json.load(open("prey.out"))["interfaces"]) > 0')" True
    same "$workers: the directory and its files are private" "$(stat -c %a "$dir" "$dir"/*)" "$(printf '700\n600')"
done

again --verdicts lines --write sent.pcapng
same 'a line a frame' "$(($(wc -l <lines) - 1))" "$(json 'j["live"]["frames"]' 2>/dev/null || number live frames)"
if command -v tshark >/dev/null; then
    tshark -r "$dir/prey-000001.pcapng" -Y 'http.request and frame.interface_name == "eth0"' >seen 2>said
    ok $? 'tshark opens it'
    [ "$(wc -l <seen)" -ge 24 ] # each came, and left
    ok $? 'and finds the requests, as they came and as they left'
    capinfos "$dir/prey-000001.pcapng" >said 2>&1
    ok $? 'so does capinfos'
    same 'what is sent once more is a capture, too' \
        "$(tshark -r sent.pcapng -Y http.request -T fields -e tcp.stream 2>/dev/null | sort -u | wc -l)" 12
fi

echo 'service web on 10.1.0.100 tcp/80 { mode passthrough; -> f }
pool f { server two 10.1.0.4 }' | rules other
again --format json other.pbc
same 'another program: what it would have done, and that is no failure' "$status $(json 'j["recording"]["packets_otherwise"] > 0')" '0 True'

# A change in the recording shows: one bit of a frame that came.
cp -r "$dir" bent
python3 - <<'END'
import glob
f = glob.glob("bent/*")[0]
b = bytearray(open(f, "rb").read())
at = b.rindex(b"GET / HTTP")
at = b.rindex(b"GET / HTTP", 0, at)
b[at] ^= 1
open(f, "wb").write(b)
END
dir=bent again
same 'a frame that was bent is found out' "$status" 1
rm -rf bent

dir=killed
prey prey -i eth0 --record "$dir" rules.pbc
ask client 10.1.0.100 >/dev/null
ask client 10.1.0.100 >/dev/null
requests() { [ "$(grep -c 'GET / HTTP' "$dir/prey-000001.pcapng")" -ge 1 ]; }
until_true 50 'requests are written while it runs' requests
at prey timeout 20 "$bin/preyrun" -i lo --name other --record "$dir" rules.pbc >out 2>err
same 'while it runs no other records there' "$? $(tail -1 err)" "2 preyrun: --record: $dir: another preyrun records in this directory"
prey_killed
size=$(stat -c %s "$dir/prey-000001.pcapng")
truncate -s $((size - 10)) "$dir/prey-000001.pcapng"
again
same 'killed, and its last block cut short: what is whole is the same' "$status $(grep -c ' 0 otherwise' again.out)" '0 2'
grep -q 'cut short' again.err
ok $? 'and it says so'
prey prey -i eth0 --record "$dir" rules.pbc
ask client 10.1.0.100 >/dev/null
prey_ends
same 'another run goes on numbering' "$(ls "$dir" | tr '\n' ' ')" 'prey-000001.pcapng prey-000002.pcapng '

# Larger than it may be: the oldest files go.
mkdir -m 700 small
dir=small
head -c 300000 /dev/zero >small/prey-999999.pcapng
head -c 600000 /dev/urandom >"$work/web-one/large"
{ cat next.prey
echo 'service gone on 10.1.0.100 tcp/81 { mode passthrough; -> nobody }
pool nobody { source 10.1.0.50; server none 10.1.0.9 }'; } | rules waits
cp waits.pbc rules.pbc
background client sh -c 'while :; do curl -s -m 0.3 http://10.1.0.100:81/; done' # something always waits for a neighbour
asks=$last
prey prey -i eth0 --record "$dir" --record-size 1MiB rules.pbc
kill -HUP "$prey" # the same rules once more
awaits '^reloaded'
oldest_gone() { # each download is recorded twice, as it came and as it left; and the file goes in which the reload stands
    at client curl -s -m 60 -o /dev/null "http://10.1.0.100/files/large"
    [ ! -e small/prey-999999.pcapng ] && [ ! -e small/prey-1000000.pcapng ]
}
until_true 20 'the oldest files go' oldest_gone
goes_on() { # from a state that was told since
    ask client 10.1.0.100
    again --format json
    [ "$(json 'j["recording"]["packets"] > 9')" = True ]
}
until_true 100 'a file without those before it holds the state of the worker' goes_on
kill "$asks"
prey_ends
[ "$(cat small/* | wc -c)" -le 1048576 ]
ok $? 'its size is bounded'
again --format json
same 'its beginning is gone, and the rest is the same once more' \
    "$status $(json 'j["recording"]["packets_otherwise"], j["recording"]["verdicts_otherwise"], j["recording"]["packets"] > 9') $(cat again.err)" \
    '0 (0, 0, True) '
same 'programs that no later one is made of are left out' "$(python3 - small/* <<'END'
import struct, sys
for path in sys.argv[1:2]:
    data, at, numbers = open(path, "rb").read(), 0, []
    while at + 32 <= len(data):
        kind, size, number = struct.unpack_from("<I", data, at)[0], struct.unpack_from("<I", data, at + 4)[0], struct.unpack_from("<Q", data, at + 24)[0]
        if kind == 0xbad and data[at + 16] == 2:
            numbers.append(number)
        at += size
print(numbers[0] > 1)
END
)" True
same 'past a million' "$(ls small | grep -c '^prey-1000[0-9]*.pcapng')" "$(ls small | wc -l)"

# A full disk: it is told, packets go on, and so does the recording when there is room again.
mkdir -m 700 full
mount -t tmpfs -o size=1m,mode=700 none full
trap 'umount -l "$work/full" 2>/dev/null; live_end' EXIT
head -c 900000 /dev/zero >full/filler
dir=full
prey prey -i eth0 --record "$dir" rules.pbc
disk_is_full() { # each download is more than there is room for
    at client curl -s -m 60 -o /dev/null "http://10.1.0.100/files/large"
    grep -q 'No space left' prey.err
}
until_true 50 'a full disk is told' disk_is_full
same 'and ends nothing' "$(ask client 10.1.0.100 | grep -cxE 'one|two')" 1
head -c 2000000 /dev/zero >>full/filler 2>/dev/null # to the last byte
for i in 1 2; do # it tries again each second
    sleep 1.1
    ask client 10.1.0.100 >/dev/null
done
none_unbegun() { [ -z "$(find full -name 'prey-*' -size 0)" ]; }
until_true 20 'nor leaves it a file that could not be begun' none_unbegun
rm full/filler
mount -o remount,size=64m full # for all that waits to be written, too
went_on() { # it says so, and nothing is missing since
    ask client 10.1.0.100
    again
    grep -q 'continues from a later state: the disk was too slow' again.err && ! grep -q 'can'\''t continue' again.err
}
until_true 100 'there is room again, and it goes on from a state' went_on
prey_ends
again
same 'what is there is the same once more, and where some is missing is said' \
    "$status $(grep -c ' 0 otherwise' again.out) $(grep -q 'the disk was too slow' again.err && echo said)" '0 2 said'


# What a full disk has left of older versions, or of other hands: last files without a beginning.
cp -r "$dir" unbegun
last_there=$(ls unbegun | tail -1 | grep -oE '[0-9]{6}')
: >"unbegun/prey-$(printf %06d $((10#$last_there + 1))).pcapng"
head -c 8 /dev/zero >"unbegun/prey-$(printf %06d $((10#$last_there + 2))).pcapng"
"$bin/preyrun" --replay unbegun >unbegun.out 2>unbegun.err
same 'last files without a beginning are passed by, and it is said' \
    "$? $(diff <(tail -n +2 again.out) <(tail -n +2 unbegun.out) && echo same) $(grep -c 'notice: unbegun/prey-[0-9]*.pcapng isn'\''t a recording, .*; preyrun leaves the file out' unbegun.err)" '0 same 2'
"$bin/preyrun" --replay unbegun --from 1 >unbegun.out 2>unbegun.err
same 'likewise from the first' "$? $(diff <(tail -n +2 again.out) <(tail -n +2 unbegun.out) && echo same)" '0 same'
rm unbegun/*
: >unbegun/prey-000001.pcapng
"$bin/preyrun" --replay unbegun >unbegun.out 2>unbegun.err
same 'nothing but such' "$? $(cat unbegun.err)" '2 preyrun: unbegun/prey-000001.pcapng: the file isn'\''t a recording'

dir=snapped
prey prey -i eth0 --record "$dir" --record-snap 96 rules.pbc
ask client 10.1.0.100 >/dev/null
at client ping -c 1 -s 1000 -W 20 10.1.0.2 >/dev/null
prey_ends
again
same 'of frames that are kept in part, as well' "$status $(grep -c ' 0 otherwise' again.out)" '0 2'
same 'and the rest is not there' "$(cat "$dir"/* | grep -c User-Agent)" 0

refused() { # SENTENCE PATTERN OPTION...
    local sentence=$1 pattern=$2
    shift 2
    timeout 20 ip netns exec "$id-prey" "$bin/preyrun" -i eth0 "$@" rules.pbc >out 2>err
    same "$sentence" "$? $(grep -cE -- "$pattern" err)" '2 1'
}
mkdir -m 755 open
refused 'a directory that others may read' 'chmod 700 open' --record open
refused 'none, in none' 'No such file' --record none/none
refused 'no size' 'isn.t a size from 1MiB' --record small --record-size 1KiB
exit $failed
