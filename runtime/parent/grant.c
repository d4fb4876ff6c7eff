/* What is done for each request. Everything that a request says is looked at here, or by the function that it is for,
 * as if an enemy had written it: interfaces are those of the command line, numbers have bounds. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/host/device/announce.h"
#include "runtime/host/device/echo.h"
#include "runtime/host/device/offload.h"
#include "runtime/host/device/tun.h"
#include "runtime/host/file/certificates.h"
#include "runtime/host/file/control.h"
#include "runtime/host/file/keypair.h"
#include "runtime/host/file/recordings.h"
#include "runtime/host/guard/guarded.h"
#include "runtime/host/guard/listen.h"
#include "runtime/host/guard/transparent.h"
#include "runtime/host/manager.h"
#include "runtime/host/replace.h"
#include "runtime/host/sinks.h"
#include "runtime/host/view/here.h"
#include "runtime/host/watch.h"
#include "runtime/io/steer/gate.h"
#include "runtime/io/steer/steer.h"
#include "runtime/parent/parent_priv.h"

enum { ANSWERED = true, UNANSWERED = false };
const struct request_bounds request_bounds[REQUEST_COUNT] = {
#define REQUEST(ident, body, element, most, answered, doc)                                                             \
    [REQUEST_##ident] = {sizeof(body), sizeof(element), most, answered},
#include "runtime/parent/request.def"
};

static bool is_port(const struct parent *p, uint32_t port) { return port < p->o->iface_count; }

unsigned parent_ifindex(struct parent *p, uint32_t port)
{
    const unsigned now = if_nametoindex(p->o->ifaces[port]);
    if (now) p->ifindex[port] = now;
    return p->ifindex[port];
}

/* The answer is one descriptor, or the negative errno that there is instead of it. */
static bool answer_fd(struct answer *a, int fd)
{
    a->failed = fd < 0 ? fd : 0;
    a->fd_count = fd >= 0;
    return true;
}

static bool are_ports(const struct request *r)
{
    const struct host_ports *all = r->elements;
    for (uint32_t i = 0; i < r->count; i++)
        if (all[i].lo > all[i].hi || all[i].yields > 1 || all[i].nothing) return false;
    return true;
}

static bool grant_PORTS_LOOK(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    struct host_kept kept = p->kept;
    if (!are_ports(r)) return false;
    a->failed = ports_look(p->state, r->elements, r->count, &kept, a->err, sizeof a->err);
    return true;
}

static bool grant_PORTS(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct host_ports *all = r->elements;
    if (!are_ports(r)) return false;
    a->failed = ports_reserve(p->state, all, r->count, &p->kept, a->err, sizeof a->err);
    static_assert(sizeof a->kept == sizeof p->kept, "as it is told");
    memcpy(a->kept, &p->kept, sizeof a->kept);
    return true;
}

/* Told once, and not where there is no filter: the start has said that. */
static void lack_gate(struct parent *p, const char *why)
{
    if (!p->no_gate && io_filter(&p->maker))
        complain(
            "notice: what is for `mode proxy` and of no connection is not held back in traffic control, and gets "
            "a reset of this machine's: %s",
            why);
    p->no_gate = true;
}

static void gate_port(struct parent *p, unsigned port)
{
    char why[300];
    if (gate_attach(p->maker.gate, p->state, port, p->o->ifaces[port], parent_ifindex(p, port), why, sizeof why))
        lack_gate(p, why);
}

/* Where the executor in the kernel judges, it lets pass what is the proxy's. */
static struct gate *gate_make(struct parent *p)
{
    if (!p->kernel) return gate_open(io_filter(&p->maker));
    return gate_over(&(struct gate_maps){.ends = kernel_map(p->kernel, KERNEL_MAP_gate_ends)->fd,
                                         .wides = kernel_map(p->kernel, KERNEL_MAP_gate_wides)->fd,
                                         .counts = kernel_map(p->kernel, KERNEL_MAP_gate_counts)->fd,
                                         .config = kernel_map(p->kernel, KERNEL_MAP_gate)->memory});
}

