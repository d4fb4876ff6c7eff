#!/usr/bin/env bash
# Another program over the control socket (preyctl load): it runs or says why not, goes again unless it is confirmed,
# replaces the file of the command line only where that is asked for; hostile bytes change nothing. A connection speaks on
# through all of it. And --watch, which reads that file when it changes.
set -u
EXEC=user # a program that could only be watched is enforced, not refused
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one two
lan switch 1 client prey one two
for s in one two; do web "$s"; done
farm() { # NAME SERVER...
    local name=$1 s
    shift
    { echo 'pool farm { balance round_robin; source 10.1.0.50; drain 5m'
    for s in "$@"; do case $s in one) echo '  server one 10.1.0.3 weight 2' ;; two) echo '  server two 10.1.0.4' ;; esac; done
    echo '}'
    echo 'service web on 10.1.0.100 tcp/80, tcp/9000 { mode passthrough; announce; -> farm }'; } | rules "$name"
}
says() { # SENTENCE ANSWER ARGUMENT...: preyctl
    local sentence=$1 answer=$2
    shift 2
    ctl "$@"
    word=$(sed -n 's/.*: preyctl confirm \([a-z]\{8\}\)$/\1/p' out)
    same "$sentence" "$status $(cat out err | sed 's/: preyctl confirm [a-z]\{8\}$/: preyctl confirm WORD/')" "$answer"
}
confirms() { # SENTENCE ANSWER: by the word that was printed last
    says "$1" "$2" confirm "$word"
}
serves() { # SENTENCE SHARES: of six connections
    same "$1" "$(for i in 1 2 3 4 5 6; do ask client 10.1.0.100; done | shares)" "$2"
}
number_of() { ctl counters "$1" && awk '{ print $2 }' out; }

farm one one
farm two two
farm both one two
cp one.pbc shop.pbc
chmod 640 shop.pbc
prey prey -i eth0 --format json shop.pbc
serves 'the file of the command line' ' 6 one '

# A connection to a server that is gone in some of them.
background one python3 "$top/tests/e2e/live/echo.py" serve 9000
until_true 50 'the echo listens' at one sh -c 'ss -ltn | grep -q :9000'
mkfifo say
at client python3 "$top/tests/e2e/live/echo.py" ask 10.1.0.100 9000 <say >heard 2>&1 &
pids="$pids $!"
exec 9>say
heard() { grep -qx "$1" heard; }
speaks() { echo "$1" >&9; until_true 50 "it speaks: $1" heard "$1"; }
speaks first

says 'a program is loaded' '0 two.pbc runs' load two.pbc
serves 'and is in force' ' 6 two '
speaks loaded
awaits '^reloaded: two.pbc: 0 rules, 1 service, loaded by user 0$'
ctl status
same 'status names both' "$(grep -c '^eth0: two.pbc since' out) $(grep '^shop.pbc' out)" '1 shop.pbc has another program, which a reload or a start would use'
# The file is looked at as it is now.
of_file() { # LINE: what status says of it, in a moment
    ctl status && [ "$(grep '^shop.pbc' out | sed 's/[0-9]* bytes of [0-9]*/N of N/')" = "$1" ]
}
holds() { # SENTENCE LINE
    until_true 50 "$1" of_file "$2" && ok 0 "$1"
}
none='shop.pbc has no valid program, so a reload or a start would fail'
cp shop.pbc was.pbc
cp two.pbc shop.pbc
holds 'the file is overwritten by what runs' ''
head -c 600 two.pbc >shop.pbc
holds 'it is cut' "$none: truncated: N of N"
{ cat two.pbc; echo more; } >shop.pbc
holds 'it grows' "$none: damaged: 5 bytes too long"
{ head -c 500 two.pbc; printf x; tail -c +502 two.pbc; } >shop.pbc
holds 'it is bent' "$none: damaged: digest doesn't match"
mv shop.pbc gone.pbc
holds 'it is gone' "$none: No such file or directory"
cp one.pbc shop.pbc
says 'a load of the file itself' '0 shop.pbc runs' load shop.pbc
holds 'which is what runs then' ''
cp was.pbc shop.pbc
chmod 640 shop.pbc
ctl load both.pbc --json
same 'as JSON' "$status $(cat out)" '0 {"program":"both.pbc","rules":0,"services":1,"saved":false,"confirm_left_s":null}'
before=$(grep -c '^reloaded: ' prey.err)
again() { [ "$(grep -c '^reloaded: ' prey.err)" -gt "$before" ]; }
kill -HUP "$prey"
until_true 300 'it is reloaded' again
serves 'SIGHUP reads the file of the command line' ' 6 one '
ctl status
same 'and both are one again' "$(grep -c '^shop.pbc' out)" 0

