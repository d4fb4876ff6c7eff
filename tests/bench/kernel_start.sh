#!/usr/bin/env bash
# Of bench-kernel: how long preyrun takes from its start until the kernel enforces the rules of rules-examples/laptop.prey
# on an interface, which is when the first packet of a stranger does not arrive; and until it says that it is ready. One packet
# comes every 0.2 ms, to a port where somebody listens. Rows on standard output, in milliseconds.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
. "$top/tests/bench/small.sh"
RUNS=${RUNS:-$(size 5 1)}
live_begin >&2
space out host
ip -n "$id-out" link add eth0 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns "$id-host"
for s in out host; do ip -n "$id-$s" link set eth0 up; done
address out eth0 203.0.113.1/24
address host eth0 203.0.113.2/24
cp "$top/rules-examples/laptop.prey" laptop.prey
{ echo 'limits { flows 30_000 }'; sed '/^edition/d' "$top/rules-examples/laptop.prey"; } >few.prey
for r in laptop few; do "$bin/preyc" $r.prey -o $r.pbc >/dev/null || exit 2; done

measure() { # WHAT PROGRAM
    python3 - "$bin/preyrun" "$id" "$RUNS" "$@" <<'END'
import ctypes, os, select, signal, socket, statistics, subprocess, sys, threading, time
preyrun, spaces, runs, what, program = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
def enter(name):
    with open(f"/run/netns/{spaces}-{name}") as f:
        if libc.setns(f.fileno(), 0x40000000): sys.exit(f"setns: {os.strerror(ctypes.get_errno())}")
enter("out"); out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
enter("host"); inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); inside.bind(("203.0.113.2", 9999))
inside.setblocking(False)
stop = False
def ask():
    while not stop:
        out.sendto(b"%d" % time.monotonic_ns(), ("203.0.113.2", 9999))
        time.sleep(0.0002)
threading.Thread(target=ask, daemon=True).start()
def drain(last):
    while True:
        try: last = int(inside.recv(64))
        except BlockingIOError: return last
enforced, ready = [], []
for run in range(int(runs)):
    drain(0)
    for wait in range(200):
        time.sleep(0.05)
        if drain(0): break
    else: sys.exit("kernel_start: nothing arrives before the start")
    begin, last, said = time.monotonic_ns(), 0, b""
    p = subprocess.Popen([preyrun, "-i", "eth0", "--exec", "kernel", program], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    while b"ready" not in said:
        seen = select.select([p.stderr, inside], [], [], 30)[0]
        if inside in seen: last = drain(last)
        if p.stderr in seen:
            more = os.read(p.stderr.fileno(), 4096)
            if not more: sys.exit("kernel_start: preyrun ended: " + said.decode())
            said += more
        if not seen: sys.exit("kernel_start: preyrun is not ready after 30 s")
    ready.append((time.monotonic_ns() - begin) / 1e6)
    enforced.append((drain(last) - begin) / 1e6)
    p.send_signal(signal.SIGTERM); p.wait()
stop = True
for name, ms in (("the first packet that is enforced", enforced), ("ready", ready)):
    print(f"row\tstart: {what}, to {name}\tms\t{statistics.median(ms):.4g}\t{min(ms):.4g}\t{max(ms):.4g}\t-\t-\t-\t-\t-\t-\t-")
END
}
measure 'laptop.prey' laptop.pbc && measure 'laptop.prey with 30,000 flows' few.pbc
