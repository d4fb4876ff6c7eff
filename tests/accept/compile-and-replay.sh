#!/bin/sh
# From rule text to verdicts: promises, tried on the built programs, one line each. B: the build folder.
# Read from top to bottom it says what prey does today.
set -u
B=${B:-build}
top=$(pwd)
PATH=$(cd "$B" && pwd):$PATH
tools=$(cd "$B/tests/tools" && pwd)
work=$top/$B/scratch/accept
case $B in /*) work=$B/scratch/accept ;; esac
rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 2
failed=0

ok() { # STATUS SENTENCE
    if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; failed=1; fi
}
holds() { # SENTENCE COMMAND...: the command succeeds
    sentence=$1
    shift
    "$@" >holds.out 2>&1
    held=$?
    [ $held -eq 0 ] || sed 's/^/# /' holds.out | head -20
    ok $held "$sentence"
}
call() { # COMMAND...: into out, err, status
    timeout 60 "$@" >out 2>err </dev/null
    status=$?
}
says() { # SENTENCE STATUS PATTERN FILE: the last run ended so and FILE holds the pattern
    if [ "$status" -eq "$2" ] && grep -Eq -- "$3" "$4"; then ok 0 "$1"; else
        echo "# status $status, expected $2; $4 should hold: $3"
        head -10 "$4" | cut -c1-300 | sed 's/^/# /'
        ok 1 "$1"
    fi
}
passes() { # SENTENCE: the last run ended with 0
    if [ "$status" -eq 0 ] && clean; then ok 0 "$1"; else
        echo "# status $status"
        head -10 err | cut -c1-300 | sed 's/^/# /'
        ok 1 "$1"
    fi
}
clean() { ! grep -Eq 'AddressSanitizer|LeakSanitizer|runtime error:|Segmentation|Assertion' out err; }
one_line() { # SENTENCE STATUS: the last run ended so, with one line on standard error, and nothing on standard output
    if [ "$status" -eq "$2" ] && [ "$(wc -l <err)" -eq 1 ] && [ ! -s out ] && clean; then ok 0 "$1"; else
        echo "# status $status, expected $2, with one line of error:"
        head -5 err | cut -c1-300 | sed 's/^/# /'
        ok 1 "$1"
    fi
}
refused() { # SENTENCE: the last compile ended with 1, with a diagnostic, and left the good output as it was
    if [ "$status" -eq 1 ] && grep -q 'error' err && cmp -s good.pbc keep.pbc && clean; then ok 0 "$1"; else
        echo "# status $status, expected 1, with an error, and good.pbc kept"
        head -5 err | cut -c1-300 | sed 's/^/# /'
        ok 1 "$1"
    fi
}
repeat() { # TEXT BYTES: one line of so many bytes
    PIECE=$1 awk -v n="$2" 'BEGIN { s = ENVIRON["PIECE"]; while (length(s) < n) s = s s; print substr(s, 1, n) }'
}
rules() { cat >"$1.prey"; }             # NAME: rules from standard input
capture() { cat >"$1.notes"; "$tools/mkcap" "$1.notes" "$1.pcap"; } # NAME: frames from standard input
word() { awk -F '\t' -v n="$1" -v c="$2" '$1 == n { print $c }' "$3"; } # FRAME COLUMN FILE

capture morning <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 80 syn
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 22 syn
eth / ip4 192.0.2.9 > 203.0.113.10 / tcp 50000 > 22 syn
eth / ip4 198.18.0.1 > 203.0.113.10 / udp 50000 > 53
eth / arp who-has 203.0.113.10 tell 203.0.113.1
eth / ip4 198.18.0.1 > 203.0.113.10 len 9999 / tcp 1000 > 80 syn
eth / ip6 2001:db8::1 > 2001:db8::2 / tcp 1000 > 113 syn
END
rules morning <<'END'
edition 1
set office = 192.0.2.0/24, 2001:db8:1::/48
firewall edge default drop {
  accept tcp from office to port 22 as SSH
  accept tcp to port 80 as WEB
  reject tcp port 113 with rst as IDENT
  reject udp
  accept icmp6 type nd
}
END

echo '# 1. Tree and build'
for folder in lang vm compiler runtime rules-examples tests; do
    holds "$folder/ says what it holds in a README" test -s "$top/$folder/README.md"
done
holds 'the Makefile is one page' test "$(wc -l <"$top/Makefile")" -le 120
strays() {
    (cd "$top" && find . -path ./build -prune -o -path ./.git -prune -o \
        \( -name '*.o' -o -name '*.tab.c' -o -name lex.yy.c \) -print)
}
holds 'nothing generated lies outside the build folder' test -z "$(strays)"
for program in preyc preyrun preyctl; do
    call $program --version
    says "$program --version" 0 "$program.*[0-9]\.[0-9]" out
    call $program --help
    says "$program --help" 0 'usage|Usage' out
done
holds '.ci/run calls make check' grep -q 'make.*check' "$top/.ci/run"
# The targets that it knows are in its data base.
make -C "$top" -pn help >targets 2>/dev/null
for name in check demo bench install; do
    holds "make knows the target $name" grep -q "^$name:" targets
done
if [ "$B" = build ] && [ -x "$top/build/preyc" ]; then
    installs() { make -C "$top" -s --no-print-directory "$1" PREFIX=/usr DESTDIR="$work/staged" >said; }
    holds 'make install stages programs and man pages' installs install
    holds 'and says in a line where they are' test "$(cat said)" = "prey 0.1 is installed below $work/staged/usr."
    for f in bin/preyc bin/preyrun bin/preyctl share/man/man1/preyc.1 share/man/man1/preyrun.1 share/man/man1/preyctl.1 \
        share/man/man5/prey.5 share/doc/prey/docs/guide/README.md share/doc/prey/rules-examples/README.md \
        share/doc/prey/systemd/README.md share/doc/prey/systemd/prey-edge share/doc/prey/systemd/prey.logrotate; do
        holds "installed: $f" test -s "staged/usr/$f"
    done
    (cd "$top" && git ls-files rules-examples) >examples
    holds 'and every example' sh -c 'cd staged/usr/share/doc/prey && xargs ls <../../../../../examples'
    holds 'no place that the installation names is left open' sh -c '! grep -rlE "@[A-Z]+@" staged/usr/lib staged/usr/share/zsh staged/usr/share/fish'
    holds 'make uninstall' installs uninstall
    holds 'says in a line that it is done' test "$(cat said)" = "prey is gone from $work/staged/usr."
    holds 'leaves no file of them' test -z "$(find staged ! -type d)"
    holds 'and no folder of prey' test -z "$(find staged -name 'prey*')"
fi

echo '# The way from a rule file to verdicts'
call preyc morning.prey -o good.pbc
passes 'preyc rules.prey -o rules.pbc compiles'
holds 'and says in one line that all is well' sh -c 'test ! -s err && grep -qE "^morning.prey: good: [0-9]+ rules?, .*$" out && [ $(wc -l <out) = 1 ]'
cp good.pbc keep.pbc
call preyc --check morning.prey
passes 'preyc --check rules.prey says that all is well'
call preyrun --pcap morning.pcap good.pbc
says 'preyrun --pcap in.pcap rules.pbc prints a summary' 0 'accept' out
call preyrun --pcap morning.pcap --verdicts - good.pbc
cp out verdicts
says 'verdict lines begin with a header' 0 '^frame	verdict	rule	service	server	reason$' out
holds 'one line a frame' test "$(wc -l <verdicts)" -eq 8
holds 'a rule is named by its `as`' test "$(word 1 3 verdicts)" = WEB
holds 'what no rule takes falls to the default' test "$(word 2 2 verdicts) $(word 2 3 verdicts)" = 'drop default'
holds 'the first rule that matches decides' test "$(word 3 3 verdicts)" = SSH
holds 'an unnamed rule prints as FIREWALL:LINE' test "$(word 4 3 verdicts)" = edge:7
holds 'ARP passes unless a rule names it' test "$(word 5 2 verdicts)" = pass
holds 'a malformed frame is dropped before any rule, with its reason' \
    test "$(word 6 2 verdicts) $(word 6 3 verdicts) $(word 6 6 verdicts)" = 'drop - bad-ip-total-length'
holds 'a rule without a family is for both' test "$(word 7 2 verdicts) $(word 7 3 verdicts)" = 'reject IDENT'

echo '# 2. Lexer, parser, meaning'
rules part <<'END'
set shared = 10.9.0.0/16
END
printf '# a list\n10.1.0.0/16\n10.2.0.1  # one\n10.3.0.1-10.3.0.9\n2001:db8::/32\n' >list.txt
rules whole <<'END'
edition 1
include "part.prey"
const ssh = 22
ports web = 80, 443, 8000-8080
macs phones = 02:00:00:00:00:11
interface wan = "eth0"
set listed = file "list.txt"
set all = (listed, shared) except 10.2.0.1
chain inner { accept tcp port ssh; return }
firewall here on wan in default reject other frames pass {
  count from all as SEEN comment "every one"; do inner
  log ether from not phones as FOREIGN
  drop tcp, udp from self, 10.0.0.1 to not self port web \
    as SPLIT
}
firewall rest out default accept { drop to listed }
END
call preyc whole.prey -o whole.pbc
passes 'edition, include, const, set algebra, file, ports, macs, interface, chain, firewall, direction, other frames'
for c in ip ip6 'tcp, udp' sctp icmp icmp6 'proto gre, 50' arp 'ether 0x88cc' 'from 10.0.0.0/8' 'from not self' \
    'to 10.0.0.1 port 80-90' 'tcp source port 53' 'to port 1024-' 'icmp type 3 code 1' 'icmp6 type nd' 'on "eth0"' \
    'vlan 5 inner 7' 'vlan any' 'vlan none' 'ether from 02:00:00:00:00:01' 'ether to broadcast, multicast' \
    'tcp flags has syn lacks ack, rst' 'fragment any' 'fragment first' 'fragment later' 'fragment no' 'ttl -5' \
    'length 64-' 'dscp ef' 'options any' 'ip options none' 'tcp bytes payload at 0 is x"16 03" mask x"ff ff"'; do
    printf 'firewall f default accept { drop %s }\n' "$c" >one.prey
    call preyc one.prey -o one.pbc
    passes "condition: $c"
done
while read -r later; do
    printf '%s\n' "$later" >one.prey
    call preyc one.prey -o one.pbc
    others=$(grep ': error: ' err | grep -vc 'supported yet.*E0900')
    [ "$status" -eq 1 ] && [ "$others" -eq 0 ] && grep -q '^one.prey:1:[0-9]*: error: ' err
    said=$?
    [ $said -eq 0 ] || head -8 err | sed 's/^/# /'
    ok $said "not supported yet, said at its place: $later"
done <<'END'
meter m = 1/s; pool p { server a 10.0.0.1:80 } service s on any tcp/80 { mode passthrough; when over m -> p; else -> p }
END

rules later <<'END'
edition 1
set office = 192.0.2.0/24
set listed = live file "/var/lib/drop.txt"
meter syns = 200/s burst 400 per source
check alive = tcp every 2s
pool shop { balance maglev; check alive; server a 10.0.0.11:8443 weight 5; server b 10.0.0.12:8443 backup }
service www on 203.0.113.10 tcp/443 { mode passthrough; when from office -> shop; when over syns -> shop; else -> shop }
firewall edge default drop {
  drop from listed
  drop tcp flags has syn lacks ack over syns as SYN_FLOOD
  accept icmp6 type nd
  accept tcp from office to self port 22 as SSH
}
test "office may" { expect accept by SSH: tcp 192.0.2.9:50000 -> self:22 syn }
END
call preyc later.prey -o good.pbc
says 'what is not due in a file that uses the whole language is answered with nothing else' 1 'E0900' err
holds 'each construct at its own line' \
    test "$(sed -n 's/^later.prey:\([0-9]*\):.*E0900.*/\1/p' err | sort -un | tr '\n' ' ')" = '7 '
