#!/usr/bin/env bash
# Replay on the built programs: every number of the summary against the verdict lines and the JSON, every output where it
# cannot be written, every capture that breaks off. B is the build folder.
set -u
. tests/lib/scratch.sh

says() { # SENTENCE STATUS LINE: so it ended, with this one line on standard error, and nothing on standard output
    same "$1" "$status|$(cat err)|$(head -c 300 out)" "$2|preyrun: $3|"
}

cat >rules.prey <<'END'
interface wan = "eth0"
interface dmz = "eth1.7"
set bad = 198.18.0.0/15
chain noise {
  count udp as NOISE
  drop udp port 137-139 as NETBIOS
}
firewall edge default drop {
  log tcp flags has syn lacks ack as ASKED
  do noise
  accept tcp to port 80 as WEB
  reject tcp from bad to port 22-23
  reject udp port 53 with prohibited as DNS
  accept icmp as PING
  accept icmp6 type nd
  drop on wan from 192.0.2.1 as WAN
}
END
"$bin/preyc" rules.prey -o rules.pbc >/dev/null || exit 1
cat >all.notes <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 80 syn
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 22 syn
repeat 40 eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 80 ack
eth / ip4 198.18.0.2 > 203.0.113.10 / udp 50000 > 53
eth / ip4 198.18.0.2 > 203.0.113.10 / udp 137 > 138
eth / ip4 192.0.2.1 > 203.0.113.10 / udp 1 > 2
eth / arp who-has 203.0.113.10 tell 203.0.113.1
eth / ip4 198.18.0.1 > 203.0.113.10 len 9999 / tcp 1000 > 80 syn
repeat 30 eth / ip4 198.18.0.3 > 203.0.113.10 / tcp 7 > 23 syn
eth / ip6 2001:db8::1 > 2001:db8::2 / tcp 1000 > 113 syn
END
"$bin/tests/tools/mkcap" all.notes all.pcap || exit 1
frames=78

echo '# The numbers'
run --pcap all.pcap --verdicts lines rules.pbc
same 'a replay ends with 0 and says nothing on standard error' "$status$(cat err)" 0
same 'one line a frame under a header' "$(wc -l <lines)" $((frames + 1))
same 'the header' "$(head -1 lines)" "$(printf 'frame\tverdict\trule\tservice\tserver\treason')"
same 'frames count from 1' "$(tail -n +2 lines | cut -f1 | tr '\n' ' ')" "$(seq -s ' ' $frames) "
same 'six columns' "$(awk -F '\t' 'NF != 6' lines)" ''
same 'an unnamed rule, the default, none, a reason' "$(awk -F '\t' '$1 ~ /^(2|45|46|47)$/ { print $2, $3, $6 }' lines | tr '\n' ';')" \
    'reject edge:12 -;drop default -;pass - -;drop - bad-ip-total-length;'
table() { awk -v title="$1" '$0 ~ "^" title { on = 1; next } /^$/ { on = 0 } on' out | sed 's/,//g'; }
table verdict | awk '{ print $1, $2 }' | sort >summed
tail -n +2 lines | cut -f2 | sort | uniq -c | awk '{ print $2, $1 } END { print "total", '$frames' }' | sort >counted
same 'verdicts of the summary are those of the lines' "$(grep -v ' 0$' summed)" "$(cat counted)"
table 'decided by' >decided
same 'who decided adds up' "$(grep -v total decided | grep -v '(' | sed 's/.* \(drop\|accept\|reject\|pass\) *//' | awk '{ n += $1 } END { print n }')" $frames
same 'and so do the bytes' "$(grep -v total decided | grep -v '(' | sed 's/ *[a-z.]*:[0-9]*$//' | awk '{ n += $NF } END { print n }')" "$(awk '/total/ { print $NF }' decided)"
same 'rules that only count stand in brackets' "$(awk '/\(/ { print $1 }' decided | tr '\n' ' ')" 'NOISE ASKED edge:10 '
same 'rules stand in file order, each with its place' "$(sed -n 's/.*rules.prey:\([0-9]*\)$/\1/p' decided | tr '\n' ' ')" '5 6 9 10 11 12 13 14 15 16 8 '
same 'nothing is wider than 100 columns' "$(awk 'length > 100' out)" ''
run --pcap all.pcap --format json rules.pbc
same 'JSON: the same numbers' "$(python3 -c '
import json
j = json.load(open("out"))
def packets(o): return sum(v["packets"] for v in o.values())
print(packets(j["verdicts"]), packets(j["decided_by"]), j["capture"]["frames"], len(j["rules"]),
      sum(r["packets"] for r in j["rules"] if r["decides"]) == j["decided_by"]["rules"]["packets"],
      sum(r["bytes"] for r in j["rules"] if r["decides"]) == j["decided_by"]["rules"]["bytes"],
      sum(v["bytes"] for v in j["verdicts"].values()) == j["capture"]["bytes"], packets(j["reasons"]), j["log"]["events"],
      j["answers"]["sent"], j["copied"]["frames"])')" "$frames $frames $frames 10 True True True 1 33 32 0"
