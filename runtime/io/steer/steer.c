/* The steering program (steer.bpf.c), attached by a link that ends with its descriptor. */
#include "runtime/io/steer/steer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/embed.h"
#include "runtime/host/hook/programs.h"
#include "runtime/host/hook/xdp.h"
#include "runtime/io/steer/object.h"
#include "runtime/io/steer/own.h"
#include "runtime/io/steer/places.h"
#include "runtime/io/steer/steer.bpf.h"
#include "vm/kernel/gate.h"

EMBED(object, "runtime/io/steer/steer.bpf.o");

struct steer {
    struct bpf_object *object;
    int program, sockets, config, own, matches, places, counts, too_long; /* descriptors, owned by the object */
    int link;                                                             /* -1: attached to no interface */
    struct steer_config settings;
    struct steer_set {
        struct steer_key *keys; /* in the map until the set is filled again, since a running lookup may use them */
        uint32_t count;
    } sets[2];
};

static void range(const struct guard_addresses *a, struct numbered_ip *lo, struct numbered_ip *hi)
{
    *lo = a->lo.family ? own_ip(&a->lo) : (struct numbered_ip){0, 0};
    *hi = a->lo.family ? own_ip(&a->hi) : (struct numbered_ip){UINT64_MAX, UINT64_MAX};
}

static struct steer_match match_of(const struct guard_match *g)
{
    static const uint8_t reaches[] = {[GUARD_EVERYWHERE] = STEER_EVERYWHERE,
                                      [GUARD_OWN] = STEER_TO_OWN,
                                      [GUARD_FOREIGN] = STEER_TO_FOREIGN,
                                      [GUARD_SENT_ON] = STEER_TO_FOREIGN};
    static const uint8_t kinds[] = {
        [GUARD_ALL] = STEER_TAKEN, [GUARD_OPENERS] = STEER_PROXIED, [GUARD_RETURNS] = STEER_RETURNS};
    struct steer_match m = {.from_port_lo = g->from_ports.lo,
                            .from_port_hi = g->from_ports.hi,
                            .to_port_lo = g->to_ports.lo,
                            .to_port_hi = g->to_ports.hi,
                            .proto = g->proto,
                            .reach = reaches[g->reach],
                            .named = g->to.lo.family != 0,
                            .kind = kinds[g->proxied]};
    range(&g->from, &m.from_lo, &m.from_hi);
    range(&g->to, &m.to_lo, &m.to_hi);
    return m;
}

/* Load the program with its own maps, except the one at descriptor `sockets` if that is not -1. */
static int steer_load(struct steer *s, int sockets)
{
    s->program = sockets < 0 ? object_load(object, EMBEDDED_LEN(object), "steer", &s->object)
                             : object_load_over(object, EMBEDDED_LEN(object), "steer", "sockets", sockets, &s->object);
    if (s->program < 0) return s->program;
    s->sockets = object_map(s->object, "sockets");
    s->config = object_map(s->object, "config");
    s->own = object_map(s->object, "own");
    s->matches = object_map(s->object, "matches");
    s->places = object_map(s->object, "places");
    s->too_long = object_map(s->object, "too_long");
    s->counts = object_map(s->object, "counts");
    return 0;
}

static struct steer *steer_new(unsigned frame_most, int sockets, char *err, size_t err_len)
{
    struct steer *s = calloc(1, sizeof *s);
    int failed = -ENOMEM;
    if (s) {
        *s = (struct steer){.link = -1, .settings = {.frame_most = frame_most}};
        failed = steer_load(s, sockets);
    }
    if (!failed) return s;
    const char *lack = programs_lack(failed);
    snprintf(err, err_len,
             "prey can't load the eBPF program that chooses frames for it; use --io packet, or remove the cause: %s",
             lack ? lack : strerror(-failed));
    steer_close(s);
    return NULL;
}

struct steer *steer_open(unsigned frame_most, char *err, size_t err_len)
{
    return steer_new(frame_most, -1, err, err_len);
}

static bool is_xdp_link(int link, unsigned ifindex)
{
    struct bpf_link_info info = {0};
    uint32_t len = sizeof info;
    return !bpf_obj_get_info_by_fd(link, &info, &len) && info.type == BPF_LINK_TYPE_XDP && info.xdp.ifindex == ifindex;
}

