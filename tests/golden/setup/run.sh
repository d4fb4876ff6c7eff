#!/usr/bin/env bash
# What `preyc --server-setup` prints for servers in every mode, and that a shell and nft can read it. UPDATE=1 rewrites
# servers.txt, for a human to read the difference.
set -u
B=$(realpath "${B:-build}")
cd "$(dirname "$0")" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0
tell() { # STATUS NAME
    if [ "$1" -eq 0 ]; then echo "ok - $2"; else
        echo "not ok - $2"
        failed=1
    fi
}
setup() { NO_COLOR=1 timeout 60 "$B/preyc" --server-setup "$1" modes.prey 2>/dev/null; }

for server in p/a p/b q/a q/c six/a far/a far/b own/a spare/a shared/a; do
    setup $server >"$work/one" || echo "no setup of $server" >>"$work/one"
    cat "$work/one"
    echo "----"
    sh -n "$work/one" || echo "no shell reads the setup of $server"
done >"$work/all" 2>&1
[ -z "${UPDATE:-}" ] || cp "$work/all" servers.txt
diff -u servers.txt "$work/all" | sed 's/^/# /'
cmp -s servers.txt "$work/all"
tell $? 'setup/servers'

# What is said to nft is read by nft: the texts between `nft -f - <<END` and END, in a network of their own.
PATH=$PATH:/usr/sbin
alone() { if [ "$(id -u)" -eq 0 ]; then unshare -n "$@"; else unshare -rn "$@"; fi; }
if ! alone nft list ruleset >/dev/null 2>&1; then
    echo 'ok - setup/nft # SKIP nft needs a network namespace'
    exit $failed
fi
for server in p/a p/b q/a q/c six/a far/a far/b shared/a; do
    setup $server | sed -n '/^nft -f/,/^END/p' >"$work/nft.sh"
    case $server in */b | six/*) balancer=2001:db8::fe ;; *) balancer=10.0.0.254 ;; esac
    balancer=$balancer vip_gue=203.0.113.99 alone sh -ec '. "$0"; . "$0"; nft list ruleset' "$work/nft.sh" >"$work/rules" 2>&1
    status=$?
    [ $status -eq 0 ] || sed 's/^/# /' "$work/rules"
    [ $status -eq 0 ] && grep -q prey_ "$work/rules"
    tell $? "setup/nft takes the rules of $server, twice"
done
exit $failed
