#!/usr/bin/env bash
# The service manager (systemd/): what prey-compile makes and keeps, the unit's faults and its exposure by systemd's own
# judgement; what is told to the manager's socket, here one of the test's own, with the rights that the unit leaves; the
# user that the service becomes.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

mkdir -p lib etc run kept unit
for f in prey-compile preyrun@.service; do sed "s|@BINDIR@|$bin|g; s|@LIBDIR@|$work/lib|g" "$top/systemd/$f" >"unit/$f"; done
install -m 755 unit/prey-compile lib/
compile() { # start|reload
    CONFIGURATION_DIRECTORY=$work/etc RUNTIME_DIRECTORY=$work/run STATE_DIRECTORY=$work/kept lib/prey-compile "$1" edge 2>said
    status=$?
}
echo 'pool farm { source 10.1.0.50; server one 10.1.0.1 }' >etc/farm.prey
cat >good <<'END'
include "farm.prey"
service web on 10.1.0.100 tcp/80 { mode passthrough; -> farm }
END

echo '# prey-compile'
echo 'firewall x {' >etc/edge.prey
compile start
same 'rules that do not compile, and none before: no start' "$status $(ls run kept | grep -c pbc)" '1 0'
cp good etc/edge.prey
compile start
same 'rules that do are compiled and kept' "$status $(cmp run/edge.pbc kept/edge.pbc && cat said)" '0 '
echo '# more' >>etc/edge.prey
echo 'firewall x {' >>etc/edge.prey
cp run/edge.pbc before.pbc
compile reload
same 'a reload with a fault fails, and leaves what there is' "$status $(cmp run/edge.pbc before.pbc && echo same)" '1 same'
rm run/edge.pbc
compile start
same 'a start takes what compiled last, and says so' "$status $("$bin/preyc" --diff before.pbc run/edge.pbc >diff && grep -c 'does not compile: the rules of .* are taken' said)" '0 1'
echo 'of another version' >kept/edge.pbc
echo 'pool' >etc/farm.prey
compile start
same 'and compiles it again, after an upgrade' "$status $("$bin/preyc" --diff before.pbc run/edge.pbc >diff; echo $?)" '0 0'
rm -r kept/edge.rules
cp before.pbc kept/edge.pbc
compile start
same 'or, where that is not possible, takes the program as it was' "$status $(cmp run/edge.pbc before.pbc && echo same)" '0 same'

echo '# The unit'
ln -s "$bin/preyrun" lib/preyrun
PATH=$PATH:/usr/sbin systemd-analyze verify "$PWD/unit/preyrun@.service" 2>&1 | grep -v "Command 'man" >faults
same 'systemd finds no fault in it' "$(cat faults)" ''
# For a unit without default dependencies systemd 252 leaves out ProtectSystem=, ProtectHome= and PrivateTmp=, which would be worth 0.2.
systemd-analyze security --offline=yes --threshold=41 "$PWD/unit/preyrun@.service" >exposure 2>&1
same 'and what it exposes is 4.1 of 10 at most' "$?" 0

says() { sed -n "s/^$1=//p" unit/preyrun@.service | tr '\n' ' '; } # the values of a setting
same 'before the network, and without the dependencies that would make a cycle of it' \
    "$(says Before)|$(says DefaultDependencies)|$(says Conflicts)" 'network-pre.target shutdown.target |no |shutdown.target '
same 'in wait of nothing that comes after it' "$(says After | grep -cE 'network|basic|sysinit|multi-user')" 0
options=$(sed -n 's/^ExecStart=[^ ]* --name %i \(.*\) \$OPTIONS .*/\1/p' unit/preyrun@.service)
same 'preyrun is closed, and waits for interfaces' "$options" '--wait --on-exit closed'

echo '# What the manager hears'
space client prey
link client eth0 prey eth0
address client eth0 10.1.0.1/24
address prey eth0 10.1.0.2/24
cat >listen.py <<'END'
import os, socket, struct
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind("notify")
while True:
    text, who, _, _ = s.recvmsg(4096, socket.CMSG_SPACE(12))
    print(struct.unpack("3i", who[0][2])[0], text.decode().split("\n")[0], flush=True)
END
background prey python3 listen.py >told
until_true 100 'the socket is there' test -S notify
# With the capabilities that the unit leaves, and a user of that name.
rights=$(sed -n 's/^CapabilityBoundingSet=//p' unit/preyrun@.service | tr 'A-Z\n' 'a-z ' | sed 's/cap_/+/g; s/ *$//; s/ /,/g')
{ cat /etc/passwd; echo 'prey:x:64123:64124::/nonexistent:/usr/sbin/nologin'; } | awk -F: '!seen[$1]++' >passwd
user=$(awk -F: '$1 == "prey" { print $3 }' passwd) group=$(awk -F: '$1 == "prey" { print $4 }' passwd)
mkdir bound
cat >bound/preyrun <<END
#!/bin/sh
mount --bind $work/passwd /etc/passwd && exec setpriv --bounding-set=-all,$rights $bin/preyrun "\$@"
END
chmod +x bound/preyrun
programs=$bin
bin=$work/bound
NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=2000000 prey prey --name edge $options -i eth0 --stats 10.1.0.2:80 run/edge.pbc
bin=$programs
heard() { sed -n "s/^$prey //p" told | uniq | tr '\n' ' '; }
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
kill -HUP "$prey"
until_true 100 'a reload' grep -q '^reloaded' prey.err
echo x >run/edge.pbc
kill -HUP "$prey"
until_true 100 'and one that fails' grep -q 'preyrun: reload: ' prey.err
prey_ends
until_true 100 'it is told that it ends' grep -q STOPPING told
same 'all of it in order, from the process that was started' "$(heard | sed 's/WATCHDOG=1 //g')" \
    'READY=1 RELOADING=1 READY=1 RELOADING=1 READY=1 STOPPING=1 '
same 'and by nobody else' "$(grep -vc "^$prey " told)" 0
same 'it ends well' "$status" 0
exit $failed