# The same with an answer; a program that comes with it becomes the file once it runs.
cp two.pbc shop.pbc
says 'a reload that waits' '0 shop.pbc runs' reload
serves 'it runs then' ' 6 two '
echo garbage >shop.pbc
says 'one of no program' '2 preyctl: reload: shop.pbc: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc; the old program keeps running' reload
says 'one that comes with it, and is none' '2 preyctl: reload: bad.pbc: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc; the old program keeps running' \
    reload "$(cp shop.pbc bad.pbc && echo bad.pbc)"
says 'log files alone' '0 ' reload --logs
says 'which is all of it' '2 preyctl: --logs only reopens log files and takes neither a program nor --confirm: write `preyctl reload --logs`' reload --logs one.pbc
says 'one that comes with it' '0 shop.pbc runs' reload one.pbc
cmp shop.pbc one.pbc
ok $? 'is the file then'
says 'one on trial' '0 shop.pbc runs; the previous program comes back in 5 min 0 s unless you run: preyctl confirm WORD' reload two.pbc --confirm 5m
cmp shop.pbc one.pbc
ok $? 'is not yet'
confirms 'it is confirmed' '0 confirmed: shop.pbc keeps running, and is saved'
cmp shop.pbc two.pbc
ok $? 'is, once it is confirmed'
says 'and back' '0 shop.pbc runs' reload one.pbc

# What is no program leaves what runs.
goes_on='shop.pbc keeps running'
head -c 3000 /dev/urandom >garbage.pbc
head -c 600 two.pbc >short.pbc
{ head -c 500 two.pbc; printf x; tail -c +502 two.pbc; } >bent.pbc
echo 'firewall f default drop { accept tcp port 80 }' | rules watched
says 'garbage' "2 preyctl: garbage.pbc: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc; $goes_on" load garbage.pbc
ctl load short.pbc
same 'half of one' "$status $(grep -c "short.pbc: truncated.*; $goes_on" err)" '2 1'
says 'one that somebody bent' "2 preyctl: bent.pbc: damaged: digest doesn't match; compile the rules again: preyc RULES.prey -o FILE.pbc; $goes_on" load bent.pbc
says 'nothing' '2 preyctl: /dev/null: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc; shop.pbc keeps running' load /dev/null
ctl load watched.pbc
same 'one that could only watch' "$status $(grep -c -- '--monitor.*; shop.pbc keeps running' err)" '2 1'
says 'rules as text' '2 preyctl: two.prey is a rule file, not a compiled program; compile it first: preyc two.prey -o two.pbc' load two.prey
says 'a file that is not there' '2 preyctl: none.pbc: No such file or directory' load none.pbc
says 'no time' '2 preyctl: --confirm: `5` isn'\''t a time such as 30s, 5m or 2h' load two.pbc --confirm 5
says 'no option' '2 preyctl: `--force` isn'\''t an option of load: preyctl load NEW.pbc [--save] [--confirm D] [--allow-unjudged DEV,...]' load two.pbc --force
says 'no program' '2 preyctl: usage: preyctl load NEW.pbc [--save] [--confirm D] [--allow-unjudged DEV,...]' load
awaits '^preyrun: load: bent.pbc: damaged: digest doesn'\''t match; compile the rules again: preyc RULES.prey -o FILE.pbc; the old program keeps running$'

# Descriptors that are no sealed file: none of them is read.
cat >rude.py <<'PY'
import fcntl, json, os, socket, struct, sys
def ask(fds, **more):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(sys.argv[1])
    body = json.dumps({"ask": "load", "name": "rude", **more}).encode()
    socket.send_fds(s, [b"q" + struct.pack("<I", len(body)) + body], fds)
    data = b""
    while not data.count(b"e"):
        more = s.recv(65536)
        if not more:
            break
        data += more
    return data[5:].decode(errors="replace")
