/* Own addresses: the local routes of table `local` and of each VRF, as the vm searches them, and its subnets' broadcast
 * addresses, for what is sent there this machine gets, too.
 *
 * Other tables are not asked: a transparent proxy keeps a local route for the whole world in one. */
#include <endian.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/host_priv.h"
#include "vm/program/program.h"

struct host_self host_self(const struct host *h)
{
    const struct own *o = &h->own;
    return (struct host_self){o->v4, o->v6, o->v4_count, o->v6_count, o->left_out};
}

bool host_self_meets(const struct host_self *self, const struct program *p, const struct pbc_set *set)
{
    for (uint32_t i = set->first4; i < set->first4 + set->count4; i++)
        for (unsigned k = 0; k < self->v4_count; k++)
            if (p->set4[i].lo <= self->v4[k] && self->v4[k] <= p->set4[i].hi) return true;
    for (uint32_t i = set->first6; i < set->first6 + set->count6; i++)
        for (unsigned k = 0; k < self->v6_count; k++) {
            const struct pbc_range6 *a = &p->set6[i], *b = &self->v6[k];
            const bool below = a->hi_hi < b->lo_hi || (a->hi_hi == b->lo_hi && a->hi_lo < b->lo_lo);
            const bool above = b->hi_hi < a->lo_hi || (b->hi_hi == a->lo_hi && b->hi_lo < a->lo_lo);
            if (!below && !above) return true;
        }
    return false;
}

bool host_owns(const struct host *h, const struct host_addr *a)
{
    const struct own *o = &h->own;
    const uint64_t hi = (uint64_t)a->word[0] << 32 | a->word[1], lo = (uint64_t)a->word[2] << 32 | a->word[3];
    for (unsigned i = 0; a->family == 4 && i < o->v4_count; i++)
        if (o->v4[i] == a->word[0]) return true;
    for (unsigned i = 0; a->family == 6 && i < o->v6_count; i++)
        if (o->v6[i].lo_hi == hi && o->v6[i].lo_lo == lo) return true;
    return false;
}

void own_fini(struct own *o)
{
    free(o->v4);
    free(o->v6);
    *o = (struct own){0};
}

static int add4(struct own *o, uint32_t first, unsigned bits)
{
    const uint64_t count = UINT64_C(1) << (32 - bits);
    /* Of the loopback's network only what has a route of its own: nobody else may use it. */
    if (count > 1 && first >> 24 == 127) return 0;
    if (o->v4_count + count > HOST_SELF_MOST) {
        o->left_out = true;
        return 0;
    }
    uint32_t *more = reallocarray(o->v4, o->v4_count + count, sizeof *more);
    if (!more) return -ENOMEM;
    o->v4 = more;
    for (uint32_t i = 0; i < count; i++) more[o->v4_count++] = first + i;
    return 0;
}

static int add6(struct own *o, const uint32_t word[4], unsigned bits)
{
    const uint64_t hi = (uint64_t)word[0] << 32 | word[1], lo = (uint64_t)word[2] << 32 | word[3];
    const uint64_t hi_free = bits >= 64 ? 0 : UINT64_MAX >> bits, lo_free = bits >= 128  ? 0
                                                                            : bits <= 64 ? UINT64_MAX
                                                                                         : UINT64_MAX >> (bits - 64);
    struct pbc_range6 *more = reallocarray(o->v6, o->v6_count + 1, sizeof *more);
    if (!more) return -ENOMEM;
    o->v6 = more;
    more[o->v6_count++] = (struct pbc_range6){hi & ~hi_free, lo & ~lo_free, hi | hi_free, lo | lo_free};
    return 0;
}

static int own_learn(struct host *h, const struct nlmsghdr *nlh)
{
    const struct rtmsg *route = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *at[RTA_DST + 1];
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *route) return 0;
    if (route->rtm_type != RTN_LOCAL && route->rtm_type != RTN_ANYCAST && route->rtm_type != RTN_BROADCAST) return 0;
    netlink_attributes(nlh, sizeof *route, at, RTA_DST);
    const struct host_addr to = netlink_addr(at[RTA_DST]); /* absent: 0/0 */
    if (route->rtm_type == RTN_BROADCAST && to.word[0] >> 24 == 127) return 0;
    if (route->rtm_family == AF_INET && route->rtm_dst_len <= 32) return add4(&h->own, to.word[0], route->rtm_dst_len);
    if (route->rtm_family == AF_INET6 && route->rtm_dst_len <= 128) return add6(&h->own, to.word, route->rtm_dst_len);
    return 0;
}

