#!/usr/bin/env bash
# The tutorial docs/guide/tutorials/get-started.md, followed by a user with sudo on a machine with systemd that has nothing of prey: its blocks are
# what is run, from the first to the last, and each command ends as a reader expects. After step 7 and at the end the machine is restarted.
# make check-machines UNITS=1. The page's builds are long: build/ and its packages are this tree's, but with FRESH=1 the page makes both. Step 7
# installs packages; with BY=source `make install` does it. All that the page's commands print is in $B/scratch/get-started/transcript.
set -u
EXEC=kernel # who judges is the page's matter: preyrun chooses
PREY=
PACKAGES=sudo
. tests/machines/units/begin.sh
. "$top/tests/e2e/live/document.sh"
page=$top/docs/guide/tutorials/get-started.md

chroot "$root" useradd -m -s /bin/bash nina
echo 'nina ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/nina"
tree=$root/home/nina/prey
mkdir "$tree"
(cd "$top" && git ls-files -z | xargs -0 cp -a --parents -t "$tree")
[ -n "${FRESH-}" ] || (cd "$bin" && mkdir -p "$tree/build/tests" && cp -a ./*.a preyc preyrun preyctl lang vm compiler runtime man deb "$tree/build/" && cp -a tests/tools tests/lib "$tree/build/tests/")
chroot "$root" chown -R nina: /home/nina

# The page's commands, one a line: `sh` without prompt, or `console` with its own; those of one section where NUMBER is said.
commands() { # NUMBER
    awk -v number="$1" '/^## / { here = $2 == number "." } /^```/ { kind = kind ? "" : $1; next } !here { next }
        kind == "```sh" { print "$ " $0 } kind == "```console" && /^(client)?\$ / { print }' "$page"
}
# by_hand LINE: what a reader types; standard output is what it prints.
by_hand() {
    printf 'cd ~/prey\n%s\n' "$1" >"$root/home/nina/line"
    tell 'yes | su nina -lc "bash ~/line"'
}
# Where packages come from is outside of the machine's own network.
online() {
    printf 'cd ~/prey\n%s\n' "$1" >"$root/home/nina/line"
    timeout 3000 nsenter -t "$init" -m -p -C -i -u -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -c 'yes | su nina -lc "bash ~/line"' 2>&1
}
word_of() { sed -n 's/.*preyctl.* confirm \([a-z]\{8\}\)\b.*/\1/p' | tail -n 1; }
# follow LINE: as the reader does, who waits until something has begun, and puts in what is the machine's own.
follow() {
    local line=${1#*\$ } wanted=0 how=by_hand
    line=${line//eth0/wan}
    case $1 in
    *'tests/deps.sh'* | *'apt install'* | *'make de'*) how=online ;;
    *'build/preyc --check typo.prey') wanted=1 ;;
    'client$ '*) how=on_client wanted=28 ;;
    *'build/preyctl confirm'*) line="${line% *} $(word_of <"$tree/log.txt")" ;;
    *'confirm WORD') line=${line/WORD/$(tell 'journalctl -u preyrun@host -o cat' | word_of)} ;;
    esac
    case ${BY:-packages}:$line in
    packages:*'make install'* | packages:*systemd-sysusers* | packages:*daemon-reload* | source:*'make deb'* | source:*'apt install'*) return ;;
    packages:*'make deb'*) [ -n "${FRESH-}" ] || return 0 ;;
    esac
    $how "$line" >out
    status=$?
    { printf '%s\n' "$1"; cat out; } >>transcript
    [ $status -eq $wanted ] || sed 's/^/#   /' out
    same "$1" $status $wanted
    case $1 in *preyrun*'&') until_true 300 'preyrun is ready' grep -q ready "$tree/log.txt" ;; esac
}
on_client() { at client bash -c "$1" 2>&1; }
section() { # NUMBER
    echo "# Step $1"
    while IFS= read -r line <&5; do follow "$line"; done 5< <(commands "$1")
}
restarts() {
    tell 'systemctl --no-block poweroff'
    until_true 600 'the machine is off' is_over "$outer"
    wait "$outer" 2>/dev/null
    # Its cards come back as they are made.
    ip -n "$id-prey" link del wan && ip -n "$id-prey" link del lan && at prey nft flush ruleset
    link prey wan outside port2 && link prey lan inside port1
    ip -n "$id-outside" link set dev port2 master bridge
    ip -n "$id-inside" link set dev port1 master bridge
    address prey wan 10.1.0.2/24
    ip -n "$id-client" neigh flush all
    machine_starts
}
active() { [ "$(tell systemctl is-active preyrun@host)" = active ]; }
# opens SENTENCE PORTS: a client reaches these of 80 and 8080
opens() {
    local port got=
    for port in 80 8080; do at client nc.openbsd -z -w 2 10.1.0.2 "$port" 2>/dev/null && got="$got$port "; done
    same "$1" "$got" "$2"
}
protects() { # WHEN
    until_true 600 "$1: the service runs" active
    opens "$1: the port in the rules is open, and no other" '80 '
}

systemd_begins
for port in 80 8080; do background prey nc.openbsd -lk "$port"; done
section 1
document_rules host.prey
install -o 1000 -g 1000 host.prey "$tree/"
for number in 3 4 5 6 7; do section $number; done
protects 'after step 7'
restarts
protects 'after a restart'
section 8
protects 'after step 8'
by_hand 'sudo cp host.prey /etc/prey/host.prey && echo drop | sudo tee -a /etc/prey/host.prey && sudo systemctl reload preyrun@host' >out
same 'a reload of rules with a mistake fails' $? 1
protects 'and then'
by_hand 'sudo cp host.prey /etc/prey/host.prey && sudo systemctl stop preyrun@host' >out
opens 'after a stop of the service the rules go on' '80 '
by_hand 'sudo preyrun --cleanup --name host' >out
opens 'the cleanup opens it' '80 8080 '
restarts
protects 'after another restart'
same 'libcap-ng has nothing to complain of' "$(tell 'journalctl -o cat' | grep -c libcap)" 0
exit $failed
