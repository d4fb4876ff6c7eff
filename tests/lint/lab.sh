#!/usr/bin/env bash
# What goes wrong in the lab of other kernels (tests/machines/) is told in one sentence, with a status, before anything is
# fetched or booted; and rows of tests that are gone leave its results.
set -u
B=${B:-build}
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
failed=0
ok() {
    if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; failed=1; sed 's/^/# /' "$work/out"; fi
}
# told SENTENCE STATUS PATTERN COMMAND...: it ends so, and says this and no more.
told() {
    "${@:4}" >"$work/out" 2>&1
    local status=$?
    [ $status = "$2" ] && grep -q -- "$3" "$work/out" && [ "$(wc -l <"$work/out")" = 1 ]
    ok $? "$1"
}
# Elsewhere nothing is at hand.
mkdir "$work/b"
lab() { env B="$work/b" "$@"; }
none='tests/machines/kernels.list has no kernel 5.4; it has: 6.1 '
told 'a kernel that is in no list' 2 "$none" lab KERNEL=5.4 bash tests/machines/run.sh
told 'likewise, to be fetched' 2 "$none" lab bash tests/machines/fetch.sh 5.4
told 'likewise, in make check' 1 "^not ok - machines: $none" lab KERNEL=5.4 bash tests/machines/check.sh
told 'likewise, to be booted' 2 "$none" lab bash tests/machines/machine.sh 5.4 "$work/share"
told 'a kernel that nobody has fetched' 2 '^kernel 6.1 is not here yet; this fetches it: tests/machines/fetch.sh 6.1$' \
    lab bash tests/machines/machine.sh 6.1 "$work/share"
mkdir -p "$work/b/machines/run"
: >"$work/b/machines/run/kept"
told 'a word that no test has' 2 "no test's name holds a word of ONLY='live-nothing'" lab ONLY=live-nothing KERNEL=6.1 bash tests/machines/run.sh
[ -e "$work/b/machines/run/kept" ]
ok $? 'what ran before is kept then'
told 'a build without programs for the kernel' 0 '^ok - .*# SKIP this build has no programs for the kernel' lab bash tests/machines/check.sh
told 'likewise, the net' 0 '^ok - .*# SKIP this build has none for the kernel' lab bash tests/machines/net.sh

mkdir "$work/bin"
printf '#!/bin/sh\necho head\necho "full 100 90 10 90%% /"\n' >"$work/bin/df"
chmod +x "$work/bin/df"
told 'a disk that is nearly full' 2 'machines has 10 MB left, and this takes 700$' lab PATH="$work/bin:$PATH" KERNEL=6.1 bash tests/machines/run.sh
told 'likewise, to fetch a kernel' 2 '^kernel 6.1: .*machines has 10 MB left, and this takes 700$' lab PATH="$work/bin:$PATH" MIRROR=http://127.0.0.1:9 bash tests/machines/fetch.sh 6.1
if [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] && [ -e /usr/share/keyrings/debian-archive-keyring.gpg ]; then
    python3 -c '
import socket, sys, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
time.sleep(600)' >"$work/port" &
    server=$!
    while [ ! -s "$work/port" ]; do sleep 0.05; done
    told 'a mirror that is silent' 2 '^kernel 6.1: bookworm of the mirror .*no answer within 2 s' \
        lab MIRROR="http://127.0.0.1:$(cat "$work/port")" FETCH_BOUND=2 bash tests/machines/fetch.sh 6.1
    told 'a mirror that is not there' 2 '^kernel 6.1: bookworm of the mirror .*127.0.0.1' lab MIRROR=http://127.0.0.1:9 FETCH_BOUND=60 bash tests/machines/fetch.sh 6.1
    told 'a mirror that is no address' 2 '^kernel 6.1: bookworm of the mirror .*Malformed' lab MIRROR=nonsense FETCH_BOUND=60 bash tests/machines/fetch.sh 6.1
else
    echo 'ok - mirrors # SKIP not on amd64 with packages of Debian'
