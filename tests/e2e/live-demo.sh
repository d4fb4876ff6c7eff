#!/usr/bin/env bash
# make demo-live: shares as the rules say, one line where it may not run, and nothing left after an end or a signal.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
cd "$top" || exit 1

# A build folder of its own, so that all that the demo makes is known.
mkdir "$work/b"
ln -s "$bin/preyc" "$bin/preyrun" "$bin/preyctl" "$work/b/"
left() { # PID: its namespaces, the processes in its folder, the folder
    ip netns list | grep "^prey$1-"
    ls -l /proc/[0-9]*/cwd 2>/dev/null | grep "$work/b"
    ls -d "$work"/b/demo-live.* 2>/dev/null
}
begin() {
    : >"$work/out" # of the one before
    B=$work/b NO_COLOR=1 bash tests/demo-live.sh >"$work/out" 2>"$work/err" </dev/null &
    demo=$!
    pids="$pids $demo"
}
part() { sed -n "/^$1\\./,/^\$/p" "$work/out"; } # STEP
begin
wait "$demo"
same 'it ends well' "$? $(cat "$work/err")" '0 '
same 'twelve requests by the weights' "$(part 4 | grep '#' | tr -s ' ')" ' 8 one ########
 4 two ####'
same 'a server dies: the other serves' "$(part 5 | grep '#' | tr -s ' ')" ' 12 two ############'
same 'preyctl and the page show it' "$(part 6 | grep -cE '^  (web/one +down|.*one 10.2.0.2 :80 down connection refused) ')" 2
same 'it comes back' "$(part 7 | grep '#' | tr -s ' ')" ' 8 one ########
 4 two ####'
same 'nothing is left' "$(left "$demo")" ''
for signal in TERM HUP; do
    begin
    until_true 300 'preyrun is ready in the demo' grep -q '^  ready' "$work/out"
    [ "$(left "$demo" | wc -l)" -gt 6 ]
    ok $? 'in the middle there are namespaces, processes and a folder'
    kill -$signal "$demo"
    wait "$demo"
    same "$signal ends it" "$?" 1
    same "after $signal nothing is left" "$(left "$demo")" ''
done
same 'without root: one line' "$(setpriv --reuid 65534 --regid 65534 --clear-groups bash tests/demo-live.sh 2>&1)" \
    'demo-live: network namespaces take root: sudo make demo-live'
same 'to make it fails with that line' "$(setpriv --reuid 65534 --regid 65534 --clear-groups make -s demo-live 2>/dev/null); $?" \
    'demo-live: network namespaces take root: sudo make demo-live; 2'
exit $failed
