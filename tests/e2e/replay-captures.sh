#!/usr/bin/env bash
# Captures as people have them: compressed, several, piped, with names for their interfaces; and lines of some frames alone.
set -u
. tests/lib/scratch.sh

says() { # SENTENCE STATUS LINE
    same "$1" "$status|$(cat err)" "$2|preyrun: $3"
}
verdicts() { # the last run's lines as "FRAME VERDICT RULE;"
    tail -n +2 out | cut -f1-3 | tr '\t\n' ' ;'
}
# ng FILE NAME... -- IFACE:SECOND:FRAMES...: a pcapng with those interfaces, of frames of a pcap (from 0).
cat >ng.py <<'END_PY'
import struct, sys
names, frames = sys.argv[2:sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1:]
raw = open("all.pcap", "rb").read()
packets, at = [], 24
while at < len(raw):
    n = struct.unpack_from("<I", raw, at + 8)[0]
    packets.append(raw[at + 16:at + 16 + n])
    at += 16 + n
def block(kind, body): return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))
def pad(b): return b + b"\0" * (-len(b) % 4)
out = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
for n in names:
    n = n.encode()
    out += block(1, struct.pack("<HHI", 1, 0, 0) + (struct.pack("<HH", 2, len(n)) + pad(n) if n else b"") + b"\0\0\0\0")
for f in frames:
    iface, second, which = map(int, f.split(":"))
    us = second * 1000000
    p = packets[which]
    out += block(6, struct.pack("<IIIII", iface, us >> 32, us & 0xffffffff, len(p), len(p)) + pad(p))
open(sys.argv[1], "wb").write(out)
END_PY
ng() { python3 ng.py "$@"; }

rules here <<'END_RULES'
interface wan = "eth0"
interface lan = "eth1"
firewall outside on wan default drop { accept tcp to port 80 as WEB }
firewall inside on lan default accept { drop udp as QUIET }
END_RULES
capture all <<'END_NOTES'
eth / ip4 192.0.2.1 > 192.0.2.2 / tcp 50000 > 80 syn
eth / ip4 192.0.2.1 > 192.0.2.2 / tcp 50000 > 22 syn
eth / ip4 192.0.2.1 > 192.0.2.2 / udp 50000 > 53
END_NOTES

echo '# Names of interfaces'
ng names.pcapng eth0 eth1 wlan0 '' -- 0:1:0 0:2:1 1:3:1 1:4:2 2:5:1 3:6:1
run -r names.pcapng --verdicts - here.pbc
same 'a pcapng says where its frames came in' "$status $(verdicts)" '0 1 accept WEB;2 drop default;3 accept default;4 drop QUIET;5 accept -;6 accept -;'
run -r names.pcapng here.pbc
same 'and the summary says which is which' "$(sed -n '/^interfaces/,/^$/p' out | tr '\n' '|')" 'interfaces  eth0: wan|            eth1: lan|            wlan0: the rules don'\''t name it||'
run -r names.pcapng --map wlan0=wan --map eth1=wan --map gone=lan --verdicts lines here.pbc
cp lines out2; mv out summary; cp out2 out
same '--map says it of a name' "$(verdicts)" '1 accept WEB;2 drop default;3 drop default;4 drop default;5 drop default;6 accept -;'
same 'one that nothing has is told' "$(grep -c -- '--map gone=lan: no interface of the capture has this name' summary)" 1
run -r names.pcapng --on lan --verdicts - here.pbc
same '--on says it of all' "$(verdicts)" '1 accept default;2 accept default;3 accept default;4 drop QUIET;5 accept default;6 accept default;'
run -r names.pcapng --map 'a=b c' here.pbc
says '--map to no device' 2 '--map: `b c` can'\''t be a device name: use 1 to 15 characters, without blanks, `/` and `:`'
run -r names.pcapng --explain 5 here.pbc
same 'an explanation says of one that the rules don'\''t name' "$(sed -n 2p out)" '  came in on wlan0, which the rules don'\''t name'
run -r all.pcap --map all.pcap=wan --verdicts - here.pbc
same 'a file without names has its own' "$(verdicts)" '1 accept WEB;2 drop default;3 drop default;'
cat names.pcapng | timeout 60 "$bin/preyrun" -r - --verdicts - here.pbc >out
same 'through a pipe likewise' "$(verdicts)" '1 accept WEB;2 drop default;3 accept default;4 drop QUIET;5 accept -;6 accept -;'
python3 - <<'END_PY'
import struct
def block(kind, body): return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))
sec = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
plain = block(1, struct.pack("<HHI", 1, 0, 0))
frame = lambda i: block(6, struct.pack("<IIIII", i, 0, 0, 0, 0))
open("million.pcapng", "wb").write(sec + plain * 1000000 + frame(999999))
open("more.pcapng", "wb").write(sec + plain * 1048577)
named = lambda i: block(1, struct.pack("<HHIHH8s", 1, 0, 0, 2, 8, b"if%06d" % i))
open("names-many.pcapng", "wb").write(sec + b"".join(named(i) for i in range(65536)))
END_PY
run -r million.pcapng --json here.pbc
same 'a million interfaces' "$status $(grep -c '"frames":	1,' out)" '0 1'
run -r more.pcapng --verdicts - here.pbc
same 'more than may be: the bound is named' "$status $(grep -c 'more than 1,048,576 interfaces in a section' err)" '2 1'
run -r names-many.pcapng --verdicts - here.pbc
same 'more names than can be told apart likewise' "$status $(grep -c 'more interfaces than preyrun can distinguish' err)" '2 1'

