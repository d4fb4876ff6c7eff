#!/usr/bin/env bash
# Every second file of rules-examples/ (the others are live-defaults-too.sh's) as somebody takes it home: compiled as it is, but for memory
# of a million flows; on interfaces of the names in it, in a namespace with Linux's own settings, with no option but those; by the executor
# that preyrun chooses and, of each third or with LONG=1 of each, by the other one, where that can. It is ready, and judges what comes; behind those that translate sources a
# client reaches a server, and so does the machine itself.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || ok 1 'this machine mounts no file system for pinned programs'
live_begin

# Who can't serve it, and what preyrun says then: HOW|WORDS|FILE.... Each is tried all the same, and a row that is not true fails. What is
# for the machine itself only the kernel can enforce.
cat >cannot <<'END'
user|which only the kernel executor can block|anycast-edge audit balancer balancer-dsr-gue balancer-dsr-ipip balancer-dsr-l2 balancer-dsr-rewrite
user|which only the kernel executor can block|balancer-keep-source balancer-passthrough bastion block block-list dmz dns-server every-condition
user|which only the kernel executor can block|home-server ipv6-only laptop laptop-stateless mail-server office-hours office-vlans pppoe-router router
user|which only the kernel executor can block|security-groups server-gue server-ipip tls-names voip vpn-hub web-server zones
kernel|only the user-space executor supports --bridge|bridge-guard wire-filter splice wire-watch mirror
END

# plain NAME...: as the kernel makes them.
plain() {
    local name
    for name in "$@"; do
        ip netns add "$id-$name" || exit 1
        spaces="$spaces $id-$name"
        ip -n "$id-$name" link set dev lo up
    done
}

# devices FILE: names of its interfaces, and of those that a rule names by itself; one that stands for a pattern; `eth0` where there is none.
devices() {
    local all
    all=$(sed -nE 's/^interface [a-z0-9_]+ *= *"([^"]*)".*/\1/p; s/.* on "([^"]*)" .*/\1/p' "$1" | sed 's/\*/0/' | awk '!seen[$0]++')
    echo ${all:-eth0}
}

# furnish FILE: the first of its interfaces is a cable to far, the others to near, and they have the addresses that its first lines call
# this machine's, one each. At the other ends are the 77th of each network; all else is behind far.
furnish() {
    local file=$1 device end=far a first=
    plain prey far near
    for device in $(devices "$file"); do
        link prey "$device" "$end" "$device"
        end=near
    done
    end=far
    set -- $(devices "$file")
    for a in $(sed -nE 's/^#.* --self ([^ ]*).*/\1/p' "$file" | head -n 1 | tr , ' '); do
        case $a in
        *:*) address prey "$1" "$a/64" ;;
        *)
            address prey "$1" "$a/24"
            address "$end" "$1" "${a%.*}.77/24"
            [ -n "$first" ] || ip -n "$id-prey" route add default via "${a%.*}.77"
            first=${first:-$a}
            [ "$end" = far ] || ip -n "$id-near" route add default via "$a" 2>/dev/null
            [ $# = 1 ] || { shift; end=near; }
            ;;
        esac
    done
}

# options FILE: how its first lines call preyrun on this machine; on its interfaces where they do not.
options() {
    local device
    if grep -q '^#.*sudo preyrun' "$1"; then
        sed -nE 's/^#.*sudo preyrun (.*) [^ ]*\.pbc.*/\1/p' "$1"
    else
        for device in $(devices "$1"); do printf -- '-i %s ' "$device"; done
    fi
}

# begins NAME EXECUTOR OPTION...: preyrun in prey; true where it gets ready. $prey is its process.
begins() {
    local name=$1 executor=$2
    shift 2
    : >prey.out >prey.err
    nsenter "--net=/run/netns/$id-prey" "$bin/preyrun" --exec "$executor" "$@" "$name.pbc" >>prey.out 2>>prey.err </dev/null &
    prey=$!
    pids="$pids $prey"
    # (As until_true, but looking more often, for there are many.)
    local looks=0
    until is_ready_or_over prey; do
        sleep 0.02
        [ $((looks += 1)) -lt 7500 ] || { ok 1 "$name begins or says why not"; return 1; }
    done
    is_ready prey
}

