/* Requests about the kernel executor. Maps and programs are made here; the service gets descriptors with which it reads
 * and writes maps and runs tests, but loads nothing. A program arrives as the bytes of its file, and is verified like
 * any other. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/host/device/feature.h"
#include "runtime/kernel/adopt.h"
#include "runtime/kernel/prove.h"
#include "runtime/parent/parent_priv.h"

/* Duplicate descriptors for the answer, whose sender closes them. False: out of descriptors. */
static bool give(struct answer *a, const int from[], unsigned count, int fds[])
{
    for (a->fd_count = 0; a->fd_count < count; a->fd_count++) {
        const int fd = dup(from[a->fd_count]);
        if (fd < 0) break;
        fds[a->fd_count] = fd;
    }
    if (a->fd_count == count) return true;
    while (a->fd_count) close(fds[--a->fd_count]);
    a->failed = -EMFILE;
    return false;
}

static struct program *load(const struct request *r, struct answer *a)
{
    const struct request_program *asked = r->body;
    struct program *p = program_load(r->elements, r->count, a->err, sizeof a->err);
    if (p) program_bound(p, asked->flows, asked->half_open);
    return p;
}

static bool bounds_fit(const struct request *r)
{
    const struct request_program *asked = r->body;
    return program_bounds_fit(asked->flows, asked->half_open);
}

/* Granted once: gives what was loaded before the fork. Its maps keep their sizes until the end. */
bool grant_KERNEL(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    int all[KERNEL_FDS_MOST];
    if (p->kernel || !p->loaded.kernel) return false;
    p->kernel = p->loaded.kernel;
    p->loaded.kernel = NULL;
    p->maker.sockets = kernel_map(p->kernel, KERNEL_MAP_xsks)->fd;
    p->maker.ring = kernel_ring;
    p->maker.ring_arg = p->kernel;
    p->maker.mark = kernel_world(p->kernel)->ours;
    a->value = kernel_hooks(p->kernel);
    give(a, all, kernel_fds(p->kernel, all), fds);
    return true;
}

/* Prove before the judge is in force that it decides thousands of frames as the vm does */
static int prove(struct parent *p, const struct program *program, struct answer *a)
{
    const int failed = kernel_prove_prepared(p->kernel, p->judge, program, &a->proof, a->err, sizeof a->err);
    if (failed) kernel_discard(p->judge);
    if (failed) p->judge = NULL;
    return failed;
}

/* Take the judge that was loaded and proved before the fork, if the service asks for that program. It is taken once. */
static bool take_loaded(struct parent *p, const struct program *program, struct answer *a)
{
    struct loaded *l = &p->loaded;
    if (!l->judge || !program || memcmp(l->digest, program->digest, sizeof l->digest) != 0) return false;
    p->judge = l->judge;
    a->proof = l->proof;
    l->judge = NULL;
    return true;
}

bool grant_JUDGE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    int all[JUDGE_FDS_MOST];
    if (!p->kernel || !bounds_fit(r)) return false;
    struct program *program = load(r, a);
    kernel_discard(p->judge); /* a judge that was never put in force */
    p->judge = NULL;
    if (take_loaded(p, program, a)) {
        program_put(program);
        give(a, all, judge_fds(p->judge, all), fds);
        return true;
    }
    if (program) kernel_place(p->kernel, program);
    p->judge = program ? kernel_prepare(p->kernel, program, a->err, sizeof a->err) : NULL;
    a->failed = p->judge ? prove(p, program, a) : -EINVAL;
    program_put(program);
    if (!a->failed) give(a, all, judge_fds(p->judge, all), fds);
    return true;
}

bool grant_SWAP(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    if (!p->judge) return false;
    a->failed = kernel_swap(p->kernel, p->judge, a->err, sizeof a->err);
    if (!a->failed) p->judge = NULL;
    return true;
}

static struct hooks hooks_of(const struct parent *p, unsigned port)
{
    const bool by_tc = p->by_tc >> port & 1, bare = p->bare >> port & 1;
    const enum kernel_entry in = bare ? KERNEL_ENTRY_look_bare_in : KERNEL_ENTRY_look_in;
    return (struct hooks){
        .by_tc = by_tc,
        .arrives = kernel_program(p->kernel, by_tc ? in : KERNEL_ENTRY_look_xdp),
        .leaves = kernel_program(p->kernel, bare ? KERNEL_ENTRY_look_bare : KERNEL_ENTRY_look_tc),
        .kept = {{"stages_xdp", kernel_map(p->kernel, KERNEL_MAP_stages_xdp)->fd},
                 {"stages_tc", kernel_map(p->kernel, KERNEL_MAP_stages_tc)->fd}},
        .kept_count = 2,
    };
}

static struct hooks_where where_of(const struct parent *p, unsigned port)
{
    return (struct hooks_where){.name = p->o->name, .device = p->o->ifaces[port], .ifindex = p->ifindex[port]};
}

int parent_keep_hooks(struct parent *p, unsigned port, char *err, size_t err_len)
{
    if (!p->kernel) return 0;
    const struct hooks h = hooks_of(p, port);
    const struct hooks_where where = where_of(p, port);
    return hooks_keep(p->state, &where, &h, &p->hooked[port], err, err_len);
}

/* Look at what the packets of an interface begin with now. Return 0; or -EPROTO: the programs for it were not loaded,
 * for at the start all interfaces had Ethernet, or it has none and XDP would take what arrives. */
static int look_at_link(struct parent *p, unsigned port, char *err, size_t err_len)
{
    struct ifreq r;
    enum pkt_link link;
    const char *device = p->o->ifaces[port];
    const bool bare = !device_ioctl(device, SIOCGIFHWADDR, &r) && pkt_link_of(r.ifr_hwaddr.sa_family, true, &link) &&
                      link == LINK_RAW;
    p->bare = (p->bare & ~(1u << port)) | (uint32_t)bare << port;
    if (!bare || (p->by_tc >> port & 1 && kernel_program(p->kernel, KERNEL_ENTRY_look_bare) >= 0)) return 0;
    snprintf(err, err_len, "it carries no Ethernet, which it did at the start: a restart serves it");
    return -EPROTO;
}

/* Replaces programs that were set before, on an interface that has since gone */
bool grant_HOOKS(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_at *body = r->body;
    if (!p->kernel || body->port >= p->o->iface_count) return false;
    a->failed = look_at_link(p, body->port, a->err, sizeof a->err);
    if (a->failed) return true;
    const struct hooks h = hooks_of(p, body->port);
    struct hooked *on = &p->hooked[body->port];
    if (on->pinned || on->held[0] > 0) hooks_leave(on);
    const bool known = parent_ifindex(p, body->port);
    const struct hooks_where where = where_of(p, body->port);
    a->failed = known ? hooks_set(p->state, &where, &h, p->o->xdp_replace, on, a->err, sizeof a->err) : -ENODEV;
    p->hooks = true;
    a->value = a->failed ? 0 : on->generic;
    return true;
}

void parent_kernel_fini(struct parent *p)
{
    for (unsigned i = 0; i < OPTIONS_IFACES; i++)
        if (p->hooked[i].held[0] > 0) hooks_leave(&p->hooked[i]);
    kernel_discard(p->judge);
    kernel_free(p->kernel);
    loaded_free(&p->loaded);
}