echo '# Several'
ng a.pcapng eth0 -- 0:1:0 0:5:1
ng b.pcapng eth1 -- 0:2:2 0:5:2 0:9:1
wanted='1 accept WEB;2 drop QUIET;3 drop default;4 drop QUIET;5 accept default;'
run -r a.pcapng -r b.pcapng --verdicts - here.pbc
same 'two captures by their times' "$status $(verdicts)" "0 $wanted"
gzip -k b.pcapng
run -r a.pcapng -r b.pcapng.gz --verdicts - here.pbc
same 'one of them compressed' "$(verdicts)" "$wanted"
cat b.pcapng | timeout 60 "$bin/preyrun" -r a.pcapng -r - --verdicts - here.pbc >out
same 'one of them a pipe' "$(verdicts)" "$wanted"
run -r a.pcapng -r b.pcapng --json --repeat 3 here.pbc
same 'both are named' "$(python3 -c 'import json; j = json.load(open("out")); print(j["capture"]["paths"], j["capture"]["frames"], j["capture"]["interfaces"])')" \
    "['a.pcapng', 'b.pcapng'] 5 [{'name': 'eth0', 'is': 'wan'}, {'name': 'eth1', 'is': 'lan'}]"
head -c -7 a.pcapng >cut.pcapng
run -r cut.pcapng -r b.pcapng --verdicts - here.pbc
same 'one that is cut ends alone, and is told at the end' "$status $(verdicts) $(grep -c '^preyrun: cut.pcapng: truncated' err)" '2 1 accept WEB;2 drop QUIET;3 drop QUIET;4 accept default; 1'
run -r a.pcapng -r a.pcapng here.pbc
says 'one twice' 2 '--pcap: `a.pcapng` is given twice'

echo '# Compressed'
run -r all.pcap --on wan --verdicts - here.pbc
cp out plain
for how in 'gzip -c' 'xz -c' 'zstd -qc' 'lz4 -qc'; do
    $how all.pcap >packed
    run -r packed --on wan --verdicts - here.pbc
    same "${how% *}" "$status$(cat err)$(cat out)" "0$(cat plain)"
    timeout 60 "$bin/preyrun" -r - --on wan --verdicts - here.pbc < <(cat packed) | cmp -s - plain
    ok $? "${how% *}, through a pipe"
    { head -c 60 all.pcap | $how; tail -c +61 all.pcap | $how; } >packed
    run -r packed --on wan --verdicts - here.pbc
    same "${how% *}, two behind one another" "$(cat out)" "$(cat plain)"
    run -r packed --on wan --repeat 2 here.pbc
    same "${how% *}, twice" "$status $(grep -c '^repeat' out)" '0 1'
    $how all.pcap | head -c -9 >packed
    run -r packed --on wan --verdicts - here.pbc
    same "${how% *}, cut" "$status $(grep -c '^preyrun: packed: ' err)" '2 1'
    { $how all.pcap | head -c 20; head -c 300 here.pbc; } >packed
    run -r packed --on wan --verdicts - here.pbc
    same "${how% *}, with a damage" "$status $(grep -c '^preyrun: packed: ' err)" '2 1'