/* What is the proxy's passes in the kernel. A kernel that can't do that lets it pass all the same, strays with it. */
static int gate_follow(struct parent *p, const struct guard_match *all, uint32_t count, char *err, size_t err_len)
{
    bool any = p->maker.gate;
    for (uint32_t i = 0; i < count; i++) any |= all[i].proxied;
    if (any && !p->maker.gate) p->maker.gate = gate_make(p);
    if (any && !p->maker.gate) lack_gate(p, "its program can't be loaded");
    if (!any || !p->maker.gate) return 0;
    const int failed = gate_rules(p->maker.gate, all, count, !p->o->bridge_count && !p->kernel);
    for (unsigned i = 0; i < p->o->iface_count && !failed && !p->kernel; i++)
        if (!p->maker.steers[i] && parent_ifindex(p, i)) gate_port(p, i);
    if (failed == -E2BIG)
        snprintf(err, err_len,
                 "services in `mode proxy` name more than %d ranges of 256 ports and more, or ports of `self`, or "
                 "more than %d ports of addresses",
                 GATE_WIDE, GATE_ENDS);
    else if (failed)
        snprintf(err, err_len, "what is the proxy's: %s", strerror(-failed));
    return failed;
}

static bool grant_GUARD(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct options *o = p->o;
    const struct guard_match *all = r->elements;
    const uint32_t routed = ((const struct request_guard *)r->body)->routed;
    const char *bridged[OPTIONS_IFACES];
    struct guard g = {.ports = o->ifaces,
                      .port_count = o->iface_count,
                      .bridged = bridged,
                      .matches = all,
                      .match_count = r->count,
                      .routed = routed};
    if (routed > 1) return false;
    bool any = false; /* of the proxy's */
    for (uint32_t i = 0; i < r->count; i++) {
        if (!guard_match_valid(&all[i])) return false;
        any |= all[i].proxied;
    }
    for (unsigned i = 0; i < o->iface_count; i++)
        if (o->peer[i] != OPTIONS_NO_PEER) bridged[g.bridged_count++] = o->ifaces[i];
    if (!g.match_count && !g.bridged_count && !g.routed && !p->guarded) return true;
    a->failed = guard_set(p->state, o->name, &g, a->err, sizeof a->err);
    p->guarded |= !a->failed;
    if (!a->failed && (any || p->here)) a->failed = here_set(p->state, o->name, all, r->count, a->err, sizeof a->err);
    p->here |= any;
    if (!a->failed) a->failed = gate_follow(p, all, r->count, a->err, sizeof a->err);
    return true;
}

/* What the command line says is not the service's to say. */
static bool grant_PORT(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    struct io_ask ask = *(const struct io_ask *)r->body;
    struct io_made made = {0};
    if (!is_port(p, ask.port) || ask.worker >= IO_WORKERS_MOST || ask.group > UINT16_MAX) return false;
    const struct io_ops *ops = (p->maker.steers[ask.port] || p->kernel) && !ask.beside ? &io_XDP : &io_PACKET;
    if (ask.ring_bytes < OPTIONS_RING_LEAST || ask.ring_bytes > p->o->ring) return false;
    ask.busy = p->o->busy_poll;
    ask.ifindex = parent_ifindex(p, ask.port);
    ask.all = p->o->peer[ask.port] != OPTIONS_NO_PEER;
    ask.ports = (uint8_t)p->o->iface_count;
    ask.noted = p->kernel != NULL;
    if (!ask.ifindex) {
        a->failed = -ENODEV;
        return true;
    }
    a->failed = ops->make(&p->maker, &ask, &made, a->err, sizeof a->err) ? -EIO : 0;
    if (a->failed) return true;
    memcpy(fds, made.fds, made.fd_count * sizeof *fds);
    a->fd_count = made.fd_count;
    a->group = made.group;
    a->slots = made.slots;
    a->ring = made.ring;
    a->filter = made.filter;
    a->deal = made.deal;
    return true;
}

