#!/bin/bash
# The runner itself: what counts as passed, failed and skipped.
set -u
work=$B/scratch/runner
rm -rf "$work"
mkdir -p "$work/log"
status=0

# judge WHAT COUNTS SECONDS <SCRIPT: the script, run as a test, must leave these counts.
judge() {
    cat >"$work/script"
    rm -f "$work/log/x.count"
    bash tests/run.sh --one "$work" "x $B $3 bash $work/script" >"$work/said"
    if [ "$(cat "$work/log/x.count")" = "$2" ]; then
        echo "ok - $1"
    else
        sed 's/^/#   /' "$work/said"
        echo "not ok - $1: $(cat "$work/log/x.count"), not $2"
        status=1
    fi
}

judge "results are counted" "2 0 1" 10 <<<$'echo ok - a; echo ok 2 - b; echo "ok - c # SKIP no reason"'
judge "a failure is counted" "1 1 0" 10 <<<$'echo ok - a; echo not ok - b; exit 1'
judge "what cmocka skips is skipped" "0 0 1" 10 <<<$'echo 1..1; echo "not ok 1 # SKIP corpus"'
judge "no output is a failure" "0 1 0" 10 <<<$'true'
judge "a bad end is a failure" "1 1 0" 10 <<<$'echo ok - a; exit 3'
judge "a crash is a failure" "1 1 0" 10 <<<$'echo ok - a; kill -SEGV $$'
judge "a plan that is not kept is a failure" "1 1 0" 10 <<<$'echo 1..2; echo ok - a'
judge "a time bound that fires is a failure" "1 1 0" 1 <<<$'echo ok - a; sleep 20'
grep -q "over its time bound" "$work/said" && echo "ok - and is told as one" || { echo "not ok - and is told as one"; status=1; }
judge "a failing program's output is shown" "0 1 0" 10 <<<$'echo the reason; echo not ok - a; exit 1'
grep -q "^the reason" "$work/said" && echo "ok - in full" || { echo "not ok - in full"; status=1; }
exit $status
