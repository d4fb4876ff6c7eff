#!/bin/bash
# Connections and fragments in a replay: the list of flows and how each ended, lines that wait for a held fragment,
# explanations by state, and results that do not depend on where batches end. B is the build folder.
set -u
. tests/lib/scratch.sh

table() { sed -n '/^began /,$p' out; }

echo '# The list'
rules edge <<'END_OF_RULES'
firewall edge default drop {
  accept icmp6 type nd
  accept state established, related as OPEN
  accept tcp to port 443 state new as WEB
  accept udp to port 53 state new as DNS
  accept icmp type echo-request as PING
}
END_OF_RULES
C='198.51.100.9' S='203.0.113.10'
capture life <<END_OF_NOTES
eth / ip4 $C > $S / tcp 50000 > 443 syn seq 100
eth / ip4 $S > $C / tcp 443 > 50000 syn ack seq 900 ack 101
eth / ip4 $C > $S / tcp 50000 > 443 ack seq 101 ack 901
after 1500ms
eth / ip4 $C > $S / tcp 50000 > 443 psh ack seq 101 ack 901 / payload "hello"
eth / ip4 $S > $C / tcp 443 > 50000 ack seq 901 ack 106
eth / vlan 5 / vlan 7 / ip4 $C > $S / udp 5353 > 53
eth / vlan 5 / vlan 7 / ip4 $S > $C / udp 53 > 5353
eth / ip4 $C > $S / icmp type echo-request id 77 seq 1
eth / ip4 $S > $C / icmp type echo-reply id 77 seq 1
eth / ip6 2001:db8::9 > 2001:db8::10 / tcp 50001 > 443 syn seq 5
eth / ip4 $C > $S / tcp 50002 > 443 syn seq 200
eth / ip4 $S > $C / tcp 443 > 50002 rst ack seq 0 ack 201
eth / ip4 $C > $S / tcp 50000 > 443 fin ack seq 106 ack 901
eth / ip4 $S > $C / tcp 443 > 50000 fin ack seq 901 ack 107
eth / ip4 $C > $S / tcp 50000 > 443 ack seq 107 ack 902
eth / ip4 $C > $S / tcp 50000 > 443 syn seq 70000
eth / ip4 $C > $S / tcp 50009 > 443 rst seq 107
after 400s
eth / ip4 $C > $S / udp 5354 > 53
END_OF_NOTES
run --pcap life.pcap --flows edge.pbc
same 'it ends with 0 and says nothing on standard error' "$status$(cat err)" 0
same 'each flow in the order in which they began, how long it lasted, how and when it ended' "$(table)" \
"began         lasted  protocol  opened by            other side          vlan  state     end
09:00:00.001  1.5 s   tcp       198.51.100.9:50000   203.0.113.10:443    -     closing   reopened 09:00:01.515
09:00:01.505  1.0 ms  udp       198.51.100.9:5353    203.0.113.10:53     5.7   two-way   idle 09:02:01.506
09:00:01.507  1.0 ms  icmp      198.51.100.9 id 77   203.0.113.10        -     two-way   idle 09:01:01.508
09:00:01.509  0 s     tcp       [2001:db8::9]:50001  [2001:db8::10]:443  -     syn-sent  unanswered 09:01:01.509
09:00:01.510  1.0 ms  tcp       198.51.100.9:50002   203.0.113.10:443    -     reset     reset 09:02:01.511
09:00:01.515  0 s     tcp       198.51.100.9:50000   203.0.113.10:443    -     syn-sent  unanswered 09:01:01.515
09:06:41.516  0 s     udp       198.51.100.9:5354    203.0.113.10:53     -     one-way   open
7 flows: 1 reset, 1 reopened, 2 unanswered, 2 idle, 1 open (1 one-way); peak 5$(
    grep -o '; verdicts remembered for .*' out)"
same 'the summary has the numbers' "$(sed -n '/^flows/,/ended/p' out)" \
"flows       7 added, 1 live, peak 5
            live: 1 one-way
            ended: 1 reset, 1 reopened, 2 unanswered, 2 idle"
