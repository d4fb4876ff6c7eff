#!/usr/bin/env bash
# MANUAL.md's chapter "Live" is true: its `console live` blocks run in namespaces, `$ ` where prey is and `client$ ` at a
# client, and print what stands there. Figures and times are left out where counters, logs and processes are shown.
# UPDATE=1 writes what was printed into the document: read the difference.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one two
lan outside 1 client prey:wan
lan inside 2 prey:lan one two
for s in one two prey; do web "$s"; done
ln -s "$bin" build
awk '/^```/ { inside = !inside; first = inside; next } inside && first { first = 0; take = $0 == "# live.prey" } inside && take' \
    "$top/MANUAL.md" >live.prey

# The only preyrun that it ends is the one that the document started.
pkill() { # -SIGNAL preyrun
    local file pattern before
    case $1 in
    -USR1) file=counters.txt pattern='^lan ' ;;
    -HUP) file=log.txt pattern='reload.*: live.pbc: ' ;;
    *) file= ;;
    esac
    before=$([ -z "$file" ] || grep -c "$pattern" "$file")
    kill "$1" "$prey"
    if [ -z "$file" ]; then wait "$prey" 2>/dev/null; return; fi
    answered() { [ "$(grep -c "$pattern" "$file")" -gt "$before" ]; }
    until_true 100 "$1 is answered" answered
}
sudo() {
    case $1 in
    pkill) "$@" ;;
    *) at prey "$@" ;;
    esac
}
# Commands of the document; what they print goes to `said`.
command_of() { # LINE
    local line=${1#*\$ }
    case $1 in
    'client$ '*) eval "at client $line" >said 2>&1 </dev/null ;;
    *'&')
        line=${line#sudo }
        : >said
        : >log.txt # else an earlier run's line says that it is ready
        eval "ip netns exec $id-prey ${line%&} </dev/null &" # itself, no shell around it
        prey=$!
        pids="$pids $prey"
        until_true 200 'preyrun is ready' grep -q 'ready: ' log.txt
        ;;
    *)
        case $line in *'1d log.txt'*) until_true 100 'something is logged' grep -q ADMIN log.txt ;; esac
        eval "$line" >said 2>&1 </dev/null
        ;;
    esac
    cat said
}
inside=
while IFS= read -r line; do
    case $line in
    '```console live') inside=yes ;;
    '```'*) inside= ;;
    esac
    case $inside$line in
    'yes$ '* | 'yesclient$ '*)
        printf '%s\n' "$line" >>printed
        command_of "$line" >answer
        sed 's/[ ]*$//' answer >>printed
        ;;
    'yes```console live') printf '%s\n' "$line" >>printed ;;
    yes*) ;; # what was printed before
    *) printf '%s\n' "$line" >>printed ;;
    esac
done <"$top/MANUAL.md"
[ -z "${UPDATE:-}" ] || cp printed "$top/MANUAL.md"

# Inside the live blocks only: figures as N, spaces as one.
plain() { awk '/^```/ { inside = $0 == "```console live" } inside && !/^(client)?\$ / { gsub(/[0-9][0-9,.:]*/, "N"); gsub(/  +/, " ") } { print }' "$1"; }
plain "$top/MANUAL.md" >wanted.plain
plain printed >printed.plain
diff wanted.plain printed.plain | sed 's/^/# /'
cmp -s wanted.plain printed.plain
ok $? "MANUAL.md: $(grep -cE '^(client)?\$ ' "$top/MANUAL.md") commands, those of the chapter Live print what it shows"
ok "$([ "$(grep -c '^```console live' "$top/MANUAL.md")" -ge 4 ]; echo $?)" 'the chapter has its blocks'
exit $failed