static int compare4(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int compare6(const void *a, const void *b)
{
    const struct pbc_range6 *x = a, *y = b;
    if (x->lo_hi != y->lo_hi) return x->lo_hi > y->lo_hi ? 1 : -1;
    return (x->lo_lo > y->lo_lo) - (x->lo_lo < y->lo_lo);
}

static bool inside(const struct pbc_range6 *in, const struct pbc_range6 *outer)
{
    return outer->hi_hi > in->hi_hi || (outer->hi_hi == in->hi_hi && outer->hi_lo >= in->hi_lo);
}

/* Ascending, each once. Prefixes lie apart or within one another. */
static void sort(struct own *o)
{
    unsigned kept = 0;
    if (o->v4_count) qsort(o->v4, o->v4_count, sizeof *o->v4, compare4);
    for (unsigned i = 0; i < o->v4_count; i++)
        if (!kept || o->v4[kept - 1] != o->v4[i]) o->v4[kept++] = o->v4[i];
    o->v4_count = kept;
    kept = 0;
    if (o->v6_count) qsort(o->v6, o->v6_count, sizeof *o->v6, compare6);
    for (unsigned i = 0; i < o->v6_count; i++) {
        struct pbc_range6 *last = kept ? &o->v6[kept - 1] : NULL;
        if (last && inside(&o->v6[i], last)) continue;
        if (last && !compare6(last, &o->v6[i]))
            *last = o->v6[i];
        else
            o->v6[kept++] = o->v6[i];
    }
    o->v6_count = kept;
}

static bool same(const struct own *a, const struct own *b)
{
    return a->v4_count == b->v4_count && a->v6_count == b->v6_count && a->left_out == b->left_out &&
           (!a->v4_count || !memcmp(a->v4, b->v4, a->v4_count * sizeof *a->v4)) &&
           (!a->v6_count || !memcmp(a->v6, b->v6, a->v6_count * sizeof *a->v6));
}

static void keep_what_is(struct host *h) { (void)h; } /* addresses found twice are kept once */

static int dump_table(struct host *h, uint8_t family, uint32_t table)
{
    struct {
        struct rtmsg route;
        struct nlattr head;
        uint32_t table;
    } ask = {
        .route = {.rtm_family = family, .rtm_table = (uint8_t)(table < 256 ? table : RT_TABLE_UNSPEC)},
        .head = {.nla_len = 8, .nla_type = RTA_TABLE},
        .table = table,
    };
    const int failed = host_dump(h, RTM_GETROUTE, &ask, sizeof ask, keep_what_is, own_learn);
    return failed == -ENOENT ? 0 : failed; /* nothing ever lay in that table */
}

/* The kernel announces that a link goes down before it takes its routes away, but under one lock, which this question
 * waits for. */
static void await_changes(struct host *h)
{
    char bytes[64];
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
    nlh->nlmsg_type = RTM_GETLINK;
    struct ifinfomsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof *info);
    info->ifi_index = 1;
    netlink_ask(&h->ask, nlh, NULL, NULL);
}

static int dump_tables(struct host *h)
{
    int failed = dump_table(h, AF_INET, RT_TABLE_LOCAL);
    if (!failed) failed = dump_table(h, AF_INET6, RT_TABLE_LOCAL);
    for (unsigned i = 0; i < h->links.count && !failed; i++) {
        const uint32_t table = h->links.all[i].vrf_table;
        if (table) failed = dump_table(h, AF_INET, table);
        if (table && !failed) failed = dump_table(h, AF_INET6, table);
    }
    return failed;
}

int own_dump(struct host *h, bool *changed)
{
    struct own before = h->own;
    h->own = (struct own){0};
    await_changes(h);
    const int failed = dump_tables(h);
    sort(&h->own);
    *changed = !same(&before, &h->own);
    if (failed) {
        own_fini(&h->own);
        h->own = before;
    } else {
        own_fini(&before);
    }
    return failed;
}