run --pcap all.pcap --format json --verdicts - rules.pbc
same 'JSON lines say what the lines say' "$(python3 -c '
import json
for l in open("out"):
    j = json.loads(l)
    print(*(j[k] if j[k] is not None else "-" for k in ("frame", "verdict", "rule", "service", "server", "reason")), sep="\t")')" "$(tail -n +2 lines)"
run --pcap all.pcap --verdicts - rules.pbc
same 'lines on standard output, and nothing else' "$(cat out)" "$(cat lines)"
"$bin/preyrun" --pcap - --verdicts - rules.pbc <all.pcap | cmp -s - lines
ok $? 'standard input that is a file gives the same lines'
cat all.pcap | "$bin/preyrun" --pcap - --verdicts - rules.pbc | cmp -s - lines
ok $? 'a pipe gives the same lines'
cat all.pcap | "$bin/preyrun" --pcap - --format json rules.pbc >out
same 'a pipe copies each frame once, and counts it' "$(python3 -c 'import json; print(json.load(open("out"))["copied"]["frames"])')" $frames
run --pcap all.pcap --repeat 5 --format json rules.pbc
same '--repeat: the counts are those of one pass' "$(python3 -c '
import json
j = json.load(open("out"))
r = j["repeat"]
print(j["capture"]["frames"], j["answers"]["sent"], r["passes"], 0 < r["best_ns"] <= r["median_ns"] <= r["worst_ns"])')" "$frames 32 5 True"
# A clock that goes back: record 3 of three is ten seconds early.
printf 'eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53\n%.0s' 1 2 3 >three.notes
"$bin/tests/tools/mkcap" three.notes three.pcap
python3 -c '
d = bytearray(open("three.pcap", "rb").read())
at = 24 + 2 * (len(d) - 24) // 3
d[at:at + 4] = (int.from_bytes(d[at:at + 4], "little") - 10).to_bytes(4, "little")
open("back.pcap", "wb").write(d)'
run --pcap back.pcap rules.pbc
same 'frames that are earlier than one before are counted' "$(grep '^clock' out)" \
    'clock       1 frame is earlier than the previous frame, and judged at the previous frame'\''s time, because time never runs back'
run --pcap back.pcap --format json rules.pbc
same 'in JSON too' "$(python3 -c 'import json; print(json.load(open("out"))["capture"]["earlier"])')" 1
run --pcap three.pcap rules.pbc
same 'and where there is none nothing is said of it' "$(grep -c '^clock' out)" 0
run --pcap all.pcap --from 44 --to 46 --verdicts - rules.pbc
same '--from and --to: those frames, with their numbers' "$(cat out)" "$(sed -n '1p;45,47p' lines)"
run --pcap all.pcap --from 500 --verdicts - rules.pbc
same '--from past the end: the header alone' "$status$(cat out)" "0$(head -1 lines)"

i=0
{
    echo 'firewall a-rather-long-name-for-a-firewall default drop { accept icmp6 type nd'
    while [ $i -lt 99 ]; do echo "accept tcp to 203.0.113.10 port $i as a-long-name-that-nobody-would-like-to-read-in-a-table-$i"; i=$((i + 1)); done
    echo '}'
} >a-file-whose-name-is-long-too.prey
"$bin/preyc" a-file-whose-name-is-long-too.prey -o long.pbc >/dev/null
run --pcap all.pcap long.pbc
same 'long names are cut, not the table' "$(awk 'length > 100' out)" ''
same 'of a long list those that matched, and the number of the rest' "$(grep -c prey: out) $(grep "n't listed" out)" \
    '4   97 rules matched nothing and aren'\''t listed'
run --pcap all.pcap --format json long.pbc
same 'JSON has all' "$(grep -c '"rule":' out)" 100
echo 'firewall f in default drop { }' >in.prey
"$bin/preyc" in.prey -o in.pbc 2>/dev/null
run --pcap all.pcap --self 198.18.0.1 in.pbc
same 'what no firewall judges has a line of its own' "$(table 'decided by' | sed -n 's/^ *\(ARP not judged\|no firewall\) *\([a-z]*\) *\([0-9]*\).*/\1 \2 \3/p' | tr '\n' ';')" \
    'ARP not judged pass 1;no firewall accept 76;'
run --pcap all.pcap in.pbc
same 'rules that ask for self without --self: a hint' "$(grep -c -e '--self ADDR' out)" 1

