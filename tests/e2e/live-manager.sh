#!/usr/bin/env bash
# The service manager (systemd/): what prey-compile makes and keeps, the unit's faults and its exposure by systemd's own
# judgement; what is told to the manager's socket, here one of the test's own, with the rights that the unit leaves; the
# user that the service becomes; reloads that are refused, and those that are not.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || true # where nobody may mount one, the machine's does
live_begin

mkdir -p lib etc run kept unit log
for f in prey-compile preyrun@.service; do sed "s|@BINDIR@|$bin|g; s|@LIBDIR@|$work/lib|g; s|@DOCDIR@|$work/doc|g" "$top/systemd/$f" >"unit/$f"; done
install -m 755 unit/prey-compile lib/
unit() { # start|runs|reload [NAME [VARIABLE=VALUE...]]: as the unit calls it
    local name=${2-edge}
    at prey env CONFIGURATION_DIRECTORY=$work/etc RUNTIME_DIRECTORY=$work/run STATE_DIRECTORY=$work/kept OPTIONS="${OPTIONS--i eth0}" "${@:3}" \
        lib/prey-compile "$1" "$name" >heard 2>said
    status=$?
}
space client prey
link client eth0 prey eth0
address client eth0 10.1.0.1/24
address prey eth0 10.1.0.2/24
farm='pool farm { source 10.1.0.50; server one 10.1.0.1 }'
echo "$farm" >etc/farm.prey
# A list by a way back, one by a link; and what no compile reads.
mkdir -p etc/parts etc/lists etc/tls outside
echo 192.0.2.1 >etc/lists/in.txt
echo 192.0.2.2 >outside/kept.txt
ln -s "$work/outside/kept.txt" etc/lists/link.txt
echo 'set in = file "../lists/in.txt", file "../lists/link.txt"' >etc/parts/sets.prey
for f in etc/tls/key.pem etc/tls/cert.pem etc/key.pem etc/notes.txt; do echo '-----BEGIN PRIVATE KEY-----' >"$f"; done
cat >good <<'END'
include "farm.prey"
include "parts/*.prey"
firewall f forward default accept { drop from in }
service web on 10.1.0.100 tcp/80 { mode passthrough; -> farm }
END

echo '# prey-compile'
echo 'firewall x {' >etc/edge.prey
unit start
same 'rules that do not compile, and none before: no start' "$status $(ls run kept | grep -c pbc)" '1 0'
cp good etc/edge.prey
certified() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "etc/tls/$1.key" -out "etc/tls/$1.pem" 2>/dev/null || exit 1; }
certified shop
unit start
same 'rules that do are compiled' "$status $(test -s run/edge.pbc && cat said)" '0 '
same 'and not kept, for nobody knows yet whether they run' "$(ls kept | grep -c '^edge[.]pbc$')" 0
unit runs
same 'they are once they do' "$status $(cmp run/edge.pbc kept/edge.pbc && ls kept | tr '\n' ' ')" '0 edge.pbc edge.rules '
same 'of the folder only what they are made of, links as what they lead to' "$(cd kept/edge.rules && find . -type f | sort | tr '\n' ' ')" \
    './edge.prey ./farm.prey ./lists/in.txt ./lists/link.txt ./parts/sets.prey '
