#!/bin/sh
# The first process of the namespaces of run.sh: inner.sh ROOT makes that its root, and becomes systemd.
mount --bind "$1" "$1" && cd "$1" || exit 1
mount -t proc proc proc && mount -t sysfs sysfs sys && mount -t cgroup2 cgroup2 sys/fs/cgroup && mount -t bpf bpf sys/fs/bpf || exit 1
mount -t tmpfs -o mode=755 tmpfs run && mount -t tmpfs -o mode=755 tmpfs dev || exit 1
mkdir dev/net dev/pts dev/shm
for d in null zero full random urandom tty net/tun; do touch "dev/$d" && mount --bind "/dev/$d" "dev/$d"; done
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts && ln -s pts/ptmx dev/ptmx
mkdir -p old && pivot_root . old && umount -l /old || exit 1
container=lab exec /sbin/init --log-target=journal --show-status=no
