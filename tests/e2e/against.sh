#!/usr/bin/env bash
# preyc --against: what other rules would do otherwise with the frames of a capture.
set -u
. tests/lib/scratch.sh
compares() { # ARGUMENT...: preyc into out, err, status
    timeout 60 "$bin/preyc" "$@" >out 2>err </dev/null
    status=$?
}
limits='limits { flows 30_000 }
'
rules old <<'END_RULES'
interface wan = "eth0"
set office = 192.0.2.0/24
firewall edge default drop {
  accept state established as OPEN
  accept icmp6 type nd
  accept tcp from office to port 22 as SSH
  accept tcp to port 80 as WEB
  drop udp as QUIET
}
pool web { server one 10.0.0.1:8080; server two 10.0.0.2:8080 }
service shop on 203.0.113.10 tcp/80 { mode passthrough; -> web }
END_RULES
sed 's/server two 10.0.0.2:8080/server three 10.0.0.3:8080/; s/192.0.2.0.24/198.51.100.0\/24/; s/drop udp as QUIET/reject udp as QUIET/
    s/accept tcp to port 80 as WEB/accept tcp to port 80 as HTTP/' old.prey >new.prey
"$bin/preyc" new.prey -o new.pbc >/dev/null || exit 1
capture day < <(cat <<'END_NOTES'
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 50000 > 22 syn
eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 50001 > 22 syn
eth / ip4 198.51.100.1 > 203.0.113.1 / tcp 50001 > 22 syn
eth / ip4 192.0.2.4 > 203.0.113.10 / udp 50004 > 80 len 16 / zeros 8
eth / ip4 192.0.2.1 > 192.0.2.2 id 7 frag 16 proto udp / zeros 16
eth / ip4 192.0.2.1 > 192.0.2.2 id 7 more / udp 50000 > 53 len 32 / zeros 8
END_NOTES
    for i in $(seq 16); do echo "eth / ip4 192.0.2.1 > 203.0.113.10 / tcp $((50000 + i)) > 80 syn"; done)
"$bin/preyrun" -r day.pcap --self 203.0.113.2 --verdicts - old.pbc >was
"$bin/preyrun" -r day.pcap --self 203.0.113.2 --verdicts - new.pbc >now
moved=$(paste was now | awk -F '\t' '$11 != $5 { n++ } END { print n }')
first=$(paste was now | awk -F '\t' '$11 != $5 { print $1; exit }')
[ "$moved" -gt 2 ]
ok $? 'some connections go to another server'

compares --against old.prey new.prey --pcap day.pcap --self 203.0.113.2
same 'each pair of rules that decide otherwise, with the first frame' "$status$(cat err)
$(sed -n '/^changed/,/^$/p; /^narrowed/,/^$/p; /^widened/,/^$/p; $p' out)" "1
changed     3 frames of 2 flows
            was   drop by QUIET (old.prey:8)
            now   reject by QUIET (new.prey:8)
            first frame 4 at 09:00:00.004: udp 192.0.2.4:50004 > 203.0.113.10:80

narrowed    2 frames of 2 flows
            was   accept by SSH (old.prey:6)
            now   drop by the default of edge (new.prey:3)
            first frame 1 at 09:00:00.001: tcp 192.0.2.1:50000 > 203.0.113.1:22 SYN

widened     1 frame of 1 flow
            was   drop by the default of edge (old.prey:3)
            now   accept by SSH (new.prey:6)
            first frame 3 at 09:00:00.003: tcp 198.51.100.1:50001 > 203.0.113.1:22 SYN

of 22 frames (21 flows), $((moved + 6)) frames ($((moved + 5)) flows) would be judged or forwarded differently"
same 'and where other servers get them; a rule of another name is no difference' \
    "$(awk '/^moved/ { n += $2 } END { print n }' out) $(grep -c "first frame $first at" out) $(grep -A2 '^moved' out | grep -c 'now   forward by HTTP (new.prey:7), to web/')" \
    "$moved 1 $(grep -c '^moved' out)"