same 'no key is anywhere in what is kept' "$(grep -rl KEY kept)" ''
cp run/edge.pbc before.pbc
echo '# more' >>etc/edge.prey
echo 'firewall x {' >>etc/edge.prey
rm run/edge.pbc
unit start
same 'a start takes what compiled last, and says so' "$status $("$bin/preyc" --diff before.pbc run/edge.pbc >diff && grep -c "doesn't compile: preyrun starts with the rules of .*, which were in force last" said)" '0 1'
mv etc/edge.prey broken
: >etc/edge.prey
unit start
same 'and where the file has no byte, as after a power cut' "$status $(grep -c 'is empty: preyrun starts with the rules of' said)" '0 1'
mv broken etc/edge.prey
cp -rL etc/tls kept/edge.rules/ # as an earlier version did
echo 'of another version' >kept/edge.pbc
echo 'pool' >etc/farm.prey
unit start
same 'and compiles it again, after an upgrade' "$status $("$bin/preyc" --diff before.pbc run/edge.pbc >diff; echo $?)" '0 0'
same 'without the keys that an earlier version kept' "$(grep -rl KEY kept; ls kept/edge.rules | tr '\n' ' ')" 'edge.prey farm.prey lists parts '
rm -r kept/edge.rules
cp before.pbc kept/edge.pbc
unit start
same 'or, where that isn'\''t possible, takes the program as it was' "$status $(cmp run/edge.pbc before.pbc && echo same)" '0 same'
cp good etc/edge.prey
echo "$farm" >etc/farm.prey
mkdir -p etc/.d etc/a away
echo 192.0.2.4 >away/list.txt
for way in ../away/list.txt .d/../../away/list.txt a/../../away/list.txt "$work/away/list.txt"; do
    { cat good; printf 'set away = file "%s"\nfirewall w forward default accept { drop to away }\n' "$way"; } >etc/edge.prey
    unit start
    unit runs
    same "what lies elsewhere, by $way, is read and not kept" "$status $(cat said; find . -name list.txt; grep -rl KEY kept)" '0 ./away/list.txt'
done
cp good etc/edge.prey
unit start
unit runs
cp run/edge.pbc before.pbc
open_to() { # SENTENCE PATH: what other users can change at PATH is refused, at a start and at a reload
    unit start
    same "$1 is refused, and a start takes what was kept" "$status $(grep -cF "$2: error: other users can change this file or folder" said) $(grep -c 'preyrun starts with the rules of .*, which were in force last' said)" '0 1 1'
    unit reload
    same "$1: a reload fails, and says why" "$status $(tail -n 1 said | grep -cF "prey-compile: reload: $2: error: other users can change this file or folder")" '1 1'
}
chmod o+w etc/edge.prey
open_to 'a rule file of mode 646' "$work/etc/edge.prey"
chmod o-w etc/edge.prey
chown 64123 etc/farm.prey
open_to 'an included file of somebody else' "$work/etc/farm.prey"
chown 0 etc/farm.prey
chown 0:64123 etc/lists/in.txt
chmod g+w etc/lists/in.txt
open_to 'a list that a group may write' "$work/etc/lists/in.txt"
chown 0:0 etc/lists/in.txt
chmod 777 outside
open_to 'a list by a link into a folder of all' "$work/outside"
chmod 755 outside
chmod g+w etc/edge.prey
unit start
same 'what the group root may write is taken' "$status $(cat said)" '0 '
# A file that does not answer, as on a network file system: a pipe that nobody writes into.
rm -f etc/edge.prey run/edge.pbc
mkfifo etc/edge.prey
unit start edge COMPILE_WITHIN=1
same 'rules that do not answer: a start takes what was kept, and says what to do' \
    "$status $(grep -c "edge.prey did not compile within 1 s (move files from network file systems to $work/etc, or write COMPILE_WITHIN=SECONDS into /etc/default/prey-edge): preyrun starts with the rules of .*, which were in force last$" said)" '0 1'
