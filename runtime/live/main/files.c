/* Limit on descriptors. The usual 1,024 are too few if none of 2,000 servers answers its check. */
#include <inttypes.h>
#include <sys/resource.h>

#include "runtime/base/complain.h"
#include "runtime/io/io.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/main/live_priv.h"

enum {
    OTHERS = 256,           /* netlink, logs, recordings, clients of --stats and --control */
    OF_WORKER = 16,         /* each worker's wakeup descriptors and tape */
    MOST = 65536,           /* limit to set at least, since the needs of later reloads are unknown */
    PROXIES_MOST = 1000000, /* slightly below the system's own limit (fs.nr_open) */
};

/* Return the descriptors per connection that ends here: two, and two more with a program in its middle. */
static unsigned of_connection(const struct program *p)
{
    bool program = false;
    for (uint32_t i = 0; i < p->branches_count; i++) program |= branch_goes(&p->branches[i]) == PBC_GOES_PROGRAM;
    return program ? 4 : 2;
}

/* Return the descriptors for `mode proxy`: for each connection that ends here, and one for each listener of each
 * worker. */
static uint64_t of_proxies(const struct live *l)
{
    const struct program *p = l->carry.now.program;
    const uint64_t wanted =
        (of_connection(p) * p->settings->proxy_sessions + PBC_PROXY_PORTS_MAX) * l->carry.worker_count;
    return !proxied_any(p) ? 0 : wanted < PROXIES_MOST ? wanted : PROXIES_MOST;
}

/* Return the number of descriptors needed. With `xdp` a port has a socket for each queue, shared by workers, and
 * memory for each worker; at traffic control it has fewer. */
static uint64_t needed(const struct live *l)
{
    const struct program *p = l->carry.now.program;
    const uint64_t of_port = l->carry.io != &io_PACKET ? IO_FDS_MOST : l->carry.worker_count;
    return OTHERS + l->carry.worker_count * (uint64_t)OF_WORKER + l->carry.ports.count * of_port +
           (p->checks_count ? p->servers_count : 0) + of_proxies(l);
}

/* Return the number of connections of all workers for which `have` descriptors are enough. */
static uint64_t connections(const struct live *l, uint64_t have)
{
    const uint64_t others = needed(l) - of_proxies(l) + (uint64_t)PBC_PROXY_PORTS_MAX * l->carry.worker_count;
    return have > others ? (have - others) / of_connection(l->carry.now.program) : 0;
}

/* Print a notice that only `have` of `need` descriptors are available. */
static void say_few(const struct live *l, uint64_t have, uint64_t need)
{
    const uint64_t enough = connections(l, have);
    if (!of_proxies(l) || enough < l->carry.worker_count)
        complain("notice: at most %" PRIu64 " files may be open at once, but %" PRIu64
                 " may be needed; to fix it, run: ulimit -n %" PRIu64,
                 have, need, need);
    else
        complain("notice: at most %" PRIu64 " files may be open at once, which is %" PRIu64
                 " connections of `mode proxy`, but `limits { proxy_sessions }` allows %" PRIu64
                 "; to fix it, run: ulimit -n %" PRIu64 " (in a systemd unit: LimitNOFILE=%" PRIu64 ")",
                 have, enough, l->carry.now.program->settings->proxy_sessions * l->carry.worker_count, need, need);
}

/* Return half of the number of inline connections per worker for which `have` descriptors are enough. */
static uint32_t half_open(const struct live *l, uint64_t have)
{
    const uint64_t each = connections(l, have) / l->carry.worker_count / 2;
    return each == 0 ? 1 : each < UINT32_MAX ? (uint32_t)each : UINT32_MAX;
}

uint32_t files_allow(const struct live *l)
{
    const uint64_t need = needed(l), most = need > MOST ? need : MOST;
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r)) return 1;
    if (r.rlim_cur < most) r.rlim_cur = r.rlim_max < most ? r.rlim_max : most;
    setrlimit(RLIMIT_NOFILE, &r);
    const uint64_t have = r.rlim_cur;
    if (need <= r.rlim_max) return half_open(l, have);
    r.rlim_cur = r.rlim_max = need;
    if (!setrlimit(RLIMIT_NOFILE, &r)) return half_open(l, need);
    say_few(l, have, need);
    return half_open(l, have);
}
