#!/usr/bin/env bash
# A recording made without interfaces (tests/tools/mkrec) is replayed: the same verdicts and packets, as text and JSON, with
# lines and what is sent; damaged ones are told apart; what does not go together is refused.
set -u
. tests/lib/scratch.sh

rules shop <<'END'
interface wan = "eth0"
pool web { balance round_robin; source 10.9.0.1; server a 10.0.0.11:8080; server b 10.0.0.12:8080 }
service shop on 203.0.113.10 tcp/80, udp/53 { mode passthrough; announce; -> web }
firewall f default drop { accept tcp to port 22, 80 as WEB; accept udp to port 53; reject tcp port 113 log as IDENT }
END
capture shop <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 40000 > 80 syn seq 1
eth / ip4 198.18.0.2 > 203.0.113.10 / tcp 40000 > 80 syn seq 1
eth / ip4 198.18.0.3 > 203.0.113.10 / udp 40000 > 53
eth / ip4 198.18.0.3 > 203.0.113.10 / udp 40000 > 53
eth / ip4 198.18.0.4 > 10.0.0.9 / tcp 40000 > 22 syn seq 1
eth / ip4 198.18.0.5 > 10.0.0.9 / tcp 40000 > 113 syn seq 1
eth / ip4 198.18.0.6 > 10.0.0.9 / tcp 40000 > 25 syn seq 1
END
"$bin/tests/tools/mkrec" shop.pbc shop.pcap kept
ok $? 'a recording is made'
run --replay kept
same 'it is decided and sent the same once more' "$status $(grep -E '^(verdicts|left) ' out | tr -s ' ' | tr '\n' ';')" \
    '0 verdicts 7 as recorded, 0 otherwise;left 4 packets as recorded, 0 otherwise;'
run --replay kept --format json
same 'as JSON' "$(python3 -c 'import json; j = json.load(open("out")); print(list(j["recording"].values())[:8], j["verdicts"]["forward"]["packets"])')" \
    '[1, 1, 1, 4, 0, 7, 0, 0] 4'
run --replay kept --explain 6
has 'a frame is explained: the rules that were tried' '^ +IDENT +reject +[a-z.:0-9]+ +matches|IDENT .*shop.prey'
has 'and what became of it' 'reject'
run --replay kept --explain 3 --format json
same 'as JSON' "$(python3 -c 'import json; j = json.load(open("out")); print(j["frame"], j["verdict"], j["server"])')" '3 forward web/a'
run --replay kept --explain 4 --format json
same 'its flow, by the clock on the wall' "$(python3 -c 'import json; j = json.load(open("out")); print(j["flow"]["began"] == j["flow"]["last"] == j["time"])')" True
run --replay kept --explain 99
same 'one that never came' "$status $(cat err)" '2 preyrun: --explain 99: only 7 frames were replayed'
run --replay kept --flows
same 'flows are listed, with their servers' "$(grep -cE 'web/[ab] .*open$' out) $(grep -oE '^4 flows: 4 open' out)" '3 4 flows: 4 open'
run --replay kept --flows --format json
same 'as JSON' "$(python3 -c 'import json; print([f.get("server") for f in json.load(open("out"))["flow_list"]])')" "['web/a', 'web/b', 'web/a', None]"
run --replay kept --coverage
has 'rules that matched, and those that did not' '^coverage +[0-9]+ of [0-9]+ rules matched packets'
run --replay kept --log text
same 'what rules log is told again' "$(cut -d' ' -f3- err)" 'IDENT  reject  tcp 198.18.0.5:40000 > 10.0.0.9:113 SYN  54 bytes'
run --replay kept --verdicts lines --to 2001-01-01T00:00:00Z
same 'up to a time before it, there is nothing' "$status $(wc -l <lines)" '0 1'
run --replay kept --from 03.12
same 'what is no time' "$status" 2
run --replay kept --verdicts lines --from 2001-01-01 --to "2199-01-01 00:00"
same 'from a time before it, all is there' "$status $(wc -l <lines)" '0 8'
run --replay kept --verdicts lines --from 2199-01-01T00:00
same 'from a time after it, nothing' "$status $(wc -l <lines)" '0 1'
run --pcap shop.pcap --from 03:12 shop.pbc
same 'frames of a capture have numbers' "$status" 2
run --replay kept --write sent.pcapng --verdicts lines
same 'with a line a frame' "$(cut -f 2,3 lines | tail -3 | tr '\t\n' ' ;')" 'accept WEB;reject IDENT;drop default;'
run --pcap sent.pcapng shop.pbc
has 'and what was sent is a capture' '^ +4 frames'