static bool grant_BIND(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    if (!p->maker.unbound.count) return false;
    a->failed = io_XDP.bind(&p->maker, a->err, sizeof a->err) ? -EIO : 0;
    return true;
}

static bool grant_TUN(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    char name[IF_NAMESIZE];
    a->failed = tun_open(p->o->name, fds, 1, name, a->err, sizeof a->err);
    a->fd_count = a->failed ? 0 : 1;
    a->value = a->failed ? 0 : if_nametoindex(name);
    return true;
}

static bool grant_OFFLOADS(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_offloads *body = r->body;
    if (!is_port(p, body->port)) return false;
    a->failed = offloads_off(p->state, p->o->ifaces[body->port], body->which, a->err, sizeof a->err);
    return true;
}

/* In place of the one before: its interface was gone. */
static bool grant_STEER(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_steer *body = r->body;
    if (!is_port(p, body->port)) return false;
    struct steer **s = &p->maker.steers[body->port];
    if (*s) p->too_long[body->port] += steer_too_long(*s);
    steer_close(*s);
    *s = steer_open(body->frame_most, a->err, sizeof a->err);
    a->failed = *s ? 0 : -EIO;
    if (*s) gate_detach(p->maker.gate, body->port); /* it looks itself, and counts */
    return true;
}

static bool grant_TAKE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_take *body = r->body;
    const struct guard_match *all = r->elements;
    if (!is_port(p, body->port)) return false;
    for (uint32_t i = 0; i < r->count; i++)
        if (!guard_match_valid(&all[i])) return false;
    const struct guarded g = {.matches = (struct guard_match *)(uintptr_t)all, .match_count = r->count};
    const struct steer_rules rules = {.guarded = &g,
                                      .routed = body->routed,
                                      .all = p->o->peer[body->port] != OPTIONS_NO_PEER,
                                      .translates = body->translates};
    if (p->maker.steers[body->port]) a->failed = steer_rules(p->maker.steers[body->port], &rules);
    return true;
}

/* The addresses as struct facts has them. */
static int tell_world(const struct parent *p, const struct own_address *all, uint32_t count,
                      const struct request_world *body)
{
    struct steer *s = p->maker.steers[body->port];
    uint32_t *v4 = calloc(count + 1u, sizeof *v4);
    struct pbc_range6 *v6 = calloc(count + 1u, sizeof *v6);
    struct facts f = {.self4 = v4, .self6 = v6};
    for (uint32_t i = 0; v4 && v6 && i < count; i++) {
        if (!all[i].hi && all[i].lo >> 32 == 0xffff)
            v4[f.self4_count++] = (uint32_t)all[i].lo;
        else
            v6[f.self6_count++] = (struct pbc_range6){all[i].hi, all[i].lo, all[i].hi, all[i].lo};
    }
    int failed = v4 && v6 ? 0 : -ENOMEM;
    if (!failed && s) failed = steer_world(s, &f, body->mac);
    if (!failed && p->maker.gate) failed = gate_world(p->maker.gate, &f);
    free(v4);
    free(v6);
    return failed;
}

static bool grant_WORLD(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_world *body = r->body;
    if (!is_port(p, body->port)) return false;
    a->failed = tell_world(p, r->elements, r->count, body);
    return true;
}

static bool grant_STEERING(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_at *body = r->body;
    bool generic = false;
    if (!is_port(p, body->port)) return false;
    struct steer *s = p->maker.steers[body->port];
    const unsigned ifindex = parent_ifindex(p, body->port);
    a->failed = s && ifindex ? steer_begin(s, ifindex, p->o->xdp_replace, &generic, a->err, sizeof a->err) : -ENODEV;
    a->value = generic;
    return true;
}

/* Where these are links there is nothing to do. */
static bool grant_KEEP(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_at *body = r->body;
    if (!is_port(p, body->port)) return false;
    const int hooks = parent_keep_hooks(p, body->port, a->err, sizeof a->err);
    const int gate =
        hooks < 0 ? 0 : gate_keep(p->maker.gate, p->state, body->port, p->o->ifaces[body->port], a->err, sizeof a->err);
    a->failed = hooks < 0 ? hooks : gate < 0 ? gate : 0;
    a->value = a->failed ? 0 : (uint64_t)(hooks + gate);
    return true;
}

