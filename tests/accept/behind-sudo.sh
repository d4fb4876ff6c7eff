#!/usr/bin/env bash
# `sudo make` in a user's tree: what is built is the user's, who goes on with make from there, whatever ended the one before.
set -u
. tests/lib/scratch.sh
user=64123
[ "$(id -u)" = 0 ] || { echo 'ok - make behind sudo # SKIP this takes root'; exit 0; }
# A tree of the user's own, in a home that nobody else enters.
home=$(mktemp -d)
tree=$home/tree
trap 'rm -rf "$home"' EXIT
mkdir "$tree"
(cd "$top" && git ls-files -z -co --exclude-standard | xargs -0 cp --parents -t "$tree")
chown -R $user:$user "$home"
chmod 700 "$home"
behind_sudo=(env -u MAKELEVEL -u MAKEFLAGS "SUDO_UID=$user" "SUDO_GID=$user" make -s -C "$tree")
sudo_make() { "${behind_sudo[@]}" "$@" >out 2>&1; }
users_make() { (cd "$tree" && env -u MAKELEVEL -u MAKEFLAGS -u SUDO_UID -u SUDO_GID HOME="$home" setpriv --reuid $user --regid $user --clear-groups make -s "$@") >out 2>&1; }
roots() { (cd "$tree" && find build -user 0); }

sudo_make build/lang/utf8.o
same 'what is built is the user'"'"'s' "$? $(stat -c %u "$tree/build/lang/utf8.o") $(roots)" "0 $user "
users_make build/lang/arena.o
same 'whose own make goes on' "$? $(cat out)" "0 CC     build/lang/arena.o"
mkdir -p "$tree/build/vm/flow" && touch "$tree/build/root" && ln -s /etc/hostname "$tree/build/link"
sudo_make build/lang/json.o
same 'what was left to root is handed back, a link alone' "$? $(roots) $(stat -c %u /etc/hostname)" '0  0'

# Tests run as root, and what they leave is handed back; -o: nothing is built for them.
echo 'echo ok - $(id -u) $SUDO_UID; mkdir -p build/scratch/x; touch build/scratch/x/y' >"$tree/one.sh"
echo 'e2e/one build 60 bash one.sh' >"$tree/list"
TESTS=list sudo_make -o check-build check
same 'tests run as root' "$? $(tail -1 out) $(cat "$tree"/build/log/e2e_one.log)" "0 1 passed, 0 failed, 0 skipped ok - 0 $user"
same 'and hand back what they leave' "$(roots)" ''
users_make -o check-build check TESTS=list
same 'so that they run again as the user' "$(grep -c 'passed, 0 failed' out) $(cat "$tree"/build/log/e2e_one.log)" "1 ok - $user"
echo 'mkdir -p build/scratch/x; touch build/scratch/begun build/scratch/x/z; sleep 100; echo ok - a' >"$tree/one.sh"
TESTS=list "${behind_sudo[@]}" -o check-build check >out 2>&1 &
make=$!
for i in $(seq 600); do [ ! -e "$tree/build/scratch/begun" ] || break; sleep 0.1; done
kill $make
wait $make
same 'a signal ends them' "$(grep -c 'ended by a signal' out)" 1
same 'and what they left is handed back' "$(roots)" ''

# A tree of another one's is none of this.
chown $user:$user -R "$tree" && chown 0 "$tree"
sudo_make build/lang/heap.o
same 'in a tree of root'"'"'s root owns what is built' "$(stat -c %u "$tree/build/lang/heap.o")" 0
exit $failed
