# What tests of names share, sourced from the tree's top in place of lib.sh: a mount namespace of their own for resolv.conf(5) and
# hosts(5), a name server in `one`, 10.2.0.2, and what preyrun says of servers by name.
[ -n "${own_mounts-}" ] || own_mounts=1 exec unshare -m --propagation private bash "$0" "$@"
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

# name_files LINE...: both files in place: the name server, and a hosts(5) with these lines behind localhost. hosts, in this folder, may be
# written again.
name_files() {
    printf 'nameserver 10.2.0.2\n' >resolv.conf
    printf '%s\n' '127.0.0.1 localhost' "$@" >hosts
    mount --bind resolv.conf /etc/resolv.conf
    mount --bind hosts /etc/hosts
}

# silence: no name server is there any more.
silence() {
    [ -n "${server-}" ] || return 0
    kill -KILL "$server"
    wait "$server" 2>/dev/null
    server=
}
# serve OPTION...: dnsmasq with these alone, for example.net; each of its answers lives for a second.
serve() {
    silence
    background one dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file= --bind-interfaces \
        --listen-address=10.2.0.2 --local=/example.net/ --local-ttl=1 --log-facility=- "$@" >>dns.log 2>&1
    server=$last
}
# names LINE...: what the name server knows from now on, in the form of hosts(5). serve_names: dnsmasq that knows it.
: >known
names() {
    printf '%s\n' "$@" >known
    [ -z "${server-}" ] || kill -HUP "$server"
}
serve_names() { serve --addn-hosts="$work/known"; }
# serve_zone: dns.py with the records of zone, which `knows RECORD...` writes at once; its questions go to dns.out.
knows() { printf '%s\n' "$@" >zone.new && mv zone.new zone; }
serve_zone() {
    background one python3 "$top/tests/e2e/live/dns.py" serve 10.2.0.2 zone >dns.out 2>dns.err
    server=$last
    until_true 100 'the name server is there' grep -q ready dns.out
}

# resolver: the process of this preyrun that asks.
resolver() {
    local p
    for p in $(pgrep -x prey-resolver); do [ "/proc/$p/ns/net" -ef "/run/netns/$id-prey" ] && echo "$p"; done
}

# state POOL SERVER FIELD: of a server that the rules name. is POOL SERVER FIELD VALUE.
state() {
    ctl status --json
    python3 -c 'import json, sys
s = json.load(open("out"))
print(*(x[sys.argv[3]] or "-" for p in s["pools"] if p["pool"] == sys.argv[1] for x in p["servers"] if x["name"] == sys.argv[2] and x["health"] != "past"))' "$@"
}
is() { [ "$(state "$1" "$2" "$3")" = "$4" ]; }