good = open(sys.argv[2], "rb").read()
def memory(bytes, seals, size=None):
    fd = os.memfd_create("x", os.MFD_ALLOW_SEALING)
    os.write(fd, bytes)
    if size is not None:
        os.ftruncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd
ALL = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK
quiet, other = os.pipe()
print("none:", ask([]))
print("a pipe:", ask([quiet]))
print("a file:", ask([os.open(sys.argv[2], os.O_RDONLY)]))
print("a device:", ask([os.open("/dev/zero", os.O_RDONLY)]))
print("its own socket:", ask([socket.socket(socket.AF_UNIX).fileno()]))
print("unsealed:", ask([memory(good, 0)]))
print("may grow:", ask([memory(good, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK)]))
print("2 GiB:", ask([memory(b"", ALL, 2 << 30)]))
print("empty:", ask([memory(b"", ALL)]))
print("no time:", ask([memory(good, ALL)], confirm_ns=-1))
print("no time either:", ask([memory(good, ALL)], confirm_ns="soon"))
PY
sockets=/run/prey/$(stat -L -c %i "/run/netns/$id-prey")
python3 rude.py "$sockets/eth0.sock" two.pbc >rude.out 2>&1
unsealed="the program sent with the question isn't in a sealed memory file, which preyctl uses; $goes_on"
untimely='2`confirm_ns`, the time to confirm, must be a whole number of nanoseconds from 1 to 4e18'
same 'each of them is told' "$(cat rude.out)" "none: 2rude: the question has no program; $goes_on
a pipe: 2rude: $unsealed
a file: 2rude: $unsealed
a device: 2rude: $unsealed
its own socket: 2rude: $unsealed
unsealed: 2rude: $unsealed
may grow: 2rude: $unsealed
2 GiB: 2rude: larger than 1073741824 bytes; $goes_on
empty: 2rude: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc; $goes_on
no time: $untimely
no time either: $untimely"
serves 'none of them changed anything' ' 6 one '

# A program on trial, and what is not done meanwhile.
ctl set farm/one weight 7
says 'one on trial' '0 two.pbc runs; shop.pbc comes back in 5 min 0 s unless you run: preyctl confirm WORD' load two.pbc --confirm 5m
of_trial=$word
says 'no other meanwhile' '2 preyctl: the running program isn'\''t confirmed yet: run preyctl confirm first' load both.pbc
refused=$(number_of reloads.refused)
kill -HUP "$prey"
one_more() { [ "$(number_of reloads.refused)" = $((refused + 1)) ]; }
until_true 100 'nor SIGHUP' one_more
ctl status
same 'status says so' "$(grep -c '^shop.pbc comes back in .* unless you run: preyctl confirm' out)" 1
same 'it is in force' "$(ask client 10.1.0.100)" two
speaks trial
ctl status --json
same 'and keeps the word to whoever loaded it' "$(cat out prey.err | grep -c "$of_trial")" 0
says 'nobody confirms it without the word' \
    '2 preyctl: not confirmed: run preyctl confirm WORD with the word printed when this trial began, or preyctl confirm --force' confirm
says 'nor with another' '2 preyctl: not confirmed: `tomorrow` isn'\''t the word that the log, or preyctl load, printed when this trial began; --force confirms without the word' confirm tomorrow
says 'no option' '2 preyctl: `--now` isn'\''t an option of confirm: preyctl confirm WORD|--force' confirm --now
says 'a word and none' '2 preyctl: usage: preyctl confirm WORD|--force' confirm --force tomorrow
word=$of_trial
confirms 'it is confirmed' '0 confirmed: two.pbc keeps running'
says 'nothing waits any more' '2 preyctl: nothing needs to be confirmed' confirm "$of_trial"
kill -HUP "$prey"
serves_one() { [ "$(ask client 10.1.0.100)" = one ]; }
until_true 100 'the file again' serves_one