holds 'and no other error stands beside them' test "$(grep ' error: ' err | grep -vc E0900)" -eq 0

echo '# 3. Diagnostics'
rules wrong <<'END'
edition 1
set office = 192.0.2.0/24
firewall edge default drop {
  accept icmp6 type nd
  accept tcp from offfice to port 22
  accept tcp port 99999
  acept udp
  drop from 10.0.0.1/8
  accept tcp from office port 22
}
END
call preyc wrong.prey -o good.pbc
says 'a code for each mistake' 1 '\[E[0-9]{4}\]' err
says 'the place as file:line:col' 1 '^wrong.prey:5:[0-9]+: error: ' err
says 'the source line, with carets under the exact span' 1 '^ +\| +\^{7}' err
says 'did you mean' 1 'did you mean `office`' err
holds 'all mistakes of a file in one run' test "$(grep -c 'error:' err)" -eq 5
holds 'sorted by place, one a line, no cascade' \
    test "$(sed -n 's/^wrong.prey:\([0-9]*\):.*error:.*/\1/p' err | tr '\n' ' ')" = '5 6 7 8 9 '
says 'host bits are shown in both readings' 1 '10\.0\.0\.0/8' err
says '`from A port N` offers both ports' 1 'source port 22' err
rules twice <<'END'
set a = 10.0.0.1
set a = 10.0.0.2
firewall f default accept { drop from a }
END
call preyc twice.prey -o good.pbc
says 'a second place where one helps' 1 'twice.prey:1:[0-9]+: note:' err
awk 'BEGIN {
    print "firewall f default accept {"
    for (i = 0; i < 30; i++) print "drop from nobody" i
    print "}" }' >many.prey