cp out whole
run --pcap life.pcap --flows --verdicts lines edge.pbc
same 'together with --verdicts FILE' "$(table)" "$(sed -n '/^began /,$p' whole)"
same 'which has its lines' "$(wc -l <lines)" 19
run --pcap life.pcap --flows --repeat 3 edge.pbc
same '--repeat: the flows of the first pass' "$(table)" "$(sed -n '/^began /,$p' whole)"
cat life.pcap | "$bin/preyrun" --pcap - --flows edge.pbc >out 2>err
same 'a pipe gives the same list' "$(table)" "$(sed -n '/^began /,$p' whole)"
run --pcap life.pcap --flows --format json edge.pbc
same 'JSON: the same flows, and sums that are those of the list' "$(python3 -c '
import json
j = json.load(open("out"))
f = j["flows"]
for x in j["flow_list"]:
    print(x["began"][11:23], x["protocol"], x["opener"]["address"], x["opener"].get("port", x.get("id")),
          x["other"].get("port"), x["vlans"], x["state"], x["end"], (x["ended"] or "-")[11:23], x["lasted_ns"])
ended = [x["end"] for x in j["flow_list"] if x["end"]]
print(f["added"] == len(j["flow_list"]), all(ended.count(k) == n for k, n in f["ended"].items()),
      sum(f["live"].values()) == len(j["flow_list"]) - len(ended), f["most"])')" \
"09:00:00.001 tcp 198.51.100.9 50000 443 [] closing reopened 09:00:01.515 1513000000
09:00:01.505 udp 198.51.100.9 5353 53 [5, 7] two-way idle 09:02:01.506 1000000
09:00:01.507 icmp 198.51.100.9 77 None [] two-way idle 09:01:01.508 1000000
09:00:01.509 tcp 2001:db8::9 50001 443 [] syn-sent unanswered 09:01:01.509 0
09:00:01.510 tcp 198.51.100.9 50002 443 [] reset reset 09:02:01.511 1000000
09:00:01.515 tcp 198.51.100.9 50000 443 [] syn-sent unanswered 09:01:01.515 0
09:06:41.516 udp 198.51.100.9 5354 53 [] one-way None  0
True True True 5"
same 'numbers in the summary end in no more than 100 columns' "$(sed '/^began /,$d' whole | awk 'length > 100')" ''

rules plain <<'END_OF_RULES'
firewall edge default accept { drop tcp to port 23 }
END_OF_RULES
run --pcap life.pcap --flows plain.pbc
same 'a program that keeps no flows says so, and that is no error' "$status$(cat err)$(tail -1 out)" \
    '0no flows: the program doesn'\''t track flows, because no rule uses `state` or `flows over`'
same 'its summary has no line about them' "$(grep -c '^flows' out)" 0
run --pcap life.pcap --flows --format json plain.pbc
same 'in JSON there is null and an empty list' "$(python3 -c '
import json
j = json.load(open("out"))
print(j["flows"], j["flow_list"])')" 'None []'
run --pcap life.pcap --format json edge.pbc
same 'without --flows there is no list' "$(grep -c flow_list out)" 0

echo '# Room'
rules small <<'END_OF_RULES'
limits { flows 1000; half_open 10 }
timeouts { udp 1h }
firewall f default drop {
  accept state established
  accept tcp, udp state new
}
END_OF_RULES
python3 - >flood.notes <<'END_OF_PYTHON'
for i in range(64):
    print(f"eth / ip4 10.0.0.{i + 1} > 10.1.0.1 / tcp 1000 > 80 syn seq 1")
for i in range(4000):
    print(f"eth / ip4 10.2.{i >> 8}.{i & 255} > 10.1.0.1 / udp 1000 > 53")
END_OF_PYTHON
"$bin/tests/tools/mkcap" flood.notes flood.pcap
run --pcap flood.pcap --flows small.pbc
same 'flows that had to make way are told by kind' "$(grep -c 'half-open-limit 09' out) $(grep -c 'evicted-one-way 09' out | sed 's/[0-9]\{3,\}/many/')" '54 many'
sums=$(tail -1 out | sed 's/,\([0-9]\)/\1/g')
same 'the totals add up to what was added' "$(echo "$sums" | sed 's/ flows:.*//') $(echo "$sums" | sed 's/.*flows: //; s/ (.*//' | grep -o '[0-9]*' | awk '{ n += $1 } END { print n }')" '4064 4064'