done
gzip -c all.pcap | xz -c >packed
run -r packed here.pbc
says 'an archive in an archive' 2 'packed: the input is compressed twice (xz, then gzip inside): unpack the input first (gzip -dc)'
tar -czf packed all.pcap
run -r packed here.pbc
says 'an archive of files' 2 'packed: the input is an archive: unpack the archive first (tar -x)'
python3 - <<'END_PY' | zstd -qc >packed
import struct, sys
sys.stdout.buffer.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
record = struct.pack("<IIII", 1, 0, 200000, 200000) + b"\0" * 200000
for i in range(1500): sys.stdout.buffer.write(record)
END_PY
run -r packed --verdicts /dev/null here.pbc
says 'a bomb' 2 'packed: zstd: the input unpacks to more than 1,000 times its size: if you expect that, unpack the input first'
python3 -c '
import sys
sys.stdout.buffer.write(b"\x28\xb5\x2f\xfd\x00\xb0" + b"\0" * 20)' >packed
run -r packed here.pbc
says 'a window of 4 GiB' 2 'packed: zstd: decompression needs more than 256 MiB of memory, which is prey'\''s limit: decompress the input first (zstd -dc --long=31)'

echo '# As frames come'
mkfifo pipe
exec 7<>pipe
timeout 60 "$bin/preyrun" -r pipe --on wan --verdicts came --write-seen seen.pcap here.pbc >out 2>err 7>&- &
p=$!
until_came() { # LINES
    local i=0
    while [ "$(cat came 2>/dev/null | wc -l)" -lt "$1" ] && [ $((i += 1)) -lt 3000 ]; do sleep 0.01; done
    wc -l <came
}
head -c 94 all.pcap >&7
same 'the line of a frame comes when it has come' "$(until_came 2)" 2
until_written() { # BYTES: the lines are written first
    local i=0
    while [ "$(stat -c %s seen.pcap)" -lt "$1" ] && [ $((i += 1)) -lt 3000 ]; do sleep 0.01; done
    stat -c %s seen.pcap
}
same 'and so does the frame itself' "$(until_written 94)" 94
tail -c +95 all.pcap | head -c 70 >&7
same 'and the next' "$(until_came 3)" 3
kill -INT $(pgrep -P $p)
wait $p
same 'an interrupt ends it with a summary' "$? $(grep -c '^stopped' out) $(grep -oE '^ +2 frames' out | tr -s ' ') $(cat err)" '0 1  2 frames '
same 'and whole files' "$(stat -c %s seen.pcap) $(cat came | wc -l)" '164 3'
exec 7>&-
python3 -c '
import sys
raw = open("all.pcap", "rb").read()
sys.stdout.buffer.write(raw)
while True: sys.stdout.buffer.write(raw[24:] * 1000)' 2>/dev/null | timeout 60 "$bin/preyrun" -r - --verdicts endless --json here.pbc >out 2>err &
p=$!
i=0
while [ ! -s endless ] && [ $((i += 1)) -lt 3000 ]; do sleep 0.01; done
kill -TERM $(pgrep -P $p)
wait $p
same 'SIGTERM does, too' "$? $(tail -c1 endless | od -An -c | tr -d ' ') $(python3 -c '
import json
j = json.load(open("out"))
print(j["capture"]["stopped"], j["capture"]["frames"] == sum(1 for l in open("endless")))')" '0 \n True True'

# Ended in one of many passes: that pass is no measure.
timeout 100 "$bin/preyrun" -r all.pcap --on wan --repeat 1000000 --json here.pbc >out 2>err &
p=$!
i=0
judged() { awk '{ print $14 }' "/proc/$(pgrep -P $p)/stat" 2>/dev/null; } # ticks of CPU: many passes
while [ "$(judged || echo 0)" -lt 20 ] 2>/dev/null && [ $((i += 1)) -lt 3000 ]; do sleep 0.01; done
kill -INT $(pgrep -P $p)
wait $p
same 'ended among many passes: those that were whole are told, and count alone' "$? $(python3 -c '
import json
r = json.load(open("out"))["repeat"]
print(1 < r["passes"] < 1000000, 0 < r["best_ns"] <= r["median_ns"] <= r["worst_ns"])')" '0 True True'