call preyc many.prey -o good.pbc
holds 'the first 20 as text' test "$(grep -c 'many.prey:.*error:' err)" -eq 20
says 'then a line with the number left' 1 '10 more' err
call preyc --format=json many.prey -o good.pbc
holds 'as JSON, all of them' test "$(cat out err | grep -o '"code"' | wc -l)" -eq 30
missing=0
for code in $(sed -n 's/.*DIAG([A-Z0-9_]*, *"\([EW][0-9]*\)".*/\1/p' "$top/lang/diag/diag.def" | sort -u); do
    call preyc --explain "$code"
    [ "$status" -eq 0 ] && [ "$(wc -l <out)" -ge 3 ] || { echo "# $code: status $status"; missing=1; }
done
ok $missing 'preyc --explain has a paragraph for every code'
call preyc --explain E9999
says 'preyc --explain of an unknown code' 2 'E9999' err
rules warn <<'END'
set unused = 10.0.0.1
firewall f default drop {
  accept tcp to port 1-1000 as WIDE
  accept tcp to port 22 as NARROW
  accept tcp to port 1-1000
}
END
call preyc warn.prey -o warn.pbc
says 'a warning names what is unused' 0 'warning.*unused' err
says 'a warning names a rule that can never match' 0 'warn.prey:4:.*never match' err
says 'an exact duplicate is a warning' 0 'warn.prey:5:.*warning' err
says 'neighbour discovery cut off: the line to add' 0 'accept icmp6 type nd' err
call preyc --werror warn.prey -o good.pbc
refused 'with --werror a warning is an error'