echo '# Time'
capture week <<END_OF_NOTES
eth / ip4 $C > $S / udp 1 > 53
after 2s
eth / ip4 $C > $S / udp 2 > 53
after 604800s
eth / ip4 $C > $S / udp 3 > 53
after 100s
eth / ip4 $C > $S / udp 3 > 53
END_OF_NOTES
run --pcap week.pcap --flows edge.pbc
same 'over a week of silence flows end when their time has passed' "$(table | sed 's/  */ /g')" \
"began lasted protocol opened by other side state end
2026-01-05 09:00:00.001 0 s udp 198.51.100.9:1 203.0.113.10:53 one-way unanswered 2026-01-05 09:02:00.001
2026-01-05 09:00:02.001 0 s udp 198.51.100.9:2 203.0.113.10:53 one-way unanswered 2026-01-05 09:02:02.001
2026-01-12 09:00:02.001 100.0 s udp 198.51.100.9:3 203.0.113.10:53 one-way open
3 flows: 2 unanswered, 1 open (1 one-way); peak 2"

# Flows whose time passes in the last seconds of the capture are not taken for live ones. All count as at once, for they lie in the table
# until it is swept.
{
    i=1
    while [ $i -le 40 ]; do echo "eth / ip4 $C > $S / udp $i > 53"; i=$((i + 1)); done
    echo "after 121s"
    echo "eth / ip4 $C > $S / udp 99 > 53"
} >late.notes
"$bin/tests/tools/mkcap" late.notes late.pcap
run --pcap late.pcap --flows edge.pbc
same 'what has timed out at the end has ended, in summary and list' "$(grep '^flows' out)|$(tail -1 out)" \
    'flows       41 added, 1 live, peak 41|41 flows: 40 unanswered, 1 open (1 one-way); peak 41'

# What stands before in the capture moves the ends of batches, and nothing else.
first=
for before in 0 1 7 30 62; do
    { i=0; while [ $i -lt $before ]; do echo 'eth / arp who-has 10.0.0.1 tell 10.0.0.2'; i=$((i + 1)); done
      echo "after $((1000 - before))ms"; cat life.notes; } >moved.notes
    "$bin/tests/tools/mkcap" moved.notes moved.pcap
    run --pcap moved.pcap --flows --verdicts lines edge.pbc
    here=$(table; grep -v pass lines | cut -f2-)
    [ -n "$first" ] || first=$here
    same "$before frames before them change nothing" "$here" "$first"
done

echo '# Own addresses'
capture out <<END_OF_NOTES
eth / ip4 192.0.2.1 > $S / udp 4000 > 9999
eth / ip4 $S > 192.0.2.1 / udp 9999 > 4000
END_OF_NOTES
rules in <<'END_OF_RULES'
firewall f in default drop {
  accept icmp6 type nd
  accept state established as BACK
}
END_OF_RULES
run --pcap out.pcap --self 192.0.2.1 --verdicts - in.pbc
same 'what the host sends opens a flow, and its answer is let in' "$(cut -f2,3 out | tail -2 | tr '\t\n' ' ;')" 'accept -;accept BACK;'
run --pcap out.pcap --verdicts - in.pbc
same 'without --self nothing is sent by it' "$(cut -f2,3 out | tail -2 | tr '\t\n' ' ;')" 'drop default;drop default;'

