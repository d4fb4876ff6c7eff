#!/usr/bin/env bash
# Runs the tests and counts. Two runners take those that compute, four more those that mostly wait (live traffic), each the
# long ones first (tests/long.list); whose list is empty helps with the other.
#   B=build tests/run.sh [--plain] [WORD...]      only the tests whose name holds one of the words; --plain: of the plain
#                                                 build alone, so no other need be there
#   B=build tests/run.sh --quick                  units, goldens, packets and lints of the plain build (make quick); then it says what it
#                                                 left out. Lints that can, look at files that differ from BASE (main) alone
#   B=build tests/run.sh --list [--quick]         all tests, or those: NAME BUILD SECONDS COMMAND
# A run without words leaves out what tests/left.list names, which LONG=1 runs.
# A test is a program or script that prints `ok - what`, `not ok - what`, `ok - what # SKIP why` (TAP; a plan `1..N` is
# held to), each within a time bound that no healthy run comes near. One that prints no such line, ends badly without
# a `not ok`, or runs into its bound has failed. What a failing test printed is shown in full, and at the end which they
# were; all output is kept in $B/log, and in $B/log/cpu the seconds of CPU that each took. The last line is
# `N passed, N failed, N skipped`; the exit status 1 if any failed.
# A script of live traffic, in e2e/ or elsewhere, that failed, and neither crashed nor was told of by a sanitizer, runs once more at the end, alone. Where it passes then it
# is flaky, and no failure: the list of those with both outputs stands before the last line, which ends in `, N flaky` then.
# A run in which more than FLAKY_MOST have failed is broken, not flaky: none runs again.
# Each minute (PROGRESS: seconds) a line says how many parts have ended. A signal ends all tests. After a whole run $B/log/long.list may replace tests/long.list.
# LONG=1: longer campaigns of what draws at random. LIVE=1: live traffic alone, and all of it (tests/load/). JOBS: how many runners compute; twice as many wait, with LIVE=1 as many. TESTS: a list in place of --list's.
set -u
cd "$(dirname "$0")/.." || exit 2
B=${B:-build}
LONG=${LONG:-}
export B
# Tests ask whether it is set at all.
if [ -n "$LONG" ]; then export LONG; else export -n LONG; fi