echo '# Log, interface, explanation'
run --pcap all.pcap --log text rules.pbc
same '--log text: a line an event' "$(wc -l <err) $(head -1 err | cut -c13-)" \
    '33   frame 1  ASKED  log  tcp 198.18.0.1:50000 > 203.0.113.10:80 SYN  54 bytes'
run --pcap all.pcap --log json rules.pbc
same '--log json: an object an event' "$(python3 -c '
import json
e = [json.loads(l) for l in open("err")]
print(len(e), e[1]["frame"], e[1]["rule"], e[1]["place"])')" '33 2 ASKED rules.prey:9'
run --pcap all.pcap --on wan --verdicts - rules.pbc
same '--on a declared name' "$(awk -F '\t' '$1 == 45 { print $3 }' out)" WAN
run --pcap all.pcap --on eth0 --verdicts - rules.pbc
same '--on a device' "$(awk -F '\t' '$1 == 45 { print $3 }' out)" WAN
run --pcap all.pcap --on eth7 rules.pbc
same '--on a device that the rules don'\''t name tells which they name' "$status $(grep -c 'the rules don'\''t name eth7; they name wan (eth0), dmz (eth1.7)' out)" '0 1'
run --pcap all.pcap --on eth7 --explain 45 rules.pbc
same 'and so does an explanation' "$status $(sed -n 2p out)" '0   came in on eth7, which the rules don'\''t name'
run --pcap all.pcap --on 'eth 7' rules.pbc
says '--on a name that no device has' 2 '--on: `eth 7` can'\''t be a device name: use 1 to 15 characters, without blanks, `/` and `:`'
run --pcap all.pcap --explain 2 rules.pbc
same '--explain ends with the verdict' "$status $(tail -1 out)" '0 verdict: reject  rule edge:12'
same 'and names each rule that was tried' "$(awk '/ (yes|no) / { print $1 }' out | tr '\n' ' ')" 'ASKED edge:10 NOISE NETBIOS WEB edge:12 '
for n in 1 2 43 44 45 46 47 78; do
    run --pcap all.pcap --explain $n rules.pbc
    [ "$(sed -n 's/^verdict: \([a-z]*\)  rule \([^ ]*\).*/\1 \2/p' out)" = "$(awk -F '\t' -v n=$n '$1 == n { print $2, $3 }' lines)" ]
    ok $? "--explain $n agrees with its verdict line"
    run --pcap all.pcap --explain $n --format json rules.pbc
    same "and so does its JSON" "$(python3 -c 'import json; j = json.load(open("out")); print(j["verdict"], j["rule"] or "-")')" "$(awk -F '\t' -v n=$n '$1 == n { print $2, $3 }' lines)"
done
run --pcap all.pcap --explain 79 rules.pbc
says '--explain past the end' 2 '--explain 79: the capture has only 78 frames'

echo '# Answers'
run --pcap all.pcap --write answers.pcap rules.pbc
same '--write: one packet an answer' "$status $("$bin/preyrun" --pcap answers.pcap --format json rules.pbc | sed -n 's/.*"frames":[^0-9]*\([0-9]*\),.*/\1/p' | head -1)" '0 32'
"$bin/preyrun" --pcap all.pcap --write - rules.pbc 2>err | cmp -s - answers.pcap
ok $? '--write -: the same on standard output'
echo 'ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 22 syn' >raw.notes
"$bin/tests/tools/mkcap" raw.notes raw.pcap
run --pcap raw.pcap --write answers.pcap rules.pbc
same 'without Ethernet, addresses are made: 02:00: and the last four bytes' "$(od -An -tx1 -j40 -N14 answers.pcap | tr -d ' \n')" \
    '0200c61200010200cb00710a0800'
cp all.pcap input.pcap
run --pcap input.pcap --write input.pcap rules.pbc
says 'the capture is not overwritten' 2 'input.pcap: this is the capture that preyrun reads'
run --pcap input.pcap --verdicts rules.pbc rules.pbc
says 'nor is the program' 2 'rules.pbc: this is the program that preyrun runs'
cmp -s input.pcap all.pcap
ok $? 'and both are as they were'

echo '# Outputs that fail'
run --pcap all.pcap --verdicts /dev/full rules.pbc
same 'verdict lines on a full disk' "$status|$(cat err)" '2|preyrun: /dev/full: No space left on device'
run --pcap all.pcap --write /dev/full rules.pbc
same 'answers on a full disk' "$status|$(cat err)" '2|preyrun: /dev/full: No space left on device'
run --pcap all.pcap --verdicts /no/such/folder/x rules.pbc
says 'a folder that is not there' 2 '/no/such/folder/x: No such file or directory'
for how in '' '--format json' '--verdicts -' '--explain 1'; do
    # shellcheck disable=SC2086
    "$bin/preyrun" --pcap all.pcap $how rules.pbc >/dev/full 2>err
    same "standard output on a full disk ${how:-(summary)}" "$?|$(cat err)" '2|preyrun: standard output: No space left on device'
