#!/usr/bin/env bash
# One cell of cells.list, in a machine of run.sh: cell.sh DRIVER JOB WAY WORKERS MIB end|parent|service: as the last says it ends, or one of its
# two processes is killed and --cleanup follows. Offloads are as the driver has them; what preyrun turns off it says, and all is as before in the end.
set -u
EXEC=user
. tests/e2e/live/lib.sh
driver=$1 job=$2 way=$3 workers=$4 mib=$5 ends=$6
. tests/lib/scratch.sh
pins "$@" || { echo 'not ok - this machine lets us mount no file system of BPF'; exit 1; }
. "$top/tests/machines/drivers/lib.sh"
live_begin
cables "$driver"
job "$job"
set -- $(options "$way") -i wan -i lan
[ "$job" != host ] || [ "${way%-*}" = kernel ] || set -- "$@" --monitor
for d in wan lan; do kept $d >before.$d; done
queues=$(queues wan)
[ "$workers" != more ] || workers=$((queues + 1))
# refused OPTION...: a start refuses so many workers, and says how many it takes.
refused() {
    seeing prey timeout 60 "$bin/preyrun" --preflight "$@" --workers "$workers" "$job.pbc" >out 2>err </dev/null
    local status=$?
    grep -q -- "$said" err && [ "$status" = 2 ]
    ok $? "$workers workers are refused, and it is said how many it takes"
    sed 's/^/# /' err
    workers=$takes
}
case $way in
user-xdp) [ "$workers" -le "$queues" ] || { said="has $queues queues\{0,1\}, and each worker needs one: use --workers $queues" takes=$queues; refused "$@"; } ;;
esac
prey prey --format json --workers "$workers" "$@" "$job.pbc"
sed 's/^/# /' prey.err
[ "${way%-*}" = user ] || workers=1
[ "$workers" = 1 ] && several= || several=s
same 'it says how many workers there are' "$(grep -c "^ready: .*, $workers worker$several, $job.pbc" prey.err)" 1
case $way in *-xdp) wanted=$(native "$driver") ;; *) wanted=none ;; esac
for d in wan lan; do
    kept $d >during.$d
    same "$d: programs run in the driver where it has them" "$(mode $d)" "$wanted"
    same "$d: what was turned off is said" "$(said_off $d)" "$(went_off before.$d during.$d)"
done
carried "$mib"
case $job-$way in
router-* | host-kernel-*)
    case $job in host) shut client 10.1.0.2 5001 ;; *) shut client 10.2.0.2 5001 ;; esac
    ok $? 'what the rules drop does not get by'
    ;;
esac
if [ "$ends" = end ]; then
    prey_sums 'at its end'
    same 'no frame was too long, or joined in a way that nobody reads' "$(number interfaces 0 cut) $(number interfaces 1 cut)" '0 0'
    case $job in host) rule=SERVED ;; router) rule=CROSSED ;; *) rule= ;; esac
    [ -z "$rule" ] || { [ "$(by_rule $rule)" -gt 0 ]; ok $? "the rule $rule saw it"; }
else
    child=$(cat "/proc/$prey/task/$prey/children")
    case $ends in service) prey_killed $child ;; *) prey_killed ;; esac
    for d in wan lan; do kept $d | cmp -s - before.$d || echo "# $d is not as it was yet"; done
    seeing prey timeout 60 "$bin/preyrun" --cleanup >out 2>err </dev/null
    same 'killed: --cleanup' "$?" 0
fi
for d in wan lan; do
    kept $d >after.$d
    diff before.$d after.$d >out
    same "$d is as it was" "$?" 0
    sed 's/^/# /' out
    same "$d: no program is left" "$(mode $d)" none
done
exit $failed
