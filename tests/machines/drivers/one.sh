#!/usr/bin/env bash
# A script of this folder, and its arguments; then all cards have come home, so that the next one finds them.
modprobe -a virtio_net e1000e vmxnet3
bash "$@"
status=$?
all_home() { [ "$(cat /sys/class/net/*/address | grep -c '^52:54:00:00:0.:0.$')" = 12 ]; }
for _ in $(seq 600); do all_home && exit $status; sleep 0.1; done
echo 'not ok - the cards come home when their namespaces end'
exit 1
