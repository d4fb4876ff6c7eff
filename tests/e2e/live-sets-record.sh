#!/usr/bin/env bash
# Recordings of live sets: members that come and go by hand, by time, by a feed, by a file and by rules while packets flow, and flows that
# are cut. A replay judges each packet as it was judged, and ends the same flows; an answer that was changed, left out or is not known is found out.
# EXEC=kernel: live-sets-record-kernel.sh.
set -u
: "${EXEC:=user}"
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
RECORD=0 # this script records by itself

between one
address client eth0 10.1.0.8/24
address client eth0 10.1.0.9/24
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
udp one 7
printf '198.51.100.0/24\n' >list
rules run <<END
set caught = live size 1000
set trapped = live size 1000
set listed = live file "$work/list" size 1000
firewall f forward default drop {
  accept icmp6 type nd
  drop from caught as CAUGHT
  drop to listed as LISTED
  drop from trapped as TRAPPED
  add source to trapped for 600ms cut udp to port 23 as TRAP
  accept state established as OPEN
  drop tcp state invalid as STRAY
  accept state new as NEW
}
END
# Senders that go on until they are told to stop: each sends from one port, and begins a new flow by it after a cut.
cat >sends.py <<'PY'
import contextlib, socket, sys, time
v6 = ":" in sys.argv[1]
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 4000))
s.setblocking(False)
while True:
    with contextlib.suppress(OSError):
        s.sendto(b"x", (sys.argv[2], 7))
    with contextlib.suppress(OSError):
        while s.recv(100):
            pass
    time.sleep(0.002)
PY
prey prey -i wan -i lan --record kept --record-sample 1 run.pbc
is_ready prey || exit 1
for from in 10.1.0.8 10.1.0.9; do background client python3 "$work/sends.py" $from 10.2.0.2; done
background client python3 "$work/sends.py" fd00:1::1 fd00:2::2
sets() { ctl sets "$@"; echo "$status $(cat err out)"; }
counted() { at prey "$bin/preyctl" counters "$1" | awk -v name="$1" '$1 == name { gsub(",", ""); print $2 }'; }
rule() { counted "rules.$1.packets"; }
more() { [ "$(rule "$1")" -ge "$2" ]; } # RULE N: it has decided so many
falls() { local n; n=$(rule "$1"); until_true 50 "$2: packets are dropped by it" more "$1" $((n + 5)); }
goes() { local n; n=$(rule OPEN); until_true 50 "$1: packets pass" more OPEN $((n + 5)); }
goes 'at the beginning'
same 'by hand' "$(sets caught add 10.1.0.8)" '0 caught: 1 added'
falls CAUGHT 'by hand'
same 'it is removed' "$(sets caught remove 10.1.0.8)" '0 caught: 1 removed'
goes 'once it is removed'
same 'a network of IPv6, which expires' "$(sets caught add fd00:1::/64 for 1s)" '0 caught: 1 added'
falls CAUGHT 'until it expires'
lacks() { [ "$(sets "$1" has "$2")" = "1 $1 doesn't have $2" ]; } # SET ADDRESS
until_true 50 'it expires' lacks caught fd00:1::1
printf '+10.1.0.9 1h\n' | timeout 60 ip netns exec "$id-prey" "$bin/preyctl" sets caught feed >out
falls CAUGHT 'by a feed'
printf -- '-10.1.0.9\n' | timeout 60 ip netns exec "$id-prey" "$bin/preyctl" sets caught feed >out
goes 'the feed removes it'
printf '10.2.0.0/24\n' >list.new && mv list.new list
falls LISTED 'by a file'
printf '198.51.100.0/24\n' >list.new && mv list.new list
until_true 50 'the file changes again' lacks listed 10.2.0.2
goes 'the file leaves it out'
ended() { [ "$(sets caught add 10.1.0.9 for 300ms cut)" = "0 caught: 1 added, 1 flow ended" ]; }
until_true 5 'a cut ends the flow' ended
until_true 50 'the member expires' lacks caught 10.1.0.9
at client python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.0.9", 0))
s.sendto(b"x", ("10.2.0.2", 23))'
falls TRAPPED 'by a rule'
until_true 50 'its time is over' lacks trapped 10.1.0.9
printf '10.1.0.8/31\n' >block
at prey "$bin/preyctl" sets caught replace <block >out
falls CAUGHT 'by a list in the place of all'
ctl sets caught flush
goes 'at the end'
for name in CAUGHT LISTED TRAPPED TRAP; do echo "$name $(rule $name)"; done >live
cut=$(counted flows.ended.cut)
[ "$cut" -ge 2 ]
ok $? "flows were cut: $cut"
prey_ends

again() { # OPTION...: the recording once more
    "$bin/preyrun" --replay "$@" >again.out 2>again.err
    status=$?
}
json() { python3 -c 'import json, sys; r = json.load(open("again.out"))["recording"]; print(*[r.get(k) for k in sys.argv[1:]])' "$@"; }
again kept --format json --verdicts lines
same 'all is as recorded' "$status $(json verdicts_otherwise packets_otherwise members_unknown members_empty) $(cat again.err)" '0 0 0 0 False '
judged=$(json verdicts)
[ "$judged" -ge 500 ] && [ "$(json verdicts_unclaimed)" != None ] || [ "$EXEC" = user ]
ok $? "so many packets: $(json verdicts verdicts_unclaimed)"
if [ "$EXEC" = kernel ]; then
    # Members changed 15 times: each change may come between two questions about one packet.
    ok $(($(json verdicts_unclaimed) > 15)) "no packet hangs on more than was recorded, but for one a change: $(json verdicts_unclaimed)"
