"""The times from a start to the first packet that is enforced, and to `ready`: PREYRUN NAMESPACES RUNS WHAT PROGRAM [OPTION...]."""
import ctypes, os, select, signal, socket, statistics, subprocess, sys, threading, time
preyrun, spaces, runs, what, program, *options = sys.argv[1:]
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
    p = subprocess.Popen([preyrun, "-i", "eth0", "--exec", "kernel", *options, program], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
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