# Nobody confirms it: the one before comes back, and with it what was set by hand of its servers.
ctl set farm/one weight 7
ctl load two.pbc --confirm 1s
same 'one that nobody confirms' "$status" 0
awaits '^reloaded: shop.pbc: 0 rules, 1 service, because nobody has confirmed the loaded program$'
serves 'the one before is back' ' 6 one '
says 'the word comes too late' '2 preyctl: the trial is over: nobody confirmed it in time, and shop.pbc came back' confirm abcdefgh
speaks back
ctl servers
same 'what was set by hand, too' "$(grep -c 'one .* weight 7 .*2 in the file' out)" 1
ctl set farm/one file

# Confirmed in time, and saved only then.
ctl load both.pbc --confirm 5m --save
same 'one to be saved' "$status $(cmp -s shop.pbc one.pbc; echo $?)" '0 0'
says 'is confirmed, by force' '0 confirmed: both.pbc keeps running, and is saved as shop.pbc' confirm --force
told '^preyrun: confirmed by user 0 by force$'
ok $? 'which is told'
ctl load both.pbc --confirm 5m --json
word=$(python3 -c 'import json; print(json.load(open("out"))["confirm_word"])')
confirms 'as JSON it has the word, too' '0 confirmed: both.pbc keeps running'
cmp shop.pbc both.pbc
ok $? 'then it is the file of the command line'
same 'which is for whom it was' "$(stat -c %a shop.pbc)" 640
says 'another is saved at once' '0 two.pbc runs, and is saved as shop.pbc' load --save two.pbc
cmp shop.pbc two.pbc && [ "$(ls shop.pbc*)" = shop.pbc ]
ok $? 'whole, and nothing is left beside it'
ctl status
same 'so both are one' "$(grep -c '^shop.pbc' out)" 0
mv shop.pbc gone.pbc
says 'a file that is gone is not replaced' '2 preyctl: both.pbc runs, but isn'\''t saved: shop.pbc: No such file or directory' load both.pbc --save
speaks last
same 'the connection said every line' "$(tr '\n' ' ' <heard)" 'first loaded trial back last '
exec 9>&-
same 'reloads are counted' "$(number_of reloads.good)" 16
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0

# --watch: the file is read when it becomes another one, whole, and where it lies behind a link, too.
mkdir versions
cp one.pbc versions/first
ln -s versions/first linked.pbc
cp one.pbc watched.pbc
for path in watched.pbc linked.pbc; do
    prey prey -i eth0 --format json --watch $path
    same "$path: the parent, which watches nothing, keeps its standard input" "$(readlink "/proc/$prey/fd/0")" /dev/null
    if [ $path = watched.pbc ]; then cp two.pbc next.pbc && mv next.pbc $path; else ln -s versions/second next.pbc && cp two.pbc versions/second && mv -T next.pbc $path; fi
    awaits "^reloaded: $path: "
    same "$path: another one in its place is read" "$(ask client 10.1.0.100)" two
    cp one.pbc "$(readlink -f $path)"
    until_true 100 "$path: so is one that was written over it" serves_one
    same "$path: which are two reloads" "$(number_of reloads.good)" 2
    touch $path
    cp one.pbc "$(readlink -f $path)"
    head -c 600 two.pbc >"$(readlink -f $path)"
    awaits "^preyrun: reload: $path: truncated: 600 bytes of .*; the old program keeps running$"
    same "$path: half a file leaves what runs" "$(ask client 10.1.0.100)" one
    ctl load --save both.pbc
    same "$path: what was saved there is not read again" "$status $(cmp both.pbc $path; echo $?)" '0 0'
    cp two.pbc "$(readlink -f $path)"
    four() { [ "$(number_of reloads.good)" = 4 ]; }
    until_true 100 "$path: the next one is" four
    ctl load one.pbc --confirm 5m
    refused=$(number_of reloads.refused)
    cp one.pbc "$(readlink -f $path)"
    until_true 100 "$path: nothing is read until what runs is confirmed" one_more
    ctl confirm --force
    six() { [ "$(number_of reloads.good)" = 6 ]; }
    until_true 100 "$path: then it is" six
    truncate -s 0 prey.out
    prey_ends
    same "$path: it ends with 0" "$status" 0
done
exit $failed