done
for how in --help --version; do
    "$bin/preyrun" $how >/dev/full 2>err
    same "standard output on a full disk $how" "$?|$(cat err)" '2|preyrun: standard output: No space left on device'
done
awk 'BEGIN { for (i = 0; i < 60; i++) print "repeat 900 eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 80 ack" }' >long.notes
"$bin/tests/tools/mkcap" long.notes long.pcap
"$bin/preyrun" --pcap long.pcap --verdicts - rules.pbc 2>err | head -1 >out
same 'a reader that goes away: no word, status 2' "${PIPESTATUS[0]}|$(cat err)" '2|'

echo '# Captures that break off'
size=$(stat -c %s all.pcap)
head -c $((size - 5)) all.pcap >short.pcap
run --pcap short.pcap --verdicts short.lines rules.pbc
same 'cut in the last frame: the rest is judged' "$status|$(cat err)" \
    '2|preyrun: short.pcap: truncated: frame 78 has 69 of 74 bytes of its data'
same 'with its lines' "$(cat short.lines)" "$(head -$frames lines)"
same 'and its summary, which says so' "$(grep -c '^incomplete' out) $(table verdict | awk '/total/ { print $2 }')" "1 $((frames - 1))"
cat short.pcap | "$bin/preyrun" --pcap - --verdicts - rules.pbc 2>err | cmp -s - short.lines
same 'through a pipe likewise' "${PIPESTATUS[*]}|$(wc -l <err)" '0 2 0|1'
head -c 10 all.pcap >header.pcap
run --pcap header.pcap rules.pbc
says 'cut in the header' 2 'header.pcap: truncated: the pcap header has 10 of 24 bytes'
printf 'BZh91AY&SY' >all.pcap.bz2
run --pcap all.pcap.bz2 rules.pbc
says 'compressed by what is not read here: how to' 2 'all.pcap.bz2: the input is compressed with bzip2: decompress the input first (bzip2 -dc)'
cat all.pcap.bz2 | "$bin/preyrun" --pcap - rules.pbc >out 2>err
same 'compressed, through a pipe' "$?|$(cat err)" '2|preyrun: standard input: the input is compressed with bzip2: decompress the input first (bzip2 -dc)'
run --pcap - rules.pbc
says 'no standard input' 2 'standard input: the input is empty, not a capture'
run --pcap . rules.pbc
says 'a folder' 2 '.: Is a directory'
cat all.pcap | "$bin/preyrun" --pcap - --repeat 2 rules.pbc >out 2>err
same '--repeat needs a file' "$?|$(cat err)" '2|preyrun: --repeat needs a file that can be read again'
run --pcap all.pcap rules.prey
same 'rules instead of a program: one line' "$status $(wc -l <err) $(grep -c '^preyrun: ' err)" '2 1 1'

echo '# Outputs in each other'"'"'s way'
run --pcap all.pcap --verdicts twice --write ./twice rules.pbc
says 'one file under two names' 2 '--verdicts and --write can'\''t both be `./twice`'
run --pcap all.pcap --verdicts lines rules.pbc
cp lines kept
timeout 60 "$bin/preyrun" --pcap all.pcap --verdicts lines rules.pbc <&- >&- 2>err
same 'closed streams: the summary is an error, not part of a file' "$?|$(cat err)" '2|preyrun: standard output: Bad file descriptor'
cmp -s lines kept
ok $? 'and the verdict lines are whole'

echo '# One of each'
printf 'firewall f default accept { log tcp as ONE }\n' >one.prey
"$bin/preyc" one.prey -o one.pbc >/dev/null
printf 'eth / ip4 192.0.2.1 > 192.0.2.2 csum 1 / tcp 1 > 80 syn / cut 54 wire 60\n' >one.note
"$bin/tests/tools/mkcap" one.note one.pcap
run --pcap one.pcap one.pbc
same 'one is told as one' "$(grep -oE '1 (frame|rule|wrong IPv4 header checksum|event)s?\b' out | tr '\n' ',')" \
    '1 frame,1 rule,1 frame,1 wrong IPv4 header checksum,1 event,'

echo '# Progress'
if on_terminal "{ head -c 30000 long.pcap; sleep 0.8; tail -c +30001 long.pcap; } | '$bin/preyrun' --pcap - --verdicts /dev/null rules.pbc >out"; then
    grep -q 'frames' seen && grep -q $'\r\033\\[K' seen
    ok $? 'on a terminal a long replay shows how far it is, and takes it back'
else
    echo 'ok - progress on a terminal # SKIP no terminal can be had (script, /dev/pts)'
fi
run --pcap long.pcap rules.pbc
same 'elsewhere nothing' "$(cat err)" ''
exit $failed