cp out of-rules
compares --against old.pbc new.pbc -r day.pcap --self 203.0.113.2
same 'programs say the same' "$status$(cat out)" "1$(cat of-rules)"
gzip -k day.pcap
compares --against old.pbc new.pbc -r day.pcap.gz --self 203.0.113.2
same 'so does a compressed capture' "$(cat out)" "$(cat of-rules)"
compares --against old.prey old.pbc -r day.pcap
same 'the same rules: nothing' "$status$(cat out)" '0of 22 frames (21 flows), none would be judged or forwarded differently'
compares --json --against old.prey new.prey -r day.pcap --self 203.0.113.2
same 'JSON' "$status $(python3 -c '
import json
j = json.load(open("out"))
r = {r["kind"]: r for r in j["regions"]}
print(j["frames"], j["differing_frames"] == sum(x["frames"] for x in j["regions"]), r["narrowed"]["was"]["rule"], r["narrowed"]["now"]["rule"],
      r["narrowed"]["now"]["firewall"], r["widened"]["first"]["frame"], r["moved"]["now"]["server"] != r["moved"]["was"]["server"], j["complete"])')" \
    '1 22 True SSH default edge 3 True True'

# Names of interfaces, this machine's addresses, and what is held to the capture's end.
printf 'interface wan = "eth0"\nfirewall f on wan in default drop { accept icmp6 type nd }\n' >in.prey
printf 'firewall f default accept { drop arp }\n' >all.prey
compares --against all.prey in.prey -r day.pcap
same 'nobody says where frames came in, nor who this machine is' "$status $(cat out)" '1 of 22 frames (21 flows), none is known to be judged or forwarded differently
the rules depend on this machine'"'"'s addresses: set these addresses with `--self ADDR`'
compares --against all.prey in.prey -r day.pcap --self 203.0.113.1
same 'nobody says where frames came in' "$status $(tail -1 out)" '1 no firewall `in` of in.prey judged any frame: set the interface of the frames with `--on IF` or `--map`'
compares --against all.prey in.prey -r day.pcap --on wan
same '--on says it' "$status $(grep ^of out)" '1 of 22 frames (21 flows), 22 frames (21 flows) would be judged or forwarded differently'
compares --against all.prey in.prey -r day.pcap --map day.pcap=wan
same '--map, too' "$(grep ^of out)" 'of 22 frames (21 flows), 22 frames (21 flows) would be judged or forwarded differently'
compares --against all.prey in.prey -r day.pcap --on wan --self 203.0.113.1
same 'what is not for this machine is not judged by `in`' "$(tail -1 out)" 'of 22 frames (21 flows), 3 frames (3 flows) would be judged or forwarded differently'
head -5 day.notes >late.notes
"$bin/tests/tools/mkcap" late.notes late.pcap
compares --against old.prey new.prey -r late.pcap
same 'a fragment whose first never comes' "$status $(grep '^of' out | cut -d, -f1)" '1 of 5 frames (5 flows)'
head -c -7 day.pcap >cut.pcap
compares --against old.prey old.prey -r cut.pcap
same 'a capture that is cut: what came before, and the fault' "$status $(cat out)$(cat err)" \
    '2 of 21 frames (20 flows), none would be judged or forwarded differently; the rest of the capture can'\''t be readpreyc: cut.pcap: truncated: frame 22 has 47 of 54 bytes of its data'
# One pair of rules more than are told apart, and a frame of the first again.
{
    echo 'firewall f default accept {'
    for i in $(seq 4097); do echo "  accept tcp port $i as R$i"; done
    echo '}'
} >many.prey
sed 's/accept tcp/drop tcp/' many.prey >fewer.prey
for i in $(seq 4097) 1; do echo "eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 50000 > $i syn"; done >many.notes
"$bin/tests/tools/mkcap" many.notes many.pcap
compares --json --against many.prey fewer.prey -r many.pcap
same 'left out is what has no pair of its own' "$status $(python3 -c '
import json
j = json.load(open("out"))
print(j["left_out"], len(j["regions"]), j["regions"][0]["frames"], j["complete"])')" '1 1 4096 2 False'
# Ended by a signal, with what is known by then.
endless day.pcap flowed | "$bin/preyc" --json --against old.prey new.prey -r - --self 203.0.113.2 >out 2>err &
p=$!
until_there flowed
kill -TERM $p
wait $p
same 'SIGTERM ends it with what is known' "$? $(python3 -c '
import json
j = json.load(open("out"))
print(j["frames"] > 1000, j["differing_frames"] > 100, len(j["regions"]) > 2, j["complete"])')$(cat err)" '1 True True True False'
endless day.pcap again | "$bin/preyc" --against old.prey old.prey -r - >out 2>err &
p=$!
until_there again
kill -TERM $p
wait $p
same 'and says so' "$? $(sed 's/^.*, none/none/' out)" '0 none would be judged or forwarded differently; a signal stopped preyc there'
if on_terminal "{ head -c 300 day.pcap; sleep 1; tail -c +301 day.pcap; } | '$bin/preyc' --against old.prey new.prey -r - >out"; then
    grep -q '[0-9] frames, ' seen && grep -q $'\r\033\\[K' seen
    ok $? 'on a terminal it shows how far it is, and takes that back'
    on_terminal "{ head -n 3 old.prey; sleep 1; tail -n +4 old.prey; } | '$bin/preyc' --check - >out"
    grep -q 'read and parse, [0-9.]* s' seen && tail -c 300 seen | grep -q $'\r\033\\[K' && grep -q good out
    ok $? 'and so does a compile'
