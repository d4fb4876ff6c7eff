/* Options of live traffic. */
#include <arpa/inet.h>

#include "runtime/base/when.h"
#include "runtime/preyrun/options_priv.h"

/* Add an interface. False after a line with the reason. */
static bool iface_add(struct reading *r, const char *option, const char *name)
{
    struct options *o = r->o;
    if (!*name) return wrong(r, "%s needs an interface", option);
    if (strlen(name) >= OPTIONS_DEVICE_MOST || strpbrk(name, " \t\n/"))
        return wrong(r, "%s: `%.60s` isn't an interface name: use at most 15 bytes, without spaces and `/`", option,
                     name);
    for (unsigned i = 0; i < o->iface_count; i++)
        if (!strcmp(o->ifaces[i], name)) return wrong(r, "%s %.60s: the interface is given twice", option, name);
    if (o->iface_count == OPTIONS_IFACES) return wrong(r, "%s: more than 16 interfaces", option);
    o->peer[o->iface_count] = OPTIONS_NO_PEER;
    o->ifaces[o->iface_count++] = name;
    return true;
}

bool opt_iface(struct reading *r, const char *n, const char *v) { return iface_add(r, "-i", v); }

bool opt_bridge(struct reading *r, const char *n, const char *v)
{
    struct options *o = r->o;
    const char *colon = strchr(v, ':');
    if (!colon || strchr(colon + 1, ':')) return wrong(r, "--%s: `%.60s` must be written IF:IF", n, v);
    if (o->bridge_count == OPTIONS_IFACES) return wrong(r, "--%s: more than 16 interfaces", n);
    char *names = o->bridges[o->bridge_count] = strdup(v);
    if (!names) return wrong(r, "--%s: out of memory", n);
    o->bridge_count++;
    names[colon - v] = 0;
    if (!iface_add(r, "--bridge", names) || !iface_add(r, "--bridge", names + (colon - v) + 1)) return false;
    o->peer[o->iface_count - 1] = (uint8_t)(o->iface_count - 2);
    o->peer[o->iface_count - 2] = (uint8_t)(o->iface_count - 1);
    return true;
}

bool are_devices(const char *v)
{
    const size_t len = strlen(v);
    if (*v == '-' || strchr(v, '/') || (len > 4 && !strcmp(v + len - 4, ".pbc"))) return false;
    for (const char *at = v;; at++) {
        const size_t name = strcspn(at, ",");
        if (!name || name >= OPTIONS_DEVICE_MOST) return false;
        at += name;
        if (!*at) return true;
    }
}

bool opt_allow_unjudged(struct reading *r, const char *n, const char *v)
{
    struct options *o = r->o;
    o->allows_nameless |= !*v;
    if (!*v) return true;
    if (!are_devices(v)) return wrong(r, "--%s: `%.60s` isn't a list of devices such as wg0 or wg0,ppp0", n, v);
    if (o->allow_count == OPTIONS_IFACES)
        return wrong(r, "--%s is given more than 16 times: write several devices in one list, such as wg0,ppp0", n);
    o->allows[o->allow_count++] = v;
    return true;
}

bool opt_io(struct reading *r, const char *n, const char *v)
{
    static_assert(OPTIONS_IO_AUTO == 1 && OPTIONS_IO_XDP == 3, "in the order of the words");
    return (r->o->io = word(r, n, v, (const char *const[]){"auto", "packet", "xdp"})) != 0;
}

bool opt_hook(struct reading *r, const char *n, const char *v)
{
    static_assert(OPTIONS_HOOK_AUTO == 1 && OPTIONS_HOOK_TC == 3, "in the order of the words");
    return (r->o->hook = word(r, n, v, (const char *const[]){"auto", "xdp", "tc"})) != 0;
}

/* Read an address and port: 127.0.0.1:8404 or [::1]:8404. */
bool opt_stats(struct reading *r, const char *n, const char *v)
{
    const char *colon = strrchr(v, ':');
    const bool v6 = *v == '[';
    union options_address *at = &r->o->stats_at;
    char addr[INET6_ADDRSTRLEN];
    uint64_t port;
    if (r->o->stats) return wrong(r, "--%s is given twice", n);
    const size_t len = colon ? (size_t)(colon - v) : 0;
    if (len < 2 || len - 2 * v6 >= sizeof addr || (v6 && colon[-1] != ']'))
        return wrong(r, "--%s: `%.80s` isn't an address and port such as 127.0.0.1:8404 or [::1]:8404", n, v);
    if (!number(r, n, colon + 1, 1, 65535, &port)) return false;
    memcpy(addr, v + v6, len - 2 * v6);
    addr[len - 2 * v6] = 0;
    *at = (union options_address){.in6 = {.sin6_family = v6 ? AF_INET6 : AF_INET, .sin6_port = htons((uint16_t)port)}};
    if (inet_pton(at->any.sa_family, addr, v6 ? (void *)&at->in6.sin6_addr : &at->in.sin_addr) != 1)
        return wrong(r, "--%s: `%.80s` isn't an address and port such as 127.0.0.1:8404 or [::1]:8404", n, v);
    r->o->stats = v;
    return true;
}