same 'which are those' "$("$bin/preyc" --diff before.pbc run/edge.pbc >diff; echo $?)" 0
unit reload edge COMPILE_WITHIN=1
same 'a reload fails' "$status $(tail -n 1 said | grep -c "reload: $work/etc/edge.prey did not compile within 1 s (.*); the old program keeps running$")" '1 1'
mv kept was_kept && mkdir kept
unit start edge COMPILE_WITHIN=1
same 'where nothing is kept: no start' "$status $(ls kept)" '124 '
rm -r kept && mv was_kept kept
same 'no time ends two compiles, or a compile and an answer, before systemd does' "$(sed -n 's/^compile_within=${COMPILE_WITHIN:-\([0-9]*\)} answer_within=${ANSWER_WITHIN:-\([0-9]*\)}$/\1 \2/p' lib/prey-compile)" '40 40'
# One that somebody writes into is read, and no file to keep.
cat good >etc/edge.prey &
unit start
same 'a pipe is read, and no start waits for another text' "$status $(tail -n 1 said | grep -c "can't renew the copy")" '0 1'
wait $!
rm etc/edge.prey
# Room and rights on disk are gone: what works goes on.
below() { # FOLDER MOUNT-OPTIONS: the start, and that it runs, with such a file system there, which is full
    at prey env CONFIGURATION_DIRECTORY="$work/etc" RUNTIME_DIRECTORY="$work/run" STATE_DIRECTORY="$work/kept" OPTIONS='-i eth0' unshare -m sh -c \
        "mount -t tmpfs -o $2 tmpfs $work/$1; dd if=/dev/zero of=$work/$1/fill 2>/dev/null; lib/prey-compile start edge; s=\$?; lib/prey-compile runs edge; echo \$s \$?; ls run" 2>said | tr '\n' ' '
}
cp good etc/edge.prey
not_renewed="prey-compile: prey can't renew the copy of the rules in $work/kept/edge.*; the new rules are in force"
for how in ro size=8k; do
    rm -f run/edge.pbc
    same "what is kept lies on $how: a start" "$(below kept "$how") $(tail -n 1 said)" "0 0 edge.pbc  $not_renewed"
done
same 'no room for a program: no start, and nothing is left of one' "$(below run size=8k) $(tail -n 1 said | grep -c "the copy of the rules can't be written to $work/run/edge.pbc either: preyrun starts without a program, and blocks its interfaces$")" '1 0 fill  1'
rm -f run/edge.pbc
unit start
OPTIONS='' unit start
same 'without OPTIONS a start says which file is missing, and what belongs there' "$status $(cat said)" \
    "78 prey-compile: there is no /etc/default/prey-edge: write the interfaces that prey serves there, as OPTIONS='-i eth0 -i eth1'; $work/doc/systemd/prey-edge is an example"

echo '# The unit'
ln -s "$bin/preyrun" lib/preyrun
PATH=$PATH:/usr/sbin systemd-analyze verify "$PWD/unit/preyrun@.service" 2>&1 | grep -v "Command 'man" >faults
same 'systemd finds no fault in it' "$(cat faults)" ''
systemd-analyze security --offline=yes --threshold=35 "$PWD/unit/preyrun@.service" >exposure 2>&1
same 'and what it exposes is 3.5 of 10 at most' "$?" 0

says() { sed -n "s/^$1=//p" unit/preyrun@.service | tr '\n' ' '; } # the values of a setting
same 'before the network, and without the dependencies that would make a cycle of it' \
    "$(says Before)|$(says DefaultDependencies)|$(says Conflicts)" 'network-pre.target shutdown.target |no |shutdown.target '
same 'in wait of nothing that comes after it' "$(says After | grep -cE 'network|basic|sysinit|multi-user')" 0
options=$(sed -n 's/^ExecStart=[^ ]* --name %i \(.*\) \$OPTIONS .*/\1/p' unit/preyrun@.service)
same 'it leaves memory to others' "$(says MemoryMax)" '75% '
same 'preyrun is closed, and waits for interfaces' "$options" '--wait --on-exit closed'

echo '# What the journal hears: levels, where standard error is its own'
levels() { # SENTENCE LEVELS COMMAND...: of the lines that it says there, and that none has one elsewhere
    local sentence=$1 wanted=$2
    shift 2
    : >err
    JOURNAL_STREAM=$(stat -c %d:%i err) timeout 5 ip netns exec "$id-prey" "$@" 2>>err >out
    same "$sentence" "$(grep -o '^<[0-9]>' err | sort -u | tr -d '\n')" "$wanted"
    JOURNAL_STREAM=1:1 timeout 5 ip netns exec "$id-prey" "$@" 2>err >out
    same "$sentence, and elsewhere none" "$(grep -c '^<' err)" 0
}
cp good etc/edge.prey
levels 'a start that is refused is an error' '<3>' "$bin/preyrun" -i eth9 run/edge.pbc
echo 'firewall edge in default accept { drop tcp to port 9 }' >watch.prey && "$bin/preyc" watch.prey -o watch.pbc >/dev/null
levels 'one that is not is none: executor, ready, end' '<6>' "$bin/preyrun" --monitor -i eth0 watch.pbc
levels 'a reload that is refused is an error' '<3>' env CONFIGURATION_DIRECTORY="$work/none" RUNTIME_DIRECTORY="$work/run" STATE_DIRECTORY="$work/kept" OPTIONS='-i eth0' \
    lib/prey-compile reload edge