run --replay kept --only 'reject, rule WEB'
same 'lines of some' "$status$(cat err) $(cut -f 1-3 out | tr '\t\n' ' ;')" '0 frame verdict rule;1 forward WEB;2 forward WEB;5 accept WEB;6 reject IDENT;'
run --replay kept --only 'rule NONE'
same 'a rule that no program has' "$status $(cat err)" '2 preyrun: --only: no rule is called `NONE`'
run --replay kept --describe --only 'drop, service shop'
same 'lines with the packets, as they came' "$status$(cat err) $(cut -f 1,7 out | sed 1d | tr '\t\n' ' ;')" \
    '0 1 tcp 198.18.0.1:40000 > 203.0.113.10:80 SYN;2 tcp 198.18.0.2:40000 > 203.0.113.10:80 SYN;3 udp 198.18.0.3:40000 > 203.0.113.10:53;4 udp 198.18.0.3:40000 > 203.0.113.10:53;7 tcp 198.18.0.6:40000 > 10.0.0.9:25 SYN;'
run --replay kept --verdicts lines --write-seen seen.pcap --only 'service shop'
"$bin/preyrun" -r shop.pcap --write-seen wanted.pcap --only 'service shop' shop.pbc >/dev/null
frames_of() { # CAPTURE: bytes of its frames
    python3 -c '
import struct, sys
raw, at = open(sys.argv[1], "rb").read(), 24
while at < len(raw):
    n = struct.unpack("<I", raw[at + 8:at + 12])[0]
    print(raw[at + 16:at + 16 + n].hex())
    at += 16 + n' "$1"
}
same 'their frames, though they left rewritten' "$status $(wc -l <lines) $(frames_of seen.pcap | md5sum) $(grep -c '^verdicts' out)" "0 5 $(frames_of wanted.pcap | md5sum) 1"
run --replay kept --write-seen /dev/full
same 'which have to find room' "$status $(cat err)" '2 preyrun: /dev/full: No space left on device'
run --replay kept --explain 3,5-6,4 --json
same 'several frames are explained' "$status$(cat err) $(python3 -c '
import json
for l in open("out"): j = json.loads(l); print(j["frame"], j["verdict"], j["rule"], j["server"], end=";")')" '0 3 forward f:4 web/a;4 forward f:4 web/a;5 accept WEB None;6 reject IDENT None;'
for i in 3 4 5 6; do "$bin/preyrun" --replay kept --explain $i; [ $i = 6 ] || echo; done >one
run --replay kept --explain 3-6
cmp -s one out
ok $? 'as one by one'
run --replay kept --explain 2,99
same 'and one that never came' "$status $(grep -c '^frame 2' out) $(cat err)" '2 1 preyrun: --explain 99: only 7 frames were replayed'

# Without its beginning: from each file on, by the state that it holds.
rules much <<'END'
edition 1
interface wan = "eth0"
limits { flows 64; half_open 16; fragments 16; maglev 127 }
meter slow = 20/s burst 9 per source
pool web { balance least_conn; source 10.9.0.1; server a 10.0.0.11:8080 weight 3; server b 10.0.0.12:8080 }
pool names { balance random; source 10.9.0.2; server c 10.0.0.13; server d 10.0.0.14 }
service shop on 203.0.113.10 tcp/80 { mode passthrough; announce; affinity source 5s; -> web }
service name on 203.0.113.10 udp/53 { mode passthrough; announce; -> names }
service shut on 203.0.113.11 tcp/80 { mode passthrough; announce; syn cookies; -> web }
nat edge { source from 198.18.0.64/26 out on wan to 192.0.2.200 }
firewall f default drop {
  accept state established
  drop tcp state new flows over 3 per source
  accept tcp to port 22, 80 within slow
  accept udp
  reject tcp port 113
}
END
python3 - <<'END' | capture much
for i in range(600):
    a, port = f"198.18.0.{i * 7 % 97 + 1}", 40000 + i % 5
    print(f"eth / ip4 {a} > 203.0.113.{10 + i % 2} / tcp {port} > {(80, 80, 22, 113)[i % 4]} syn seq {i}" if i % 3 else
          f"eth / ip4 {a} > {('203.0.113.10', '192.0.2.9')[i // 3 % 2]} / udp {port} > 53")
