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

/* Duplicate descriptors for the answer, whose sender closes them. Return their number, or -EMFILE. */
static int fds_give(const int from[], unsigned count, int fds[])
{
    for (unsigned made = 0; made < count; made++) {
        fds[made] = dup(from[made]);
        if (fds[made] >= 0) continue;
        while (made) close(fds[--made]);
        return -EMFILE;
    }
    return (int)count;
}

/* Granted once: gives the programs that were loaded before the fork. Its maps keep their sizes until the end. */
int grant_KERNEL(struct parent *p, struct answer *a, int fds[])
{
    int all[KERNEL_FDS_MOST];
    if (p->kernel || !p->loaded.kernel) return NEVER;
    p->kernel = p->loaded.kernel;
    p->loaded.kernel = NULL;
    p->maker.sockets = kernel_map(p->kernel, KERNEL_MAP_xsks)->fd;
    p->maker.ring = kernel_ring;
    p->maker.ring_arg = p->kernel;
    p->maker.mark = kernel_world(p->kernel)->ours;
    a->value = kernel_hooks(p->kernel);
    return fds_give(all, kernel_fds(p->kernel, all), fds);
}

/* Take the judge that was loaded and proved before the fork, if the service asks for that program. It is taken once. */
static bool take_loaded(struct parent *p, const struct program *program, struct answer *a)
{
    struct loaded *l = &p->loaded;
    if (!l->judge || !program || memcmp(l->digest, program->file_digest, sizeof l->digest) != 0) return false;
    p->judge = l->judge;
    a->proof = l->proof;
    l->judge = NULL;
    return true;
}

int grant_JUDGE(struct parent *p, const struct request_program *asked, const uint8_t *bytes, size_t len,
                struct answer *a, int fds[])
{
    int all[JUDGE_FDS_MOST];
    if (!p->kernel) return NEVER;
    struct program *program = program_load(bytes, len, a->err, sizeof a->err);
    if (program) program_bound(program, asked->flows, asked->half_open);
    kernel_discard(p->judge); /* a judge that was never put in force */
    p->judge = NULL;
    if (take_loaded(p, program, a)) {
        program_put(program);
        return fds_give(all, judge_fds(p->judge, all), fds);
    }
    if (program) kernel_place(p->kernel, program);
    p->judge = program ? kernel_prepare(p->kernel, program, a->err, sizeof a->err) : NULL;
    /* Before it is in force it proves that it decides thousands of frames as the vm does */
    const int failed =
        p->judge ? kernel_prove_prepared(p->kernel, p->judge, program, &a->proof, a->err, sizeof a->err) : -EINVAL;
    if (failed) kernel_discard(p->judge);
    if (failed) p->judge = NULL;
    program_put(program);
    return failed ? failed : fds_give(all, judge_fds(p->judge, all), fds);
}

int grant_SWAP(struct parent *p, struct answer *a, int fds[])
{
    if (!p->judge) return NEVER;
    const int failed = kernel_swap(p->kernel, p->judge, a->err, sizeof a->err);
    if (!failed) p->judge = NULL;
    return failed;
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

/* Read the present kind of an interface's packets. Return 0; or -EPROTO: the programs for it were not loaded,
 * because all interfaces had Ethernet at the start, or it has no Ethernet and XDP would take its packets. */
static int look_at_link(struct parent *p, unsigned port, char *err, size_t err_len)
{
    struct ifreq r;
    enum pkt_link link;
    const char *device = p->o->ifaces[port];
    const bool bare = !device_ioctl(device, SIOCGIFHWADDR, &r) && pkt_link_of(r.ifr_hwaddr.sa_family, true, &link) &&
                      link == LINK_RAW;
    p->bare = (p->bare & ~(1u << port)) | (uint32_t)bare << port;
    if (!bare || (p->by_tc >> port & 1 && kernel_program(p->kernel, KERNEL_ENTRY_look_bare) >= 0)) return 0;
    snprintf(err, err_len, "the interface carries no Ethernet any more: restart preyrun to serve it");
    return -EPROTO;
}

/* Replaces programs that were set before, on an interface that has since gone */
int grant_HOOKS(struct parent *p, const struct request_at *asked, struct answer *a, int fds[])
{
    if (!p->kernel) return NEVER;
    int failed = look_at_link(p, asked->port, a->err, sizeof a->err);
    if (failed) return failed;
    const struct hooks h = hooks_of(p, asked->port);
    struct hooked *on = &p->hooked[asked->port];
    if (on->pinned || on->held[0] > 0) hooks_leave(on);
    const bool known = parent_ifindex(p, asked->port);
    const struct hooks_where where = where_of(p, asked->port);
    failed = known ? hooks_set(p->state, &where, &h, p->o->xdp_replace, on, a->err, sizeof a->err) : -ENODEV;
    p->hooks = true;
    a->value = failed ? 0 : on->generic;
    return failed;
}

void parent_kernel_fini(struct parent *p)
{
    for (unsigned i = 0; i < OPTIONS_IFACES; i++)
        if (p->hooked[i].held[0] > 0) hooks_leave(&p->hooked[i]);
    kernel_discard(p->judge);
    kernel_free(p->kernel);
    loaded_free(&p->loaded);
}
