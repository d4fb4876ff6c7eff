#!/usr/bin/env bash
# Live sets by hand (preyctl sets): a member counts from the next packet on and until its time is up; `never` and `in` are kept;
# a file replaces all or nothing; a feed; a reload keeps members and says which fell out; and by rules. EXEC=kernel: live-sets-kernel.sh.
set -u
: "${EXEC:=user}"
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
. "$top/tests/e2e/live/sets.sh"

between one
address client eth0 10.1.0.9/24
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
shop() { # NAME SETS...: rules with these declarations
    rules "$1" <<END
set mine = ${3:-10.1.0.77, 10.66.0.0/16}
set caught = live size ${2:-200_000} never mine
set few = live size 2 refuse in 10.0.0.0/8
${4:-set other = live size 10}
firewall f forward default accept {
  drop from caught as CAUGHT
  drop from few as FEW
  ${5:-drop from other as OTHER}
}
END
}
shop shop
cp shop.pbc now.pbc
prey_with now.pbc
is_ready prey || exit 1
until_true 50 'a packet crosses' reaches 10.1.0.1
# sets STATUS SENTENCE WORDS ARGUMENT...: preyctl sets ends with STATUS and prints WORDS
sets() {
    local status_wanted=$1 sentence=$2 words=$3
    shift 3
    ctl sets "$@"
    same "$sentence" "$status $(cat err out)" "$status_wanted $words"
}
# fed STATUS SENTENCE WORDS ARGUMENT...: the same, with standard input
fed() {
    local status_wanted=$1 sentence=$2 words=$3
    shift 3
    timeout 60 ip netns exec "$id-prey" "$bin/preyctl" sets "$@" >out 2>err
    status=$?
    same "$sentence" "$status $(cat err out)" "$status_wanted $words"
}

# Add, has, remove.
same 'nobody is caught' "$(fate 10.1.0.1)" passes
sets 1 'has says so, with 1' 'caught doesn'\''t have 10.1.0.1' caught has 10.1.0.1
sets 0 'a member is added' 'caught: 1 added' caught add 10.1.0.1 comment 'from ssh log'
same 'and counts for the next packet' "$(fate 10.1.0.1)" drops
same 'for nobody else' "$(fate 10.1.0.9)" passes
sets 0 'it is no other member when it is added again' 'caught: 1 kept' caught add 10.1.0.1
ctl sets caught has 10.1.0.1
same 'has tells with 0' "$status" 0
has 'which member, and why' '^caught has 10\.1\.0\.1: member 10\.1\.0\.1, for good, by root since [0-9:]*: from ssh log$'
ctl sets caught
has 'the list has it' '^10\.1\.0\.1  +for good   root        [0-9:]+ +from ssh log$'
has 'and a number' '^1 member$'
ctl sets --json
python3 - <<'PY' >seen
import json
s = {x["set"]: x for x in json.load(open("out"))["sets"]}
print(s["caught"]["members"], s["caught"]["size"], s["caught"]["added"], s["few"]["refuse"], sorted(s))
PY
same 'the table is JSON, too' "$(cat seen)" "1 200000 1 True ['caught', 'few', 'other']"
ctl sets caught --json
python3 - <<'PY' >seen
import json
m = [json.loads(l) for l in open("out")]
print(len(m), m[0]["member"], m[0]["left_ms"], m[0]["by"], m[0]["uid"], m[0]["comment"])
PY
same 'and so is the list' "$(cat seen)" '1 10.1.0.1 None hand 0 from ssh log'
sets 0 'it is removed' 'caught: 1 removed' caught remove 10.1.0.1
same 'and comes again' "$(fate 10.1.0.1)" passes
sets 0 'what is no member is absent' 'caught: 1 absent' caught remove 10.1.0.1