echo '# Which frames, and what of them'
run -r names.pcapng --only 'drop' here.pbc
same '--only a verdict' "$status $(verdicts)" '0 2 drop default;4 drop QUIET;'
run -r names.pcapng --only 'drop rule QUIET, rule WEB' here.pbc
same 'both of words, either of lists' "$(verdicts)" '1 accept WEB;4 drop QUIET;'
run -r names.pcapng --only 'not drop not rule -' here.pbc
same 'not' "$(verdicts)" '1 accept WEB;3 accept default;'
run -r names.pcapng --only 'rule SSH' here.pbc
says 'a rule that is not there' 2 '--only: no rule is called `SSH`'
run -r names.pcapng --only 'rule SSH, drop, not server web/ten' here.pbc
says 'each name that is not there' 2 '--only: no rule is called `SSH`, no server is called `web/ten`'
rules lines <<'RULES'
firewall edge default accept {
  accept tcp
  drop udp port 53; drop udp; drop icmp
}
RULES
run -r names.pcapng --only 'rule edge:3' --on wan lines.pbc
same 'rules without a name, by their line' "$status $(verdicts)" '0 4 drop edge:3;'
run -r names.pcapng --only 'dropped' here.pbc
says 'a word that is none' 2 '--only: `dropped` is none of accept, drop, reject, forward, pass, held, rule NAME, service NAME, server POOL/SERVER, reason NAME, otherwise, not'
run -r names.pcapng --only 'drop, rule' here.pbc
says 'a name that is missing' 2 '--only: a name is missing after `rule`'
run -r names.pcapng --only 'rule QUIET' --describe here.pbc
same '--describe' "$(cat out)" $'frame\tverdict\trule\tservice\tserver\treason\tpacket\n4\tdrop\tQUIET\t-\t-\t-\tudp 192.0.2.1:50000 > 192.0.2.2:53'
run -r names.pcapng --only 'rule QUIET' --describe --json here.pbc
same 'in JSON' "$(python3 -c 'import json; print(json.load(open("out"))["packet"])')" 'udp 192.0.2.1:50000 > 192.0.2.2:53'
run -r names.pcapng --only 'drop' --write-seen seen.pcapng here.pbc
same '--write-seen, beside the summary' "$status $(grep -c '^decided by' out)" '0 1'
run -r seen.pcapng --verdicts - here.pbc
same 'has those frames, and their interfaces' "$(verdicts)" '1 drop default;2 drop QUIET;'
run -r names.pcapng -r names.pcapng.gz --only drop --write-seen - here.pbc 2>/dev/null
gzip -kf names.pcapng
run -r names.pcapng.gz --only drop --write-seen seen.pcap here.pbc
run -r seen.pcap --on wan --describe here.pbc
same 'of an archive, as a pcap' "$(tail -n +2 out | cut -f7 | tr '\n' ';')" 'tcp 192.0.2.1:50000 > 192.0.2.2:22 SYN;udp 192.0.2.1:50000 > 192.0.2.2:53;'
echo 'ip4 192.0.2.1 > 192.0.2.2 / tcp 50000 > 80 syn' >raw.notes
"$bin/tests/tools/mkcap" raw.notes raw.pcap
run -r raw.pcap --write-seen seen.pcap here.pbc
cmp -s <(tail -c +25 raw.pcap | tail -c 40) <(tail -c 40 seen.pcap) && run -r seen.pcap --describe here.pbc
same 'without Ethernet' "$(tail -1 out | cut -f7)" 'tcp 192.0.2.1:50000 > 192.0.2.2:80 SYN'
run -r raw.pcap -r all.pcap --write-seen seen.pcap here.pbc
says 'link types that differ, in a pcap' 2 'seen.pcap: the frames have several link types, which a pcap can'\''t hold; to fix it, choose a name that ends in .pcapng'
run -r raw.pcap -r all.pcap --write-seen seen.pcapng here.pbc
run -r seen.pcapng --describe here.pbc
same 'in a pcapng' "$status $(tail -n +2 out | wc -l)" '0 4'
run -r names.pcapng --write-seen names.pcapng here.pbc
says 'not over the capture' 2 'names.pcapng: this is the capture that preyrun reads'
run -r names.pcapng --write-seen /dev/full here.pbc
says 'on a full disk' 2 '/dev/full: No space left on device'

