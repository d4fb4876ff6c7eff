# What the scripts of this room share, sourced from the tree's top: a root with the packages, and systemd in it. PACKAGES: what else of Debian is installed there; PREPARED: a command in there before that;
# PREY: the packages of `make deb` that are, all of them where nothing else is said.
# They give `/etc/prey/edge.prey` and call `systemd_begins`.
EXEC=${EXEC:-user}
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
cd "$top" || exit 2
debs=$(ls "$bin"/deb/prey_*.deb "$bin"/deb/prey-compiler_*.deb 2>/dev/null) || { echo 'make deb has left no packages'; exit 2; }
for wanted in 'no v2 of control groups here:cgroup2' 'no file system for pins:bpf'; do
    grep -qw "${wanted##*:}" /proc/filesystems || { echo "ok - units of systemd # SKIP ${wanted%:*}"; exit 0; }
done
base=$bin/machines/power/6.1/base
why=$(bash tests/machines/fetch.sh 6.1 && bash tests/machines/power/base.sh 6.1) || { echo "ok - units of systemd # SKIP $why"; exit 0; }
cd "$work" || exit 2
root=$work/root init='' group='' outer=''
ends_all() {
    [ -z "$init" ] || kill -KILL "$init" 2>/dev/null
    [ -z "$outer" ] || wait "$outer" 2>/dev/null
    [ -z "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
    rm -rf --one-file-system "$root"
    live_end
}
live_begin
trap ends_all EXIT

echo '# A root with systemd and the packages'
cp -a "$base" "$root" || exit 2
mkdir -p "$root/root/now"
cp ${BEFORE_DEBS:+"$BEFORE_DEBS"/prey_*.deb "$BEFORE_DEBS"/prey-compiler_*.deb} "$root/root/now/" 2>/dev/null || cp $debs "$root/root/now/"
inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" >out 2>err; }
inside sh -c "${PREPARED:-true}"' && apt-get update && apt-get install -y --no-install-recommends '"${PREY-/root/now/*.deb} ${PACKAGES:-}"
ok $? 'they are installed'
[ $failed = 0 ] || { tail -n 20 out err | sed 's/^/# /'; exit 1; }
rm -f "$root/usr/sbin/policy-rc.d"
inside systemctl disable networking NetworkManager firewalld nftables
inside systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer getty@tty1.service \
    console-getty.service systemd-udevd.service systemd-udev-trigger.service systemd-networkd.service systemd-resolved.service systemd-timesyncd.service
echo lab >"$root/etc/hostname"
echo '127.0.0.1 localhost lab' >"$root/etc/hosts"
options() { echo "OPTIONS='-i wan -i lan --exec $EXEC $*'" >"$root/etc/default/prey-edge"; }

tell() { # WORDS: a shell in there
    timeout "${BOUND:-120}" nsenter -t "$init" -m -p -C -i -u -n -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -c "$*" 2>&1
}
has_init() { init=$(pgrep -P "$outer"); [ -n "$init" ]; }
runs() { case $(tell systemctl is-system-running) in running | degraded) ;; *) false ;; esac; }

# systemd_begins: it is process 1 in there, in a namespace between a client and a server.
systemd_begins() {
    echo '# systemd begins'
    machine_is_wired
    machine_starts
}
machine_is_wired() {
    between one
    ip -n "$id-client" route add default via 10.1.0.2
    at prey sysctl -q -w net.ipv4.ip_forward=1
    groups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
    [ -n "$groups" ] || { echo 'ok - units of systemd # SKIP no v2 of control groups is mounted'; exit 0; }
    group=$groups/$id
    mkdir "$group" || exit 2
}
machine_starts() {
    sh -c 'echo $$ >"$0/cgroup.procs" && exec nsenter --net="/run/netns/$1" unshare -m -p -f -C -i -u --kill-child --propagation private sh "$2" "$3"' \
        "$group" "$id-prey" "$top/tests/machines/units/inner.sh" "$root" >init.out 2>&1 &
    outer=$!
    pids="$pids $outer"
    until_true 100 'it is there' has_init
    until_true 1000 'it runs' runs
}
