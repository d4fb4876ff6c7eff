#!/usr/bin/env bash
# Takeovers by units of systemd: make check-machines UNITS=1. README.md says what is tried. It needs root, the packages of `make deb` and a
# mirror. BEFORE_DEBS: a folder with the packages of an earlier commit. EXEC: user or kernel.
set -u
. tests/machines/units/begin.sh

mkdir -p "$root/root/later"
later() { # DEB: as a version that is to come, with another program that does the same
    rm -rf later
    dpkg-deb -R "$1" later
    [ ! -e later/usr/bin/preyrun ] || objcopy --add-section .later=/etc/hostname later/usr/bin/preyrun
    sed -i 's/^Version: .*/&+later/; s/(= \([^)]*\))/(= \1+later)/' later/DEBIAN/control
    dpkg-deb -Znone -b later "$root/root/later/" >/dev/null
}
for deb in $debs; do later "$deb"; done
options --workers 1
rules_of() { # NAME of a rule
    cat >"$root/etc/prey/edge.prey" <<END
limits { flows 20_000 }
pool farm { source 10.2.0.77; server one 10.2.0.2 }
service echo on 10.1.0.100 tcp/9000, udp/9000 { mode passthrough; announce; -> farm }
firewall way forward default drop {
  accept state established, related
  accept to port 9000 as $1
}
END
}
rules_of FIRST

systemd_begins
main() { tell 'systemctl show -p MainPID --value preyrun@edge'; }
mark() { # what the journal says after this
    cursor=$(tell "journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p'")
}
journal() { tell "journalctl --no-pager -o cat --after-cursor='$cursor'"; }
told() { # SENTENCE WORDS
    journal >journal
    grep -qF -- "$2" journal
    local status=$?
    [ $status -eq 0 ] || tail -n 30 journal | sed 's/^/# /'
    ok $status "$1"
}
state() { tell 'systemctl is-active preyrun@edge; for p in NRestarts NFileDescriptorStore; do systemctl show -p $p --value preyrun@edge; done; systemctl list-units --no-legend "prey-kept*" | wc -l' | tr '\n' ' '; }
judges() { tell 'pgrep -cx prey-service'; }
# A machine may be quick enough for more restarts than systemd takes for meant: five in ten seconds.
tell 'mkdir -p /etc/systemd/system/preyrun@.service.d; printf "[Unit]\nStartLimitIntervalSec=0\n" >/etc/systemd/system/preyrun@.service.d/limit.conf; systemctl daemon-reload'
tell systemctl start preyrun@edge
same 'the unit is active' "$(state)" 'active 0 0 0 '
ready_for() { journal | grep -q 'ready: edge'; }

takeover=$top/tests/e2e/live/takeover.py
: >served
background one python3 "$takeover" echo >served
until_true 100 'a server listens' grep -q listens served
talks() {
    rm -f enough talked
    at client python3 "$takeover" talk 600 10.1.0.100 10.2.0.2 >talked 2>&1 &
    talker=$!
    pids="$pids $talker"
    until_true 300 'all connections are open' grep -q open talked
}
none_lost() { # SENTENCE
    touch enough
    wait "$talker"
    sed -n '/^#/p' talked
    same "$1: none is lost, and none is other than it was sent" "$(grep -v '^#' talked)" "open
True 0 lost 0 other 0 under way"
}

echo '# Upgrades and downgrades by the package'
talks
for n in 1 2; do
    for folder in later now; do
        was=$(main)
        mark
        tell "dpkg -i /root/$folder/*.deb" >said
        same "$folder, $n: the new version goes on" "$(grep -c 'preyrun@edge.service runs the new version, and its connections go on' said) $(tell 'cmp /proc/$(systemctl show -p MainPID --value preyrun@edge)/exe /usr/bin/preyrun && echo new') $(state)" '1 new active 0 0 0 '
        same "$folder, $n: it is another process, a child of systemd" "$([ "$(main)" != "$was" ]; echo $?) $(tell 'ps -o ppid= -p $(systemctl show -p MainPID --value preyrun@edge)' | tr -d ' ')" '0 1'
    done
done
none_lost 'upgrades'
limits_of() { tell 'p=/proc/$(systemctl show -p MainPID --value preyrun@edge); grep -E "Seccomp:|NoNewPrivs" $p/status; sed -n "/open files\|locked memory/p" $p/limits; grep -c . $p/mountinfo; cat $p/cgroup'; }
after=$(limits_of)
tell systemctl stop preyrun@edge
tell systemctl start preyrun@edge
same 'what a takeover has started is confined as what a start has' "$after" "$(limits_of)"

echo '# By hand'
talks
was=$(main)
tell preyctl takeover --stats 127.0.0.1:8404 >said
same 'the unit has taken over' "$(cat said) $(state)" "process $(main) has taken over from $was active 0 0 0 "
was=$(main)
tell systemctl reload preyrun@edge
same 'a reload then takes nothing over' "$(main)" "$was"
none_lost 'by hand'

echo '# Restarts'
tell systemctl restart preyrun@edge # without flows of rules before
talks
for n in 1 2 3 4 5; do
    was=$(main)
    mark
    tell systemctl restart preyrun@edge
    same "restart $n: another process, the same unit" "$([ "$(main)" != "$was" ]; echo $?) $(state)" '0 active 0 0 0 '