# A fragment that waits for its first, behind it others: lines and explanations keep their order, and their frames.
rules frag <<'END_RULES'
firewall f default drop { accept udp to port 53 as DNS; accept tcp as TCP }
END_RULES
capture frag <<'END_NOTES'
eth / ip4 192.0.2.1 > 192.0.2.2 id 7 frag 32 proto udp / zeros 16
eth / ip4 192.0.2.1 > 192.0.2.2 / tcp 50000 > 80 syn
eth / ip4 192.0.2.1 > 192.0.2.2 id 7 more / udp 50000 > 53 len 48 / zeros 24
eth / ip4 192.0.2.1 > 192.0.2.2 / tcp 50001 > 80 syn
END_NOTES
gzip -kf frag.pcap
for c in frag.pcap frag.pcap.gz; do
    run -r $c --describe --write-seen seen.pcap --verdicts - frag.pbc
    same "$c: lines with their frames, one held" "$(tail -n +2 out | cut -f1-3,7 | tr '\t\n' ' ;')" \
        "$("$bin/preyrun" -r frag.pcap --verdicts - frag.pbc | tail -n +2 | cut -f1-3 | tr '\t' ' ' >a; "$bin/preyrun" -r frag.pcap --describe frag.pbc | tail -n +2 | cut -f7 >b; paste -d' ' a b | tr '\n' ';')"
    same "$c: all are written" "$(cmp seen.pcap frag.pcap 2>&1 | cut -c1-20; stat -c %s seen.pcap)" "$(cmp seen.pcap frag.pcap 2>&1 | cut -c1-20; stat -c %s frag.pcap)"
    run -r $c --explain 4,1-3 frag.pbc
    same "$c: explanations come in order" "$status $(grep '^frame' out | cut -d' ' -f2 | tr '\n' ' ')$(grep '^verdict' out | tr -s ' ' | cut -d' ' -f2,4 | tr '\n' ';')" \
        "0 1 2 3 4 accept DNS;accept TCP;accept DNS;accept TCP;"
done
# More than one batch of frames waits behind it, and, when all of these are out, again behind another.
for id in 7 8; do
    sed -n "1s/id 7/id $id/p" frag.notes
    echo 'repeat 80 eth / ip4 192.0.2.1 > 192.0.2.2 / tcp 50000 > 80 syn'
    sed -n "3s/id 7/id $id/p" frag.notes
    [ $id = 8 ] || echo 'repeat 80 eth / ip4 192.0.2.1 > 192.0.2.2 / tcp 50000 > 80 syn'
done >long.notes
"$bin/tests/tools/mkcap" long.notes long.pcap
gzip -kf long.pcap
for c in long.pcap long.pcap.gz; do
    run -r $c --describe --write-seen seen.pcap --verdicts - frag.pbc
    same "$c: lines that wait keep their frames" "$(awk -F '\t' 'NR > 1 { print $2, $7 }' out | sort | uniq -c | tr -s ' ' | tr '\n' ';') $(sed -n 2p out | cut -f2,3)" \
        $' 240 accept tcp 192.0.2.1:50000 > 192.0.2.2:80 SYN; 2 accept udp 192.0.2.1 > 192.0.2.2 fragment later; 2 accept udp 192.0.2.1:50000 > 192.0.2.2:53 fragment first; accept\tDNS'
    cp out lines
    run -r seen.pcap --describe frag.pbc
    same "$c: and all are written, at their times" "$(cat out)" "$(cat lines)"
done
for n in 1 2 3 4; do "$bin/preyrun" -r frag.pcap --explain $n frag.pbc; [ $n = 4 ] || echo; done >each
run -r frag.pcap --explain 1,2,3,4 frag.pbc
same 'together they say what each says' "$(cat out)" "$(cat each)"
run -r frag.pcap --explain 2,9 frag.pbc
same 'one that is not there' "$status $(grep -c ^frame out) $(cat err)" '2 1 preyrun: --explain 9: the capture has only 4 frames'
run -r frag.pcap --explain 1-2 --json frag.pbc
same 'in JSON an object a line' "$(python3 -c 'import json; print([json.loads(l)["frame"] for l in open("out")])')" '[1, 2]'

# `replay` in the tests of a rule file reads the same captures.
sed '$a test "names" { replay "names.pcapng" accept >= 66% }' here.prey >there.prey
"$bin/preyc" --check there.prey >out 2>err
same 'a test of rules goes by the names of interfaces' "$? $(grep -c 'test passed' out)" '0 1'
sed '$a test "all" { replay "frag.pcap.gz" drop all }' frag.prey >there.prey
"$bin/preyc" --check there.prey >out 2>err
same 'and shows a frame of an archive that is behind it' "$? $(grep -c 'the first frame with another result is frame 1, accept.*: udp 192.0.2.1 > 192.0.2.2' err)" '1 1'
exit $failed
