#!/usr/bin/env bash
# The checks of rules-examples/health-checks.prey, as they stand there, ask Debian's own servers: Redis and its replica, PostgreSQL and a
# standby, MariaDB, Exim. The right ones are up, the others down for the right reason; then servers stop, drip, talk for ever and reset.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
between one
address one eth0 10.2.0.21/24 # a second server of a pool may be the same program on another address
open_folder
PATH=$PATH:/usr/sbin:/sbin
missing() { echo "ok - $1 # SKIP $2 is not installed (sh tests/deps.sh tests)"; }
serves() { until_true 60 "$1 listens" eval "[ -n \"\$(at one ss -Htln 'sport = :$2')\" ]"; } # NAME PORT
servers=

# ---- Redis, and a replica ----
if redis=$(command -v redis-server); then
    background one "$redis" --bind 10.2.0.2 --port 6379 --protected-mode no --save '' --daemonize no --dir "$work" >redis.out
    background one "$redis" --bind 10.2.0.2 --port 6380 --replicaof 10.2.0.2 6379 --protected-mode no --save '' --daemonize no --dir "$open" \
        >replica.out
    serves Redis 6379 && serves 'its replica' 6380
    servers+='server master 10.2.0.2:6379 check redis; server replica 10.2.0.2:6380 check redis;'
else
    missing 'Redis' redis-server
fi

# ---- PostgreSQL, and a standby: it refuses root ----
pg=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
if [ -x "$pg/initdb" ] && id postgres >/dev/null 2>&1; then
    as() { (cd "$open" && setpriv --reuid postgres --regid postgres --clear-groups "$@"); }
    install -d -o postgres -m 700 "$open/primary"
    as "$pg/initdb" -A trust -N -D "$open/primary" >initdb.out 2>&1 || sed 's/^/# /' initdb.out
    echo 'host postgres prey 10.2.0.1/32 trust' >>"$open/primary/pg_hba.conf"
    echo 'create role prey login;' | as "$pg/postgres" --single -D "$open/primary" postgres >single.out 2>&1
    cp -a "$open/primary" "$open/standby"
    : >"$open/standby/standby.signal"
    for it in primary:5432 standby:5433; do
        (cd "$open" && exec ip netns exec "$id-one" setpriv --reuid postgres --regid postgres --clear-groups \
            "$pg/postgres" -D "$open/${it%:*}" -p "${it#*:}" -h 0.0.0.0 -k "$open/${it%:*}" -c fsync=off \
            -c shared_buffers=16MB) >"postgres-${it%:*}.out" 2>&1 &
        pids="$pids $!"
        serves "PostgreSQL's ${it%:*}" "${it#*:}"
        eval "postgres_${it%:*}=$!"
    done
    servers+='server reads 10.2.0.2:5432 check postgres; server reads2 10.2.0.2:5433 check postgres;
  server writes 10.2.0.21:5432 check primary; server standby 10.2.0.21:5433 check primary;'
else
    postgres_primary=
    missing 'PostgreSQL' postgresql
fi

# ---- MariaDB ----
system=/usr/share/mysql/mysql_system_tables
if command -v mariadbd >/dev/null && [ -e $system.sql ]; then
    mkdir "$open/maria"
    { printf 'create database mysql;\nuse mysql;\n'; cat $system.sql ${system}_data.sql; } |
        mariadbd --no-defaults --bootstrap --user=root --datadir="$open/maria" --innodb-log-file-size=8M >maria.out 2>&1 || sed 's/^/# /' maria.out
    for port in 3306 3307; do
        cp -a "$open/maria" "$open/maria$port"
        echo "create user prey@'10.2.0.1'$([ $port = 3306 ] || echo " identified by 'secret'");" >"users$port.sql"
        background one mariadbd --no-defaults --user=root --datadir="$open/maria$port" --socket="$open/maria$port.sock" --port=$port \
            --bind-address=10.2.0.2 --skip-name-resolve --init-file="$work/users$port.sql" --innodb-buffer-pool-size=8M --innodb-log-file-size=8M \
            --pid-file="$open/maria$port.pid" >"maria$port.out" 2>&1
        serves MariaDB $port || cat "maria$port.out"
    done
    servers+='server accounts 10.2.0.2:3306 check maria; server nobody 10.2.0.2:3307 check maria;'
else
    missing 'MariaDB' mariadb-server-core
fi

# ---- Exim ----
exim=
if command -v exim4 >/dev/null; then
    install -d -o Debian-exim -m 700 "$open/exim"
    cat >"$open/exim.conf" <<END