# Networks, several at once, the time of a member.
sets 0 'several are added, of both families' 'caught: 3 added' caught add 10.1.0.0/29 fd00:1::/64 198.51.100.7 for 1h
same 'an address of a network is caught' "$(fate 10.1.0.1)" drops
same 'one behind it is not' "$(fate 10.1.0.9)" passes
at client ping -6 -c 1 -W 1 fd00:2::2 >/dev/null 2>&1
same 'IPv6, too' "$?" 1
ctl sets caught
has 'what is left of an hour' '^10\.1\.0\.0/29 +(1h 0m|59m 5[0-9]s) '
sets 0 'for once leaves the end as it is' 'caught: 1 kept' caught add 198.51.100.7 once for 5m
sets 0 'without the word it is another end' 'caught: 1 renewed' caught add 198.51.100.7 for 5m
sets 0 'a network is removed by its name' 'caught: 2 removed, 1 absent' caught remove 10.1.0.0/29 fd00:1::/64 10.1.0.0/30
sets 0 'a member for a second' 'caught: 1 added' caught add 10.1.0.1 for 1s
same 'is caught' "$(fate 10.1.0.1)" drops
until_true 50 'its time is up' reaches 10.1.0.1
sets 1 'and it is no member' 'caught doesn'\''t have 10.1.0.1' caught has 10.1.0.1
sets 0 'it may come again' 'caught: 1 added' caught add 10.1.0.1
sets 0 'and go' 'caught: 1 removed' caught remove 10.1.0.1

# What is refused.
sets 1 'never keeps an address' 'preyctl: 10.1.0.77: `never` contains it, or a part of it
caught: 1 refused' caught add 10.1.0.77
sets 1 'and a network around it, but not others of the command' 'preyctl: 10.1.0.0/24: `never` contains it, or a part of it
caught: 1 added, 1 refused' caught add 10.1.0.0/24 203.0.113.9
sets 1 'has says it beforehand' 'caught doesn'\''t have 10.66.1.1; adding it isn'\''t allowed: `never` contains it' caught has 10.66.1.1
sets 1 'in is kept' 'preyctl: 192.0.2.1: the set'\''s `in` doesn'\''t contain it
few: 1 refused' few add 192.0.2.1
sets 1 'partly outside is outside' 'preyctl: 8.0.0.0/6: the set'\''s `in` doesn'\''t contain it
few: 1 refused' few add 8.0.0.0/6 --wide
sets 1 'a wide network asks for --wide' 'preyctl: 64.0.0.0/7: the prefix is shorter than /8: to allow so wide a network, add --wide
caught: 1 refused' caught add 64.0.0.0/7
sets 0 'and is taken with it' 'caught: 1 added' caught add 64.0.0.0/7 --wide
sets 1 'everything is wide' 'preyctl: ::/0: the prefix is shorter than /16: to allow so wide a network, add --wide
caught: 1 refused' caught add ::/0
sets 0 'a /8 and a /16 are not wide' 'caught: 2 added' caught add 32.0.0.0/8 4000::/16
sets 1 'a /15 of IPv6 is' 'preyctl: 4002::/15: the prefix is shorter than /16: to allow so wide a network, add --wide
caught: 1 refused' caught add 4002::/15
sets 0 'and is taken with --wide' 'caught: 1 added' caught add 4002::/15 --wide
fed 1 'a feed asks for it, too' 'preyctl: line 1: `+34.0.0.0/7`: the prefix is shorter than /8: to allow so wide a network, add --wide
preyctl: line 3: `+4004::/15`: the prefix is shorter than /16: to allow so wide a network, add --wide
caught: 1 added, 2 refused' caught feed < <(printf '+34.0.0.0/7\n+4006::/16\n+4004::/15\n')
fed 0 'and takes them with it' 'caught: 2 added' caught feed --wide < <(printf '+34.0.0.0/7\n+4004::/15\n')
fed 1 'a file asks for it' 'preyctl: line 1: `34.0.0.0/7`: the range has more addresses than a /8: to allow so wide a range, add --wide
preyctl: caught: nothing has changed' caught replace < <(printf '34.0.0.0/7\n')
fed 1 'in both families' 'preyctl: line 2: `4004::/15`: the range has more addresses than a /16: to allow so wide a range, add --wide
preyctl: caught: nothing has changed' caught replace < <(printf '4006::/16\n4004::/15\n')
sets 0 'they may go' 'caught: 6 removed' caught remove 32.0.0.0/8 34.0.0.0/7 4000::/16 4002::/15 4004::/15 4006::/16
ctl sets caught add $'10.1.0.5\e[2J'
same 'a word that came from a stranger commands no terminal' "$status $(cut -c1-40 err)" '2 preyctl: 10.1.0.5?[2J: not an address, p'
ctl sets caught add 10.1.0.5/24
same 'host bits are refused' "$status" 2
same 'with the prefix that is right' "$(grep -c 'the network 10.1.0.0/24 or the host 10.1.0.5' err)" 1
sets 0 'a small set' 'few: 2 added' few add 10.5.0.1 10.5.0.2
sets 1 'that refuses is full' 'preyctl: 10.5.0.3: the set is full: remove members, or write a larger `size` in the rules
few: 1 full' few add 10.5.0.3
sets 2 'a comment has bounds' 'preyctl: a comment has at most 100 bytes of UTF-8, without control characters' \
    caught add 10.1.0.1 comment "$(printf 'x%.0s' {1..101})"
