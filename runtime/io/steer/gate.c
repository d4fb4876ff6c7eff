/* Maps of the gate (gate.bpf.h), and its links to interfaces, which end with their descriptors. */
#include "runtime/io/steer/gate.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/grown.h"
#include "runtime/host/hook/clsact.h"
#include "runtime/host/hook/programs.h"
#include "runtime/host/state.h"
#include "runtime/io/io.h"
#include "runtime/io/steer/filter.h"
#include "runtime/io/steer/object.h"
#include "runtime/io/steer/own.h"

/* since Linux 6.6, newer than some headers */
enum { ATTACH_TCX_INGRESS = 46 };
enum { NARROW = 256 };

struct end {
    struct gate_end at;
    uint8_t kind; /* GATE_SERVICE, … */
};

struct gate {
    struct gate_maps maps;
    int program, gates, own; /* descriptors, owned by the filter; -1 over the kernel executor */
    struct end *known;       /* ends in the map */
    unsigned known_count;
    struct {
        int fd; /* a link, or the filter's program; 0: none */
        unsigned ifindex;
        char filter[CLSACT_TEXT]; /* names the filter for its removal; empty: a link */
        bool wanted;              /* wanted as a filter, present or not */
        uint32_t program;         /* id of the filter's program */
    } links[IO_PORTS_MOST];
};

const char *gate_lacks(void)
{
    static char why[300];
    struct filter *f = filter_open();
    const char *known = f ? NULL : programs_lack(-errno);
    const int failed = f ? clsact_try() : 0;
    const struct clsact at = {.priority = CLSACT_OWN};
    if (!f)
        snprintf(why, sizeof why, "%s",
                 known ? known
                       : "the kernel rejects prey's eBPF program; lockdown, a security module or a container's rules "
                         "may forbid it (dmesg or the audit log shows which)");
    if (failed) clsact_why(&at, failed, "any interface", why, sizeof why);
    const bool lacks = !f || failed;
    filter_close(f);
    return lacks ? why : NULL;
}

struct gate *gate_open(const struct filter *f)
{
    const struct bpf_object *o = f ? filter_object(f) : NULL;
    struct gate *g = o ? calloc(1, sizeof *g) : NULL;
    if (!g) return NULL;
    g->program = bpf_program__fd(bpf_object__find_program_by_name(o, "gate"));
    g->maps = (struct gate_maps){object_map(o, "ends"), object_map(o, "wides"), object_map(o, "counts"), NULL};
    g->gates = object_map(o, "gates");
    g->own = object_map(o, "own");
    return g;
}

struct gate *gate_over(const struct gate_maps *maps)
{
    struct gate *g = calloc(1, sizeof *g);
    if (g) *g = (struct gate){.maps = *maps, .program = -1, .gates = -1, .own = -1};
    return g;
}

void gate_close(struct gate *g)
{
    if (!g) return;
    for (unsigned i = 0; i < IO_PORTS_MOST; i++) gate_detach(g, i);
    free(g->known);
    free(g);
}

void gate_leave(struct gate *g)
{
    for (unsigned i = 0; g && i < IO_PORTS_MOST; i++) *g->links[i].filter = 0;
    gate_close(g);
}

/* True for few enough ports of one address to list each as an end. */
static bool is_narrow(const struct guard_match *m)
{
    return m->to.lo.family && m->reach == GUARD_EVERYWHERE && host_addr_same(&m->to.lo, &m->to.hi) &&
           m->to_ports.hi - m->to_ports.lo < NARROW;
}

/* True for a server that replies to clients' addresses. For networks of servers (targets of instructions) the packet
 * sockets get copies of packets that the host stack takes, because the filter can't look up the host's socket. */
static bool is_server(const struct guard_match *m)
{
    return m->proxied == GUARD_RETURNS && m->from.lo.family && host_addr_same(&m->from.lo, &m->from.hi) &&
           m->from_ports.hi - m->from_ports.lo < NARROW;
}

static struct gate_wide wide_of(const struct guard_match *m)
{
    struct gate_wide w = {.hi = {UINT64_MAX, UINT64_MAX},
                          .port_lo = m->to_ports.lo,
                          .port_hi = m->to_ports.hi,
                          .own = m->reach == GUARD_OWN};
    if (m->to.lo.family) w.lo = own_ip(&m->to.lo);
    if (m->to.lo.family) w.hi = own_ip(&m->to.hi);
    return w;
}

static bool ends_have(const struct end *all, unsigned count, const struct end *one)
{
    bool found = false;
    for (unsigned i = 0; i < count && !found; i++) found = !memcmp(&all[i].at, &one->at, sizeof one->at);
    return found;
}

