#!/bin/bash
# What `audit` would do, in a replay: the summary's tables and line, verdict lines, JSON, logs, explain, and --diff of taking
# the word away. Its counts are those of the same rules enforced, on the same capture.
set -u
. tests/lib/scratch.sh

drawn() { # WORD: the same rules with `audit ` and without
    cat <<END_OF_RULES
firewall edge default $1drop {
  accept state established, related
  accept icmp6 type nd
  $1drop tcp to port 23 as TELNET log "old: "
  accept tcp to port 22-25 as ADMIN
}
END_OF_RULES
}
drawn "audit " >audited.prey
drawn "" >enforced.prey
for f in audited enforced; do
    "$bin/preyc" "$f.prey" -o "$f.pbc" 2>err
    ok $? "the rules compile: $f"
done

C='198.51.100.7' S='192.0.2.1'
printf '%s\n' "eth / ip4 $C > $S / tcp 1000 > 23 syn seq 9" \
    "eth / ip4 $S > $C / tcp 23 > 1000 syn ack seq 40 ack 10" \
    "eth / ip4 $C > $S / tcp 1000 > 23 ack ack 41 seq 10" \
    "eth / ip4 $C > $S / tcp 1000 > 23 ack ack 41 seq 10 / payload \"ls\"" \
    "eth / ip4 $C > $S / tcp 1001 > 22 syn seq 9" \
    "eth / ip4 $S > $C / tcp 22 > 1001 syn ack seq 40 ack 10" \
    "eth / ip4 $C > $S / udp 5 > 53" \
    "eth / ip4 $C > $S / udp 5 > 53" >notes
"$tools/mkcap" notes in.pcap

run --pcap in.pcap audited.pbc --verdicts - 2>err
same 'each frame shows both verdicts, the second where it is another rule that would decide' \
    "$(cut -f 1,2,3,7 out | tr '\t\n' ' |')" \
    'frame verdict rule would|1 accept ADMIN drop by TELNET|2 accept edge:2 drop by default|3 accept edge:2 drop by TELNET|4 accept edge:2 drop by TELNET|5 accept ADMIN -|6 accept edge:2 -|7 accept default drop by default|8 accept default drop by default|'
run --pcap in.pcap enforced.pbc --verdicts - 2>err
cut -f 2,3 out | tail -n +2 >is
run --pcap in.pcap audited.pbc --verdicts - 2>err
tail -n +2 out | awk -F'\t' '{ if ($7 == "-") print $2 "\t" $3; else { split($7, w, " by "); print w[1] "\t" w[2] } }' >would
same 'that is what becomes of it without the word' "$(wc -l <is) $(diff would is && echo equal)" "8 equal"

run --pcap in.pcap audited.pbc --log text 2>err
same 'the summary says how much would be otherwise, and of how many flows' "$(grep '^audit' out)" \
    'audit       would drop 6 packets of 2 flows'
same 'each rule in audit has a row' "$(awk '/^would be decided by/ { on = 1 } on && NF && !/^would/ { print $1, $2, $3, $4 } on && !NF { exit }' out | tr '\n' '|')" \
    'TELNET drop 3 37.5|default of edge drop|'
same 'its log has a mark' "$(grep -c 'old: TELNET  would drop  tcp' err)" 3
run --pcap in.pcap audited.pbc --format json 2>err
same 'JSON has both counts of each rule' \
    "$(python3 -c 'import json; d = json.load(open("out")); t = d["audit_rules"][0]; print(t["rule"], t["packets"], t["changed_packets"], t["flows"], d["would"]["drop"]["changed_packets"])')" \
    'TELNET 3 3 1 6'
run --pcap in.pcap audited.pbc --explain 1 2>err
same 'explain shows both decisions' "$(grep -E '^(verdict|would):' out | tr -s ' ' | tr '\n' '|')" \
    'verdict: accept rule ADMIN|would: drop rule TELNET|'
"$bin/preyc" --diff audited.prey enforced.prey >out 2>err
same 'taking the word away is told as what it changes' "$(grep -c '^narrowed .*tcp.*port 23' out)" 1
same 'and as what is no longer asked' "$(grep -c '^ *- audit drop tcp.*port 23' out)" 1
exit $failed