static bool is_socket_map(int map)
{
    struct bpf_map_info info = {0};
    uint32_t len = sizeof info;
    return !bpf_obj_get_info_by_fd(map, &info, &len) && info.type == BPF_MAP_TYPE_XSKMAP && info.key_size == 4 &&
           info.value_size == 4 && info.max_entries == STEER_QUEUES;
}

struct steer *steer_over(const int lent[STEER_LENT], unsigned frame_most, unsigned ifindex, char *err, size_t err_len)
{
    const bool fits = is_xdp_link(lent[STEER_LINK], ifindex) && is_socket_map(lent[STEER_SOCKETS]);
    struct steer *s = fits ? steer_new(frame_most, lent[STEER_SOCKETS], err, err_len) : NULL;
    if (!fits)
        snprintf(err, err_len, "the link that was handed over doesn't belong to a steering program of this interface");
    if (!s) return NULL;
    s->link = fcntl(lent[STEER_LINK], F_DUPFD_CLOEXEC, 0);
    if (s->link >= 0) return s;
    snprintf(err, err_len, "%s", strerror(errno));
    steer_close(s);
    return NULL;
}

bool steer_lend(const struct steer *s, int lent[STEER_LENT])
{
    if (s->link < 0) return false;
    lent[STEER_LINK] = fcntl(s->link, F_DUPFD_CLOEXEC, 0);
    lent[STEER_SOCKETS] = fcntl(s->sockets, F_DUPFD_CLOEXEC, 0);
    if (lent[STEER_LINK] >= 0 && lent[STEER_SOCKETS] >= 0) return true;
    for (unsigned i = 0; i < STEER_LENT; i++)
        if (lent[i] >= 0) close(lent[i]);
    return false;
}

void steer_close(struct steer *s)
{
    if (!s) return;
    if (s->link >= 0) close(s->link);
    bpf_object__close(s->object);
    for (unsigned i = 0; i < 2; i++) free(s->sets[i].keys);
    free(s);
}

int steer_socket(struct steer *s, unsigned queue, int fd)
{
    return bpf_map_update_elem(s->sockets, &queue, &fd, BPF_ANY);
}

/* Replies that nat, a service or the host itself may have requested: ICMP has no ports to distinguish them. The
 * guard hides none of these; the host's own are given back. */
static const struct guard_match answers[] = {
    {.from_ports = {0x0000, 0x0000}, .to_ports = GUARD_ANY_PORT, .proto = IPPROTO_ICMP, .reach = GUARD_OWN},
    {.from_ports = {0x0e00, 0x1200}, .to_ports = GUARD_ANY_PORT, .proto = IPPROTO_ICMP, .reach = GUARD_OWN},
    {.from_ports = {0x8100, 0x8100}, .to_ports = GUARD_ANY_PORT, .proto = IPPROTO_ICMPV6, .reach = GUARD_OWN},
};
enum { ANSWERS = sizeof answers / sizeof answers[0] };

/* True if the match is needed. If prey routes, it takes frames for other machines without a match. Replies to the
 * host are never taken. Matches of peers only select possible replies (replies_find). */
static bool is_needed(const struct steer_rules *r, const struct guard_match *m)
{
    if (m->proxied == GUARD_ANSWERS || m->hides) return false;
    return !r->routed || m->reach <= GUARD_OWN;
}

/* Write the protocols in which peers (host/guard/peers.h) may reply to this machine's addresses; 0 stands for all
 * bare protocols, and is then the only one. Nothing distinguishes peers' replies from the host's packets, which are
 * given back. Return the number. */
static unsigned replies_find(const struct steer_rules *r, uint8_t protos[256])
{
    bool has[256] = {false};
    unsigned n = 0;
    for (unsigned i = 0; i < r->guarded->match_count; i++)
        if (r->guarded->matches[i].hides == GUARD_HIDES_FROM_PEERS) has[r->guarded->matches[i].proto] = true;
    for (unsigned proto = 0; proto < 256 && !(n && has[0]); proto++)
        if (has[proto]) protos[n++] = (uint8_t)proto;
    return n;
}

static struct steer_match reply_of(uint8_t proto)
{
    const struct guard_match g = {
        .from_ports = GUARD_ANY_PORT, .to_ports = GUARD_ANY_PORT, .proto = proto, .reach = GUARD_OWN};
    struct steer_match m = match_of(&g);
    m.bare = !proto;
    return m;
}

