#!/usr/bin/env bash
# The tutorial of a balanced site is true: the commands of its `console site` blocks run one after the other in one root shell and
# print what it shows. It has namespaces of its own for networks, mounts and processes, so what the commands make is gone with it.
# UPDATE=1 writes what was printed into the page: read the difference.
set -u
if [ "${1:-}" != inside ]; then
    if ! unshare --net --mount --pid --fork --kill-child --mount-proc true 2>/dev/null; then
        echo 'ok - the tutorial # SKIP this machine lets us make no namespaces'
        exit 0
    fi
    exec unshare --net --mount --pid --fork --kill-child --mount-proc bash "$0" inside
fi
mkdir -p /run/netns /run/prey
mount -t tmpfs none /run/netns
mount -t tmpfs none /run/prey
mount -t bpf bpf /sys/fs/bpf # a reader's machine has one, where its own shells see it
. tests/e2e/live/lib.sh
. tests/e2e/live/document.sh
. tests/lib/scratch.sh
document_rules site.prey
ln -s "$bin" build
mktemp() { echo "$work"; }

# What a reader's slowness waits for.
settles() { # LINE
    case $1 in
    *http.server*) for s in one two; do until_true 200 "server $s listens" eval "ip netns exec $s ss -Htln | grep -q ':80 '"; done ;;
    *preyrun*'&'*) until_true 200 'preyrun is ready' grep -q 'ready: ' log.txt ;;
    esac
}
command_of() { # LINE
    eval "${1#\# }" >said 2>&1 </dev/null
    settles "$1"
    cat said
}
document_is_true site "$(document_pages site)"
same 'it leaves no namespace of a network' "$(ls /run/netns)" ''
exit $failed
