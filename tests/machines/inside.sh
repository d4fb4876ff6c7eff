#!/bin/bash
# What runs in a machine of the lab, as its first process: the tests of /run/lab/list, some side by side, then the power goes off.
# A line of the list is EXEC and a line of `tests/run.sh --list`. /run/lab/variables is sourced: PATH, B, JOBS.
tree=$1
cd "$tree" || exit 1
lab=/run/lab
. "$lab/variables"
export PATH B HOME=/root LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount --make-rshared /
ip link set dev lo up
# What a device file or a protocol's first use asks for by itself elsewhere, where udev is.
modprobe -a tun 2>/dev/null

# one EXEC NAME BUILD SECONDS COMMAND...: what it printed and how it went are in /run/lab/log at once, for the machine may die.
one() {
    local exec=$1 name=$2
    shift
    echo "$name" >>"$lab/begun"
    export EXEC=$exec
    bash tests/run.sh --one "$lab" "$*" >>"$lab/said"
    echo "$name" >>"$lab/ended"
}
export -f one
export lab
if [ -e "$lab/job.sh" ]; then
    bash "$lab/job.sh" >"$lab/job.out" 2>&1
    echo "$?" >"$lab/job.status"
else
    mkdir -p "$lab/log"
    xargs -d '\n' -n 1 -P "${JOBS:-4}" -a "$lab/list" bash -c 'one $1' one
fi
uptime >"$lab/over"
sync
echo o >/proc/sysrq-trigger
sleep 60