unsigned steer_count(const struct steer_rules *r)
{
    uint8_t protos[256];
    unsigned n = (r->translates ? ANSWERS : 0) + replies_find(r, protos);
    for (unsigned i = 0; i < r->guarded->match_count; i++) n += is_needed(r, &r->guarded->matches[i]);
    return n;
}

static int config_settle(struct steer *s)
{
    const uint32_t zero = 0;
    return bpf_map_update_elem(s->config, &zero, &s->settings, BPF_ANY);
}

/* Place the matches that are needed. */
static int matches_place(const struct steer_rules *r, struct placed *p)
{
    const unsigned most = steer_count(r);
    struct steer_match *all = calloc(most + 1u, sizeof *all);
    uint8_t protos[256];
    const unsigned replies = replies_find(r, protos);
    uint32_t count = 0;
    for (unsigned i = 0; i < r->guarded->match_count && all; i++)
        if (is_needed(r, &r->guarded->matches[i])) all[count++] = match_of(&r->guarded->matches[i]);
    for (unsigned i = 0; r->translates && i < ANSWERS && all; i++) all[count++] = match_of(&answers[i]);
    for (unsigned i = 0; i < replies && all; i++) all[count++] = reply_of(protos[i]);
    int failed = all ? places_make(p, all, count) : -ENOMEM;
    free(all);
    if (failed || p->count <= STEER_SET) return failed;
    places_free(p);
    return -E2BIG;
}

/* Fill the unused set, from `first` on, which then owns the keys. */
static int half_fill(struct steer *s, uint32_t first, struct placed *p)
{
    struct steer_set *set = &s->sets[first != 0];
    int failed = 0;
    for (uint32_t i = 0; i < set->count; i++) bpf_map_delete_elem(s->places, &set->keys[i]);
    free(set->keys);
    set->keys = p->keys;
    set->count = p->groups;
    for (uint32_t i = 0; i < p->groups; i++) p->keys[i].set = first;
    for (uint32_t i = 0; i < p->count && !failed; i++) {
        const uint32_t at = first + i;
        failed = bpf_map_update_elem(s->matches, &at, &p->all[i], BPF_ANY);
    }
    for (uint32_t i = 0; i < p->groups && !failed; i++)
        failed = bpf_map_update_elem(s->places, &p->keys[i], &p->at[i], BPF_ANY);
    p->keys = NULL;
    return failed;
}

static bool steer_proxies(const struct steer_rules *r)
{
    bool any = false;
    for (unsigned i = 0; i < r->guarded->match_count; i++) any |= r->guarded->matches[i].proxied;
    return any;
}

int steer_rules(struct steer *s, const struct steer_rules *r)
{
    const struct steer_config before = s->settings;
    struct placed p;
    int failed = matches_place(r, &p);
    if (failed) return failed;
    s->settings.first = before.first ? 0 : STEER_SET;
    s->settings.count = p.rest;
    s->settings.routed = r->routed;
    s->settings.all = r->all;
    s->settings.proxies = steer_proxies(r);
    failed = half_fill(s, s->settings.first, &p);
    if (!failed) failed = config_settle(s);
    if (failed) s->settings = before;
    places_free(&p);
    return failed;
}

int steer_world(struct steer *s, const struct facts *f, uint64_t mac)
{
    const int failed = own_addresses(s->own, f);
    s->settings.mac = mac;
    const int unsettled = config_settle(s); /* addresses without room must not delay the rest */
    return failed ? failed : unsettled;
}

int steer_begin(struct steer *s, unsigned ifindex, bool replace, bool *generic, char *err, size_t err_len)
{
    *generic = false;
    if (s->link >= 0) {
        const int failed = bpf_link_update(s->link, s->program, NULL) ? -errno : 0;
        if (failed) snprintf(err, err_len, "the previous steering program stays: %s", strerror(-failed));
        return failed;
    }
    s->link = xdp_attach(s->program, ifindex, replace, generic, "the steering program", err, err_len);
    return s->link < 0 ? s->link : 0;
}

uint64_t steer_too_long(const struct steer *s)
{
    uint64_t sum = 0;
    object_sum(s->too_long, 0, &sum, 1);
    return sum;
}

void steer_counts(const struct steer *s, struct gate_count *sum) { object_sum(s->counts, 0, sum, sizeof *sum / 8); }