echo '# Fields of the journal, where it can be reached: a datagram a line'
cat >journal.py <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    lines = s.recv(65536).decode().split("\n")
    print("|".join(sorted(lines[:-1])) if lines[-1] == "" else f"no end: {lines}", flush=True)
END
open_folder
mkdir "$open/journal"
python3 journal.py "$open/journal/socket" >told &
pids="$pids $!"
until_true 100 'the journal is there' test -S "$open/journal/socket"
echo 'firewall edge in default accept { accept icmp log "ping: " }' >log.prey && "$bin/preyc" log.prey -o log.pbc >/dev/null
: >err
JOURNAL_STREAM=$(stat -c %d:%i err) background prey unshare -m sh -c \
    'mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && mount --bind "$0" /run/systemd/journal && exec "$@"' "$open/journal" \
    "$bin/preyrun" --monitor --exec user --log text --name one -i eth0 log.pbc 2>>err >out
until_true 100 'it hears that preyrun is ready' grep -q PREY_EVENT=ready told
at client ping -c 1 -W 5 10.1.0.2 >out 2>&1
until_true 100 'it hears of a packet' grep -q PREY_EVENT=log told
kill "$last"
wait "$last"
same 'each event has its level, its kind and the instance' "$(grep -oE '^MESSAGE=.*PREY_EVENT=[a-z-]+|PREY_INSTANCE=one|PRIORITY=[0-9]|SYSLOG_IDENTIFIER=preyrun' told | sed 's/^MESSAGE=.*|//' | sort -u | tr '\n' ' ')" \
    'PREY_EVENT=ended PREY_EVENT=log PREY_EVENT=ready PREY_INSTANCE=one PRIORITY=6 SYSLOG_IDENTIFIER=preyrun '
same 'what a rule logs has its rule, place, verdict and packet' "$(grep -m 1 PREY_EVENT=log told | grep -oE 'PREY_[A-Z]+' | tr '\n' ' ')" \
    'PREY_BYTES PREY_EVENT PREY_INSTANCE PREY_PACKET PREY_PLACE PREY_PREFIX PREY_RULE PREY_VERDICT '
same 'and standard error has none of these lines' "$(grep -c '^<6>' err)" 0

echo '# What the manager hears'
cat >listen.py <<'END'
import os, socket, struct
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind(os.environ["SOCKET"])
while True:
    text, who, _, _ = s.recvmsg(4096, socket.CMSG_SPACE(12))
    print(struct.unpack("3i", who[0][2])[0], text.decode().split("\n")[0], flush=True)
END
open_folder
SOCKET=$open/notify background prey python3 listen.py >told
until_true 100 'the socket is there' test -S "$open/notify"
# With what the unit leaves, and a user of that name.
{ cat /etc/passwd; echo 'prey:x:64123:64124::/nonexistent:/usr/sbin/nologin'; } | awk -F: '!seen[$1]++' >passwd
user=$(awk -F: '$1 == "prey" { print $3 }' passwd) group=$(awk -F: '$1 == "prey" { print $4 }' passwd)
mkdir bound
cat >bound/preyrun <<END
#!/bin/sh
exec $top/tests/e2e/live/sandbox.sh $work/unit/preyrun@.service $work/passwd $work -- $bin/preyrun "\$@"
END
chmod +x bound/preyrun
rules box <<'END'
pool farm { server one 10.1.0.1:80 }
service web on 10.1.0.2 tcp/8000 { mode passthrough; -> farm }
service in on 10.1.0.7 tcp/80 { mode proxy inline; -> farm }
limits { proxy_sessions 1000 }
END
programs=$bin
bin=$work/bound
# All that writes on this machine: the TUN device, a network stack aside, ports that are kept, pins.
at prey sysctl -q -w net.ipv4.ip_local_port_range='32768 62000'
for_programs client:eth0
for by in user kernel; do
    [ "$by" = user ] || [ ! -e "$programs/tests/lib/no_one_kernel.o" ] || continue
    [ "$by" = user ] || mkdir -p /sys/fs/bpf/prey
    prey prey --name box --exec "$by" --on-exit closed -i eth0 box.pbc
    same "below the unit by $by: ready, and nothing is missing" "$(grep -c "^ready: box" prey.err)|$(grep -vE '^ready|partial checksums|turns off .* until it stops' prey.err)" '1|'
    same "below the unit by $by: ports are kept" "$(at prey sysctl -n net.ipv4.ip_local_reserved_ports)" 61000-62000
    prey_ends
    same "below the unit by $by: an end" "$status" 0
    seeing prey "$programs/preyrun" --cleanup --name box 2>err
