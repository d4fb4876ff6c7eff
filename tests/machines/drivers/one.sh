#!/usr/bin/env bash
# A script of this folder, and its arguments; then all cards have come home, so that the next one finds them.
modprobe -a virtio_net e1000e vmxnet3
bash "$@"
status=$?
cards() { cat /sys/class/net/*/address | grep '^52:54:00:00:0.:0.$'; }
for _ in $(seq 1200); do
    [ "$(cards | wc -l)" != 12 ] || exit $status
    sleep 0.1
done
echo 'not ok - the cards come home when their namespaces end'
cards | sed 's/^/# here: /'
ip netns list | sed 's/^/# namespace: /'
exit 1