echo '# 4. Compiler'
for what in ast ir bytecode; do
    call preyc --dump=$what morning.prey
    holds "--dump=$what prints something" sh -c "test $status -eq 0 && test \$(wc -l <out) -gt 5"
done
call preyc --stats morning.prey
says '--stats prints the longest path' 0 'path' out
i=0
{
    echo 'firewall big default drop { accept icmp6 type nd'
    while [ $i -lt 1000 ]; do
        echo "accept tcp to 10.$((i / 250)).$((i % 250)).9 port $((1000 + i)) as R$i"
        i=$((i + 1))
    done
    echo '}'
} >big.prey
call preyc big.prey -o big.pbc
passes 'a list of a thousand rules compiles'
echo 'eth / ip4 10.0.0.1 > 10.3.249.9 / tcp 5000 > 1999 syn' | capture last
call preyrun --pcap last.pcap --verdicts - big.pbc
says 'and its last rule is found' 0 '	R999	' out

echo '# 5. The program file'
size=$(wc -c <good.pbc)
call preyc --dump=bytecode morning.prey
says 'the disassembly names every rule' 0 'SSH' out
cp good.pbc a.pbc && call preyc morning.prey -o b.pbc
holds 'the same rules give the same bytes' cmp a.pbc b.pbc

echo '# 6. Packets and answers'
call preyrun --pcap morning.pcap --write answers.pcap good.pbc
passes 'reject writes its answers'
if command -v tcpdump >/dev/null; then
    tcpdump -nvr answers.pcap >seen 2>/dev/null
    holds 'a reset for TCP' grep -q 'Flags \[R' seen
    holds 'port unreachable for UDP' grep -q 'udp port 53 unreachable' seen
    holds 'and every checksum in them is right' sh -c '! grep -Eiq "incorrect|bad cksum" seen'
