#!/bin/bash
# Runs the tests in the machines of the lab: the packet tests of both executors, the differs of user and kernel executor,
# those of the programs that steer and deal, and every live script, with EXEC=user and with EXEC=kernel, on each kernel of kernels.list.
#   B=build tests/machines/run.sh
# KERNEL='6.1…': those kernels alone. ONLY='WORD…': tests whose name holds one of the words. EXECS: `user`, `kernel` or both.
# AT_ONCE: how many machines run side by side; JOBS: how many tests in each. BOUND: seconds that a machine may take.
# PART: how many programs pass the verifier there; 0: all that are drawn. LONG=1: all, with lists of up to 100,000 rules.
# A line for each test, named KERNEL/EXEC/TEST, as tests/run.sh writes them; the last line is `N passed, N failed, N skipped`.
# A machine that ends before its tests do is told with its console; what had not begun runs in another, what was running
# runs once more, each in one alone, and fails where that ends too.
# What was printed and counted lies in $B/machines/run/KERNEL-EXEC-SHARE/log; RESULTS.md is made of it (results.py).
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build}
export B BOUND=${BOUND:-3300}
. tests/machines/common.sh
top=$(machines_folder) || { echo "$top"; exit 2; }
[ -n "${LONG:-}" ] || unset LONG # programs ask whether it is set at all
known ${KERNEL:-} && space "$top" 700 || exit 2
runs=$top/run
export runs
failed=0 skipped=0

# Tests of all, by their short names, with what runs them: only the plain build's.
tests() { # EXEC
    B=$B bash tests/run.sh --list | awk -v b="$B" -v exec="$1" -v only="${ONLY:-}" '
        BEGIN { n = split(only, word, " ") }
        $2 != b { next }
        $1 !~ /^e2e\/live-/ && (exec != "user" || $1 !~ /^(packets$|diff\/(kernel_|owners$)|unit\/runtime\/test_(gate|xdp)$|e2e\/exec-|machines\/net$)/) { next }
        { for (i = 1; i <= n; i++) if (index($1, word[i])) break; if (n == 0 || i <= n) print }'
}

# cannot NAME EXEC TEST: the reason, where it stands in cannot.list.
cannot() {
    local kernel exec script reason short=${3##*/}
    while read -r kernel exec script reason; do
        case $kernel in '#'* | '') continue ;; esac
        [[ $1 == $kernel && $2 == $exec && $short == $script ]] && { echo "$reason"; return; }
    done <tests/machines/cannot.list
}

# A row for a script that is gone would hide that nothing runs.
check_list() {
    local kernel exec script reason all
    all=$(ONLY='' tests user | awk '{ sub(/.*\//, "", $1); print $1 }')
    while read -r kernel exec script reason; do
        case $kernel in '#'* | '') continue ;; esac
        [ -n "$reason" ] || row "$kernel $exec $script has no reason"
        case $exec in '*' | user | kernel) ;; *) row "EXEC is *, user or kernel, not $exec" ;; esac
        [ "$kernel" = '*' ] || kernels | grep -qxF "$kernel" || row "kernels.list has no kernel $kernel"
        compgen -G "tests/e2e/$script.sh" >/dev/null || grep -qxF "$script" <<<"$all" || row "no test is called $script"
    done <tests/machines/cannot.list
}
row() {
    echo "not ok  cannot.list: $1"
    failed=$((failed + 1))
}
say() { flock "$runs/lock" printf '%s\n' "$*"; }

# show FOLDER OFFSET: what the machine has said beyond that many bytes; $shown is how far it got.
show() {
    local size
    size=$(stat -c %s "$1/said" 2>/dev/null || echo 0)
    [ "$size" -le "$2" ] || flock "$runs/lock" tail -c "+$(($2 + 1))" "$1/said" 2>/dev/null | head -c $((size - $2))
    shown=$size
}

# boot NAME FOLDER JOBS: one machine, to its end, for FOLDER/list.
boot() {
    local pid shown=0
    rm -f "$2"/{begun,ended,said,over}
    printf '%s\n' PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "B=$B" "JOBS=$3" ${net:+"export SET=$net PART=$part"} >"$2/variables"
    bash tests/machines/machine.sh "$1" "$2" >"$2/machine" &
    pid=$!
    echo $pid >"$2/pid"
    while kill -0 $pid 2>/dev/null; do
        show "$2" $shown
        sleep 1
    done
    wait $pid
    ended=$?
    rm -f "$2/pid"
    show "$2" $shown
}

# part NAME EXEC SHARE SHARES: every SHARESth test of one kernel and EXEC, in as many machines as it takes.
part() {
    local name=$1 exec=$2 dir=$runs/$1-$2-$3 reason line rest again=0 at=0
    mkdir -p "$dir/log"
    : >"$dir/todo"
    while read -r test build bound command; do
        [ $((at++ % $4 + 1)) = "$3" ] || continue
        reason=$(cannot "$name" "$exec" "$test")
        if [ -n "$reason" ]; then
            printf '%s\t%s\n' "$test" "$reason" >>"$dir/cannot"
            say "cannot  $name/$exec/${test#e2e/}: $reason"
        else
            [ "$test" != machines/net ] || bound=$net_bound
            echo "$exec $name/$exec/${test#e2e/} $build ${TEST_BOUND:-$bound} $command" >>"$dir/todo"
        fi
    done < <(tests "$exec")
    cp "$dir/todo" "$dir/all"
    jobs=${JOBS:-3}
    while [ -s "$dir/todo" ] && [ $((again += 1)) -le 8 ]; do
        if [ "$jobs" = 1 ]; then head -1 "$dir/todo"; else cat "$dir/todo"; fi >"$dir/list"
        boot "$name" "$dir" "$jobs"
        over "$name" "$exec" "$dir"
    done
    while read -r line test rest; do lost "$test" "$dir" "no machine was left to run it in"; done <"$dir/todo"
}