/* Read names of hosts, with commas between. */
bool opt_stats_host(struct reading *r, const char *n, const char *v)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-,";
    if (r->o->stats_hosts) return wrong(r, "--%s is given twice: write one list, with commas", n);
    if (!*v || strspn(v, letters) != strlen(v))
        return wrong(r, "--%s: `%.80s` isn't a list of names without ports, such as stats.example,stats.lan", n, v);
    r->o->stats_hosts = v;
    return true;
}

bool opt_sets_group(struct reading *r, const char *n, const char *v)
{
    struct options *o = r->o;
    char why[200];
    if (o->sets_group_count == SETS_GROUPS) return wrong(r, "--%s is given more than 16 times: write GROUP:SET,SET", n);
    if (!sets_group_read(v, &o->sets_groups[o->sets_group_count], why, sizeof why)) return wrong(r, "--%s: %s", n, why);
    o->sets_group_count++;
    return true;
}

bool opt_confirm(struct reading *r, const char *n, const char *v)
{
    return (duration_read(v, &r->o->confirm_ns) && r->o->confirm_ns) ||
           wrong(r, "--%s: `%.60s` isn't a time such as 30s, 5m or 2h", n, v);
}

bool opt_takeover_drain(struct reading *r, const char *n, const char *v)
{
    return (duration_read(v, &r->o->takeover_drain_ns) && r->o->takeover_drain_ns) ||
           wrong(r, "--%s: `%.60s` isn't a time such as 30s, 5m or 2h", n, v);
}

bool opt_on_exit(struct reading *r, const char *n, const char *v)
{
    r->o->on_exit = !strcmp(v, "open") ? OPTIONS_END_OPEN : OPTIONS_END_CLOSED;
    return r->o->on_exit == OPTIONS_END_OPEN || !strcmp(v, "closed") ||
           wrong(r, "--%s takes open or closed, not `%.60s`", n, v);
}

/* Read a name, which becomes part of file names and of a table's name. */
bool opt_name(struct reading *r, const char *n, const char *v)
{
    const size_t len = strlen(v);
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    if (!len || len > 30 || *v == '.' || *v == '-' || strspn(v, letters) != len)
        return wrong(r, "--%s: `%.60s` isn't a name: at most 30 letters, digits, `_`, `.`, `-`", n, v);
    r->o->name = v;
    return true;
}

bool size_read(const char *v, uint64_t least, uint64_t most, uint64_t *to)
{
    static const struct {
        const char *unit;
        uint64_t bytes;
    } units[] = {{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", UINT64_C(1) << 40}};
    char *unit;
    errno = 0;
    const uint64_t n = *v >= '0' && *v <= '9' ? strtoull(v, &unit, 10) : 0;
    for (unsigned i = 0; n && !errno && i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].unit) || n > most / units[i].bytes) continue;
        *to = n * units[i].bytes;
        if (*to >= least) return true;
    }
    return false;
}

/* True unless all frames come by packet sockets. */
static bool may_run_xdp(const struct options *o)
{
    return o->io == OPTIONS_IO_XDP || o->exec == OPTIONS_EXEC_KERNEL ||
           (o->io == OPTIONS_IO_UNSET && o->exec != OPTIONS_EXEC_USER);
}

bool options_settle_live(struct reading *r)
{
    struct options *o = r->o;
    if (r->way[REPLAY]) return wrong(r, "%.60s is for replays: leave out %.60s", r->way[REPLAY], r->way[LIVE]);
    if (o->cleanup && (o->iface_count || o->program)) return wrong(r, "--cleanup takes only --name, no other option");
    if (o->cleanup) return true;
    if (!o->iface_count) return wrong(r, "%.60s is for live traffic: add -i IF", r->way[LIVE]);
    if (!o->program) return wrong(r, "the program is missing: preyrun -i IF RULES.pbc");
    if (!*o->program) return wrong(r, "the name of the program is empty: preyrun -i IF RULES.pbc");
    if (o->io != OPTIONS_IO_XDP && o->busy_poll) return wrong(r, "--busy-poll needs --io xdp");
    if (o->xdp_replace && !may_run_xdp(o)) return wrong(r, "--xdp-replace needs --io xdp or the kernel executor");
    if (o->watch && !strcmp(o->program, "-"))
        return wrong(r,
                     "--watch needs a file, but the program comes from standard input: name its file in place of `-`");
    if (!o->name) o->name = o->ifaces[0];
    if (!o->record && (o->record_size != OPTIONS_RECORD || o->record_snap != UINT32_MAX || o->record_sample))
        return wrong(r, "--record-size, --record-snap and --record-sample need --record DIR");
    if (o->stats_hosts && !o->stats) return wrong(r, "--stats-host needs --stats ADDR:PORT");
    return true;
}