echo '# Held lines'
rules pieces <<'END_OF_RULES'
firewall edge default drop {
  accept icmp6 type nd
  accept udp to port 53 as DNS
  drop udp to port 9 as DISCARD
}
END_OF_RULES
capture held <<'END_OF_NOTES'
eth / ip4 10.0.0.1 > 10.0.0.9 id 1 frag 24 proto udp / raw x"01020304"
eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
eth / ip4 10.0.0.1 > 10.0.0.9 id 2 frag 24 proto udp / raw x"01020304"
eth / ip4 10.0.0.1 > 10.0.0.9 id 1 more / udp 1 > 53 len 28 / zeros 16
eth / ip4 10.0.0.1 > 10.0.0.9 id 3 frag 24 proto udp / raw x"01020304"
eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 9
eth / ip4 10.0.0.1 > 10.0.0.9 id 2 more / udp 1 > 9 len 28 / zeros 16
after 90ms
eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
after 200ms
repeat 200 eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
eth / ip4 10.0.0.1 > 10.0.0.9 id 4 frag 24 proto udp / raw x"01020304"
eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
END_OF_NOTES
run --pcap held.pcap --verdicts lines pieces.pbc
same 'lines in the order of frames, each with the final verdict' "$(awk -F '\t' '$1 < 9 || $1 > 208 { print $1, $2, $3, $6 }' lines | tail -n +2 | tr '\n' ';')" \
'1 accept DNS -;2 accept DNS -;3 drop DISCARD -;4 accept DNS -;5 drop - fragment-orphan;6 drop DISCARD -;7 drop DISCARD -;8 accept DNS -;209 held - -;210 accept DNS -;'
same 'every frame has one' "$(tail -n +2 lines | cut -f1 | tr '\n' ' ')" "$(seq -s ' ' 210) "
tail -n +2 lines | cut -f2 | sort | uniq -c | awk '{ print $2, $1 } END { print "total", 210 }' | sort >counted
same 'the summary counts what the lines say' "$(awk '/^verdict/ { on = 1; next } /^$/ { on = 0 } on && $2 { print $1, $2 }' out | sort)" "$(cat counted)"
same 'and who decided adds up' "$(awk '/^decided/ { on = 1; next } /^$/ { on = 0 } on && !/total/' out | sed 's/.* \(drop\|accept\|held\|pass\) *//' | awk '{ n += $1 } END { print n }')" 210
same 'what was held is told' "$(grep 'waited' out)" '            4 waited for the first: it came for 2, never for 1, 1 still waits'
run --pcap held.pcap --verdicts - --format json pieces.pbc
same 'JSON lines say the same' "$(python3 -c '
import json
for l in open("out"):
    j = json.loads(l)
    print(*(j[k] if j[k] is not None else "-" for k in ("frame", "verdict", "rule", "service", "server", "reason")), sep="\t")')" "$(tail -n +2 lines)"
run --pcap held.pcap --format json pieces.pbc
same 'and the sums are the same' "$(python3 -c '
import json
j = json.load(open("out"))
f = j["fragments"]
print(sum(v["packets"] for v in j["decided_by"].values()), j["decided_by"]["held"]["packets"], f["held"], f["released"], f["orphans"])')" '210 1 4 2 1'
cat held.pcap | "$bin/preyrun" --pcap - --verdicts - pieces.pbc >out 2>err
cmp -s out lines
ok $? 'a pipe gives the same lines'
for n in 1 3 5 7 209; do
    run --pcap held.pcap --explain $n pieces.pbc
    same "--explain $n agrees with its line" "$(sed -n 's/^verdict: \([a-z]*\)  rule \([^ ]*\).*/\1 \2/p' out)" "$(awk -F '\t' -v n=$n '$1 == n { print $2, $3 }' lines)"
done
run --pcap held.pcap --explain 5 pieces.pbc
same 'and says how long it waited, and for nothing' "$(sed -n 2p out)" '  waited 100.0 ms for its first fragment, which didn'\''t arrive'
cat held.pcap | "$bin/preyrun" --pcap - --explain 1 pieces.pbc >out 2>err
same 'of a pipe too' "$(sed 's/^.* udp/udp/' out | tr '\n' '|')" \
    'udp 10.0.0.1 > 10.0.0.9 fragment later  38 bytes|  waited 3.0 ms for its first fragment|  no rule is tried: it gets the verdict of its first fragment|verdict: accept  rule DNS|'