# over NAME EXEC FOLDER: what is left of the list after a machine's end, into FOLDER/todo.
over() {
    local dir=$3 test
    touch "$dir/begun" "$dir/ended"
    [ -e "$dir/over" ] || {
        flock "$runs/lock" bash -c '. tests/machines/common.sh; echo "---- the machine $1 $(early "$2" "$3") ----"; console "$3/console"; echo ----' \
            - "$1/$2" "$ended" "$dir"
    }
    awk 'FILENAME ~ /ended$/ { ended[$1]; next } !($2 in ended)' "$dir/ended" "$dir/list" >"$dir/left"
    [ "$jobs" = 1 ] && tail -n +2 "$dir/todo" >"$dir/later" || : >"$dir/later"
    grep -vxFf <(awk '{ print $1 }' "$dir/begun") <(awk '{ print $2 }' "$dir/left") >"$dir/fresh"
    : >"$dir/todo"
    while read -r line; do
        test=$(awk '{ print $2 }' <<<"$line")
        if grep -qxF "$test" "$dir/fresh" && [ -s "$dir/begun" ]; then
            echo "$line" >>"$dir/todo"
        elif grep -qxF "$test" "$dir/twice" 2>/dev/null || [ ! -s "$dir/begun" ]; then
            lost "$test" "$dir" "the machine ended $(how "$ended" "$dir") while it ran"
        else
            echo "$test" >>"$dir/twice"
            echo "$line" >>"$dir/alone"
        fi
    done <"$dir/left"
    cat "$dir/later" >>"$dir/todo"
    if [ ! -s "$dir/todo" ] && [ -s "$dir/alone" ]; then
        mv "$dir/alone" "$dir/todo"
        jobs=1
    fi
}

# lost TEST FOLDER WHY: a test without a count has failed.
lost() {
    local log=$2/log/${1//\//_}
    say "not ok  $1: $3; what it printed is in $log.log"
    echo "0 1 0" >"$log.count"
    echo "$1: $3" >"$log.bad"
}

# Before anything of the last run goes.
if [ -z "$(for exec in ${EXECS:-user kernel}; do tests "$exec"; done)" ]; then
    echo "no test's name holds a word of ONLY='${ONLY:-}', with EXECS='${EXECS:-user kernel}'"
    exit 2
fi
rm -rf "$runs"
mkdir -p "$runs" || exit 2
: >"$runs/lock"
check_list
for exec in user kernel; do
    ONLY='' tests $exec | awk '{ print $1 }' >"$runs/tests-$exec" # for results.py: rows of others are stale
done
wanted=${KERNEL:-$(kernels)}
SHARE=25 # tests: as few of them end in the last machine, alone
parts=()
for name in $wanted; do
    if ! command -v "qemu-system-x86_64" >/dev/null; then
        why='no qemu-system-x86_64 here (package qemu-system-x86)'
    elif why=$(bash tests/machines/fetch.sh "$name"); then
        [ -z "$why" ] || echo "        $why"
        for exec in ${EXECS:-kernel user}; do
            shares=$((($(tests "$exec" | wc -l) + SHARE - 1) / SHARE))
            for ((share = 1; share <= shares; share++)); do parts+=("$name $exec $share $shares"); done
        done
        continue
    fi
    echo "skipped $name: $why"
    skipped=$((skipped + 1))
done
# So that no two make them at once.
for name in $(printf '%s\n' "${parts[@]}" | awk 'NF { print $1 }' | sort -u); do
    bash tests/machines/root.sh "$top/root" && bash tests/machines/initrd.sh "$name" "$top/initrd-$name" || exit 2
done

# The programs for verifiers are drawn and compiled outside.
net= net_bound=1800 part=${PART:-${LONG:+0}}
part=${part:-320}
[ -z "${LONG:-}" ] || net_bound=3000
if [ ${#parts[@]} != 0 ] && tests user | grep -q '^machines/net '; then
    net=$top/net${LONG:+-long}
    drawn "$net" || { echo 'not ok  programs for the verifiers are not made'; failed=$((failed + 1)); }
fi

# A machine ends by its own process, which no signal to this group reaches.
end_all() {
    trap '' INT TERM HUP
    kill $(jobs -rp) $(cat "$runs"/*/pid 2>/dev/null) 2>/dev/null
    wait
    echo 'ended by a signal'
    exit 143
}
trap end_all INT TERM HUP
for p in "${parts[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "${AT_ONCE:-$(nproc)}" ]; do wait -n; done
    part $p &
done
wait

if ls "$runs"/*/log/*.bad >/dev/null 2>&1; then
    echo 'What failed:'
    sed 's/^/  /' "$runs"/*/log/*.bad
fi
expected=$(cat "$runs"/*/all 2>/dev/null | wc -l)
cannot=$(cat "$runs"/*/cannot 2>/dev/null | wc -l)
cat /dev/null $(find "$runs" -name '*.count') | awk -v expected="$expected" -v failed="$failed" -v skipped="$((skipped + cannot))" '
    { good += $1; bad += $2; skip += $3 }
    END {
        bad += failed
        if (NR != expected) { print expected - NR " tests left no count"; bad += expected - NR }
        printf "%d passed, %d failed, %d skipped\n", good, bad, skip + skipped
        exit bad != 0
    }'