static bool grant_TOO_LONG(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_at *body = r->body;
    if (!is_port(p, body->port)) return false;
    const struct steer *s = p->maker.steers[body->port];
    a->value = p->too_long[body->port] + (s ? steer_too_long(s) : 0);
    return true;
}

static bool grant_CARRIED(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_at *body = r->body;
    if (!is_port(p, body->port)) return false;
    struct gate_count c = {0};
    if (p->maker.gate) gate_counts(p->maker.gate, parent_ifindex(p, body->port), &c);
    if (p->maker.steers[body->port]) steer_counts(p->maker.steers[body->port], &c);
    memcpy(a->carried, &c, sizeof a->carried);
    return true;
}

static bool is_address(const struct host_addr *a) { return a->family == 4 || a->family == 6; }

static bool grant_RESOLVE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_resolve *body = r->body;
    if (!is_port(p, body->port) || !is_address(&body->addr)) return false;
    if (!p->resolver) p->resolver = resolver_new();
    a->failed = p->resolver ? resolver_ask(p->resolver, parent_ifindex(p, body->port), &body->addr) : -errno;
    return true;
}

static bool grant_ANNOUNCE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_announce *body = r->body;
    if (!is_port(p, body->port) || !is_address(&body->addr)) return false;
    a->failed = announce(parent_ifindex(p, body->port), &body->addr);
    return true;
}

static bool grant_RULES(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    if (!strcmp(p->o->program, "-")) {
        snprintf(a->err, sizeof a->err, "the program came by standard input, which is not read again");
        a->failed = -ESPIPE;
        return true;
    }
    /* O_NONBLOCK: a FIFO without a writer must not hang the open; it is refused by who reads it. */
    fds[0] = open(p->o->program, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    a->failed = fds[0] < 0 ? -errno : 0;
    a->fd_count = fds[0] >= 0;
    if (a->failed) snprintf(a->err, sizeof a->err, "%.300s: %s", p->o->program, strerror(-a->failed));
    return true;
}

static bool grant_WATCH(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    bool linked = false;
    if (!p->o->watch) return false;
    fds[0] = watch_file(p->o->program, &linked);
    a->value = linked;
    if (fds[0] < 0) snprintf(a->err, sizeof a->err, "%.300s: %s", p->o->program, strerror(-fds[0]));
    return answer_fd(a, fds[0]);
}

static bool grant_SAVE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    a->failed = strcmp(p->o->program, "-") ? replace_file(p->o->program, r->elements, r->count) : -ESPIPE;
    if (a->failed) snprintf(a->err, sizeof a->err, "%.300s: %s", p->o->program, strerror(-a->failed));
    return true;
}

static bool grant_ECHO(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    a->failed = echo_open(fds);
    a->fd_count = a->failed ? 0 : 2;
    return true;
}

/* Once: what was made stays as long as this process. */
static bool grant_ASIDE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    if (p->furnished) return false;
    if (!p->aside) {
        snprintf(a->err, sizeof a->err, "%s", p->no_aside);
        a->failed = -EPERM;
        return true;
    }
    fds[1] = aside_ear();
    if (fds[1] < 0) return answer_fd(a, fds[1]);
    fds[0] = aside_device(p->aside);
    answer_fd(a, fds[0]);
    if (a->failed) close(fds[1]);
    p->furnished = !a->failed;
    a->fd_count = p->furnished ? 2 : 0;
    return true;
}

static bool grant_ASIDE_SOCKET(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_aside *body = r->body;
    const uint32_t type = body->type;
    if (!p->furnished || !is_address(&body->from)) return false;
    if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_RAW) return false;
    fds[0] = aside_socket(p->aside, &body->from, (int)type);
    return answer_fd(a, fds[0]);
}

static bool grant_CERTIFICATES(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_path *body = r->body;
    if (!memchr(body->path, 0, sizeof body->path)) return false;
    fds[0] = certificates_open(body->path, a->err, sizeof a->err);
    return answer_fd(a, fds[0]);
}