else
    echo 'ok - progress on a terminal # SKIP no terminal can be had (script, /dev/pts)'
fi
{ head -n 3 old.prey; sleep 0.7; tail -n +4 old.prey; } | "$bin/preyc" --check - >out 2>err
same 'elsewhere nothing' "$? $(grep -c 'read and parse' err) $(tr -d -c '\r\033' <err | wc -c)" '0 0 0'
wrong() { # SENTENCE PATTERN ARGUMENT...
    local sentence=$1 pattern=$2
    shift 2
    compares "$@"
    [ "$status" = 2 ] && grep -qE -- "$pattern" err && [ ! -s out ]
    ok $? "$sentence"
}

# What nobody judged is no all-clear.
cat >site.prey <<'END_RULES'
interface wan = "eth0"
set bad = 198.51.100.9
firewall site in default drop {
  drop from bad as BAD
  accept tcp to 203.0.113.100 port 80 as WEB
  accept icmp6 type nd
}
pool web { server one 10.0.0.1:80 }
service shop on 203.0.113.100 tcp/80 { mode passthrough; -> web }
END_RULES
grep -v bad site.prey >nobad.prey
for i in 1 2 3 4 5; do
    echo "eth / ip4 198.51.100.9 > 203.0.113.100 / tcp $((40000 + i)) > 80 syn"
    echo "eth / ip4 203.0.113.100 > 198.51.100.9 / tcp 80 > $((40000 + i)) syn ack"
    echo 'eth / ip4 203.0.113.100 > 224.0.0.251 / udp 5353 > 5353 len 16 / zeros 8'
