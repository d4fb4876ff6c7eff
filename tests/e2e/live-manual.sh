#!/usr/bin/env bash
# The guide's pages about live traffic are true: their `console live` blocks run in namespaces, `$ ` where prey is and `client$ ` at
# a client, and print what the page shows. UPDATE=1 writes what was printed into the pages: read the difference.
set -u
. tests/e2e/live/lib.sh
. tests/e2e/live/document.sh
. tests/lib/scratch.sh
live_begin

site one two
web prey
ln -s "$bin" build

# The only preyrun that it ends is the one that the page started.
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
# Commands of a page; what they print goes to `said`.
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
        case $line in *'2d log.txt'*) until_true 100 'something is logged' grep -q ADMIN log.txt ;; esac
        case $line in *watch.jsonl*) until_true 100 'a session is written' test -s watch.jsonl ;; esac
        eval "$line" >said 2>&1 </dev/null
        ;;
    esac
    cat said
}
pages=$(document_pages live)
for page in $pages; do
    document_rules live.prey
    document_is_true live "$page"
    [ -z "${prey:-}" ] || kill "$prey" 2>/dev/null && wait "$prey" 2>/dev/null
done
[ "$(printf '%s\n' "$pages" | wc -l)" -ge 4 ]
ok $? "they are on the pages $(basename -as .md $pages | tr '\n' ' ')"
exit $failed