done
NOTIFY_SOCKET=$open/notify WATCHDOG_USEC=2000000 STATE_DIRECTORY=$work/kept prey prey --name edge $options -i eth0 --access-logs log --stats 10.1.0.2:80 run/edge.pbc
bin=$programs
heard() { sed -n "/WATCHDOG/d; s/^$prey //p" told | tr '\n' ' '; }
until_true 100 'it is told that it is ready' grep -q READY told
until_true 100 'signs of life' grep -q WATCHDOG told
same 'statistics at port 80, which the parent opens with the rights that it keeps' \
    "$(at client curl -s -m 20 -o /dev/null -w '%{http_code}' http://10.1.0.2/metrics)" 200
child=$(pgrep -P "$prey")
case $B in
*/san | */cov) ;; # which look at their own files, and stay as they are
*)
    same 'the service is user prey, without groups' "$(awk '/^(Uid|Gid|Groups):/ { printf "%s", $0 }' "/proc/$child/status" | tr -s '\t ' ' ')" \
        "Uid: $user $user $user ${user}Gid: $group $group $group ${group}Groups: "
    same 'and without rights' "$(grep -c '^Cap...:[[:space:]]*0*$' "/proc/$child/status")" 5
    ;;
esac
# A reload that is refused leaves everything as it was, and the unit fails with the reason last.
cp good etc/edge.prey
echo "$farm" >etc/farm.prey
all_of_it() { # what may not change: the file, what is kept, what runs
    find kept run -type f -exec sha256sum {} + | sort
    "${ctl[@]}" status --json | python3 -c 'import json, sys; s = json.load(sys.stdin); print(s["program"]["since"], s["program"]["file_differs"], s["reloads"]["good"])'
}
ctl=(ip netns exec "$id-prey" "$bin/preyctl" --name edge)
refuses() { # SENTENCE REASON [VARIABLE=VALUE...]: the unit's reload is refused for the reason, a regular expression of the whole last line
    local before after
    before=$(all_of_it)
    unit reload edge "${@:3}"
    after=$(all_of_it)
    same "$1: the reload fails" "$status" 1
    tail -n 1 said | grep -qE "^prey-compile: reload: $2; the old program keeps running$" || sed 's/^/# /' said
    same "$1: and its last line says why" "$(tail -n 1 said | grep -cE "^prey-compile: reload: $2; the old program keeps running$")" 1
    same "$1: all is as it was" "$after" "$before"
    same "$1: nothing is left beside it" "$(ls run kept | grep -cE 'next|new')" 0
}
unit start # of this version
unit runs
unit reload
same 'a reload runs' "$status $(cat heard)" "0 run/edge.pbc runs"
{ cat good; echo 'firewall x {'; } >etc/edge.prey
refuses 'rules that do not compile' '.*edge[.]prey:[0-9]+:[0-9]+: error: .*'
{ cat good; echo 'firewall x on "eth7" forward default accept { drop tcp to port 22 }'; } >etc/edge.prey
refuses 'rules that leave a device unjudged' '.*eth7.*'
certified other
cat >>good <<END
pool back { server one 10.1.0.1:80 }
service tls on 10.1.0.2 tcp/443 {
  mode proxy tls cert "$work/etc/tls/shop.pem" key "$work/etc/tls/other.key"
  access log common "$work/log/tls.log"
  -> back
}
END
cp good etc/edge.prey
refuses 'half a renewal' '.*the private key doesn'\''t belong to the certificate.*'
cp etc/tls/shop.key etc/tls/other.key
sed -i 's/one 10.1.0.1/one 10.1.0.1 weight 3/' etc/farm.prey
cp run/edge.pbc before.pbc
unit reload
same 'the other half makes it whole' "$status $(cat heard) $(cmp -s run/edge.pbc before.pbc || echo another)" '0 run/edge.pbc runs another'
same 'what runs is kept' "$(cmp run/edge.pbc kept/edge.pbc && cmp etc/farm.prey kept/edge.rules/farm.prey && grep -l PRIVATE -r kept)" ''
served() { at prey openssl s_client -connect 10.1.0.2:443 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint 2>/dev/null; }
of_disk() { openssl x509 -in etc/tls/shop.pem -noout -fingerprint; }
same 'the certificate is served' "$(served)" "$(of_disk)"
certified shop
cp etc/tls/shop.key etc/tls/other.key
unit reload
same 'a reload of the same rules reads certificates again' "$status $(served)" "0 $(of_disk)"