else
    for name in CAUGHT LISTED TRAPPED TRAP; do
        echo "$name $(python3 -c 'import json, sys
print(sum(r["packets"] for r in json.load(open("again.out"))["rules"] if r["rule"] == sys.argv[1]))' $name)"
    done >seen
    same 'rules decide as many packets as live' "$(tr '\n' ' ' <seen)" "$(tr '\n' ' ' <live)"
    same 'as many flows end by cuts' "$(python3 -c 'import json; print(json.load(open("again.out"))["flows"]["ended"]["cut"])')" "$cut"
fi
again kept
ok "$status" 'told in words'
grep -q ' as recorded, 0 otherwise' again.out && ! grep -q 'live sets' again.out
ok $? 'and nothing is missing'

# Other rules: what they ask as the recorded ones did is answered as then; what these never asked is not known, and said.
sed 's/drop from caught as/accept from caught as/' run.prey >lets.prey
"$bin/preyc" lets.prey -o lets.pbc >/dev/null 2>said
again kept lets.pbc --format json
same 'another program is answered, too' "$status $(json members_unknown) $([ "$(json verdicts_otherwise)" -ge 10 ] && echo otherwise)" '0 0 otherwise'
sed 's/to listed as/to not listed as/; s/from trapped as/to trapped as/' run.prey >unasked.prey
"$bin/preyc" unasked.prey -o unasked.pbc >/dev/null 2>said
again kept unasked.pbc
ok "$status" 'another program asks what was never asked'
if [ "$EXEC" = kernel ]; then
    grep -q ' [1-9][0-9,]* that need more' again.out
    ok $? 'those packets hang on more than was recorded'
fi
grep -qE '^live sets   [1-9][0-9,]* look-ups? without a recorded result; preyrun assumed that the set doesn.t have the address$' again.out
ok $? 'and the summary says so'

# The blocks of answers are what the replay goes by: one bit changed, all of them left out, damaged, or a version that has none.
cat >bends.py <<'PY'
import glob, os, struct, sys
how, to = sys.argv[1:]
STEP, START, HEARD, MEMBERS, CUT = 4, 1, 18, 19, 20
os.mkdir(to, 0o700)
for name in sorted(glob.glob("kept/*")):
    raw, out, at = open(name, "rb").read(), bytearray(), 0
    while at < len(raw):
        kind, length = struct.unpack_from("<II", raw, at)
        block = bytearray(raw[at:at + length])
        at += length
        ours = kind == 0xbad and struct.unpack_from("<II", block, 8) == (32473, 0x79657270)
        what = struct.unpack_from("<H", block, 16)[0] if ours else 0
        step = struct.unpack_from("<H", block, 28)[0] if what == STEP else 0
        if how == "older" and what == START:
            struct.pack_into("<I", block, 24, 18)
        if how in ("without", "older") and step in (HEARD, MEMBERS, CUT):
            continue
        if how == "uncut" and step == CUT:
            continue
        if how == "others" and step == HEARD:
            block[24 + 24 + 1] ^= 1
        if how == "others" and step == MEMBERS:
            for word in 16, 24: # held, of the sets that were asked
                asked, = struct.unpack_from("<Q", block, 48 + word - 16)
                held, = struct.unpack_from("<Q", block, 48 + word)
                struct.pack_into("<Q", block, 48 + word, held ^ asked)
        if how == "damaged" and step in (HEARD, MEMBERS):
            block[24 + 24:24 + 28] = b"\xff" * 4 if step == HEARD else block[24 + 24:24 + 28]
            struct.pack_into("<Q", block, 24 + 16, 1 << 60)
            struct.pack_into("<H", block, 24 + 6, 9)
        out += block
    open(to + "/" + os.path.basename(name), "wb").write(out)
PY
bent() { python3 "$work/bends.py" "$1" "$1" && again "$1" --format json; }
bent others
same 'answers that were changed are found out' "$status $([ "$(json verdicts_otherwise)" -ge 10 ] && echo otherwise)" '1 otherwise'
if [ "$EXEC" = kernel ]; then
    bent without
    [ "$status" -eq 0 ] && [ "$(json verdicts_unclaimed)" -ge 500 ] && [ "$(json verdicts_otherwise)" -eq 0 ]
    ok $? 'without answers packets hang on more than was recorded'
    bent damaged
    [ "$status" -eq 0 ] && [ "$(json verdicts_unclaimed)" -ge 500 ] && [ "$(json verdicts_otherwise)" -eq 0 ]
    ok $? 'and so they do with damaged ones'
else
    bent without
    ok "$([ "$(json passed_over)" -ge 500 ]; echo $?)" 'without answers no packet is judged'
    same 'and it says so' "$(cat again.err)" 'preyrun: without: worker 0 can'\''t continue: the recording lacks results of look-ups in live sets'
    bent damaged
    same 'damaged answers are found out' "$(cat again.err)" 'preyrun: damaged: worker 0 can'\''t continue: the recorded results of look-ups in live sets are damaged'
    bent uncut
    same 'a cut that is missing is found out' "$status $([ "$(json verdicts_otherwise)" -ge 1 ] && echo otherwise)" '1 otherwise'
    bent older
    same 'an older recording has no members' "$status $(json members_empty) $([ "$(json verdicts_otherwise)" -ge 10 ] && echo otherwise)" '1 True otherwise'
    again older
    grep -q '^live sets   empty: a recording before version 19 doesn'\''t have their members, so verdicts may differ$' again.out
    ok $? 'and the summary says so'
fi
exit $failed