primary_hostname = mx.example
spool_directory = $open/exim
log_file_path = $open/exim/%slog
host_lookup =
rfc1413_query_timeout = 0s
END
    background one exim4 -C "$open/exim.conf" -bdf -oX 10.2.0.2.2525 -oP "$open/exim/pid" >exim.out 2>&1
    exim=$last
    serves Exim 2525
    servers+='server mx 10.2.0.2:2525 check smtp;'
else
    missing 'Exim' exim4-daemon-light
fi

# ---- servers that never come to an end ----
cat >bad.py <<'END'
import socket, struct, threading, time
def listen(port, talk):
    s = socket.create_server(("0.0.0.0", port), backlog=64)
    def run():
        while True:
            c, _ = s.accept()
            threading.Thread(target=answer, args=(c, talk), daemon=True).start()
    threading.Thread(target=run, daemon=True).start()
def answer(c, talk):
    try:
        talk(c)
    except OSError:
        pass
    c.close()
def drips(c):
    while True:
        c.sendall(b"2")
        time.sleep(1)
def endless(c):
    while True:
        c.sendall(b"role:maste " * 1000)
def resets(c):
    c.sendall(b"220 hello\r\n")
    c.recv(100)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
listen(7001, drips)
listen(7002, endless)
listen(7003, resets)
print("listens", flush=True)
time.sleep(10**6)
END
background one python3 bad.py >bad.out
until_true 300 'bad servers listen' grep -q listens bad.out

# The example's checks, with their own times but asked more often, and what is asked of bad servers.
{
    sed -n '/^check/{:a;/\\$/{N;ba};s/\\\n *//g;p}' "$top/rules-examples/health-checks.prey" |
        sed 's/ every [0-9]*s/ every 200ms/; s/ timeout [0-9]*s\( rise 2 fall 3\)\?/ timeout 5s rise 1 fall 1/'
    cat <<END
check drips = tcp expect has "220" every 200ms timeout 500ms rise 1 fall 1
check endless = tcp expect has "role:master" every 200ms timeout 5s rise 1 fall 1
check mail = tcp expect "220 " send "EHLO prey\r\n" expect has "250 " every 200ms timeout 5s rise 1 fall 1
pool all { $servers
  server drips 10.2.0.2:7001 check drips; server endless 10.2.0.2:7002 check endless; server resets 10.2.0.2:7003 check mail
  server page 10.2.0.21:7003 check page }
service all on 10.1.0.100 tcp/80 { mode passthrough; announce; -> all }
END
} | rules all
[ -e all.pbc ] || exit 1
prey prey -i wan -i lan --log text all.pbc
up() { ctl servers && grep -q "^all/$1 *up .*check" out; }
is_up() { until_true 300 "$1" up "$2" && ok 0 "$1"; }

if [ -n "$redis" ]; then
    is_up "Redis' master is up" master
    hears 'and its replica down, as it says itself' 'all/replica is down: step 4: "role:master" isn'\''t in the [0-9,]* bytes .*: "\$'
fi
if [ -n "$postgres_primary" ]; then
    is_up 'PostgreSQL takes users in' reads
    is_up 'also while it is a standby' reads2
    is_up 'who takes writes is the primary' writes
    hears 'the standby does not' 'all/standby is down: step 4: "D.* isn'\''t in the'
fi
if [[ $servers = *accounts* ]]; then
    is_up 'MariaDB lets its user in' accounts
    hears 'and who wants a password is down' 'all/nobody is down: step 5: .* isn'\''t in the .*: \.\.\.".*Access deni'
fi
if [ -n "$exim" ]; then
    is_up 'Exim speaks SMTP' mx
fi
hears 'who drips is down' 'all/drips is down: "220" isn'\''t in the 1 byte that came within 500 ms: "2"'
hears 'who talks for ever is down' 'all/endless is down: "role:master" isn'\''t in the [0-9,]* bytes that prey read: \.\.\."'
hears 'who resets is down' 'all/resets is down: connection reset'
hears 'who is no web server is down' 'all/page is down: the reply isn'\''t HTTP/1'

# ---- they stop ----
if [ -n "$exim" ]; then
    same 'Exim met no connection that was lost' "$(grep -ciE 'lost|unexpected|error' "$open/exim/mainlog")" 0
    kill "$exim"
    hears 'Exim is gone' 'all/mx is down: connection re\(fused\|set\)'
fi
if [ -n "$postgres_primary" ]; then
    kill -STOP "$(head -1 "$open/primary/postmaster.pid")"
    hears 'PostgreSQL goes silent' 'all/reads is down: no reply within 5 s'
    kill -CONT "$(head -1 "$open/primary/postmaster.pid")"
    until_true 300 'it is back' up reads && ok 0 'it is back'
fi
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