END
"$bin/tests/tools/mkrec" much.pbc much.pcap many 500000
files=$(ls many | wc -l)
python3 -c 'import os, subprocess, sys
r, w = os.pipe()
os.close(r)
sys.exit(subprocess.run(sys.argv[1:], stdout=w).returncode)' "$bin/preyrun" --replay many --verdicts - 2>err
same 'a reader that has gone: no word, status 2' "$?|$(cat err)" '2|'
run --replay many --from 2 --to 3 --flows
same 'files by their numbers: of what was there before it is known when it began' \
    "$status $(grep -c ' 0 otherwise' out) $(grep -c '^earlier' out) $(grep -c ' web/a ' out | sed 's/[1-9].*/some/') $(cat err)" '0 2 0 some '
run --replay many --format json
middle=$(python3 -c 'import json, datetime as d
a, b = (d.datetime.fromisoformat(json.load(open("out"))["recording"][k][:26]) for k in ("began", "ended"))
print((a + (b - a) / 2).isoformat(timespec="microseconds"))')
run --replay many --to "$middle" --verdicts before
cut -d' ' -f1 err | sort -u >said
run --replay many --from "$middle" --verdicts after
same 'up to a moment, and from it on: all lines once' \
    "$status $(cat said err) $(sed 1d before after | grep -v '^frame' | cut -f1 | sort -n | uniq | wc -l) $(($(wc -l <before) + $(wc -l <after)))" '0  600 602'
# A file in the middle that is cut, anywhere or between two blocks: what follows is not known until a state is told, and
# nothing is otherwise.
cp -r many cut
cat >cut.py <<'END'
import glob, struct, sys
name = sorted(glob.glob("many/*"))[1]
raw, ends, at = open(name, "rb").read(), [], 0
while at < len(raw):
    at += struct.unpack_from("<I", raw, at + 4)[0]
    ends.append(at)
half = ends[len(ends) // 2]
open(name.replace("many", "cut"), "wb").write(raw[:{"block": half, "last": ends[-2], "anywhere": half + 6}[sys.argv[1]]])
END
for where in block last anywhere; do
    python3 cut.py $where
    run --replay cut
    same "a middle file is cut: $where" "$status $(grep -c ' 0 otherwise' out) $(grep -cE '^verdicts +[1-9]' out) $(cat err)" '0 2 1 preyrun: cut: worker 0 continues from a later state: an earlier file was cut short'
done
# A file may be sparse, and large: no more of it is held than a block.
truncate -s 3G "cut/$(ls cut | tail -1)"
python3 - <<'END'
import glob, struct
raw = bytearray(open(sorted(glob.glob("many/*"))[-1], "rb").read())
last = sorted(glob.glob("cut/*"))[-1]
with open(last, "r+b") as f:
    f.seek(len(raw))
    f.write(struct.pack("<II", 0xbad, 2 << 30))
END
if [ "${B%/san}" = "$B" ]; then # sanitizers reserve more than that
    (ulimit -v 2000000; run --replay cut; echo "$status" >was)
    same 'a file with a large hole' "$(cat was) $(grep -c ' 0 otherwise' out) $(grep -c "the recording is damaged: the two lengths of a block differ" err)" '0 2 1'
fi
for n in $(seq 2 "$files"); do
    rm "many/$(ls many | head -1)"
    run --replay many
    echo "$status $(grep -c ' 0 otherwise' out) $(grep -cE '^verdicts +[1-9]' out) $(cat err)"
done | sort | uniq -c | tr -s ' ' >seen
[ "$files" -gt 2 ]
ok $? "a recording of several files: $files"
same 'from the second on it is the same once more, and from each later one' "$(cat seen)" " $((files - 1)) 0 2 1 "

echo 'firewall f default accept { }' | rules open
run --replay kept open.pbc
same 'another program is compared, and may differ' "$status $(grep -c 'as recorded, [1-9]' out)" '0 2'
same 'it is told which verdicts differ, and by what' "$(sed -n '/^otherwise/,/^$/p' out | sed 's/ at .*: /: /' | tr -s ' ')" \
    'otherwise 2 packets
 was forward by WEB (shop.prey:4), to web/a
 now accept by the default of f (open.prey:1)
 first frame 1: tcp 198.18.0.1:40000 > 203.0.113.10:80 SYN
otherwise 2 packets
 was forward by f:4 (shop.prey:4), to web/a
 now accept by the default of f (open.prey:1)
 first frame 3: udp 198.18.0.3:40000 > 203.0.113.10:53
otherwise 1 packet
 was reject by IDENT (shop.prey:4)
 now accept by the default of f (open.prey:1)
 first frame 6: tcp 198.18.0.5:40000 > 10.0.0.9:113 SYN
otherwise 1 packet
 was drop by the default of f (shop.prey:4)
 now accept by the default of f (open.prey:1)
 first frame 7: tcp 198.18.0.6:40000 > 10.0.0.9:25 SYN'
run --replay kept --only otherwise --describe open.pbc
same 'a line for each of those alone' "$status$(cat err) $(cut -f 1-2,7 out | sed 1d | tr '\t\n' ' ;')" \
    '0 1 accept tcp 198.18.0.1:40000 > 203.0.113.10:80 SYN;2 accept tcp 198.18.0.2:40000 > 203.0.113.10:80 SYN;3 accept udp 198.18.0.3:40000 > 203.0.113.10:53;4 accept udp 198.18.0.3:40000 > 203.0.113.10:53;6 accept tcp 198.18.0.5:40000 > 10.0.0.9:113 SYN;7 accept tcp 198.18.0.6:40000 > 10.0.0.9:25 SYN;'
run --replay kept --only 'not otherwise' open.pbc
same 'or for the others' "$status$(cat err) $(cut -f 1-2 out | tr '\t\n' ' ;')" '0 frame verdict;5 accept;'
run --replay kept --format json open.pbc
same 'as JSON' "$(python3 -c '
import json
r = json.load(open("out"))["recording"]
for x in r["otherwise"]: print(x["packets"], x["was"]["verdict"], x["was"]["rule"], x["now"]["verdict"], x["now"]["rule"], x["first"]["frame"], end=";")
print(r["otherwise_left_out"], sum(x["packets"] for x in r["otherwise"]) == r["verdicts_otherwise"])')" \
    '2 forward WEB accept default 1;2 forward f:4 accept default 3;1 reject IDENT accept default 6;1 drop default accept default 7;0 True'
run --replay kept --only otherwise
same 'by the program that ran none is' "$status$(cat err) $(cut -f 1,2 out | tr '\t\n' ' ;')" '0 frame verdict;'
run -r shop.pcap --only otherwise shop.pbc
same 'a capture does not say what became of its frames' "$status $(cat err)" \
    '2 preyrun: --only otherwise: a capture lacks the earlier verdicts; use a recording (--replay DIR)'

bend() { # CHANGE...
    rm -rf bent
    mkdir bent
    "$bin/tests/tools/damage" kept/prey-000001.pcapng bent/prey-000001.pcapng "$@"
}
size=$(stat -c %s kept/prey-000001.pcapng)
bend cut $((size - 3))
run --replay bent
same 'cut short: what is whole, and a line that says so' "$status $(cat err)" \
    '0 preyrun: bent/prey-000001.pcapng: its last block is cut short'
bend cut 300
run --replay bent
same 'cut in its beginning' "$status $(grep -c prey-000001 err)" '2 1'
bend byte 0 7
run --replay bent
same 'no recording at all' "$status" 2
mkdir -p none
run --replay none
same 'none there' "$status $(cat err)" '2 preyrun: none: the directory has no recording'
run --replay kept --pcap shop.pcap shop.pbc
same 'a capture is something else' "$status $(cat err)" '2 preyrun: --replay repeats a recording as it was: leave out --pcap'
run --record kept --pcap shop.pcap shop.pbc
same 'to record is for live traffic' "$status" 2
# In audit.
rules trial <<'END'
firewall f default audit drop { accept tcp to port 22, 80 as WEB; audit drop udp to port 53 as NO_DNS }
END
"$bin/tests/tools/mkrec" trial.pbc shop.pcap tried
run --replay tried --verdicts lines
same 'lines of rules in audit have a column for what would be' "$(cut -f 1,2,3,7 lines | sed -n '1p;2p;4p;8p' | tr '\t\n' ' |')" \
    'frame verdict rule would|1 accept WEB -|3 accept default drop by NO_DNS|7 accept default drop by default|'
run --replay kept trial.pbc --verdicts lines
same 'also where such rules judge another recording' "$(head -n 1 lines | cut -f 7)" would
exit $failed