else
    echo 'ok - the answers, as tcpdump reads them # SKIP no tcpdump'
fi

echo '# 7. Replay'
call sh -c 'preyrun --pcap - --verdicts - good.pbc <morning.pcap'
holds 'standard input gives the same verdicts' cmp -s out verdicts
call preyrun --pcap morning.pcap --explain 4 good.pbc
says '--explain N names each rule and why it didn'\''t match' 0 'SSH +no ' out
says '--explain N ends with the verdict' 0 '^verdict: reject' out
call preyrun --pcap morning.pcap --format json good.pbc
holds 'the summary as JSON' sh -c "test $status -eq 0 && head -c1 out | grep -q '{'"
call preyrun --pcap morning.pcap --format json --verdicts - good.pbc
holds 'verdicts as JSON, one object a line' test "$(grep -c '^{.*}$' out)" -eq 7
call preyrun --pcap morning.pcap --repeat 3 good.pbc
says '--repeat N prints the time a packet' 0 'ns' out
call preyrun --pcap morning.pcap --from 2 --to 3 --verdicts - good.pbc
holds '--from and --to choose frames' test "$(tail -n +2 out | cut -f1 | tr '\n' ' ')" = '2 3 '
rules self <<'END'
firewall f in default drop { accept tcp to self port 80 as MINE; accept icmp6 type nd }
firewall g forward default reject { }
END
call preyc self.prey -o self.pbc
call preyrun --pcap morning.pcap --self 203.0.113.10 --verdicts - self.pbc
holds '--self decides what is `in`' test "$(word 1 3 out)" = MINE
call preyrun --pcap morning.pcap --self 203.0.113.99 --verdicts - self.pbc
holds 'and what is `forward`' test "$(word 1 2 out)" = reject
call preyrun --pcap morning.pcap --self 198.18.0.1 --verdicts - self.pbc
holds 'and what the host sends: accepted, rule -' test "$(word 1 2 out) $(word 1 3 out)" = 'accept -'
printf 'firewall wan on "eth0" default reject { }\nfirewall other default accept { }\n' >on.prey
call preyc on.prey -o on.pbc
call preyrun --pcap morning.pcap --on eth0 --verdicts - on.pbc
holds '--on names the interface: its firewall judges' test "$(word 1 2 out)" = reject
call preyrun --pcap morning.pcap --verdicts - on.pbc
holds 'without --on only the general firewall applies' test "$(word 1 2 out)" = accept
for link in 'sll' 'sll2' 'null' 'loop' ''; do
    echo "${link:+$link / }ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 80 syn" | capture link
    call preyrun --pcap link.pcap --verdicts - good.pbc
    says "link type ${link:-raw IP}" 0 '^1	accept	WEB' out
done

echo '# 8. Tests'
for kind in unit golden packets diff fuzz e2e lint bench corpus accept; do
    holds "there are tests of the kind $kind" sh -c "ls '$top/tests/$kind' | grep -qv README"
done

