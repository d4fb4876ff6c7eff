#!/bin/bash
# --explain of frames that a `reject` decides: what was answered, and where nothing is, why.
set -u
. tests/lib/scratch.sh

cat >reject.prey <<'END_OF_RULES'
limits { rejects 1/s }
firewall f default reject { }
END_OF_RULES
"$bin/preyc" reject.prey -o reject.pbc 2>err
ok $? 'the rules compile'

A='192.0.2.1' B='198.51.100.7'
notes=(
    "eth / ip4 $A > $B / udp 1 > 53"
    "eth 03:00:00:00:00:01 > 02:00:00:00:00:02 / ip4 $A > $B / udp 1 > 53"
    "eth 02:00:00:00:00:01 > 03:00:00:00:00:02 / ip4 $A > $B / udp 1 > 53"
    "eth / ip4 127.0.0.1 > $B / udp 1 > 53"
    "eth / ip4 $A > 224.0.0.5 / udp 1 > 53"
    "eth / ip4 $A > $B / tcp 1 > 53 rst"
    "eth / ip4 $A > $B frag 16 proto udp / zeros 40"
    "eth / ip4 $A > $B / icmp type 3 / zeros 40"
)
printf '%s\n' "${notes[@]}" >frames.notes
"$bin/tests/tools/mkcap" frames.notes frames.pcap
ok $? 'the frames are a capture'

answer_of() { # FRAME ARGUMENT...: what is said of its answer
    timeout 60 "$bin/preyrun" --pcap frames.pcap --from "$1" --explain "$@" reject.pbc 2>&1 |
        sed -n 's/^  answered.*/answered/p; s/^  no answer: //p'
}
same 'an ordinary packet is answered' "$(answer_of 1)" answered
same 'none from a group MAC' "$(answer_of 2)" "its source MAC is multicast or broadcast"
same 'none to a group MAC' "$(answer_of 3)" "its destination MAC is multicast or broadcast"
same 'none from an address that is no host' "$(answer_of 4)" "its source address doesn't belong to a single host"
same 'none to a group' "$(answer_of 5)" 'its destination address is multicast or broadcast'
same 'no RST for a RST' "$(answer_of 6)" 'it is itself a RST'
same 'none to a later fragment' "$(answer_of 7)" 'it is a later fragment'
same 'no error about an error' "$(answer_of 8)" 'it is an ICMP error, or of a type that may be an error'

timeout 60 "$bin/preyrun" --pcap frames.pcap --explain 2 --from 2 --format json reject.pbc >out 2>&1
has 'JSON says it, too' "\"no_answer\":\"its source MAC is multicast or broadcast\""
timeout 60 "$bin/preyrun" --pcap frames.pcap --explain 1 --format json reject.pbc >out 2>&1
has 'and null where there is an answer' '"no_answer":null'

yes "${notes[0]}" | head -20 >frames.notes
"$bin/tests/tools/mkcap" frames.notes frames.pcap
timeout 60 "$bin/preyrun" --pcap frames.pcap --explain 20 reject.pbc >out 2>&1
has 'the limit of answers is named' '^  no answer: more replies were due than `limits \{ rejects \}` allows$'

cat >echoes.prey <<'END_OF_RULES'
service s on 203.0.113.10 tcp/80 {
  mode passthrough
  -> p
}
pool p { server a 10.1.0.1:80 }
END_OF_RULES
"$bin/preyc" echoes.prey -o echoes.pbc 2>err
ok $? 'a service compiles'
echo 'eth / ip4 198.18.0.1 > 203.0.113.10 / icmp type 8 / zeros 8' >frames.notes
"$bin/tests/tools/mkcap" frames.notes one.pcap
python3 -c 'import sys; b = open("one.pcap", "rb").read(); open("frames.pcap", "wb").write(b[:24] + 1100 * b[24:])'
timeout 60 "$bin/preyrun" --pcap frames.pcap --explain 1100 echoes.pbc >out 2>&1
has 'the limit of echo replies is another' '^  no answer: more than 1,000 replies of its kind were due within a second$'
exit $failed