done
told 'which is told' 'it took over from process'
same 'options given by hand are gone' "$(tell 'tr "\0" " " </proc/$(systemctl show -p MainPID --value preyrun@edge)/cmdline' | grep -c 8404)" 0
rules_of SECOND
options --workers 1 --stats 127.0.0.1:8405
tell systemctl restart preyrun@edge
same 'other rules and options are in force' "$(tell preyctl status --json | grep -o '"SECOND"' | sort -u) $(at prey curl -s -m 20 http://127.0.0.1:8405/healthz) $(state)" '"SECOND" ok active 0 0 0 '
none_lost 'restarts'
options --workers 1
tell systemctl stop preyrun@edge
same 'a stop ends everything before it returns, closed' "$(judges) $(at prey nft list tables | grep -c prey) $(tell systemctl is-active preyrun@edge)" '0 2 inactive'
tell systemctl start preyrun@edge
tell systemctl restart preyrun@edge
was=$(main)
sleep 35 # longer than WatchdogSec=
same 'signs of life go on' "$(main) $(state)" "$was active 0 0 0 "

echo '# What goes wrong'
slow() { # the start waits, after the stop
    mkdir -p "$root/etc/systemd/system/preyrun@edge.service.d"
    printf '[Service]\nExecStartPre=/bin/sh -c "touch /run/prey/stopped; until [ -e /run/prey/goes ]; do sleep 0.05; done; rm /run/prey/stopped /run/prey/goes"\n' \
        >"$root/etc/systemd/system/preyrun@edge.service.d/slow.conf"
    tell systemctl daemon-reload
}
amid() { # a restart begins, and waits between the two
    mark
    tell 'rm -f /run/prey/stopped /run/prey/goes; systemctl --no-block restart preyrun@edge; until [ -e /run/prey/stopped ]; do sleep 0.05; done'
    keeper=$(tell "systemctl list-units --no-legend 'prey-kept*'" | grep -oE 'prey-kept-[0-9]*' | grep -oE '[0-9]*$')
}
goes_on() { tell 'touch /run/prey/goes; until systemctl is-active -q preyrun@edge; do sleep 0.05; done'; }
none_judges() { [ "$(judges)" = 0 ]; }
slow
amid
same 'between stop and start one judges' "$(judges) $([ -n "$keeper" ]; echo $?)" '1 0'
tell kill -KILL "$keeper"
until_true 300 'the keeper is killed: its service ends' none_judges
same 'and the machine stays closed' "$(at prey nft list tables | grep -c prey)" 2
goes_on
told 'which is told, and this is an ordinary start' 'the process that kept the flows has ended: the flows end, and preyrun starts without them'
amid
tell pkill -KILL -x prey-service
until_true 300 'its service is killed' none_judges
same 'and the machine stays closed' "$(at prey nft list tables | grep -c prey)" 2
goes_on
told 'which is told' 'the process that kept the flows has ended: the flows end, and preyrun starts without them'
amid
tell systemctl stop preyrun@edge
same 'a stop comes between: it ends before that returns' "$(judges) $(at prey nft list tables | grep -c prey)" '0 2'
rm -r "$root/etc/systemd/system/preyrun@edge.service.d"
tell 'systemctl daemon-reload; systemctl reset-failed preyrun@edge; systemctl start preyrun@edge'
echo "OPTIONS='-i lan -i wan --exec $EXEC --workers 1'" >"$root/etc/default/prey-edge"
mark
tell systemctl restart preyrun@edge
told 'a start that differs too much is an ordinary one' 'the new process failed to take over the kept flows: the flows end, and preyrun starts without them'
same 'which runs' "$(state) $(judges)" 'active 0 0 0  1'
options --no-such-option
tell systemctl restart preyrun@edge >said
until_true 600 'one that is refused: who judged ends' none_judges
options --workers 1
tell 'systemctl reset-failed preyrun@edge; systemctl restart preyrun@edge'
same 'and the next one runs' "$(state) $(judges)" 'active 0 0 0  1'
mkdir -p "$root/etc/systemd/system/preyrun@edge.service.d"
printf '[Service]\nFileDescriptorStoreMax=0\n' >"$root/etc/systemd/system/preyrun@edge.service.d/none.conf"
tell systemctl daemon-reload
mark
tell systemctl restart preyrun@edge
told 'a unit without a store for descriptors: flows end, which is told' "prey can't hand over flows to the next start: its systemd unit has no descriptor store (FileDescriptorStoreMax=1); the flows end"
# systemd hears all the same where it keeps descriptors or waits for signs of life.
printf '[Service]\nNotifyAccess=none\nType=simple\nFileDescriptorStoreMax=0\nWatchdogSec=0\n' >"$root/etc/systemd/system/preyrun@edge.service.d/none.conf"
tell 'systemctl daemon-reload; systemctl restart preyrun@edge'
was=$(main)
tell 'until preyctl status >/dev/null 2>&1; do sleep 0.1; done; preyctl takeover' >said
same 'one that doesn'\''t hear: a takeover is refused' "$(grep -c 'doesn'\''t accept a new main process' said) $(main)" "1 $was"
rm -r "$root/etc/systemd/system/preyrun@edge.service.d"
tell 'systemctl daemon-reload; systemctl restart preyrun@edge'
tell 'kill -KILL $(systemctl show -p MainPID --value preyrun@edge)'
again() { [ "$(state)" = 'active 1 0 0 ' ]; }
until_true 300 'a crash: systemd starts it again' again
same 'a crash: one judges' "$(judges)" 1
exit $failed