# Run one test and write its counts. A line of the list: NAME BUILD SECONDS COMMAND...
run_one() {
    local name=$1 build=$2 bound=$3 status begin spent cpu result counts
    shift 3
    local log=$top/log/${name//\//_}
    begin=$(date +%s%N)
    times >"$log.before"
    # In the background, and waited for: so a signal is heard at once.
    B=$build CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 10 "$bound" "$@" >"$log.log" 2>&1 </dev/null &
    child=$!
    wait "$child" 2>/dev/null
    status=$?
    child=
    spent=$((($(date +%s%N) - begin) / 10000000))
    # The last line of `times` is user and system time of all children so far, as 1m2.345s.
    times >"$log.after"
    cpu=$(awk '{ sub(/s$/, "", $1); sub(/s$/, "", $2); split($1, u, "m"); split($2, s, "m"); t = (u[1] + s[1]) * 60 + u[2] + s[2] }
        FNR == 2 { if (NR == 2) t0 = t; else printf "%.2f", t - t0 }' "$log.before" "$log.after")
    rm -f "$log.before" "$log.after"
    echo "$((spent / 100)) $cpu $name" >"$log.seconds"
    # cmocka prints a skipped test as `not ok N # SKIP name`.
    counts=$(awk -v status="$status" '
        /^(not )?ok([ \t]|$)/ { if (/# SKIP/) skip++; else if (/^not/) bad++; else good++ }
        /^1\.\.[0-9]+$/ { plan += substr($0, 4) }
        # bash gives up the whole loop or function and goes on behind it, with status 0 at the end.
        /^[^ ]+: line [0-9]+: .*[(]error token is / { broken = 1 }
        END {
            why = ""
            if (status == 124 || status == 137) why = "over its time bound"
            else if (status != 0 && !bad) why = "ended with status " status
            else if (good + bad + skip == 0) why = "printed no result"
            else if (broken) why = "broke off at an arithmetic error"
            else if (good + bad + skip < plan) why = "stopped before its plan of " plan
            print good + 0, bad + (why != ""), skip + 0, why
        }' "$log.log")
    read -r good bad skip why <<<"$counts"
    echo "$good $bad $skip" >"$log.count"
    printf -v result '%-44s %4d passed' "$name" "$good"
    [ "$bad" -eq 0 ] || result+=", $bad failed"
    [ "$skip" -eq 0 ] || result+=", $skip skipped"
    printf -v result '%s  (%d.%02d s)' "$result" $((spent / 100)) $((spent % 100))
    if [ "$bad" -ne 0 ]; then
        { [ -z "$why" ] || echo "$why"; grep -a '^not ok' "$log.log" | grep -v '# SKIP'; } | sed "s|^|$name: |" >"$log.bad"
        result="not ok  $result
---- $name${why:+: $why}: what it printed ----
$(tr -d '\0' <"$log.log")
----"
    else
        result="ok      $result"
        [ "$skip" -eq 0 ] || result+=$'\n'$(grep -a '# SKIP' "$log.log" | sed 's/^\(not \)*ok[ 0-9-]*/        skipped: /' | sort -u | head -5)
    fi
    # One at a time: a long text is no single write.
    { flock 9; printf '%s\n' "$result"; } 9>>"$top/log/lock"
}

# runner LIST OTHER: one test after the other, each taken by making its folder. A signal ends the one that runs.
runner() {
    local number line child=
    trap - INT
    trap '[ -z "$child" ] || { kill "$child"; wait "$child"; }; exit 143' TERM
    while read -r number line; do
        mkdir "$top/log/taken/$number" 2>/dev/null || continue
        read -ra words <<<"$line"
        run_one "${words[@]}"
    done < <(cat "$@")
}

# variants NAME SECONDS PROGRAM VARIANT...: a line for each build; PROGRAM is relative to it, and one that KERNEL=0 leaves out a skip. That of clang without sanitizers
# is for LONG=1: the one with them has clang's warnings and code.
variants() {
    local name=$1 seconds=$2 program=$3 v
    shift 3
    [ -z "${COVERAGE:-}" ] || set -- /
    for v in "$@"; do
        [ "$v" != /clang ] || [ -n "$LONG" ] || continue
        v=${v%/}
        if [ -e "$B/tests/lib/no_one_kernel.o" ] && [ ! -e "$B/${program%% *}" ]; then
            echo "$name$v $B$v $seconds echo ok - $name # SKIP this build has no programs for the kernel (make KERNEL=0)"
        else
            echo "$name$v $B$v $seconds $B$v/$program"
        fi
    done
}
# scripts SECONDS VARIANTS FILE...: the same for scripts that exist; run.sh is called as its folder. Live traffic goes through the
# executor that preyrun chooses, but with sanitizers through user space, for the kernel's programs have none.
scripts() {
    local seconds=$1 f name v vs=$2 exec
    shift 2
    [ -z "${COVERAGE:-}" ] || vs=/
    for f in "$@"; do
        [ -e "$f" ] || continue
        name=${f#tests/}
        name=${name%.*}
        for v in $vs; do
            v=${v%/}
            exec=
            [[ $f$v != tests/e2e/live-*/san ]] || exec='env EXEC=user '
            case $f in
            *.py) echo "${name%/run}$v $B$v $seconds python3 $f" ;;
            *) echo "${name%/run}$v $B$v $seconds ${exec}bash $f" ;;
            esac
        done
    done
}
# by_name SECONDS: live scripts that name no executor, with each of the two, and with the kernel's where XDP takes what arrives; those
# aside that machines/cannot.list leaves out.
by_name() {
    local f exec kernel which script reason
    for exec in user kernel; do
        for f in $(grep -L '^EXEC=' tests/e2e/live-*.sh); do
            while read -r kernel which script reason; do
                [[ $kernel == '*' && ($exec == $which || $reason == 'it says itself'*) && ${f##*/} == $script.sh ]] && continue 2
            done <tests/machines/cannot.list
            f=${f%.sh}
            echo "${f#tests/}/$exec $B $1 env EXEC=$exec bash $f.sh"
            [ $exec = user ] || grep -q '^HOOK=' "$f.sh" || echo "${f#tests/}/xdp $B $1 env EXEC=kernel HOOK=xdp bash $f.sh"
        done
    done
}
# by_hook SECONDS: scripts that ask for the kernel themselves and name no hook, where XDP takes what arrives.
by_hook() {
    local f
    for f in $(grep -lE '^EXEC=kernel|live/kernel\.sh' tests/e2e/live-*.sh | xargs grep -l '^EXEC=' | xargs grep -L '^HOOK=') tests/e2e/live-{pickup,pickup-opened,proxy-firewall}.sh; do
        f=${f%.sh}
        [ -e "$f-xdp.sh" ] || echo "${f#tests/}/xdp $B $1 env HOOK=xdp bash $f.sh"
    done
}
programs() { # FILE...: those that exist, without their ending
    local f
    for f in "$@"; do
        [ -e "$f" ] && echo "${f%.c}"
    done
}

# The list of all tests, one a line; the long ones first so that both jobs end together.
list_tests() {
    local f long=1
    if [ -n "${LIVE:-}" ]; then
        by_name 1800
        by_hook 1800
        scripts 1800 / tests/e2e/live-*.sh tests/load/hold.sh tests/load/hold_inline.sh tests/load/floods.sh tests/load/checks.sh tests/load/proxy_soak.sh
        return
    fi
    [ -z "$LONG" ] || long=20
    if [ -z "${COVERAGE:-}" ]; then
        for f in $(programs tests/fuzz/fuzz_*.c); do
            echo "fuzz/${f#*fuzz_} $B/$([ -n "$LONG" ] && echo fuzz || echo san) $((300 * long)) bash tests/fuzz/run.sh ${f##*/} $((long > 1 ? 120 : 1))"
        done
    fi
    for f in $(programs tests/corpus/*.c) $(programs tests/diff/*.c); do
        variants "${f#tests/}" $((600 * long)) "$f" / /san
    done
    scripts 600 "/ /san" tests/corpus/*.sh tests/accept/*.sh tests/e2e/*.sh tests/examples/run.sh tests/golden/*/run.sh
    [ -n "${COVERAGE:-}" ] || scripts $((600 * long)) / tests/machines/net.sh
    # Benches, tried on small sizes: only the plain build has them.
    [ -n "${COVERAGE:-}" ] || scripts 600 / tests/bench/try/bench-*.sh
    # Other kernels, each in a machine that is emulated.
    [ -n "${COVERAGE:-}" ] || scripts 1800 / tests/machines/check.sh
    # 160 times the same compiler over the same examples: run.sh and golden/tests-inline show sanitizers as much.
    scripts 600 / tests/examples/mistakes.sh
    variants packets 300 "tests/packets/run tests/packets" / /san /clang
    for f in $(programs tests/unit/*/test_*.c); do
        variants "${f#tests/}" 600 "$f" / /san /clang
    done
    [ -n "${COVERAGE:-}" ] || scripts 400 / tests/lint/*.sh tests/lint/*.py
}

quick_tests() { list_tests | awk -v top="$B" '$2 == top' | grep -E '^(unit|golden|packets|lint)[/ ]'; }

if [ "${1:-}" = --list ]; then
    if [ "${2:-}" = --quick ]; then quick_tests; else list_tests; fi
    exit 0
fi
if [ "${1:-}" = --one ]; then
    top=$2
    read -ra words <<<"$3"
    run_one "${words[@]}"
    exit 0
fi

plain=
quick=
if [ "${1:-}" = --plain ]; then
    plain=1
    shift
elif [ "${1:-}" = --quick ]; then
    plain=1
    quick=1
    shift
    # From where the branch left BASE; all files where nobody knows that.
    CHANGED_SINCE=$(git merge-base HEAD "${BASE:-main}" 2>/dev/null)
    export CHANGED_SINCE
fi
top=$B
# Two runs in one build would take each other's results away. What a test leaves behind holds no lock.
mkdir -p "$B"
exec 9>"$B/log.lock"
flock -n 9 || { echo "tests/run.sh: another run has the build $B" >&2; exit 2; }
rm -rf "$B/log"
mkdir -p "$B/log/taken"
cd "$B/log" && log=$(pwd) && cd "$OLDPWD" || exit 2
# Tests call python3 a thousand times, for its own library alone. The system's is there in a third of the time of one that
# looks for itself (pyenv) or for packages.
mkdir "$log/path"
python=/usr/bin/python3
[ -x "$python" ] || python=$(python3 -c 'import sys; print(sys.executable)')
ln -s "$python" "$log/path/python3"
PATH=$log/path:$PATH
# What a whole run leaves to LONG=1 is taken out of a list.
without_left() {
    awk -F '[ \t]' 'NR == FNR { if (!/^#/) left[$1]; next } { for (l in left) if ($1 ~ l) next; print }' tests/left.list -
}
# The chosen ones with a number, the long ones first, as two lists.
chosen() {
    if [ -n "${TESTS:-}" ]; then
        cat "$TESTS"
    elif [ -n "$quick" ]; then
        quick_tests
    elif [ -n "$LONG$plain${COVERAGE:-}$*" ]; then
        list_tests
    else
        list_tests | without_left
    fi
}
chosen "$@" | awk -v words="$*" -v plain="$plain" -v top="$B" '
    BEGIN { n = split(words, w, " ") }
    NR == FNR { if (!/^#/) seconds[$2] = $1; next }
    plain && $2 != top { next }
    { for (i = 1; i <= n; i++) if (index($1, w[i])) break; if (n == 0 || i <= n) print seconds[$1] + 0, ++count, $0 }' \
    tests/long.list - | sort -s -k1,1nr | cut -d' ' -f2- >"$log/list"
grep -E '^[0-9]+ e2e/live-' "$log/list" >"$log/waiting"
grep -vE '^[0-9]+ e2e/live-' "$log/list" >"$log/computing"

# progress: a line now and then, until it is killed. It waits where no child of its own would outlive it.
progress() {
    local all
    all=$(wc -l <"$log/list")
    mkfifo "$log/never" && exec 8<>"$log/never" || return
    until read -r -t "${PROGRESS:-60}" -u 8; [ $? -le 128 ]; do
        { flock 9; printf '        %d of %d parts after %d min\n' "$(find "$log" -maxdepth 1 -name '*.count' | wc -l)" "$all" $((SECONDS / 60)); } 9>>"$log/lock"
    done
}

runners=
end_all() {
    kill $runners $progress ${child-} 2>/dev/null
    wait
    echo 'ended by a signal'
    exit 143
}
trap end_all INT TERM HUP
progress 9>&- &
progress=$!
for i in $(seq "${JOBS:-2}"); do
    runner "$log/computing" "$log/waiting" 9>&- &
    runners="$runners $!"
done
# Live scripts compute for a quarter of their time: with two at a time two cores were idle for a quarter of it.
waiting=$((2 * ${JOBS:-2}))
[ -z "${LIVE:-}" ] || waiting=${JOBS:-2}
for i in $(seq "$waiting"); do
    # No more than JOBS of them help with the others.
    [ "$i" -le "${JOBS:-2}" ] && help=$log/computing || help=
    runner "$log/waiting" $help 9>&- &
    runners="$runners $!"
done
wait $runners
kill $progress
wait

# may_be_flaky LINE: a script of live traffic, whose failure may be of the moment: it waits for others, and they for it.
may_be_flaky() {
    case $1 in
    e2e/live-*) ;;
    *) grep -qs 'tests/e2e/live/lib\.sh' "${1##* }" || return ;;
    esac
    set -- "${1%% *}"
    ! grep -qE 'AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:|Segmentation fault|core dumped|Aborted|signal (4|6|7|8|11)\b' "$log/${1//\//_}.log"
}

# again LINE: run that test of the list once more; where it passes now it is flaky.
again() {
    local name=${1%% *} stem words
    stem=$log/${name//\//_}
    mkdir -p "$log/first" "$log/flaky"
    mv "$stem".{log,count,bad} "$log/first/"
    read -ra words <<<"$1"
    echo "        once more, alone: $name"
    run_one "${words[@]}" 9>&-
    [ ! -e "$stem.bad" ] || return
    { echo "---- $name: what it printed when it failed ----"; cat "$log/first/${stem##*/}.log"
      echo "---- $name: what it printed alone, when it passed ----"; cat "$stem.log"; echo ----; } >"$log/flaky/${stem##*/}"
}

child=
failed=$(ls "$log"/*.bad 2>/dev/null | wc -l)
if [ "$failed" -gt 0 ] && [ "$failed" -le "${FLAKY_MOST:-10}" ]; then
    while read -r number line; do
        [ -e "$log/$(tr / _ <<<"${line%% *}").bad" ] && may_be_flaky "$line" && again "$line"
    done <"$log/list"
fi
flaky=$(ls "$log/flaky" 2>/dev/null | wc -l)

# Only of a whole run: a part of it knows less.
awk '{ print $2, $3 }' "$log"/*.seconds | sort -k1,1nr >"$log/cpu"
[ -n "$*$plain${TESTS:-}" ] || { sed -n 's/^#/#/p' tests/long.list; cat "$log"/*.seconds | awk '$1 >= 5 { print $1, $3 }' | sort -k1,1nr -k2; } >"$log/long.list"
[ -n "$*$plain${TESTS:-}" ] || { echo 'The twenty slowest, in seconds:'; cat "$log"/*.seconds | sort -k1,1nr | head -20 | awk '{ printf "  %5d  %s\n", $1, $3 }'; }
if [ "$flaky" -gt 0 ]; then
    echo 'What was flaky, failed first and passed alone:'
    cat "$log"/flaky/*
fi
# So many of which folder that a whole run has beside those.
if [ -n "$quick" ]; then
    list_tests | without_left | awk 'NR == FNR { ran[$2]; next }
        !($1 in ran) { split($1, words, "/"); of[$1 ~ /\/san$/ ? "those with sanitizers" : words[1]]++; n++ }
        END { printf "Not run, which make check runs: %d parts (", n
            for (f in of) { printf "%s%s %d", sep, f, of[f]; sep = ", " }
            print "); some of them: B=build tests/run.sh --plain WORD..." }' "$log/list" -
fi
if ls "$log"/*.bad >/dev/null 2>&1; then
    echo 'What failed:'
    sed 's/^/  /' "$log"/*.bad
fi
awk -v expected="$(wc -l <"$log/list")" -v flaky="$flaky" '
    { good += $1; bad += $2; skip += $3 }
    END {
        if (NR != expected) { print expected - NR " tests left no count"; bad += expected - NR }
        printf "%d passed, %d failed, %d skipped%s\n", good, bad, skip, flaky ? ", " flaky " flaky" : ""
        exit bad != 0
    }' /dev/null "$log"/*.count