# judges ADDRESS...: what far sends there is judged.
judges() {
    local a
    for a in "$@"; do at far bash -c "echo question >/dev/udp/$a/9" 2>/dev/null; done
    ctl counters verdicts
    grep -qE '^verdicts\.(accept|drop|reject|forward)\.packets +[1-9]' out
}

# answered NAME: a server at far answers one there; the answer says whom it heard.
far() { ip -n "$id-far" -4 -br addr | grep -oE '[0-9.]+\.77' | head -n 1; }
answered() { timeout 2 ip netns exec "$id-$1" "$tools/udp" ask "$(far)" 53 >answer && grep -q '^far ' answer; }
# hidden: near, too, and it was heard from an address that is not near's.
hidden() { answered near && ! at near ip -4 -br addr | grep -q "$(cut -d' ' -f2 answer)/"; }

# excused HOW NAME: the words that it says according to the list.
excused() { awk -F'|' -v how="$1" -v name="$2" '$1 == how && index(" " $3 " ", " " name " ") { print $2 }' cannot; }

# serves EXECUTOR FILE [OPTION...]
serves() {
    local executor=$1 file=$2 name words how
    shift 2
    how="$executor${1:+ $*}"
    name=$(basename "$file" .prey)
    words=$(excused "$how" "$name")
    if ! begins "$name" "$executor" "$@" $(options "$file"); then
        grep -q -- "${words:-only what is on the list may be refused}" prey.err || { sed 's/^/# /' prey.err; ok 1 "$name begins, --exec $how"; }
        return
    fi
    [ -z "$words" ] || ok 1 "$name can't begin, --exec $how, says the list"
    until_true 100 "$name judges what comes, --exec $how" judges $(ip -n "$id-prey" -br addr | grep -oE '[0-9a-f.:]+/(24|64)' | cut -d/ -f1)
    if translates "$file"; then
        until_true 100 "behind $name a client reaches a server, --exec $how" hidden
        until_true 100 "and so does the machine itself, --exec $how" answered prey
    fi
    prey_ends
    [ "$status" = 0 ] || ok 1 "$name ends well, --exec $how"
    served=$((served + 1))
}
translates() { grep -qE '^  (masquerade|source) from ' "$1"; }

# tries FILE: as it is; by the other executor, which may be excused; and where it translates, in user space with --monitor.
tries() {
    furnish "$1"
    ! translates "$1" || udp far 53
    serves auto "$1"
    if [ $((seen / 2 % 3)) != 0 ] && [ -z "${LONG-}" ]; then :; elif grep -q '^ready.* by kernel' prey.err; then serves user "$1"; else serves kernel "$1"; fi
    ! translates "$1" || serves user "$1" --monitor
}

cp "$top"/rules-examples/* . 2>/dev/null
served=0
tried=0
seen=0
for file in *.prey; do
    [ $(((seen += 1) % 2)) = "${half:-0}" ] || continue
    name=${file%.prey}
    grep -q '^limits' "$file" || printf '%s' "$limits" >>"$file"
    "$bin/preyc" "$file" -o "$name.pbc" >said 2>&1 || { sed 's/^/# /' said; ok 1 "$name compiles"; }
    tries "$file"
    for space in prey far near; do
        for p in $(ip netns pids "$id-$space"); do kill -KILL "$p" && wait "$p" 2>/dev/null; done
        ip netns del "$id-$space"
    done
    tried=$((tried + 1))
done

for name in $(cut -d'|' -f3 cannot); do [ -e "$name.prey" ] || ok 1 "the list has $name, which is no example"; done
[ "$tried" -gt 0 ]
ok $? "$tried examples begin and serve on a machine as it comes"
