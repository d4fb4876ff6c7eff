#!/usr/bin/env bash
# Sets of a million members on the built programs: what they match, what is said of bad files, what it may cost to name one
# in many rules. Members and their neighbours come from a permutation of all addresses, so that it is known which are in.
# B is the build folder.
set -u
B=${B:-build}
bin=$(cd "$B" && pwd)
top=$(cd "${B%/san}" && pwd)
work=$bin/scratch/big-sets
rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 2
failed=0

ok() { # STATUS SENTENCE
    if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; failed=1; fi
}
call() { # PROGRAM ARGUMENT...: into out, err, status
    timeout 200 "$bin/$1" "${@:2}" >out 2>err </dev/null
    status=$?
}
says() { # SENTENCE STATUS PATTERN: the last run ended so, and some line holds the pattern, if there is one
    if [ "$status" -eq "$2" ] && { [ -z "$3" ] || grep -Eq -- "$3" out err; } && ! grep -Eq 'Sanitizer|runtime error:' err; then ok 0 "$1"; else
        echo "# status $status, expected $2, with: $3"
        head -5 err | cut -c1-300 | sed 's/^/# /'
        ok 1 "$1"
    fi
}
# v4, v6 FROM TO [SUFFIX]: those addresses of the permutation.
v4() { awk -v from="$1" -v to="$2" -v suffix="${3:-}" 'BEGIN { for (i = from; i < to; i++) { a = i * 2654435761 % 4294967296;
    printf "%d.%d.%d.%d%s\n", int(a / 16777216), int(a / 65536) % 256, int(a / 256) % 256, a % 256, suffix } }'; }
v6() { awk -v from="$1" -v to="$2" -v suffix="${3:-}" 'BEGIN { for (i = from; i < to; i++) { a = i * 2654435761 % 4294967296;
    printf "2001:db8:%x:%x::%s\n", int(a / 65536), a % 65536, suffix } }'; }

v4 0 1000000 >v4.txt
v6 0 300000 /64 >v6.txt
cat >big.prey <<'END'
set four = file "v4.txt"
set six = file "v6.txt"
set most = (four, six) except (0.0.0.0/1, 2001:db8::/33)
firewall f default accept {
  count from most as MOST
  drop from four as FOUR
  drop to six as SIX
}
END
call preyc -o big.pbc big.prey
says 'a million IPv4 and 300,000 IPv6 members compile' 0 ''
size=$(stat -c %s big.pbc)
# 8 bytes a v4 range, 32 a v6 range; `most` holds half of each again.
[ "$size" -lt 30000000 ]
ok $? "the program has $size bytes: under 16 a v4 member, 32 a v6 one"
call preyc --stats big.prey
says '--stats tells the look-up tables' 0 'tables of large sets +[0-9,]{9,} bytes'

# Packets from 200 members and 200 others of each family; members of v4 are sources, of v6 destinations.
{
    v4 499900 500100 | awk '{ printf "eth / ip4 %s > 192.0.2.1 / udp 1 > 2\n", $1 }'
    v4 999900 1000100 | awk '{ printf "eth / ip4 %s > 192.0.2.1 / udp 1 > 2\n", $1 }'
    v6 299900 300100 5 | awk '{ printf "eth / ip6 2001:db8:ffff:ffff:1::1 > %s / udp 1 > 2\n", $1 }'
} >big.notes
"$top/tests/tools/mkcap" big.notes big.pcap
call preyrun --pcap big.pcap --verdicts - big.pbc
says 'they are replayed' 0 '^600'
tally=$(awk -F '\t' 'NR > 1 { part = $1 <= 300 ? "members" : $1 <= 400 ? "others" : $1 <= 500 ? "members6" : "others6"; n[part " " $2]++ }
    END { print n["members drop"] + 0, n["others accept"] + 0, n["members6 drop"] + 0, n["others6 accept"] + 0 }' out)
[ "$tally" = '300 100 100 100' ] || echo "# $tally"
[ "$tally" = '300 100 100 100' ]
ok $? 'every member is dropped, no neighbour is'

# Bad files.
sed '765432s/.*/10.0.0.256/' v4.txt >bad.txt
printf 'set s = file "bad.txt"\nfirewall f default accept { drop from s }\n' >bad.prey
call preyc -o bad.pbc bad.prey
says 'one bad line of a million is named' 1 '^bad\.txt:765432:1: error: .*\[E0612\]'
[ "$(grep -c error: err)" -eq 1 ] && [ ! -e bad.pbc ]
ok $? 'it is the only error, and nothing is written'
sed '1000,1999s/$/x/' v4.txt >bad.txt
call preyc --check --format=json bad.prey
says 'of a thousand bad lines the first twenty are told, and how many are left' 1 'has 980 more bad lines'
printf '10.0.0.9-10.0.0.1\n10.0.0.1/24\n2001:db8::1/32\n' >bad.txt
call preyc --check bad.prey
says 'reversed ranges are named' 1 'bad\.txt:1:1: error: .*runs backwards'
says 'host bits are named, with both readings' 1 'bad\.txt:2:1: error: .*network 10\.0\.0\.0/24 or the host 10\.0\.0\.1'
says 'host bits of IPv6 too' 1 'bad\.txt:3:1: error: .*network 2001:db8::/32 or the host 2001:db8::1'
head -c 20000000 /dev/zero | tr '\0' 7 >bad.txt
call preyc --check bad.prey
says 'a line of 20 MB is one error' 1 'bad\.txt:1:1: error: '
head -c 5000000 "$bin/preyc" >bad.txt
call preyc --check bad.prey
says 'a binary file is no text' 1 'bad\.prey:1:9: error: .*isn.t text'
: >bad.txt
call preyc --check bad.prey
says 'an empty file makes an empty set' 0 'the set `s` is empty'
head -c 300000000 /dev/zero >bad.txt
call preyc --check bad.prey
says 'a file past 256 MiB is refused' 1 'larger than 256 MiB'
rm -f bad.txt

# One set in a thousand rules stands in the program once; a thousand unions with it are refused in good time.
{ printf 'set four = file "v4.txt"\nfirewall f default accept {\n'
  for i in $(seq 1000); do printf '  drop from four tcp to port %d\n  drop from not four udp to port %d\n' "$i" "$i"; done
  echo '}'; } >many.prey
call preyc -o many.pbc many.prey
says 'a set in two thousand rules compiles' 0 ''
[ "$(stat -c %s many.pbc)" -lt 9000000 ]
ok $? 'and stands in the program once'
{ printf 'set four = file "v4.txt"\nfirewall f default accept {\n'
  for i in $(seq 1000); do printf '  drop from four, 203.%d.113.%d to 192.0.2.%d\n' $((i / 250)) $((i % 250)) $((i % 250)); done
  echo '}'; } >unions.prey
call preyc --check unions.prey
says 'a thousand unions with it are one error that says how to do without' 1 'write a rule of its own for each large set'

# MACs and names of hosts at the size of a large site.
{ printf 'macs desks = '
  for i in $(seq 0 9999); do printf '02:00:00:00:%02x:%02x, ' $((i / 256)) $((i % 256)); done
  printf '02:ff:ff:ff:ff:ff\nnames sites = '
  for i in $(seq 0 9999); do printf '"s%d.example.com", "*.n%d.example.com", ' "$i" "$i"; done
  printf '"example.org"\nfirewall f default accept { drop ether from desks }\n'; } >lists.prey
call preyc --check lists.prey
says '10,000 MAC addresses and 20,000 names of hosts compile' 0 'good: 1 rule'
cd / && rm -rf "$work"
exit $failed