echo '# 9. Examples'
for f in "$top"/rules-examples/*.prey; do
    call preyc --werror "$f" -o example.pbc
    passes "$(basename "$f") compiles without a warning"
done

echo '# Bad input: rules'
call preyc nothere.prey -o good.pbc
one_line 'a main file that is not there: one line, exit status 2' 2
head -c 200000 /dev/urandom >random.prey
call preyc random.prey -o good.pbc
refused 'random bytes'
timeout 20 head -c 10000000 /dev/urandom >random.prey
call preyc random.prey -o good.pbc
refused '10 MB of random bytes'
for piece in 'a:' '\"' '(' '"' '{' '0' 'a' '#' ',' '1.' ' ' '}' 'x"' '->' ; do
    repeat "$piece" 10000000 >long.prey
    begin=$(date +%s)
    case $piece in
    '#' | ' ')
        call preyc long.prey -o long.pbc
        passes "a line of 10 MB of '$piece'"
        ;;
    *)
        call preyc long.prey -o good.pbc
        refused "a line of 10 MB of '$piece'"
        ;;
    esac
    took=$(($(date +%s) - begin))
    [ $took -le 20 ] || ok 1 "in time: $took s for '$piece' (goal 2 s)"
done
{ printf 'set a = '; repeat '(' 5000 | tr -d '\n'; echo 10.0.0.1; } >deep.prey
call preyc deep.prey -o good.pbc
refused 'nesting deeper than 256'
says 'with the limit named' 1 '256' err
awk 'BEGIN {
    for (i = 0; i < 40; i++) print "chain c" i " { do c" i + 1 "; drop from 10.0.0." i " }"
    print "chain c40 { drop tcp }\nfirewall f default accept { do c0 }" }' >chains.prey
call preyc chains.prey -o good.pbc
refused 'chains deeper than 16'
awk 'BEGIN {
    for (i = 0; i < 14; i++) {
        printf "chain c%d {", i
        for (j = 0; j < 8; j++) printf " do c%d tcp port %d;", i + 1, j
        print "}"
    }
    print "chain c14 { drop udp }\nfirewall f default accept { do c0 }" }' >expand.prey
call preyc expand.prey -o good.pbc
refused 'chains that would expand without bound'
printf 'include "loop.prey"\n' >loop.prey
call preyc loop.prey -o good.pbc
refused 'an include that includes itself'
printf 'include "absent.prey"\nfirewall f default accept { }\n' >absent-include.prey
call preyc absent-include.prey -o good.pbc
refused 'an include that is not there: a diagnostic, exit status 1'
for bad in absent.txt . binary.txt; do
    head -c 5000 /dev/urandom >binary.txt
    printf 'set s = file "%s"\nfirewall f default accept { drop from s }\n' "$bad" >file.prey
    call preyc file.prey -o good.pbc
    refused "an address file that is $(echo $bad | sed 's/^\.$/a folder/; s/\.txt//')"
done
mkfifo pipe
printf 'set s = file "pipe"\nfirewall f default accept { drop from s }\n' >file.prey
call preyc file.prey -o good.pbc
refused 'an address file that is a pipe'
truncate -s 300M huge.txt
printf 'set s = file "huge.txt"\nfirewall f default accept { drop from s }\n' >file.prey
call preyc file.prey -o good.pbc
refused 'an address file over 256 MiB'
says 'with the limit named' 1 '256 MiB' err
rm huge.txt
printf '10.0.0.1\n10.0.0.300\n10.0.0.1/8\n' >bad.txt
printf 'set s = file "bad.txt"\nfirewall f default accept { drop from s }\n' >file.prey
call preyc file.prey -o good.pbc
says 'bad lines of an address file are named by file and line' 1 'bad.txt:2:' err
says 'host bits in it too' 1 'bad.txt:3:' err
printf 'set s = 10.0.0.1 # \377\376\n"\300\200"\n' >utf8.prey
call preyc utf8.prey -o good.pbc
refused 'invalid UTF-8'
printf 'firewall f default accept { drop tcp }\000\n' >nul.prey
call preyc nul.prey -o good.pbc
refused 'a NUL byte'
printf '\357\273\277firewall f default accept {\r\n  drop tcp;;\r\n}\r\n' >crlf.prey
call preyc crlf.prey -o crlf.pbc
passes 'a byte order mark, CRLF and ;; are fine'
: >empty.prey
call preyc . -o good.pbc
one_line 'a folder instead of a rule file: one line, exit status 2' 2
call preyc empty.prey -o empty.pbc
passes 'an empty file compiles'
call preyrun --pcap morning.pcap --verdicts - empty.pbc
holds 'and without a firewall a frame is accepted, rule -' test "$(word 1 2 out) $(word 1 3 out)" = 'accept -'
call preyc wrong.prey -o fresh.pbc
holds 'a failed compile leaves nothing behind' sh -c '! ls | grep -q fresh'
call preyc morning.prey -o /nonexistent/folder/x.pbc
one_line 'an output that can'\''t be written: one line, exit status 2' 2
call preyc
says 'no arguments: usage, exit status 2' 2 'preyc' err
call preyc --no-such-option
says 'an unknown option, exit status 2' 2 'no-such-option' err

echo '# Bad input: program files'
spoilt_is_refused() { [ "$status" -eq 2 ] && [ "$(wc -l <err)" -eq 1 ] && [ ! -s out ] && clean; }
call preyrun --pcap morning.pcap morning.prey
one_line 'rules instead of a program' 2
: >zero.pbc
call preyrun --pcap morning.pcap zero.pbc
one_line 'an empty program' 2
wrong=0
for cut in 1 8 40 63 64 65 100 200 400 $((size / 2)) $((size - 64)) $((size - 1)); do
    for repair in '' repair; do
        # shellcheck disable=SC2086
        "$tools/damage" good.pbc bad.pbc cut $cut $repair
        call preyrun --pcap morning.pcap bad.pbc
        spoilt_is_refused || { echo "# cut at $cut $repair: status $status"; wrong=1; }
    done
done
ok $wrong 'truncated programs, also with a repaired digest: one line, exit status 2'
wrong=0
bit=3
while [ $bit -lt $((size * 8)) ]; do
    "$tools/damage" good.pbc bad.pbc flip $bit
    call preyrun --pcap morning.pcap bad.pbc
    spoilt_is_refused || { echo "# bit $bit: status $status"; wrong=1; }
    bit=$((bit + size / 16 * 8 + 9))
done
ok $wrong 'flipped bits: one line, exit status 2'
wrong=0
bit=700
while [ $bit -lt $((size * 8)) ]; do
    "$tools/damage" good.pbc bad.pbc flip $bit repair
    call preyrun --pcap morning.pcap bad.pbc
    { [ "$status" -eq 0 ] && clean; } || spoilt_is_refused || { echo "# bit $bit: status $status"; wrong=1; }
    bit=$((bit + size / 64 * 8 + 11))
done
ok $wrong 'flipped bits with a repaired digest: refused by the verifier or harmless, never a crash'

echo '# Bad input: captures'
call preyrun --pcap nothere.pcap good.pbc
one_line 'a capture that is not there' 2
call preyrun --pcap morning.prey good.pbc
one_line 'a capture that is none' 2
bytes=$(wc -c <morning.pcap)
head -c $((bytes - 5)) morning.pcap >short.pcap
call preyrun --pcap short.pcap --verdicts - good.pbc
holds 'a truncated last record is reported after the verdicts of the rest, exit status 2' \
    test "$status $(wc -l <out) $(wc -l <err)" = '2 7 1'
printf '\324\303\262\241\002\000\004\000\000\000\000\000\000\000\000\000\377\377\000\000\240\000\000\000' >link160.pcap
printf '\000\000\000\000\000\000\000\000\001\000\000\000\001\000\000\000x' >>link160.pcap
call preyrun --pcap link160.pcap good.pbc
says 'another link type is an error that names it' 2 '160' err
wrong=0
n=0
while [ $n -lt 40 ]; do
    "$tools/damage" morning.pcap broken.pcap flip $((n * 127 + 3)) flip $((n * 911 + 77)) flip $((n * 1013 + 500))
    call preyrun --pcap broken.pcap good.pbc
    { [ "$status" -eq 0 ] || [ "$status" -eq 2 ]; } && clean || { echo "# capture $n: status $status"; wrong=1; }
    n=$((n + 1))
done
ok $wrong 'captures with flipped bits: verdicts or one line, never a crash'
head -c 100000 /dev/urandom >noise.pcap
call preyrun --pcap noise.pcap good.pbc
one_line 'random bytes as a capture' 2
exit $failed
