#!/usr/bin/env bash
# preyctl takeover where the kernel judges, and someone says something else, or is killed at some step: the stages that are there judge
# known flows all the while. Nothing is left behind: no program, no map, no descriptor.
. tests/e2e/live/takeover_kernel.sh

# ---- who is killed at which step, and who says something else ----

socket=$(at prey sh -c 'echo "/run/prey/$(stat -L -c %i /proc/self/ns/net)/wan.sock"')
folder=${socket%/*}
export EXEC
taker=$bin/preyrun
damages=8
[ $LAYOUT = same ] || damages=16
[ $LAYOUT = same ] || export AS=whole taker=$PWD/that/preyrun
between_them() {
    timeout 500 nsenter "--net=/run/netns/$id-prey" python3 "$middle" "$@" "$socket" "$taker" --takeover --exec kernel -i wan -i lan all.pbc 2>>between.err
}
left() { at prey ls "$folder" 2>/dev/null | grep -cvx 'wan.state\|wan.sock'; }
goes_on() { # SENTENCE [LEFT]: the first one judges, alone, and can be asked
    ctl counters
    same "$1: the other one goes on, alone, and leaves nothing" "$status $(owner) $(left) $(shut_stays) $(judges)" "0 $prey ${2-0} shut 1"
}
plain() { talk client 10.2.0.3 9009 "$1"; } # the kernel alone has such flows
prey prey -i wan -i lan all.pbc
talks first
talked first 'all is well before' # some descriptors come with the first packets
held >few
same 'whoever hands over damaged words or other descriptors: refused by a line' "$(between_them damage 1 $damages)" "$damages of $damages"
goes_on 'damaged words'
if [ "$HOOK" = xdp ] || grep -q __asan_init "$bin/preyrun"; then # all that follows is the same for both hooks and builds
    kctl takeover
    same 'and then it is taken over' "$status $(cat err)" '0 '
    ends
    exit $failed
fi
talks killed
for step in kernel now luggage ready; do
    for who in new new-service; do
        [ $step-$who != kernel-new-service ] || continue # there is none yet
        [ $LAYOUT-$step != other-kernel ] || continue    # nor are maps said
        between_them kill $who $step >ended
        [ $who = new ] || goes_on "$who killed at $step"
        [ $who != new ] || goes_on "$who killed at $step" "$(left)" # nobody is left to remove a socket
    done
done
until_true 100 'descriptors are not more' not_more
same 'descriptors are not more' "$(cat many)" "$(cat few)"
talked killed 'and nobody has lost anything'
kctl takeover
same 'and then it is taken over' "$status $(cat err)" '0 '
if [ $LAYOUT = other ]; then # nor is all else another way
    ends
    exit $failed
fi
prey=$(owner)
same 'a flow begins' "$(plain 33000)" 'two 10.1.0.1 5'
for step in kernel now yours; do
    for who in old old-service; do
        prey=$(owner)
        plain 33000 >/dev/null # what begins by an interface of a nat is the worker's to judge
        [ $who = old ] || sleep 2 # a crash is mended by what was written within the last second, which a new process has not done yet
        between_them kill $who $step >ended
        case $step-$who in
        yours-*|*-old) until_true 300 "$who killed at $step: the first one ends" ends_itself "$prey" ;;
        *) until_true 600 "$who killed at $step: another service judges" judges_again "$prey" ;; # as after any crash
        esac
        case $step-$who in
        yours-old*) same "$who killed at $step: the new one judges, alone" "$(cat ended) $(left) $(shut_stays) $(judges) $([ "$(owner)" != "$prey" ]; echo $?)" 'runs 0 shut 1 0' ;;
        *-old) same "$who killed at $step: no process judges, and it stays shut" "$(shut_stays) $(judges)" 'shut 0' ;;
        *) same "$who killed at $step: and it is told" "$(shut_stays) $(judges) $(grep -c 'starts it again' prey.err)" 'shut 2 1' ;;
        esac
        same "$who killed at $step: the kernel judges known flows" "$(plain 33000)" 'two 10.1.0.1 5'
        [ $step != yours ] || same "$who killed at $step: and flows begin" "$(plain 33001)" 'two 10.1.0.1 5'
        [ "$(judges)" != 0 ] || prey prey -i wan -i lan all.pbc
        kctl takeover
        same "$who killed at $step: and the next one takes over" "$status $(cat err)" '0 '
    done
done

# ---- nothing is left behind ----

held >few
for n in $(seq 10); do
    kctl takeover
    [ "$status" = 0 ] || { ok 1 "takeover $n of ten"; cat err; }
done
until_true 100 'descriptors are not more' not_more
same 'descriptors are not more after ten' "$(cat many)" "$(cat few)"
ends
exit $failed
