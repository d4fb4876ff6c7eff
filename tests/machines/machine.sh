#!/bin/bash
# Boots a machine: machine.sh NAME SHARE [WORD...]. NAME is a kernel of kernels.list that fetch.sh has put in place, SHARE
# a folder that both sides write, where `list` says what inside.sh runs there; WORDs go onto the kernel's command line.
# The console is SHARE/console. It ends when the machine does, or after BOUND seconds (of this machine's clock).
# MEMORY: MiB. The machine's own clock goes by instructions, one a nanosecond, as long as it computes, and with this machine's
# while it waits: so what runs inside meets bounds on time as on a machine of ordinary speed, however slow this one is.
# It has no fast string instructions (erms): emulated, they copy byte by byte, and Linux would copy and clear all memory with them.
# Programs lie at the same addresses each time (norandmaps), for the emulator translates code anew for each address: a third of all
# time. Nor does Linux try its ciphers at each boot.
# CARDS: options of QEMU for cards of network, in place of none.
# CPUS: processors, 1; of a machine with a clock of its own they run in turn. CLOCK=outside: the clock of this machine, and all is some ten times slower.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build}
name=$1
mkdir -p "$2" || exit 2
share=$(cd "$2" && pwd) || exit 2
shift 2
. tests/machines/common.sh
known "$name" || exit 2
[ -e "$B/machines/kernels/$name/image" ] || { echo "kernel $name is not here yet; this fetches it: tests/machines/fetch.sh $name"; exit 2; }
command -v "qemu-system-x86_64" >/dev/null || { echo "no qemu-system-x86_64 here (package qemu-system-x86)"; exit 2; }
initrd=$B/machines/initrd-$name
bash tests/machines/root.sh "$B/machines/root" && bash tests/machines/initrd.sh "$name" "$initrd" || exit 2
# With ALONE, an archive of all that the machine's tests take, it has nothing of this machine's files.
alone= host=()
if [ -n "${ALONE:-}" ]; then
    cat "$initrd" "$ALONE" >"$share/initrd" || exit 2
    initrd=$share/initrd
    alone=lab.alone=1
else
    host=(-virtfs local,path=/,mount_tag=host,security_model=none,multidevs=remap,readonly=on)
fi
if [ "${CLOCK:-}" = outside ]; then
    clock=(-accel tcg,thread=multi -smp "${CPUS:-2}")
else
    clock=(-accel tcg,thread=single -icount "shift=0,sleep=on" -smp "${CPUS:-1}")
fi
exec timeout -k 10 "${BOUND:-3600}" qemu-system-x86_64 "${clock[@]}" -cpu max,-erms,-fsrm -m "${MEMORY:-4608}" \
    -kernel "$B/machines/kernels/$name/image" -initrd "$initrd" \
    -append "console=ttyS0 loglevel=4 panic=-1 oops=panic norandmaps cryptomgr.notests=1 lab.tree=$(pwd) $alone lab.modules=$(cd "$B/machines/kernels/$name/lib/modules" && pwd) $*" \
    "${host[@]}" -virtfs "local,path=$share,mount_tag=share,security_model=none,multidevs=remap" \
    -display none -monitor none -serial stdio -no-reboot ${CARDS:--nic none} >"$share/console" 2>&1 </dev/null
