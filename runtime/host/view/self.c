/* Own addresses: the local routes of table `local` and of each VRF, in the vm's searchable form, and the broadcast
 * addresses of its subnets, whose packets this machine receives, too.
 *
 * Other tables are not read: a transparent proxy's table has a local route for every address. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "runtime/host/host_priv.h"
#include "vm/program/program.h"

struct host_self host_self(const struct host *h)
{
    const struct own *o = &h->own;
    return (struct host_self){o->of.v4, o->of.v6, o->of.v4_count, o->of.v6_count, o->left_out};
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
    const struct self *o = &h->own.of;
    const uint64_t hi = (uint64_t)a->word[0] << 32 | a->word[1], lo = (uint64_t)a->word[2] << 32 | a->word[3];
    for (unsigned i = 0; a->family == 4 && i < o->v4_count; i++)
        if (o->v4[i] == a->word[0]) return true;
    for (unsigned i = 0; a->family == 6 && i < o->v6_count; i++)
        if (o->v6[i].lo_hi == hi && o->v6[i].lo_lo == lo) return true;
    return false;
}

static int add4(struct own *o, uint32_t first, unsigned bits)
{
    const uint64_t count = UINT64_C(1) << (32 - bits);
    /* Ranges of the loopback network are left out: no other machine may use them */
    if (count > 1 && first >> 24 == 127) return 0;
    if (o->of.v4_count + count > HOST_SELF_MOST) {
        o->left_out = true;
        return 0;
    }
    return self_put4(&o->of, first, (uint32_t)count);
}

static int add6(struct own *o, const uint32_t word[4], unsigned bits)
{
    const uint64_t hi = (uint64_t)word[0] << 32 | word[1], lo = (uint64_t)word[2] << 32 | word[3];
    const uint64_t hi_free = bits >= 64 ? 0 : UINT64_MAX >> bits, lo_free = bits >= 128  ? 0
                                                                            : bits <= 64 ? UINT64_MAX
                                                                                         : UINT64_MAX >> (bits - 64);
    const struct pbc_range6 range = {hi & ~hi_free, lo & ~lo_free, hi | hi_free, lo | lo_free};
    return self_put6(&o->of, &range);
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

static bool own_same(const struct own *a, const struct own *b)
{
    const struct self *x = &a->of, *y = &b->of;
    return x->v4_count == y->v4_count && x->v6_count == y->v6_count && a->left_out == b->left_out &&
           (!x->v4_count || !memcmp(x->v4, y->v4, x->v4_count * sizeof *x->v4)) &&
           (!x->v6_count || !memcmp(x->v6, y->v6, x->v6_count * sizeof *x->v6));
}

static void keep_what_is(struct host *h) { (void)h; } /* nothing to empty: duplicates are dropped */

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
    return failed == -ENOENT ? 0 : failed; /* the table is empty */
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
    /* Wait for pending changes, because the kernel announces a link's end before it removes the link's routes. It
     * does both under one lock, and this request waits for that lock. */
    char bytes[64];
    const struct ifinfomsg info = {.ifi_index = 1};
    netlink_ask(&h->ask, netlink_begin(bytes, RTM_GETLINK, 0, &info, sizeof info), NULL, NULL);
    const int failed = dump_tables(h);
    self_sort(&h->own.of);
    *changed = !own_same(&before, &h->own);
    if (failed) {
        self_fini(&h->own.of);
        h->own = before;
    } else {
        self_fini(&before.of);
    }
    return failed;
}