sets 2 'no line breaks' 'preyctl: a comment has at most 100 bytes of UTF-8, without control characters' \
    caught add 10.1.0.1 comment $'a\nb'
sets 2 'another set' 'preyctl: nobody: the running program has no such live set; its live sets: caught, few, other' nobody add 10.1.0.1
sets 2 'another word' 'preyctl: `soon` isn'\''t a time such as 30s, 5m, 2h or 7d' caught add 10.1.0.1 for soon

# Flush and replace.
sets 0 'flush takes all' 'few flushed by user 0: 0 members, 2 before' few flush
hears 'an event says so' '^preyrun: sets: few flushed by user 0: 0 members, 2 before'
printf '# list\n10.1.0.1\n198.51.100.0/24 # net\n198.51.101.0/24\n2001:db8::/32\n' >list
fed 0 'a file replaces all' 'caught replaced by user 0: 4 members, 3 before' caught replace <list
hears 'an event says so' '^preyrun: sets: caught replaced by user 0: 4 members, 3 before'
same 'its members count' "$(fate 10.1.0.1)" drops
ctl sets caught
same 'and no others' "$(awk '{ print $1 }' out | paste -sd' ')" 'member 10.1.0.1 198.51.100.0/23 2001:db8::/32 3'
ctl sets caught has 198.51.101.9
has 'has tells of the file' '^caught has 198\.51\.101\.9: member 198\.51\.100\.0/23, for good, by root since '
fed 1 'a bad line refuses the file' 'preyctl: line 2: `10.1.0.300`: not an address, prefix or range
preyctl: caught: nothing has changed' caught replace < <(printf '10.1.0.9\n10.1.0.300\n')
fed 1 'one that never holds, too, with its line' 'preyctl: line 4: `10.66.0.9`: `never` contains it, or a part of it
preyctl: caught: nothing has changed' caught replace < <(printf '10.1.0.9\n\n# one\n10.66.0.9\n10.1.0.10\n')
fed 1 'so does an empty file, as of a download that failed' \
    'preyctl: standard input has no address; to remove all members, run: preyctl sets caught flush
preyctl: caught: nothing has changed' caught replace </dev/null
fed 2 'a file that is too long says the most' 'preyctl: standard input has more than 256 MiB, which is the limit' \
    caught replace < <(yes '# a comment, and no address' | head -c $(((256 << 20) + 1)))
same 'the old members stay' "$(fate 10.1.0.1) $(fate 10.1.0.9)" 'drops passes'

sets 1 'what a file has is not removed: it says so' 'preyctl: 198.51.100.7: 198.51.100.0/23 in the set'\''s list contains it: `replace` the list with one that doesn'\''t contain it
caught: 1 held' caught remove 198.51.100.7
sets 1 'nor is a part of it, or all' 'preyctl: 198.51.100.0/23: 198.51.100.0/23 in the set'\''s list contains it: `replace` the list with one that doesn'\''t contain it
preyctl: 2001:db8:1::/48: 2001:db8::/32 in the set'\''s list contains it: `replace` the list with one that doesn'\''t contain it
caught: 1 absent, 2 held' caught remove 198.51.100.0/23 2001:db8:1::/48 198.51.0.0/16
sets 0 'a network by hand' 'few: 1 added' few add 10.5.0.0/24
sets 1 'holds its addresses' 'preyctl: 10.5.0.7: the member 10.5.0.0/24 contains it
few: 1 held' few remove 10.5.0.7
sets 0 'until it is removed' 'few: 1 removed, 1 absent' few remove 10.5.0.0/24 10.5.0.7