# Later fragments meet the rules that name `fragment`, and are told of those.
rules apart <<'END_OF_RULES'
chain pieces { count ip as SEEN; drop from 10.0.0.66 as NONE_OF_HIS }
firewall edge default drop {
  accept icmp6 type nd
  do pieces fragment later as PIECES
  accept udp to port 53 as DNS
  accept udp fragment later as LATE
}
END_OF_RULES
capture apart <<'END_OF_NOTES'
eth / ip4 10.0.0.1 > 10.0.0.9 id 1 frag 24 proto udp / raw x"01020304"
eth / ip4 10.0.0.1 > 10.0.0.9 id 1 more / udp 1 > 53 len 28 / zeros 16
eth / ip4 10.0.0.66 > 10.0.0.9 id 2 more / udp 1 > 53 len 28 / zeros 16
eth / ip4 10.0.0.66 > 10.0.0.9 id 2 frag 24 proto udp / raw x"01020304"
eth / ip4 10.0.0.1 > 10.0.0.9 id 3 more / udp 1 > 54 len 28 / zeros 16
eth / ip4 10.0.0.1 > 10.0.0.9 id 3 frag 24 proto udp / raw x"01020304"
END_OF_NOTES
told() { # N: what --explain N says, without the frame and places
    run --pcap apart.pcap --explain "$1" apart.pbc
    sed '1d; s/ (apart.prey:[0-9]*)//; s/  */ /g' out | tr '\n' '|'
}
same '--explain tells the rules that are tried on one that follows' "$(told 1)" \
    ' waited 1.0 ms for its first fragment| PIECES yes do pieces| SEEN yes count| NONE_OF_HIS no source is 10.0.0.1, not 10.0.0.66| no other rule is tried: it gets the verdict of its first fragment|verdict: accept rule DNS|'
same 'those of a chain that decides' "$(told 4)" ' PIECES yes do pieces| SEEN yes count| NONE_OF_HIS yes drop|verdict: drop rule NONE_OF_HIS|'
same 'and those behind, where the first met the default' "$(told 6)" \
    ' PIECES yes do pieces| SEEN yes count| NONE_OF_HIS no source is 10.0.0.1, not 10.0.0.66| LATE yes accept|verdict: accept rule LATE|'
run --pcap apart.pcap --explain 4 --format json apart.pbc
same 'JSON likewise' "$(python3 -c '
import json
for s in json.load(open("out"))["tried"]: print(s["rule"], s["depth"], s["matched"], s["why"], end=";")')" \
    'PIECES 0 True None;SEEN 1 True None;NONE_OF_HIS 1 True None;'

# All in one batch, and yet not at one time.
capture late <<'END_OF_NOTES'
eth / ip4 10.0.0.1 > 10.0.0.9 id 1 frag 24 proto udp / raw x"01020304"
eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
after 150ms
eth / ip4 10.0.0.1 > 10.0.0.9 id 1 more / udp 1 > 53 len 28 / zeros 16
eth / ip4 10.0.0.1 > 10.0.0.9 id 2 frag 24 proto udp / raw x"01020304"
after 95ms
eth / ip4 10.0.0.1 > 10.0.0.9 id 2 more / udp 1 > 53 len 28 / zeros 16
END_OF_NOTES
run --pcap late.pcap --verdicts - pieces.pbc
same 'a first that comes after 150 ms is too late, one after 95 is not' "$(tail -n +2 out | cut -f2,6 | tr '\t\n' ' ;')" \
    'drop fragment-orphan;accept -;accept -;accept -;accept -;'

# What does not fit a buffer can't wait; buffers are as large as --mtu asks.
capture large <<'END_OF_NOTES'
eth / ip4 10.0.0.1 > 10.0.0.9 id 1 frag 24 proto udp / zeros 3000
eth / ip4 10.0.0.1 > 10.0.0.9 id 1 more / udp 1 > 53 len 3024 / zeros 16
END_OF_NOTES
run --pcap large.pcap pieces.pbc
same 'a fragment larger than a buffer can not wait, and that is told' "$(grep "couldn't" out)" '            1 couldn'\''t wait, because there was no room'
run --pcap large.pcap --mtu 4000 --verdicts - pieces.pbc
same 'with --mtu 4000 it can' "$(tail -n +2 out | cut -f2,3 | tr '\t\n' ' ;')" 'accept DNS;accept DNS;'

# What nobody judges is held and counted like the rest.
rules own <<'END_OF_RULES'
firewall f in default drop {
  accept icmp6 type nd
  accept udp to port 53
}
END_OF_RULES
capture own <<'END_OF_NOTES'
eth / ip4 10.0.0.1 > 10.0.0.9 id 1 frag 24 proto udp / raw x"01020304"
eth / ip4 10.0.0.1 > 10.0.0.9 id 1 more / udp 1 > 9 len 28 / zeros 16
END_OF_NOTES
run --pcap own.pcap --self 10.0.0.1 own.pbc
same 'what no firewall judges follows its first too, and is counted there' \
    "$(sed -n 's/^  no firewall *accept *\([0-9]*\) .*/\1/p' out) $(sed -n 's/^  accept *\([0-9]*\) .*/\1/p' out)" '2 2'

