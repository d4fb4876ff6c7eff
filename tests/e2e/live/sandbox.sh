#!/bin/sh
# sandbox.sh UNIT PASSWD WRITABLE -- COMMAND...: run it as systemd runs a service of that unit, as far as that can be had without: the
# capabilities that it leaves and no way to more, its limits, and the file system that it sees. PASSWD is its /etc/passwd; what lies
# below WRITABLE, beside /run, it may write.
set -eu
unit=$1 passwd=$2 writable=$3
shift 4
says() { sed -n "s/^$1=//p" "$unit" | tr '\n' ' '; }
is() { [ "$(says "$1")" = "$2 " ]; }
if [ -z "${IN_SANDBOX-}" ]; then
    IN_SANDBOX=1 exec unshare -m --propagation private "$0" "$unit" "$passwd" "$writable" -- "$@"
fi
unset IN_SANDBOX

# there PATH...: those that exist. A path that may be missing begins with -.
there() {
    for path; do
        case $path in -*) [ ! -e "${path#-}" ] || echo "${path#-}" ;; *) echo "$path" ;; esac
    done
}

mount --bind "$passwd" /etc/passwd
! is ProtectProc invisible || mount -t proc -o hidepid=invisible proc /proc
only_read=''
if is ProtectKernelTunables yes; then
    mount --bind /proc/sys /proc/sys
    only_read='/proc/sys /sys'
    if mountpoint -q /sys/fs/bpf; then only_read="$only_read /sys/fs/bpf"; fi
fi
if is PrivateDevices yes; then
    mkdir -p "$writable/dev"
    mount -t tmpfs -o mode=755,nosuid,noexec tmpfs "$writable/dev"
    for node in null zero full random urandom tty; do
        : >"$writable/dev/$node"
        mount --bind "/dev/$node" "$writable/dev/$node"
    done
    mkdir "$writable/dev/shm"
    mount --bind /dev/shm "$writable/dev/shm"
    for path in $(there $(says BindPaths)); do
        case $path in /dev/*) ;; *) continue ;; esac
        mkdir -p "$writable${path%/*}"
        : >"$writable$path"
        mount --bind "$path" "$writable$path"
    done
    mount --rbind "$writable/dev" /dev
fi
if is ProtectSystem strict; then
    only_read="$only_read /"
    mount --bind /run /run
    mount --bind "$writable" "$writable"
fi
# Of equal paths the stricter counts.
for path in $(there $(says ReadWritePaths)); do
    case " $only_read " in *" $path "*) ;; *) mount --bind "$path" "$path" ;; esac
done
for path in $only_read; do mount -o remount,bind,ro "$path"; done

# Limits, of what this machine lets us raise. Memory that may be locked: in place of it, the right to lock more.
files=$(says LimitNOFILE) more=''
prlimit --pid $$ "--nofile=${files% }" 2>/dev/null || true
! is LimitMEMLOCK infinity || prlimit --pid $$ --memlock=unlimited 2>/dev/null || more=,+ipc_lock
rights=$(says CapabilityBoundingSet | tr 'A-Z' 'a-z' | sed 's/cap_/+/g; s/ *$//; s/ /,/g')
exec setpriv --no-new-privs "--bounding-set=-all,$rights$more" "$@"
