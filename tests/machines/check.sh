#!/usr/bin/env bash
# What matters most on the kernels that users have (kernels.list: those of `check`): a machine for each, from an initramfs of built
# programs, what they call of this machine, and modules; there a host firewall is enforced both ways, reloaded and proved, a router
# masquerades, passthrough and a proxy behind a firewall serve, each in the kernel (tests/machines/short/), and drawn programs
# pass the verifier. A skip where emulator or packages can't be had. KERNEL=NAME: that one alone.
# Machines have a clock of their own (machine.sh), so nothing hangs on how busy this one is; a bound here ends what hangs.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build}
export B BOUND=${BOUND:-1500}
. tests/machines/common.sh
top=$(machines_folder) || { echo "not ok - machines: $top"; exit 1; }
why=$(known ${KERNEL:-} && space "$top" 700) || { echo "not ok - machines: $why"; exit 1; }
if [ ! -x "$B/tests/machines/verify" ]; then
    echo 'ok - other kernels # SKIP this build has no programs for the kernel (make KERNEL=0)'
    exit 0
fi
failed=0
skipped() { echo "ok - Linux $1: host firewall, router, passthrough, proxy, programs # SKIP $2"; }
broken() { echo "not ok - Linux $1: $2"; failed=1; }

programs="$B/preyc $B/preyctl $B/preyrun $B/tests/tools/mkcap $B/tests/tools/tamper $B/tests/tools/udp $B/tests/tools/figures"
# Programs for the verifier: a few drawn ones, small enough for a machine's memory; check-machines has all.
drawn "$top/net" || broken any 'programs for the verifiers are not made'
drawn=$(cd "$top" && find net -name '*.pbc' -size -400k | LC_ALL=C sort | awk '{ all[NR] = $0 } END { n = NR < 6 ? NR : 6; for (i = 1; i <= n; i++) print all[int(i * NR / n)] }')
# One of the longest straight code is always among them (net.sh).
drawn="$drawn $(cd "$top" && find net -name '*-999-*-straight-*.pbc' | LC_ALL=C sort | head -1)"
# So is one for which the stages splice connections.
drawn="$drawn net/rules-examples-splice.pbc"
# And one with live sets.
drawn="$drawn net/tests-golden-bytecode-live-sets.pbc"
programs="$programs $B/tests/machines/verify"

# The tree as the scripts need it, below ROOT/ram, with the libraries of what was built.
tree() { # ROOT
    local to=$1/ram$(pwd) p
    mkdir -p "$to/$B/scratch" "$to/$B/machines/net" && cp -r --parents tests/lib/*.sh tests/e2e/live tests/machines/*.sh tests/machines/short tests/run.sh "$to" &&
        take "$1/ram" $(for p in $programs; do echo "$(pwd)/$p"; done) || return 1
    for p in $drawn; do cp "$top/$p" "$to/$B/machines/$p" || return 1; done
}
tree=$top/tree
rm -rf "$tree.root"
said=$(mkdir -p "$tree.root" && tree "$tree.root" 2>&1 && pack "$tree.root" "$tree" 2>&1) || { broken any "the programs can't be gathered ($(tail -1 <<<"$said"))"; exit 1; }
rm -rf "$tree.root"

# run NAME: one machine.
run() {
    local dir=$top/check/$1 s
    rm -rf "$dir"
    mkdir -p "$dir/log"
    printf '%s\n' PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "B=$B" JOBS=3 "export SET=$B/machines/net PART=4" >"$dir/variables"
    {
        for s in host edge; do echo "user $s $B 400 bash tests/machines/short/$s.sh"; done
        [ -z "$drawn" ] || echo "user programs $B 400 bash tests/machines/net.sh"
    } >"$dir/list"
    ALONE="$tree" bash tests/machines/machine.sh "$1" "$dir" >"$dir/machine" &
    echo $! >"$dir/pid"
    wait $!
    echo $? >"$dir/status"
    rm "$dir/pid"
}

# A machine ends by its own process, which no signal to this group reaches.
end_all() {
    trap '' INT TERM HUP
    for name in $all; do kill $(cat "$top/check/$name/pid" 2>/dev/null) 2>/dev/null; done
    wait
    exit 143
}

# tell NAME: what became of it.
tell() {
    local dir=$top/check/$1 test name=$1
    [ -e "$dir/over" ] || {
        broken "$1" "the machine $(early "$(cat "$dir/status")" "$dir")"
        console "$dir/console"
    }
    while read -r _ test _; do
        [ ! -e "$dir/log/$test.count" ] || read -r good bad skip <"$dir/log/$test.count"
        if [ ! -e "$dir/log/$test.count" ]; then
            broken "$1" "$test didn't end"
            cat "$dir/log/$test.log" 2>/dev/null | sed 's/^/# /'
        else
            sed -nE "s/^((not )?ok)( [0-9]+)?( -)? /\1 - Linux $name: $test: /p" "$dir/log/$test.log"
            [ "$bad" = 0 ] || { broken "$1" "$test"; grep -v '^ok' "$dir/log/$test.log" | sed 's/^/# /'; }
            [ "$good" != 0 ] || [ "$bad" != 0 ] || broken "$1" "$test tried nothing"
        fi
    done <"$dir/list"
}

all=
for name in ${KERNEL:-$(kernels)}; do
    [ "${KERNEL:-}" ] || [ "$(kernel_field "$name" 3)" = check ] || continue
    if ! PATH=$PATH:/usr/sbin:/sbin command -v "qemu-system-x86_64" >/dev/null; then
        skipped "$name" "no qemu-system-x86_64 here (package qemu-system-x86)"
    elif ! why=$(FETCH_BOUND=120 bash tests/machines/fetch.sh "$name"); then
        skipped "$name" "$why"
    elif ! why=$(bash tests/machines/root.sh "$top/root" && bash tests/machines/initrd.sh "$name" "$top/initrd-$name"); then
        broken "$name" "$why"
    else
        all="$all $name"
    fi
done
for name in $all; do rm -f "$top/check/$name/pid"; done
trap end_all INT TERM HUP
for name in $all; do
    run "$name" &
    [ "${AT_ONCE:-2}" != 1 ] || wait
done
wait
for name in $all; do tell "$name"; done
exit $failed