/* Replace the ends in the map. Those that stay are never absent. */
static int change_ends(struct gate *g, struct end *all, unsigned count)
{
    int failed = 0;
    for (unsigned i = 0; i < count && !failed; i++)
        failed = bpf_map_update_elem(g->maps.ends, &all[i].at, &all[i].kind, BPF_ANY);
    for (unsigned i = 0; i < g->known_count && !failed; i++)
        if (!ends_have(all, count, &g->known[i])) bpf_map_delete_elem(g->maps.ends, &g->known[i].at);
    if (failed) return failed;
    free(g->known);
    g->known = all;
    g->known_count = count;
    return 0;
}

/* Sorting of matches: single ends, and the rest in `config`. */
struct sorted {
    struct end *ends;
    unsigned count, cap;
    struct gate_config config;
    bool failed; /* out of memory */
};

static void add_end(struct sorted *s, const struct host_addr *addr, uint16_t port, uint8_t kind)
{
    s->failed |= !grow(&s->ends, s->count, &s->cap, 64, sizeof *s->ends);
    if (s->failed) return;
    s->ends[s->count++] = (struct end){{.addr = own_ip(addr), .port = port}, kind};
}

static void add_server(struct sorted *s, const struct guard_match *m, uint8_t kind)
{
    for (unsigned port = m->from_ports.lo; port <= m->from_ports.hi; port++)
        add_end(s, &m->from.lo, (uint16_t)port, kind);
}

static void add_match(const struct gate *g, struct sorted *s, const struct guard_match *m)
{
    struct gate_config *c = &s->config;
    c->any |= m->proxied != GUARD_ALL;
    c->returns |= m->proxied == GUARD_RETURNS;
    if (is_server(m)) add_server(s, m, GATE_SERVER);
    if (m->proxied != GUARD_OPENERS) return;
    if (is_narrow(m)) {
        for (unsigned port = m->to_ports.lo; port <= m->to_ports.hi; port++)
            add_end(s, &m->to.lo, (uint16_t)port, GATE_SERVICE);
        return;
    }
    const struct gate_wide w = wide_of(m);
    if (c->wide < GATE_WIDE) bpf_map_update_elem(g->maps.wides, &c->wide, &w, BPF_ANY);
    c->wide++;
}

static int end_compare(const void *a, const void *b)
{
    return memcmp(&((const struct end *)a)->at, &((const struct end *)b)->at, sizeof(struct gate_end));
}

/* Sort the ends and merge equal ones. */
static void merge_ends(struct sorted *s)
{
    unsigned kept = 0;
    if (s->count) qsort(s->ends, s->count, sizeof *s->ends, end_compare);
    for (unsigned i = 0; i < s->count; i++) {
        if (kept && !end_compare(&s->ends[i], &s->ends[kept - 1]))
            s->ends[kept - 1].kind |= s->ends[i].kind;
        else
            s->ends[kept++] = s->ends[i];
    }
    s->count = kept;
}

static bool is_for_own_port(const struct guard_match *m)
{
    return m->proxied == GUARD_ALL && !m->hides && m->reach <= GUARD_OWN && (!m->proto || m->proto == IPPROTO_TCP);
}

/* Find the longest run of ports that only matches of the proxy concern. */
static void find_free(struct gate_config *c, const struct guard_match *all, unsigned count)
{
    bool wanted[UINT16_MAX + 2] = {[0] = true, [UINT16_MAX + 1] = true};
    for (unsigned i = 0; i < count; i++)
        for (unsigned port = all[i].to_ports.lo; is_for_own_port(&all[i]) && port <= all[i].to_ports.hi; port++)
            wanted[port] = true;
    unsigned best = 0;
    for (unsigned lo = 1, port = 1; port <= UINT16_MAX + 1; port++) {
        if (!wanted[port]) continue;
        if (port - lo > best) {
            best = port - lo;
            c->free_lo = (uint16_t)lo;
            c->free_hi = (uint16_t)(port - 1);
        }
        lo = port + 1;
    }
    if (!best) c->free_lo = 1; /* empty range: free_lo above free_hi */
}

static int configure(struct gate *g, const struct gate_config *c)
{
    const uint32_t zero = 0;
    if (!g->maps.config) return bpf_map_update_elem(g->gates, &zero, c, BPF_ANY);
    *g->maps.config = *c;
    return 0;
}

