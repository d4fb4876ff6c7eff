#!/bin/bash
# syn cookies, in a replay: the answer that --write holds is acknowledged in a second capture, and only then is a server
# asked; a flood of SYNs leaves no flow. By this process, then, where that may be, by the executor in the kernel (EXEC). B is
# the build folder.
set -u
. tests/lib/scratch.sh

replay() { # NAME ARGUMENT...: its verdicts into lines, what leaves into left.pcap
    "$bin/tests/tools/mkcap" "$1.notes" "$1.pcap" || ok 1 "$1.notes is a capture"
    timeout 60 "$bin/preyrun" --exec "${EXEC:-user}" --pcap "$1.pcap" --self 10.9.0.1 --seed 7 --write left.pcap --verdicts lines \
        "${@:2}" rules.pbc >out 2>err </dev/null
    ok $? "$1 is replayed"
}
number() { # OFFSET: 32 bits of left.pcap there
    od -An -tu1 -j "$1" -N 4 left.pcap | awk '{ printf "%.0f\n", (($1 * 256 + $2) * 256 + $3) * 256 + $4 }'
}

cat >rules.prey <<'END_OF_RULES'
pool web { server a 10.0.0.11:8080 }
service www on 203.0.113.10 tcp/80 { mode passthrough; syn cookies; -> web }
firewall edge default drop {
  accept tcp to 203.0.113.10 port 80 flags has syn lacks ack as WEB
  accept state established
}
test "a SYN goes to its server, as if it were proven" {
  expect server web/a: tcp 198.51.100.9:50000 -> 203.0.113.10:80 syn
}
END_OF_RULES
"$bin/preyc" rules.prey -o rules.pbc >said 2>&1 || { sed 's/^/# /' said; ok 1 "rules.prey compiles"; }

SYN='eth / ip4 198.51.100.9 > 203.0.113.10 / tcp 50000 > 80 syn seq 100 win 1000'
echo "$SYN" >syn.notes
replay syn
same "a SYN is forwarded to no server" "$(tail -n +2 lines)" "1	forward	WEB	www	-	-"
# 24 bytes of file, 16 of record, 14 of Ethernet, 20 of IPv4.
answer=$(number $((24 + 16 + 34 + 4)))
same "it is acknowledged" "$(number $((24 + 16 + 34 + 8)))" 101

printf '%s\n%s\n' "$SYN" "eth / ip4 198.51.100.9 > 203.0.113.10 / tcp 50000 > 80 ack seq 101 ack $((answer + 2)) win 1000" >wrong.notes
replay wrong
same "another number is no proof" "$(tail -n 1 lines)" "2	drop	default	-	-	-"

printf '%s\n%s\n' "$SYN" "eth / ip4 198.51.100.9 > 203.0.113.10 / tcp 50000 > 80 ack seq 101 ack $((answer + 1)) win 1000" >ack.notes
replay ack --flows
same "the ACK is forwarded, unjudged, to a server" "$(tail -n 1 lines)" "2	forward	-	www	web/a	-"
# After the answer's record of 58 bytes stands the SYN to the server.
same "what leaves is the client's SYN" "$(number $((24 + 16 + 58 + 16 + 34 + 4)))" 100
same "of which nothing is acknowledged" "$(number $((24 + 16 + 58 + 16 + 34 + 8)))" 0
grep -q 'cookies *1 SYN answered, 1 proven' out
ok $? "the summary says so"
"$bin/preyrun" --pcap ack.pcap --self 10.9.0.1 --seed 7 --format json rules.pbc 2>err | grep -q '"proven":[[:space:]]*1'
ok $? "so does JSON"
"$bin/preyrun" --pcap ack.pcap --self 10.9.0.1 --seed 8 rules.pbc 2>err | grep -q 'cookies *1 SYN answered, 0 proven'
ok $? "another seed has other cookies"
sed 's/flags has syn lacks ack //' rules.prey >open.prey
"$bin/preyc" open.prey -o open.pbc 2>err
"$bin/preyrun" --pcap wrong.pcap --self 10.9.0.1 --seed 7 open.pbc >out 2>err
grep -q '^  no-flow  *1 ' out && ! grep -q ', no server' out
ok $? "what proves nothing is dropped for that, not for want of a server"

FROM='eth / ip4 198.51.100.9 > 203.0.113.10 / tcp 50000 > 80' TO='eth / ip4 10.0.0.11 > 10.9.0.1 / tcp 8080 >'
echo "$FROM syn seq 100 win 1000 opt x\"02 04 05 b4 04 02 08 0a 00 00 00 01 00 00 00 00 01 03 03 07\"" >stamps.notes
replay stamps
answer=$(number $((24 + 16 + 34 + 4))) stamp=$(number $((24 + 16 + 34 + 28)))
stamps() { # WORDS BLOCK...: with timestamps, the answer's echoed, and a SACK block
    printf '%s opt x"01 01 08 0a 00 00 00 05 %08x' "$1" "$stamp"
    [ $# -eq 1 ] || printf ' 01 01 05 0a %08x %08x' "$2" "$3"
    printf '"\n'
}
stamps "$FROM ack seq 101 ack $((answer + 1))" >>stamps.notes
replay stamps
port=$("$bin/preyrun" --pcap stamps.pcap --self 10.9.0.1 --seed 7 --explain 2 rules.pbc | sed -n 's/.*sent tcp 10\.9\.0\.1:\([0-9]*\) .*/\1/p')
{
    echo "$TO ${port:-1} syn ack seq 500 ack 101 opt x\"02 04 05 b4 04 02 08 0a 00 00 70 00 00 00 00 05 01 03 03 02\""
    stamps "$FROM ack seq 101 ack $((answer + 1))" $((answer + 11)) $((answer + 21))
} >>stamps.notes
replay stamps
"$bin/preyrun" --pcap stamps.pcap --self 10.9.0.1 --seed 7 --explain 4 rules.pbc >out
grep -q "^    timestamp echo $stamp -> 28672\$" out && grep -q "^    first SACK block $((answer + 11))-$((answer + 21)) -> 511-521\$" out
ok $? "options that are rewritten are explained"

for i in $(seq 1 500); do
    echo "eth / ip4 198.51.100.$((i % 250)) > 203.0.113.10 / tcp $((1000 + i)) > 80 syn seq $i"
done >flood.notes
replay flood
grep -q 'flows *0 added' out
ok $? "a flood of SYNs makes no flow"

if [ -z "${EXEC-}" ]; then
    if ! "$bin/preyrun" --exec kernel --pcap syn.pcap rules.pbc >out 2>err &&
        { [ "$(id -u)" -ne 0 ] || grep -qE 'may not be loaded|may not load eBPF programs|built without|too old' err; }; then
        echo "ok - by the executor in the kernel # SKIP $(sed 's/^preyrun: //; q' err)"
        exit $failed
    fi
    (cd "$top" && EXEC=kernel bash tests/e2e/cookies-replay.sh) >"$work.kernel"
    ok $? 'the same by the executor in the kernel'
    grep -v '^ok' "$work.kernel" | sed 's/^not ok/# not ok/'
    rm "$work.kernel"
fi
exit $failed