static bool grant_ACCESS_LOG(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_path *body = r->body;
    if (!memchr(body->path, 0, sizeof body->path)) return false;
    fds[0] = access_logs_open(p->access_logs, body->path, a->err, sizeof a->err);
    return answer_fd(a, fds[0]);
}

static bool grant_ACCESS_LOOK(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_path *body = r->body;
    if (!memchr(body->path, 0, sizeof body->path)) return false;
    a->failed = access_logs_look(p->access_logs, body->path, a->err, sizeof a->err);
    return true;
}

/* Only a key that belongs to the certificate beside it: whoever asks in the service's name gets no other of the host's.
 */
static bool grant_KEYPAIR(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_keypair *body = r->body;
    if (!memchr(body->cert, 0, sizeof body->cert) || !memchr(body->key, 0, sizeof body->key)) return false;
    keypair_init();
    a->failed = keypair_open(body->cert, body->key, fds, a->err, sizeof a->err);
    a->fd_count = a->failed ? 0 : 2;
    return true;
}

static bool grant_LOG(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    if (sink_kind(p->o->log_to) == SINK_STDERR) return false;
    fds[0] = sink_descriptor(p->o->log_to);
    return answer_fd(a, fds[0]);
}

static bool grant_CONTROL(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    fds[0] = control_listen(p->state, p->o->control, a->err, sizeof a->err);
    return answer_fd(a, fds[0]);
}

/* At the program's endpoints, which the parent does not know: as with announcements, a fence would need it to read
 * them. */
static bool grant_LISTEN(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_listen *body = r->body;
    if (!body->port || body->port > UINT16_MAX || (body->addr.family != 4 && body->addr.family != 6)) return false;
    fds[0] = listen_proxy(&body->addr, (uint16_t)body->port, a->err, sizeof a->err);
    return answer_fd(a, fds[0]);
}

static bool grant_TRANSPARENT(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_family *body = r->body;
    if (body->family != 4 && body->family != 6) return false;
    const int made = transparent_sockets(body->family, fds, TRANSPARENT_BATCH);
    a->failed = made < 0 ? made : 0;
    a->fd_count = made < 0 ? 0 : (uint32_t)made;
    return true;
}

static bool grant_STATS(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    if (!p->o->stats) return false;
    fds[0] = listen_tcp(&p->o->stats_at.any, p->o->stats, a->err, sizeof a->err);
    return answer_fd(a, fds[0]);
}

/* Words of a short list, from the process that the manager knows. */
static bool grant_NOTIFY(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_notify *body = r->body;
    if (body->word >= MANAGER_WORDS) return false;
    manager_tell(body->word);
    return true;
}

/* By its number alone, in the one directory that the command line names. */
static bool grant_RECORDING(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_recording *ask = r->body;
    if (!p->o->record || !ask->number || ask->what > RECORDING_SHORTEN || ask->zero) return false;
    if (p->recordings < 0) p->recordings = recordings_open(p->o->record, true, a->err, sizeof a->err);
    a->failed = p->recordings < 0 ? p->recordings : 0;
    if (!a->failed && ask->what == RECORDING_REMOVE) a->failed = record_remove_oldest(p->recordings, ask->number);
    if (!a->failed && ask->what == RECORDING_SHORTEN)
        a->failed = record_shorten_file(p->recordings, ask->number, ask->bytes);
    if (a->failed || ask->what != RECORDING_MAKE) return true;
    fds[0] = record_open_file(p->recordings, ask->number, true);
    return answer_fd(a, fds[0]);
}

bool grant(struct parent *p, enum request_kind kind, const struct request *r, struct answer *a, int fds[])
{
    static bool (*const by_kind[REQUEST_COUNT])(struct parent *, const struct request *, struct answer *, int[]) = {
#define REQUEST(ident, ...) [REQUEST_##ident] = grant_##ident,
#include "runtime/parent/request.def"
    };
    return by_kind[kind](p, r, a, fds);
}