# Killed while it replaces: old or new, whole.
seq -f '11.0.%.0f.1' 0 255 >old
for i in $(seq 0 199); do seq -f "12.$i.%.0f.1" 0 255; done >new
fed 0 'a list of addresses' 'caught replaced by user 0: 256 members, 3 before' caught replace <old
whole=yes
for ms in 01 02 04 06 08 10 12 15 20 30; do
    ip netns exec "$id-prey" "$bin/preyctl" sets caught replace <new >/dev/null 2>&1 &
    killed=$!
    sleep "0.0$ms"
    kill -KILL $killed 2>/dev/null
    wait $killed 2>/dev/null
    ctl sets caught --json
    case $(wc -l <out) in 256 | 51200) ;; *) whole="$(wc -l <out) members" ;; esac
    at prey "$bin/preyctl" sets caught replace <old >/dev/null || whole='not replaced'
done
same 'whoever is killed leaves all or nothing' "$whole" yes

# A feed.
sets 0 'flushed' 'caught flushed by user 0: 0 members, 256 before' caught flush
sets 0 'an IPv4 prefix that is mapped into IPv6 is one of IPv4' 'caught: 1 added' caught add ::ffff:192.0.2.64/122
ctl sets caught has 192.0.2.77
has 'so its addresses are members' '^caught has 192\.0\.2\.77: member 192\.0\.2\.64/26, for good'
sets 0 'and removed' 'caught: 1 removed' caught remove 192.0.2.64/26
for i in $(seq 0 199); do seq -f "+12.$i.%.0f.1 1h" 0 249; seq -f "+2001:db8:$i:%.0f::1" 0 249; done >lines
begun=$(date +%s%N)
fed 0 'a feed takes 100,000 lines' 'caught: 100,000 added' caught feed <lines
echo "# in $((($(date +%s%N) - begun) / 1000000)) ms"
fed 1 'it says which are refused' 'preyctl: line 2: `+10.66.0.1`: `never` contains it, or a part of it
preyctl: line 3: `10.1.0.1`: a line must begin with `+` or `-`: +ADDRESS[/N] [DURATION] [cut], -ADDRESS[/N]
preyctl: line 5: `+10.1.0.1 soon`: only a time such as 30s, 5m, 2h or 7d, and `cut`, may follow the member
preyctl: line 6: `+10.?1`: the line has a NUL byte
preyctl: line 8: `+10.1.0.9`: the input ends in the middle of this line
caught: 1 added, 1 removed, 5 refused' caught feed < <(
    printf '+10.1.0.1\n+10.66.0.1\n'
    sleep 0.3 # what the service refuses comes before the lines that come later
    printf -- '10.1.0.1\n-12.0.0.1\n+10.1.0.1 soon\n+10.\0001\n\n+10.1.0.9'
)
fed 1 'and a line that is too long' "preyctl: line 1: \`$(printf '+%.0s' {1..63})\`: the line is longer than 4,096 bytes
caught: 1 renewed, 1 refused" caught feed < <(printf '+%.0s' {1..70000}; printf '\n+10.1.0.1 1h\n')
mkfifo open_end
ip netns exec "$id-prey" "$bin/preyctl" sets caught feed <open_end >/dev/null 2>&1 &
hangs=$!
exec 7>open_end
printf '+10.1.0.9\n' >&7
is_caught() { ! reaches 10.1.0.9; }
until_true 50 'what a feed says counts while it is open' is_caught
for who in 1 2; do
    for i in $(seq 0 249); do seq -f "+13.$who.$i.%.0f" 0 99; done | ip netns exec "$id-prey" "$bin/preyctl" sets caught feed >"feed.$who" 2>&1 &
    eval "feed_$who=$!"