# Where rules name `fragment` an orphan is judged, and its log line says which frame it is.
rules logged <<'END_OF_RULES'
firewall edge default drop {
  accept icmp6 type nd
  drop fragment later from 10.0.0.0/8 log as LATER
  accept udp to port 53 as DNS
}
END_OF_RULES
capture orphan <<'END_OF_NOTES'
eth / ip4 192.0.2.1 > 10.0.0.9 id 4 frag 24 proto udp / raw x"01020304"
eth / ip4 10.0.0.1 > 10.0.0.9 id 5 frag 24 proto udp / raw x"0102030405"
after 1s
eth / ip4 192.0.2.1 > 10.0.0.9 / udp 1 > 53
END_OF_NOTES
run --pcap orphan.pcap --verdicts lines --log text logged.pbc
same 'an orphan that a rule decides' "$(cut -f2,3,6 lines | tail -n +2 | tr '\t\n' ' ;')" 'drop default -;drop LATER -;accept DNS -;'
same 'is logged by its number, when it was decided' "$(cat err)" \
    '09:00:00.102  frame 2  LATER  drop  udp 10.0.0.1 > 10.0.0.9 fragment later  39 bytes'

# Many lines wait for one.
{
    echo 'eth / ip4 10.0.0.1 > 10.0.0.9 id 1 frag 24 proto udp / raw x"01020304"'
    echo 'repeat 90 eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53'
    echo 'eth / ip4 10.0.0.1 > 10.0.0.9 id 1 more / udp 1 > 53 len 28 / zeros 16'
    echo 'repeat 5000 eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 9'
} >many.notes
"$bin/tests/tools/mkcap" many.notes many.pcap
run --pcap many.pcap --verdicts - pieces.pbc
same 'more than a batch of lines waits' "$(tail -n +2 out | awk -F '\t' '$1 != NR || ($2 != "accept") != (NR > 92)' | wc -l) $(wc -l <out)" '0 5093'

# A table for which there is no memory. (Sanitizers need more room than any limit leaves.)
rules huge <<'END_OF_RULES'
limits { flows 100_000_000 }
firewall edge default drop { accept icmp6 type nd; accept state new as NEW }
END_OF_RULES
name='a table for which there is no memory is named with its size'
if [ "${B%/san}" = "$B" ]; then # sanitizers reserve more than that
    (ulimit -v 4000000; run --pcap held.pcap huge.pbc; echo "$status" >was)
    same "$name" "$(cat was err)" '2
preyrun: out of memory: the rules need a table of 100000000 flows; lower `limits { flows }`'
fi

echo '# State explained'
run --pcap life.pcap --explain 4 edge.pbc
same 'the flow as the rules saw it' "$(sed -n 2p out)" \
    '  state established: tcp flow, established, opened by 198.51.100.9:50000 1.5 s before, last packet 1.5 s before'
run --pcap life.pcap --explain 17 edge.pbc
same 'no flow' "$(sed -n 2,3p out | tr '\n' '|')" '  state invalid: there is no flow|  edge:2   no   not icmp6 (edge.prey:2)|'
same 'and why a rule that asks for it didn'\''t match' "$(grep -c 'OPEN *no *state is invalid, not established or related' out)" 1
run --pcap life.pcap --explain 2 --format json edge.pbc
same 'JSON has state and flow' "$(python3 -c '
import json
j = json.load(open("out"))
print(j["state"], j["flow"]["state"], j["flow"]["opener"]["port"], j["flow"]["end"])')" 'established syn-sent 50000 None'
for n in $(seq 1 18); do
    run --pcap life.pcap --explain "$n" edge.pbc
    sed -n 's/^verdict: \([a-z]*\)  rule \([^ ]*\).*/\1 \2/p' out
done >explained
run --pcap life.pcap --verdicts - edge.pbc
same '--explain agrees with every line' "$(cat explained)" "$(tail -n +2 out | cut -f2,3 | tr '\t' ' ')"
exit $failed