# A trial: what is kept follows once it is confirmed.
cp run/edge.pbc before.pbc
cp kept/edge.pbc kept.pbc
sed -i 's/weight 3/weight 4/' etc/farm.prey
unit reload edge RELOAD_CONFIRM=5m
same 'RELOAD_CONFIRM makes it a trial' "$status $(grep -c '^run/edge.pbc runs; the previous program comes back in 5 min 0 s unless you run: preyctl confirm [a-z]*$' heard)" '0 1'
word=$(sed -n 's/.*preyctl confirm //p' heard)
same 'the history has its text' "$("${ctl[@]}" history 0 | grep -c 'weight 4')" 1
same 'neither the file nor what is kept is renewed meanwhile' "$(cmp run/edge.pbc before.pbc && cmp kept/edge.pbc kept.pbc && echo same)" same
unit reload
same 'nor is another taken' "$status $(tail -n 1 said)" '1 prey-compile: reload: the running program isn'\''t confirmed yet: run preyctl confirm first'
"${ctl[@]}" confirm "$word" >heard
unit reload
same 'confirmed, it is kept' "$status $(cmp run/edge.pbc kept/edge.pbc && cmp -s run/edge.pbc before.pbc; echo $?)" '0 1'
sed -i 's/weight 4/weight 6/' etc/farm.prey
unit reload edge RELOAD_CONFIRM=5m
"${ctl[@]}" confirm "$(sed -n 's/.*preyctl confirm //p' heard)" >heard
cp run/edge.pbc confirmed.pbc
rm run/edge.pbc
echo 'firewall x {' >>etc/edge.prey
unit start
same 'after a boot, too' "$status $(cmp confirmed.pbc kept/edge.pbc && grep -c weight.6 kept/edge.rules/farm.prey)" '0 1'
cp good etc/edge.prey
sed -i 's/weight 6/weight 5/' etc/farm.prey
cp confirmed.pbc run/edge.pbc
cp run/edge.pbc before.pbc
unit reload edge RELOAD_CONFIRM=1s
until_true 100 'nobody confirms it' grep -q 'because nobody has confirmed the loaded program' prey.err
same 'which leaves all as it was' "$status $(cmp run/edge.pbc before.pbc && cmp kept/edge.pbc before.pbc && echo same)" '0 same'
unit start
same 'nor does a start take it' "$status $(grep -c 'edge.prey was on trial, and nobody confirmed it: preyrun starts with the rules of .*, which were in force last$' said)" '0 1'
unit runs
same 'nor is it kept' "$(cmp kept/edge.pbc before.pbc && grep -c weight.6 kept/edge.rules/farm.prey)" 1
sed -i 's/weight 5/weight 7/' etc/farm.prey
unit start
same 'rules that have changed since are taken' "$status $(cat said)" '0 '
sed -i 's/weight 7/weight 5/' etc/farm.prey
cp before.pbc run/edge.pbc
sed -i 's/weight 5/weight 4/' etc/farm.prey