done
wait "$feed_1" "$feed_2"
same 'two feed at once, beside one that hangs' "$(cat feed.1 feed.2)" 'caught: 25,000 added
caught: 25,000 added'
exec 7>&-
wait $hangs
same 'the one that hung ends with 0' "$?" 0
ctl sets --json
python3 -c 'import json; print(json.load(open("out"))["sets"][0]["members"])' >seen
same 'nobody is lost' "$(cat seen)" 150001

# Questions that preyctl would not ask.
cat >odd.py <<'PY'
import array, fcntl, json, os, socket, struct, sys
def ask(records, seals=15, **members):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    fds = []
    if records is not None:
        fd = os.memfd_create("x", os.MFD_ALLOW_SEALING)
        os.write(fd, records)
        if seals: fcntl.fcntl(fd, 1033, seals)
        fds = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
    q = json.dumps({"ask": "sets", "set": "caught", **members}).encode()
    s.sendmsg([b"q" + struct.pack("<I", len(q)) + q], fds)
    got, end = b"", None
    while end is None:
        got += s.recv(65536)
        while len(got) >= 5 and len(got) >= 5 + struct.unpack("<I", got[1:5])[0]:
            n = 5 + struct.unpack("<I", got[1:5])[0]
            if got[:1] == b"e": end = got[5:n].decode()
            got = got[n:]
    print(end[0], end="", flush=True)
def record(addr=0x0a010203, more=(0, 0, 0), ms=0, at=0, len=32, v6=0, does=0, flags=0):
    return struct.pack("<4IQI4B", addr, *more, ms, at, len, v6, does, flags)
def span(lo, hi, v6=0):
    return struct.pack("<8I2I", *lo, *hi, 0, v6)
change = lambda r, **m: ask(r, op="change", **m)
change(None); change(record(), seals=0); change(record()[:-1]); change(record(len=33)); change(record(len=24))
change(record(more=(1, 0, 0))); change(record(v6=2)); change(record(does=2)); change(record(ms=1 << 63)); change(record(flags=2)); change(record(does=1, flags=1)); change(record(v6=1, len=129))
change(record(), comment="\x1b[2J"); change(record() * 16385); ask(None, op="nothing"); ask(None, op="has", address="x"); ask(None, op="has")
replace = lambda r: ask(r, op="replace")
a, b = (1 << 24, 0, 0, 0), (2 << 24, 0, 0, 0)
replace(None); replace(span(b, a)); replace(span(b, b) + span(a, a)); replace(span(a, (1 << 24, 1, 0, 0))); replace(span(a, a, 1) + span(a, a)); replace(b"x")
change(b""); change(record(at=1 << 31, does=1))
PY
members_before=$(at prey "$bin/preyctl" sets --json)
same 'odd questions are refused, and good ones are not' \
    "$(at prey python3 "$work/odd.py" "/run/prey/$(stat -L -c %i "/run/netns/$id-prey")/wan.sock")" 2222222222222222222222200
same 'and change nothing' "$(at prey "$bin/preyctl" sets --json)" "$members_before"

# A reload.
sets 0 'members before a reload' 'caught: 2 added' caught add 172.16.0.1 172.16.0.2
sets 0 'of another set' 'other: 1 added' other add 192.0.2.1
shop next 200_000 '10.1.0.77, 172.16.0.0/12' ' ' ' '
cp next.pbc now.pbc
ctl reload
same 'a reload keeps members, and says which fell out' "$status $(cat out)" \
    '0 now.pbc runs; caught: 2 members were removed, because `never` contains them; other: 1 member is gone with the set'
hears 'the event says it, too' '^reloaded: now.pbc: .*; caught: 2 members were removed, because `never` contains them; other: 1 member is gone'
ctl sets caught has 172.16.0.1
same 'they are gone' "$status" 1
same 'others are not' "$(fate 10.1.0.9)" drops
ctl sets --json
python3 -c 'import json; s = json.load(open("out"))["sets"]; print(len(s), s[0]["members"])' >seen
same 'all others are there' "$(cat seen)" '2 150001'

