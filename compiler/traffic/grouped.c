/* Groups of begins (grouped.h). The list is sorted: begins of one service are together, and within a service those
 * of one network. */
#include "compiler/traffic/grouped.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static unsigned common(const uint32_t a[4], const uint32_t b[4], unsigned bits)
{
    unsigned n = 0;
    for (unsigned i = 0; i < 4; i++, n += 32)
        if (a[i] != b[i]) return n + (unsigned)__builtin_clz(a[i] ^ b[i]);
    return bits;
}

static struct net net_of(const uint32_t addr[4], unsigned length)
{
    struct net n = {.length = (uint8_t)length};
    for (unsigned i = 0; i < 4; i++) {
        const unsigned left = length > 32 * i ? length - 32 * i : 0;
        n.addr[i] = left >= 32 ? addr[i] : left ? addr[i] & ~(UINT32_MAX >> left) : 0;
    }
    return n;
}

/* Cover the sources with the narrowest networks that are no wider than allowed. */
static int nets_make(struct group *g, const struct begin *b, size_t n, const struct width *w)
{
    const unsigned bits = b->family == 4 ? 32 : 128, least = b->family == 4 ? w->v4 : w->v6;
    g->nets = calloc(n, sizeof(*g->nets));
    if (!g->nets) return -ENOMEM;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && common(b[i].src, b[end].src, bits) >= least;) end++;
        g->nets[g->net_count++] = net_of(b[i].src, common(b[i].src, b[end - 1].src, bits));
    }
    return 0;
}

static bool same_service(const struct begin *a, const struct begin *b)
{
    return a->to_self == b->to_self && a->family == b->family && a->proto == b->proto && a->port == b->port &&
           a->has_port == b->has_port && a->iface == b->iface && !memcmp(a->dst, b->dst, sizeof(a->dst));
}

static int group_add(struct groups *g, const struct begin *b, size_t n, const struct width *w)
{
    if (g->count == GROUPS_MOST) return -E2BIG;
    struct group *new = &g->of[g->count++];
    *new = (struct group){.sample = b, .sources = n, .to_count = 1, .port_count = 1};
    new->to = calloc(1, sizeof(*new->to));
    new->ports = calloc(1, sizeof(*new->ports));
    if (!new->to || !new->ports) return -ENOMEM;
    new->to[0] = b;
    new->ports[0] = b->port;
    for (size_t i = 0; i < n; i++) {
        new->seen += b[i].seen;
        if (b[i].first_frame < new->sample->first_frame) new->sample = &b[i];
    }
    return nets_make(new, b, n, w);
}

static bool is_begin_taken(const struct begins *all, const struct begin *b)
{
    return b->proto != 6 || b->answered || !all->any_answer;
}

static bool same_nets(const struct group *a, const struct group *b)
{
    if (a->net_count != b->net_count) return false;
    for (unsigned i = 0; i < a->net_count; i++)
        if (a->nets[i].length != b->nets[i].length || memcmp(a->nets[i].addr, b->nets[i].addr, sizeof(a->nets[i].addr)))
            return false;
    return true;
}

static bool same_protocol(const struct group *a, const struct group *b)
{
    const struct begin *x = a->to[0], *y = b->to[0];
    return x->family == y->family && x->proto == y->proto && x->has_port == y->has_port && x->iface == y->iface &&
           x->to_self == y->to_self;
}

static bool same_ports(const struct group *a, const struct group *b)
{
    return a->port_count == b->port_count && !memcmp(a->ports, b->ports, a->port_count * sizeof(*a->ports));
}

static bool same_to(const struct group *a, const struct group *b)
{
    return a->to_count == 1 && b->to_count == 1 && !memcmp(a->to[0]->dst, b->to[0]->dst, sizeof(a->to[0]->dst));
}

static void group_fini(struct group *g)
{
    free(g->nets);
    free(g->to);
    free(g->ports);
}

/* Add the ports of b to a, or its destinations. */
static int group_join(struct group *a, const struct group *b, bool ports)
{
    if (ports) {
        uint16_t *more = reallocarray(a->ports, a->port_count + b->port_count, sizeof(*more));
        if (!more) return -ENOMEM;
        a->ports = more;
        memcpy(more + a->port_count, b->ports, b->port_count * sizeof(*more));
        a->port_count += b->port_count;
    } else {
        const struct begin **more = reallocarray(a->to, a->to_count + b->to_count, sizeof(*more));
        if (!more) return -ENOMEM;
        a->to = more;
        memcpy(more + a->to_count, b->to, b->to_count * sizeof(*more));
        a->to_count += b->to_count;
    }
    a->seen += b->seen;
    if (b->sources > a->sources) a->sources = b->sources;
    if (b->sample->first_frame < a->sample->first_frame) a->sample = b->sample;
    return 0;
}

static int join_all(struct groups *g, bool ports)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < g->count; i++) {
        struct group *one = &g->of[i], *to = NULL;
        for (unsigned k = 0; k < kept && !to; k++) {
            struct group *other = &g->of[k];
            const bool alike = ports ? other->to[0]->has_port && same_to(other, one) : same_ports(other, one);
            if (alike && same_protocol(other, one) && same_nets(other, one)) to = other;
        }
        if (to && group_join(to, one, ports) < 0) return -ENOMEM;
        if (to)
            group_fini(one);
        else
            g->of[kept++] = *one;
        if (i >= kept) *one = (struct group){0};
    }
    g->count = kept;
    return 0;
}

int groups_make(struct groups *g, const struct begins *b, const struct width *w)
{
    struct begin *all = b->slots;
    size_t n = 0;
    int failed = 0;
    *g = (struct groups){.of = calloc(GROUPS_MOST, sizeof(*g->of)), .iface_names = g->iface_names};
    if (!g->of) return -ENOMEM;
    for (size_t i = 0; i < b->count; i++) {
        g->unanswered += !is_begin_taken(b, &all[i]);
        if (is_begin_taken(b, &all[i])) all[n++] = all[i];
    }
    for (size_t i = 0, end; i < n && !failed; i = end) {
        for (end = i + 1; end < n && same_service(&all[i], &all[end]);) end++;
        failed = group_add(g, &all[i], end - i, w);
    }
    if (!failed) failed = join_all(g, true);
    return failed ? failed : join_all(g, false);
}

void groups_fini(struct groups *g)
{
    for (unsigned i = 0; i < g->count; i++) group_fini(&g->of[i]);
    free(g->of);
}