done >both.notes
"$bin/tests/tools/mkcap" both.notes both.pcap
compares --against site.prey nobad.prey -r both.pcap
same 'who this machine is nobody knows: no all-clear, and who it may be' "$status$(cat out)" "1of 15 frames (6 flows), none is known to be judged or forwarded differently
the rules depend on this machine's addresses: set these addresses with \`--self ADDR\` (all unicast IPv4 frames are from or to 198.51.100.9 and 203.0.113.100)"
compares --json --against site.prey nobad.prey -r both.pcap
same 'so in JSON' "$status $(python3 -c 'import json; j = json.load(open("out")); print(j["differing_frames"], j["self_unknown"], j["unjudged"])')" '1 0 True []'
compares --against site.prey nobad.prey -r both.pcap --self 203.0.113.10
same 'said, it is found' "$status $(head -3 out | tr -s ' \n' ' ')$(tail -1 out)" "1 widened 5 frames of 5 flows was drop by BAD (site.prey:4) now forward by WEB (nobad.prey:3), to web/one of 15 frames (6 flows), 5 frames (5 flows) would be judged or forwarded differently"
grep '> 224' both.notes >group.notes
"$bin/tests/tools/mkcap" group.notes group.pcap
compares --against site.prey nobad.prey -r group.pcap --self 203.0.113.100
same 'a direction of which the capture has nothing' "$status$(cat out)" '1of 5 frames (1 flow), none is known to be judged or forwarded differently
no firewall `in` judged any frame: the capture has no frame to an address of `--self`, or to a service'
sed '/^pool/d; /^service/d' site.prey >plain.prey
grep -v bad plain.prey >plain-nobad.prey
nobody() { # SENTENCE SELF FIREWALL: of both.pcap nothing is from or to that address
    compares --against plain.prey plain-nobad.prey -r both.pcap --self "$2"
    same "$1: multicast is no all-clear" "$status$(cat out)" "1of 15 frames (6 flows), none is known to be judged or forwarded differently
no firewall \`$3\` judged a frame of this machine: no frame is from or to an address of \`--self\` (all unicast IPv4 frames are from or to 198.51.100.9 and 203.0.113.100)"
}
nobody 'a mistyped --self' 203.0.113.101 in
nobody 'one of the other family' fe80::1 in
compares --json --against plain.prey plain-nobad.prey -r both.pcap --self 203.0.113.101
same 'so in JSON' "$status $(python3 -c 'import json; j = json.load(open("out")); print(j["differing_frames"], j["self_unknown"], j["unjudged"])')" "1 0 False ['in']"
compares --against plain.prey plain-nobad.prey -r both.pcap --self 203.0.113.100
same 'the right one' "$status $(tail -1 out)" '1 of 15 frames (6 flows), 5 frames (5 flows) would be judged or forwarded differently'
compares --against plain.prey plain.prey -r both.pcap --self 203.0.113.101
same 'the same rules are never in doubt' "$status $(cat out)" '0 of 15 frames (6 flows), none would be judged or forwarded differently'
sed 's/drop from bad as BAD/drop tcp port 99 as BAD/' plain.prey >plain-alike.prey
compares --against plain-alike.prey plain-nobad.prey -r both.pcap --self 203.0.113.100
same 'nor are others alike, by the right address' "$status $(cat out)" '0 of 15 frames (6 flows), none would be judged or forwarded differently'
cat >through.prey <<'END_RULES'
set bad = 198.51.100.9
firewall site default drop { accept tcp from bad to self port 22; accept tcp to port 80 as WEB; accept udp }
END_RULES
sed 's/from bad to self/to self/' through.prey >through-all.prey
compares --against through.prey through-all.prey -r both.pcap --self 203.0.113.101
same 'rules that name `self`, of which no frame is: it is said' "$status$(cat out)" '0of 15 frames (6 flows), none would be judged or forwarded differently
the rules have `self`, but no frame is from or to an address of `--self` (all unicast IPv4 frames are from or to 198.51.100.9 and 203.0.113.100)'
compares --json --against through.prey through-all.prey -r both.pcap --self 203.0.113.101
same 'so in JSON' "$status $(python3 -c 'import json; j = json.load(open("out")); print(j["self_unseen"], j["self_unknown"], j["unjudged"])')" '0 True False []'
compares --against through.prey through-all.prey -r both.pcap --self 203.0.113.100
same 'and not where some is' "$status $(cat out)" '0 of 15 frames (6 flows), none would be judged or forwarded differently'
sed 's/site in default drop/site out default drop/' site.prey >site-out.prey
sed 's/site in default drop/site out default drop/' nobad.prey >nobad-out.prey
compares --against site-out.prey nobad-out.prey -r both.pcap
same 'no firewall judged' "$status $(sed -n 's/ (all.*//; 2p' out)" '1 no firewall judged any frame: set this machine'\''s addresses with `--self ADDR`'
sed 's/ site in default drop/ site default drop/' site.prey >any.prey
sed 's/ site in default drop/ site default drop/' nobad.prey >nobad-any.prey
compares --against any.prey nobad-any.prey -r both.pcap
same 'nobody knows where a service would send from: no all-clear' "$status $(tail -1 out)" '1 5 frames would be forwarded from an unknown address of this machine: set its addresses with `--self ADDR`'
# A recording of preyrun (tests/tools/mkrec: of 10.0.0.9) knows its own addresses, and what preyrun itself sent.
"$bin/preyc" site.prey -o site.pbc 2>err && "$bin/tests/tools/mkrec" site.pbc both.pcap kept
compares --against site.prey nobad.prey -r kept/*.pcapng
same 'a recording knows who it is of' "$status$(cat err) $(head -3 out | tr -s ' \n' ' ')$(tail -1 out)" "1 widened 5 frames of 5 flows was drop by BAD (site.prey:4) now forward by WEB (nobad.prey:3), to web/one of 15 frames (6 flows), 5 frames (5 flows) would be judged or forwarded differently"
"$bin/preyc" nobad.prey -o nobad.pbc 2>err && "$bin/tests/tools/mkrec" nobad.pbc both.pcap sent
compares --against site.prey nobad.prey -r sent/*.pcapng
same 'and what came, from what was sent on' "$status $(tail -1 out)" "1 of 15 frames (6 flows), 5 frames (5 flows) would be judged or forwarded differently"
compares --against site.prey nobad.prey -r sent/*.pcapng --self 10.0.0.9
same 'also where it is said' "$status $(tail -1 out)" "1 of 15 frames (6 flows), 5 frames (5 flows) would be judged or forwarded differently"
# Of another capture beside it, which says of some frames that they left, but not that preyrun made them of others, all count.
python3 - sent/*.pcapng >other.pcapng <<'END_CODE'
import struct, sys
b, at = open(sys.argv[1], "rb").read(), 0
while at < len(b):
    kind, size = struct.unpack_from("<II", b, at)
    if kind not in (0xbad, 0x40000bad):
        sys.stdout.buffer.write(b[at:at + size])
    at += size
END_CODE
compares --against site.prey nobad.prey -r other.pcapng --self 10.0.0.9
all=$(tail -1 out | sed 's/^of \([0-9]*\) .*/\1/')
compares --against site.prey nobad.prey -r sent/*.pcapng -r other.pcapng --self 10.0.0.9
same 'beside a recording all of another capture' "$((all > 15)) $(tail -1 out | cut -d' ' -f1-3)" "1 of $((15 + all)) frames"
cat >ways.prey <<'END_RULES'
interface wan = "eth0"
firewall cross forward default drop { accept tcp out on wan port 22 as OUT }
END_RULES
sed 's/port 22/port 23/' ways.prey >elsewhere.prey
compares --against ways.prey elsewhere.prey -r day.pcap --self 203.0.113.2 --route 203.0.113.1=wan
same 'by routes' "$status $(grep -c '^narrowed *3 frames' out) $(grep -c 'prey knows no route' out)" '1 1 1'
compares --against ways.prey elsewhere.prey -r day.pcap --self 203.0.113.2
same 'without routes nothing is known, and said' "$status $(grep -c 'none would be' out) $(grep -c '^prey knows no route for [0-9]* frames,' out)" '0 1 1'
printf '%s\n' 'firewall host in default drop { accept tcp to self port 22, 80 as ANY }' >in.prey
sed 's/port 22, 80/port 80/' in.prey >narrow.prey
compares --against in.prey narrow.prey -r day.pcap --self 203.0.113.1
cp out by-self
echo 'local 203.0.113.1 dev eth0 table local' >table
compares --against in.prey narrow.prey -r day.pcap --routes table
same 'a local route is `self`, as an address of --self is' "$status $(cmp out by-self 2>&1) $(grep -c '^narrowed' out)" '1  1'
wrong 'routes that are none' 'no valid address or prefix' --against ways.prey elsewhere.prey -r day.pcap --route x=wan
wrong 'no capture' 'needs a capture' --against old.prey new.prey
wrong 'one file' 'needs two files to compare' --against old.prey -r day.pcap
wrong 'what is no capture' 'not a pcap' --against old.prey new.prey -r old.prey
wrong 'rules at fault' 'error:' --against old.prey was -r day.pcap
wrong 'a capture without --against' 'captures work only with --against' --check old.prey -r day.pcap
wrong 'standard input twice' 'is used twice' --against - new.prey -r -
wrong '--on with --map' 'remove one of these options' --against old.prey new.prey -r day.pcap --on wan --map a=wan
wrong '--map without an interface' 'NAME=IF' --against old.prey new.prey -r day.pcap --map a
wrong '--self that is none' 'isn'\''t an IPv4' --against old.prey new.prey -r day.pcap --self x

# Rules that add to a live set add here, too.
rules traps <<'END_RULES'
set caught = live size 100
firewall f default accept {
  drop from caught as CAUGHT
  add source to caught for 10m tcp port 23 as TRAP
}
END_RULES
sed '/TRAP/d' traps.prey >none.prey
capture knocks <<'END_NOTES'
eth / ip4 198.51.100.9 > 203.0.113.1 / tcp 50000 > 23 syn
eth / ip4 198.51.100.9 > 203.0.113.1 / tcp 50001 > 22 syn
END_NOTES
compares --against none.prey traps.prey -r knocks.pcap --self 203.0.113.1
has 'a member that a rule added is judged by its set' 'drop by CAUGHT'
exit $failed