# A trial: what it would lose comes back, unless it is confirmed.
tries() { # PROGRAM WORDS: it is tried, says these words, and ends unconfirmed
    ctl load "$1" --confirm 1s
    same "a trial of $1 says what falls out" "$status $(sed 's/.*preyctl confirm [a-z]*//' out)" "0 $2"
    until_true 100 "the trial of $1 ends" comes_back
}
backs=0
comes_back() { [ "$(grep -c '^reloaded: .*because nobody has confirmed' prey.err)" -gt "$backs" ] && backs=$((backs + 1)); }
shop trial 200_000
shop narrow 200_000 '10.1.0.77, 10.66.0.0/16, 172.16.0.0/12'
shop tiny 10
rules none <<<'firewall f forward default accept { }'
ctl load trial.pbc
ctl sets caught flush
printf '172.16.8.0/24\n192.0.2.0/24\n' | at prey "$bin/preyctl" sets caught replace >/dev/null
ctl sets caught add 172.16.0.1 10.1.0.9 comment 'from the log'
for i in $(seq 0 99); do echo "+198.51.100.$i 1h"; done | at prey "$bin/preyctl" sets caught feed >/dev/null
all=$(at prey "$bin/preyctl" sets caught | awk '{ print $1 }' | sort)
same 'members before trials' "$(of_set caught members ranges)" '102 2'
tries none.pbc '; caught: 104 members are gone with the set; the members of sets also come back'
same 'a program without the set' "$(at prey "$bin/preyctl" sets caught | awk '{ print $1 }' | sort)" "$all"
same 'packets are judged by them' "$(fate 10.1.0.9)" drops
ctl sets caught has 172.16.0.1
has 'notes come back, too' 'by root since [0-9:]*: from the log$'
tries narrow.pbc '; caught: 1 member was removed, because `never` contains it; caught: 1 range was cut; the members of sets also come back'
same 'a narrower never' "$(at prey "$bin/preyctl" sets caught | awk '{ print $1 }' | sort)" "$all"
tries tiny.pbc '; caught: 92 members found no room; the members of sets also come back'
same 'a smaller size' "$(at prey "$bin/preyctl" sets caught | awk '{ print $1 }' | sort)" "$all"
same 'all notes are back' "$(at prey "$bin/preyctl" sets caught | grep -c ' root ')" 104
ctl load none.pbc --confirm 60s
ctl confirm --force
ctl load trial.pbc
same 'after a trial that is confirmed nothing comes back' "$(of_set caught members ranges)" '0 0'

# A smaller size has no room for all.
for i in $(seq 0 99); do echo "+198.51.100.$i 1h"; done | at prey "$bin/preyctl" sets caught feed >/dev/null
ctl load tiny.pbc
same 'a smaller size says how many found no room' "$(cat out)" 'tiny.pbc runs; caught: 90 members found no room'
hears 'the event says it, too' '^reloaded: tiny.pbc: .*; caught: 90 members found no room'

# What a rule may not add is counted, and stays so.
rules traps <<'END'
set caught = live size 1_000 never 10.1.0.0/24
firewall f forward default accept { add source to caught for 1m icmp }
END
ctl load traps.pbc
before=$(of_set caught refused)
at client ping -c 3 -i 0.1 -W 0.3 -I 10.1.0.1 10.2.0.2 >/dev/null 2>&1
same 'what never refuses of a rule is counted' "$(of_set caught refused)" "$((before + 3))"
cp trial.pbc later.pbc
ctl load later.pbc
same 'also past a reload' "$(of_set caught refused)" "$((before + 3))"

# What a rule adds counts soon, and ends.
rules bans <<'END'
set caught = live size 1_000
set seen = live size 1_000
firewall f forward default accept {
  drop from caught
  add source/24,/64 to seen for 1h once icmp
  add source to caught for 2s icmp from 10.1.0.0/29
}
END
ctl load bans.pbc
ctl sets caught flush
same 'the packet that a rule adds for passes' "$(fate 10.1.0.1)" passes
caught_now() { ! reaches 10.1.0.1; }
until_true 50 'the next ones do not' caught_now
ctl sets seen has 10.1.0.200
has 'a network, too' '^seen has 10\.1\.0\.200: member 10\.1\.0\.0/24, for (1h 0m|59m 5[0-9]s), .*by rule$'
same 'nobody else is caught' "$(fate 10.1.0.9) $(of_set caught members)" 'passes 1'
until_true 50 'its time ends' reaches 10.1.0.1
rules renews <<'END'
set caught = live size 1_000
firewall f forward default accept { add source to caught for 2s icmp from 10.1.0.0/29 }
END
ctl load renews.pbc
renewed=$(of_set caught renewed)
at client ping -c 25 -i 0.2 -W 0.3 -I 10.1.0.1 10.2.0.2 >/dev/null 2>&1 &
pings=$!
sleep 4
ctl sets caught has 10.1.0.1
same 'who comes again stays' "$status" 0
wait $pings
no_more() { ! at prey "$bin/preyctl" sets caught has 10.1.0.1 >/dev/null; }
until_true 50 'until two seconds behind the last packet' no_more
same 'renewals are counted' "$(($(of_set caught renewed) > renewed))" 1

