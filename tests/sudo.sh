#!/bin/sh
# What make runs recipes with behind sudo (sudo.mk), in place of /bin/sh.
#   tests/sudo.sh -c COMMAND               as the user behind sudo, who owns then what it makes
#   tests/sudo.sh root FOLDER -c COMMAND   as root; what root owns below FOLDER is that user's afterwards, however it ends
set -u
if [ "$1" != root ]; then
    home=$(getent passwd "$SUDO_UID" | cut -d: -f6)
    exec setpriv --reuid="$SUDO_UID" --regid="$SUDO_GID" --clear-groups env HOME="${home:-/nonexistent}" \
        USER="${SUDO_USER-}" LOGNAME="${SUDO_USER-}" /bin/sh "$@"
fi
folder=$2
shift 2
# make tells its child alone of SIGTERM: what the recipe's shell waits for hears of it, so that it can clean up. A terminal
# tells all of SIGINT, which a shell has its background ignore.
env --default-signal=INT,QUIT /bin/sh "$@" <&0 &
child=$!
end() {
    runs=$(cat /proc/$child/task/$child/children 2>/dev/null)
    kill -TERM ${runs:-$child} 2>/dev/null
}
trap end TERM HUP
trap : INT QUIT
wait $child
status=$?
while kill -0 $child 2>/dev/null; do
    wait $child
    status=$?
done
[ ! -e "$folder" ] || chown -hR --from=0 "$SUDO_UID:$SUDO_GID" "$folder"
exit $status
