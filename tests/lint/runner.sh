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
judge "an arithmetic error, at which bash leaves a loop out, is a failure" "1 1 0" 10 <<<$'echo ok - a; for i in 1; do echo $((< 0)); done; exit 0'
judge "a plan that is not kept is a failure" "1 1 0" 10 <<<$'echo 1..2; echo ok - a'
judge "a time bound that fires is a failure" "1 1 0" 3 <<<$'echo ok - a; sleep 100'
grep -q "over its time bound" "$work/said" && echo "ok - and is told as one" || { echo "not ok - and is told as one"; status=1; }
judge "a failing program's output is shown" "0 1 0" 10 <<<$'echo the reason; echo not ok - a; exit 1'
grep -q "^the reason" "$work/said" && echo "ok - in full" || { echo "not ok - in full"; status=1; }

# All of it, over lists made here. A build folder of its own, for it empties the log.
is() { # SENTENCE GOT WANTED
    [ "$2" = "$3" ] && { echo "ok - $1"; return; }
    printf '# got:    %s\n# wanted: %s\nnot ok - %s\n' "$2" "$3" "$1"
    status=1
}
test_of() { # NAME SCRIPT: a line of the list
    echo "$2" >"$work/${1//\//_}"
    echo "$1 $work/b 90 bash $work/${1//\//_}"
}
runs() { B=$work/b TESTS=$work/list bash tests/run.sh "$@" >"$work/said"; }

# Each waits for another one: only where three run at once, one of them from either list, do they end. More of one
# list than of the other: who is done helps.
meets() { echo "touch $work/$1; for i in \$(seq 1000); do [ -e $work/$2 ] && break; sleep 0.05; done; [ -e $work/$2 ]; echo ok - met"; }
{
    test_of lint/a "$(meets here-a here-b)"
    test_of lint/b "$(meets here-b here-live)"
    test_of e2e/live-c "$(meets here-live here-a)"
    for i in 1 2 3 4 5; do test_of "e2e/live-$i" 'echo ok - a'; done
    test_of lint/d 'echo ok - a; echo not ok - the moon; exit 1'
} >"$work/list"
runs
is "a failure is the run's" "$?" 1
is "the last line counts all" "$(tail -1 "$work/said")" "9 passed, 1 failed, 0 skipped"
is "before it stands what failed" "$(tail -3 "$work/said" | head -2)" "$(printf 'What failed:\n  lint/d: not ok - the moon')"
is "each runs once" "$(grep -c '^\(not \)*ok  ' "$work/said")" 9
runs live-1 lint/a
is "words choose" "$(tail -1 "$work/said")" "2 passed, 0 failed, 0 skipped"

# A live script that fails once is flaky, one that fails twice has failed; what crashed, and what is not live, has no second try.
once='[ -e $0-ran ] || { touch $0-ran; echo not ok - the tide; exit 1; }; echo ok - the tide'
{
    test_of e2e/live-once "$once"
    test_of e2e/live-never 'echo not ok - the ebb; exit 1'
    test_of e2e/live-crash "[ -e \$0-ran ] || { touch \$0-ran; echo 'ERROR: AddressSanitizer: heap-use-after-free'; exit 1; }; echo ok - a"
    test_of lint/once "$once"
    test_of accept/waits "# . tests/e2e/live/lib.sh
$once"
} >"$work/list"
runs
is "what failed twice, crashed or is not live has failed" "$?" 1
is "what passes alone is flaky" "$(tail -1 "$work/said")" "2 passed, 3 failed, 0 skipped, 2 flaky"
is "so it is where a script elsewhere has live traffic" "$(sed -n '/^What was flaky/,/^What failed/p' "$work/said" | grep -c '^---- accept/waits: ')" 2
is "both of its outputs are told" "$(sed -n '/^What was flaky/,/^What failed/p' "$work/said" | grep -cE '^(not )?ok - the tide')" 4
is "each failure is named" "$(sed -n '/^What failed/,$p' "$work/said" | grep -c '^  ')" 3
test_of e2e/live-once "$once" >"$work/list"
rm -f "$work/e2e_live-once-ran"
runs
is "what is flaky alone is no failure" "$? $(tail -1 "$work/said")" "0 1 passed, 0 failed, 0 skipped, 1 flaky"
for i in 1 2 3; do test_of "e2e/live-$i" "$once"; done >"$work/list"
FLAKY_MOST=2 runs
is "where too many fail none runs again" "$(tail -1 "$work/said")" "0 passed, 3 failed, 0 skipped"

# A signal ends the tests that run, and they clean up. It reaches them twice: timeout tells its child, then the group.
{
    test_of lint/a "trap 'trap \"\" TERM; touch $work/clean-a; exit 1' TERM; touch $work/on-a; sleep 60; echo ok - a"
    test_of e2e/live-b "trap 'trap \"\" TERM; touch $work/clean-b; exit 1' TERM; touch $work/on-b; sleep 60; echo ok - a"
} >"$work/list"
B=$work/b TESTS=$work/list bash tests/run.sh >"$work/said" &
first=$!
for i in $(seq 1000); do
    [ -e "$work/on-a" ] && [ -e "$work/on-b" ] && break
    sleep 0.05
done
B=$work/b TESTS=$work/list bash tests/run.sh >"$work/second" 2>&1
is "a second run in the same build is refused" "$? $(cat "$work/second")" "2 tests/run.sh: another run has the build $work/b"
kill $first
wait $first
is "a signal ends it" "$?" 143
is "and all tests, which clean up" "$(cd "$work" && echo clean-*)" "clean-a clean-b"

# Progress; an output with zero bytes.
{
    test_of lint/slow "for i in \$(seq 1000); do grep -qs '1 of 2 parts after 0 min' $work/said && { echo ok - seen; exit; }; sleep 0.05; done; echo not ok - never seen"
    test_of lint/quick 'printf "a\0b\n"; echo not ok - a; exit 1'
} >"$work/list"
B=$work/b TESTS=$work/list PROGRESS=1 bash tests/run.sh >"$work/said" 2>"$work/second"
is "it says how far it is" "$(tail -1 "$work/said")" "1 passed, 1 failed, 0 skipped"
is "what has zero bytes is shown without them, and without a word of bash" "$(grep -c '^ab$' "$work/said") $(cat "$work/second")" "1 "

bash tests/run.sh --list | cut -d' ' -f1 | sort >"$work/names"
unnamed() { sed '/^#/d' tests/left.list | cut -f1 | while read -r row; do grep -qE -- "$row" "$work/names" || echo "$row"; done; }
is "each row of tests/left.list names tests" "$(unnamed)" ""
bash tests/run.sh --list --quick | cut -d' ' -f1 >"$work/quick"
is "--quick is units, goldens, packets and lints, of one build" "$(sed 's|/.*||' "$work/quick" | sort -u | xargs) $(grep -c '/san$' "$work/quick")" "golden lint packets unit 0"
is "tests/long.list names tests" "$(sed '/^#/d; s/^[0-9]* //' tests/long.list | sort | comm -23 - "$work/names")" ""
exit $status