# Adds while reloads follow one another: each sender of one packet is in the set of its rule, and nobody in another. Senders come in four parts, each once one
# load more has ended, for a load takes seconds where verifiers do.
rules one <<'END'
set senders = live size 50_000
set nobody = live size 50_000
firewall f forward default accept { add source to senders for 1h udp to port 9; add source to nobody for 1h udp from 192.0.2.0/24 }
END
rules two <<'END'
set nobody = live size 50_000
set senders = live size 50_000
firewall f forward default accept { add source to nobody for 1h udp from 192.0.2.0/24; add source to senders for 1h udp to port 9 }
END
ctl load one.pbc
cat >senders.py <<'PY'
import os, socket, struct, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
mac = bytes.fromhex(sys.argv[1].replace(":", ""))
def csum(b):
    n = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    n = (n >> 16) + (n & 0xffff)
    return ~(n + (n >> 16)) & 0xffff
for i in range(6000):
    while i % 1500 == 0 and not os.path.exists("%s.%d" % (sys.argv[2], i // 1500)): time.sleep(0.005)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 36, 0, 0, 64, 17, 0, bytes([10, 7, i >> 8, i & 255]), bytes([10, 2, 0, 2]))
    ip = ip[:10] + struct.pack("!H", csum(ip)) + ip[12:]
    s.send(mac + s.getsockname()[4] + b"\x08\x00" + ip + struct.pack("!HHHH", 1, 9, 16, 0) + b"12345678")
    if i % 20 == 0: time.sleep(0.005)
PY
at prey sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.wan.rp_filter=0
at client python3 "$work/senders.py" "$(ip netns exec "$id-prey" cat /sys/class/net/wan/address)" "$work/loads" &
sends=$!
pids="$pids $sends"
loads=0
: >loads.0
while kill -0 $sends 2>/dev/null && [ $loads -lt 200 ]; do
    for which in two one; do
        ctl load $which.pbc
        loads=$((loads + 1))
        : >loads.$loads
    done
done
wait $sends
all_senders() { [ "$(of_set senders members)" = 6000 ]; }
until_true 50 'every sender of one packet is in the set, over reloads' all_senders
same 'and nobody is in another' "$(of_set nobody members)" 0
[ $loads -gt 3 ]
ok $? 'there were reloads meanwhile'
ctl load later.pbc

shop small 1_000 10.1.0.77 ' ' ' '
"$bin/preyc" small.prey -o now.pbc >/dev/null
ctl sets caught flush
ctl sets caught add 10.1.0.9 comment kept
ctl reload
same 'another size' "$status $(cat out)" '0 now.pbc runs'
ctl sets caught has 10.1.0.9
has 'keeps members and what is noted of them' 'member 10\.1\.0\.9, for good, by root since [0-9:]*: kept$'
same 'and packets' "$(fate 10.1.0.9)" drops
printf 'never a program' >now.pbc
ctl reload
same 'a reload that fails changes nothing' "$status $(fate 10.1.0.9)" '2 drops'
ctl status --json
python3 -c 'import json; s = json.load(open("out"))["sets"][0]; print(s["set"], s["members"], s["size"])' >seen
same 'the status has them' "$(cat seen)" 'caught 1 1000'
ctl status
has 'as a line' '^set caught  1 of 1,000 members'
prey_ends
same 'it ends with 0' "$status" 0