# No answer: what becomes of the rules nobody knows yet, and what is kept is what runs.
kill -STOP "$child"
sed -i 's/weight 4/weight 8/' etc/farm.prey
unit reload edge ANSWER_WITHIN=1
same 'a reload that is not answered fails, and says what is known' "$status $(tail -n 1 said)" \
    '1 prey-compile: reload: no reply within 1 s, so preyrun may still load these rules: to see which rules run, run: preyctl --name edge history'
same 'nothing is kept yet' "$(grep -c 'weight 8' kept/edge.rules/farm.prey)" 0
kill -CONT "$child"
until_true 100 'they run' sh -c "$(printf '%q ' "${ctl[@]}") history 0 | grep -q 'weight 8'"
cp run/edge.pbc before.pbc
echo 'firewall x {' >>etc/edge.prey
rm run/edge.pbc
unit start
same 'a start keeps what has come to run' "$status $(grep -c 'weight 8' kept/edge.rules/farm.prey) $("$bin/preyc" --diff before.pbc run/edge.pbc >diff; echo $?)" '0 1 0'
cp good etc/edge.prey
kill -STOP "$child"
sed -i 's/weight 8/weight 4/' etc/farm.prey
unit reload edge ANSWER_WITHIN=1 RELOAD_CONFIRM=5m
same 'so does a trial' "$status $(ls kept | grep -c 'trial[.]')" '1 2'
kill -CONT "$child"
until_true 100 'it runs' sh -c "$(printf '%q ' "${ctl[@]}") history 0 | grep -q 'weight 4'"
unit start
same 'whose rules no start takes until they are confirmed' "$status $(grep -c 'was on trial, and nobody confirmed it' said)" '0 1'
"${ctl[@]}" confirm --force >heard
unit reload
same 'they are kept then' "$status $(grep -c 'weight 4' kept/edge.rules/farm.prey)" '0 1'

# Log files that were moved away, whatever the rules.
mv log/tls.log log/tls.log.1
unit reload
same 'a reload opens log files again' "$status $(test -e log/tls.log && echo there)" '0 there'
mv log/tls.log log/tls.log.2
echo 'firewall x {' >>etc/edge.prey
unit reload
same 'one that is refused, too' "$status $(test -e log/tls.log && echo there)" '1 there'
cp good etc/edge.prey

same 'of each one that began the manager heard that, and that it is over' \
    "$(heard | grep -cE '^READY=1 (RELOADING=1 READY=1 ){14}$')" 1
if [ ! -e "$bin/tests/lib/no_one_kernel.o" ]; then
    echo 'firewall host in default accept { drop tcp to port 5432 }' >etc/gate.prey
    unit start gate
    link client gate prey gate0
    background prey "$bin/preyrun" --name gate --control gate.sock -i gate0 --exec kernel run/gate.pbc 2>gate.err >gate.out
    gate=$last
    until_true 300 'another instance is ready' grep -q '^ready' gate.err
    echo 'firewall host in default drop { accept state established; accept tcp to port 22 }' >etc/gate.prey
    unit reload gate OPTIONS="-i gate0 --control $work/gate.sock --exec kernel"
    same 'rules that follow connections, and those before did not' "$status $(tail -n 1 said)" \
        "1 prey-compile: reload: --exec kernel: these rules follow connections, which needs tables that prey creates only when it starts: restart prey; the old program keeps running"
    same 'goes on, the file too' "$("$bin/preyctl" --control gate.sock status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["program"]["file_differs"])')" False
    kill "$gate"
    wait "$gate"
fi

kill -HUP "$prey"
until_true 100 'a reload by a signal' grep -q '^reloaded: [^,]*, [^,]*$' prey.err
echo x >run/edge.pbc
kill -HUP "$prey"
until_true 100 'and one that fails' grep -q 'preyrun: reload: ' prey.err
prey_ends
until_true 100 'it is told that it ends' grep -q STOPPING told
same 'all of it in order, from the process that was started' "$(heard | sed 's/^READY=1 \(RELOADING=1 READY=1 \)*//')" 'STOPPING=1 '
same 'and by nobody else' "$(grep -vc "^$prey " told)" 0
same 'it ends well' "$status" 0
exit $failed