fi

# How a machine ended: a panic ends it as well as its last command does.
share=$work/share
mkdir -p "$share"
early() { bash -c '. tests/machines/common.sh; BOUND=7 early "$@"' - "$1" "$share"; }
: >"$share/machine"
echo done >"$share/console"
told 'a machine that ended' 0 '^ended early, by itself; the end of its console:$' early 0
told 'by its bound' 0 '^ended early, by its bound, 7 s; the end' early 124
echo '[    1.5] Kernel panic - not syncing: Fatal exception' >>"$share/console"
told 'by a panic' 0 '^ended early, in a panic of its kernel; the end' early 0
echo 'no room' >"$share/machine"
told 'with words' 0 '^ended early, with status 2: no room; the end' early 2

# KERNEL=0 is a variant of the build, and no kernel of the lab.
make -n check KERNEL=0 2>/dev/null | grep -q 'env -u KERNEL bash tests/run.sh'
ok $? 'make check KERNEL=0 hands KERNEL to no lab'
make -n check-machines 2>/dev/null | grep -q "sh tests/deps.sh machines || echo"
ok $? 'make check-machines goes on without packages'

# Cells on network cards.
cells=tests/machines/drivers/cells.list
told 'each pair of driver, job, way and workers is in a cell' 0 '^[0-9]* cells hold each of 83 pairs$' python3 tests/machines/drivers/pairs.py $cells
grep -v '^e1000e *nat *user-packet' $cells >"$work/cells"
told 'a pair that is missing' 1 '^no cell has job nat with way user-packet$' python3 tests/machines/drivers/pairs.py "$work/cells"
{ cat $cells && echo 'igb router user-packet 1 64 end all'; } >"$work/cells"
told 'a driver that there is none of' 1 'no driver is called igb$' python3 tests/machines/drivers/pairs.py "$work/cells"

# A test that was renamed, one that can't run any more, and figures.
run=$work/machines/run
mkdir -p "$work/machines/kernels/6.1"
echo 6.1.0-1 >"$work/machines/kernels/6.1/version"
log() { # NAME GOOD BAD SKIPPED [LINE]
    mkdir -p "$run/6.1-kernel-1/log"
    echo "$2 $3 $4" >"$run/6.1-kernel-1/log/6.1_kernel_$1.count"
    echo "${5:-}" >"$run/6.1-kernel-1/log/6.1_kernel_$1.log"
}
results() { python3 tests/machines/results.py "$run" "$work/results.md" >"$work/out" 2>&1; }
log live-old 3 0 0
log live-some 4 0 0
log diff_kernel_parse 2 1 0
log machines_net 9 0 0 '# 320 programs: 5 s'
printf 'e2e/live-cannot\ta reason\n' >"$run/6.1-kernel-1/cannot"
printf '%s\n' e2e/live-old e2e/live-some e2e/live-cannot diff/kernel_parse machines/net >"$run/tests-kernel"
results && grep -q '^| 6.1 | .* | kernel | 4 | 3 | 1 | 18 |$' "$work/results.md" && grep -q '^| 6.1/kernel/diff/kernel_parse |' "$work/results.md" &&
    grep -q '^| 6.1 | 320 programs | 5 s |' "$work/results.md"
ok $? 'rows of a run'
rm -rf "$run"
log live-cannot 1 0 0
printf 'e2e/live-some\tanother reason\n' >"$run/6.1-kernel-1/cannot"
printf '%s\n' e2e/live-new e2e/live-some e2e/live-cannot machines/net >"$run/tests-kernel"
results && grep -q '^| 6.1 | .* | kernel | 2 | 2 | 1 | 10 |$' "$work/results.md" && grep -q '^| live-some | kernel | 6.1 | another reason |$' "$work/results.md" &&
    ! grep -q 'live-old\|a reason\|kernel_parse' "$work/results.md"
ok $? 'and of the next, after tests were renamed: stale ones are gone'
exit $failed