int gate_rules(struct gate *g, const struct guard_match *all, unsigned count, bool answers)
{
    struct sorted s = {0};
    for (unsigned i = 0; i < count; i++) add_match(g, &s, &all[i]);
    for (unsigned i = 0; i < count && answers; i++) {
        /* Without room, packet sockets get a server's replies, too, which only costs time. */
        const unsigned ports = all[i].from_ports.hi - all[i].from_ports.lo + 1u;
        if (all[i].proxied == GUARD_ANSWERS && ports <= NARROW && s.count + ports <= GATE_ENDS)
            add_server(&s, &all[i], GATE_ANSWERS);
    }
    merge_ends(&s);
    find_free(&s.config, all, count);
    int failed = s.failed ? -ENOMEM : s.config.wide > GATE_WIDE || s.count > GATE_ENDS ? -E2BIG : 0;
    if (!failed) failed = change_ends(g, s.ends, s.count);
    if (failed)
        free(s.ends);
    else
        failed = configure(g, &s.config);
    return failed;
}

int gate_world(struct gate *g, const struct facts *f) { return g->own < 0 ? 0 : own_addresses(g->own, f); }

static struct clsact filter_of(const struct gate *g, unsigned port)
{
    return (struct clsact){.ifindex = g->links[port].ifindex, .priority = CLSACT_OWN, .handle = CLSACT_GATE};
}

/* Attach as a filter (Linux before 6.6), in place of the present one. Like a link, its program ends with this
 * process. */
static int attach_filter(struct gate *g, struct state *s, unsigned port, const char *device, char *err, size_t err_len)
{
    char before[CLSACT_TEXT];
    const struct clsact at = filter_of(g, port);
    struct clsact_seen seen;
    int held = -1;
    state_forget(s, CHANGE_GATE, device, clsact_is_over);
    clsact_before(at.ifindex, !clsact_is_there(at.ifindex), before);
    int failed = state_note(s, CHANGE_GATE, device, before, "");
    if (!failed) failed = clsact_set_held(&at, g->program, &held);
    if (failed) clsact_why(&at, failed, device, err, err_len);
    if (failed) return failed;
    if (g->links[port].fd) close(g->links[port].fd);
    g->links[port].fd = held;
    strcpy(g->links[port].filter, before);
    if (!clsact_look(&at, &seen)) g->links[port].program = seen.program;
    return 0;
}

int gate_attach(struct gate *g, struct state *s, unsigned port, const char *device, unsigned ifindex, char *err,
                size_t err_len)
{
    if (g->links[port].fd && g->links[port].ifindex == ifindex) return 0;
    gate_detach(g, port);
    g->links[port].ifindex = ifindex;
    g->links[port].wanted = clsact_needed();
    if (g->links[port].wanted) return attach_filter(g, s, port, device, err, err_len);
    const int fd = bpf_link_create(g->program, (int)ifindex, (enum bpf_attach_type)ATTACH_TCX_INGRESS, NULL);
    if (fd < 0) snprintf(err, err_len, "%s: %s", device, strerror(errno));
    if (fd < 0) return -errno;
    g->links[port].fd = fd;
    return 0;
}

/* True if the filter is present, or if that is unknown. */
static bool filter_stands(const struct gate *g, unsigned port)
{
    struct clsact_seen seen;
    const struct clsact at = filter_of(g, port);
    if (clsact_look(&at, &seen)) return g->links[port].fd;
    return seen.there && seen.program == g->links[port].program && g->links[port].fd;
}

int gate_keep(struct gate *g, struct state *s, unsigned port, const char *device, char *err, size_t err_len)
{
    char name[IF_NAMESIZE];
    if (!g || !g->links[port].wanted || filter_stands(g, port)) return 0;
    if (!if_indextoname(g->links[port].ifindex, name)) return 0; /* the next gate_attach is for the new interface */
    const bool had = g->links[port].fd; /* false: gate_attach has failed, and has reported the reason */
    const int failed = attach_filter(g, s, port, device, err, err_len);
    return !had ? 0 : failed ? failed : 1;
}

void gate_detach(struct gate *g, unsigned port)
{
    if (!g) return;
    g->links[port].wanted = false;
    if (!g->links[port].fd) return;
    close(g->links[port].fd);
    g->links[port].fd = 0;
    if (*g->links[port].filter) clsact_undo(g->links[port].filter, false, CLSACT_OWN, CLSACT_GATE);
    *g->links[port].filter = 0;
}

void gate_counts(const struct gate *g, unsigned ifindex, struct gate_count *sum)
{
    object_sum(g->maps.counts, ifindex % GATE_COUNTS, sum, sizeof *sum / 8);
}
