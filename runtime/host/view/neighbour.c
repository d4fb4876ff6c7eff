/* Neighbours on each link: a dense array, which users copy, and a hash table over it */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/host_priv.h"

static uint32_t first_place(const struct neighbours *all, unsigned ifindex, const struct host_addr *addr)
{
    uint64_t x = ifindex;
    for (unsigned i = 0; i < 4; i++) x = (x ^ addr->word[i]) * UINT64_C(0x9e3779b97f4a7c15) ^ x >> 29;
    return (uint32_t)(x >> 32) & (2 * all->cap - 1);
}

/* Return the place in index of that neighbour, or the empty place for it. cap is not 0. */
static uint32_t neighbour_place(const struct neighbours *all, unsigned ifindex, const struct host_addr *addr)
{
    for (uint32_t at = first_place(all, ifindex, addr);; at = (at + 1) & (2 * all->cap - 1)) {
        const struct host_neighbour *n = all->index[at] ? &all->all[all->index[at] - 1] : NULL;
        if (!n || (n->ifindex == ifindex && host_addr_same(&n->addr, addr))) return at;
    }
}

static struct host_neighbour *neighbour_find(const struct neighbours *all, unsigned ifindex,
                                             const struct host_addr *addr)
{
    if (!all->cap) return NULL;
    const uint32_t found = all->index[neighbour_place(all, ifindex, addr)];
    return found ? &all->all[found - 1] : NULL;
}

const struct host_neighbour *host_neighbour(const struct host *h, unsigned ifindex, const struct host_addr *addr)
{
    return neighbour_find(&h->neighbours, ifindex, addr);
}

uint64_t host_moves(const struct host *h) { return h->neighbours.moves; }

static int neighbours_grow(struct neighbours *all)
{
    const unsigned cap = all->cap ? 2 * all->cap : 64;
    struct host_neighbour *more = reallocarray(all->all, cap, sizeof *more);
    if (!more) return -ENOMEM;
    all->all = more;
    uint32_t *index = calloc(2 * (size_t)cap, sizeof *index);
    if (!index) return -ENOMEM;
    free(all->index);
    all->index = index;
    all->cap = cap;
    for (unsigned i = 0; i < all->count; i++) index[neighbour_place(all, more[i].ifindex, &more[i].addr)] = i + 1;
    return 0;
}

static int neighbour_add(struct neighbours *all, const struct host_neighbour *n)
{
    if (all->count == all->cap && neighbours_grow(all)) return -ENOMEM;
    all->index[neighbour_place(all, n->ifindex, &n->addr)] = all->count + 1;
    all->all[all->count++] = *n;
    return 0;
}

/* Empty a place of the index, and move up later entries that would be lost */
static void close_gap(struct neighbours *all, uint32_t gap)
{
    const uint32_t mask = 2 * all->cap - 1;
    for (uint32_t at = (gap + 1) & mask; all->index[at]; at = (at + 1) & mask) {
        const struct host_neighbour *n = &all->all[all->index[at] - 1];
        const uint32_t wanted = first_place(all, n->ifindex, &n->addr);
        if (((at - wanted) & mask) < ((at - gap) & mask)) continue;
        all->index[gap] = all->index[at];
        gap = at;
    }
    all->index[gap] = 0;
}

static bool neighbour_remove(struct neighbours *all, unsigned ifindex, const struct host_addr *addr)
{
    const struct host_neighbour *n = neighbour_find(all, ifindex, addr);
    if (!n) return false;
    all->moves += n->usable;
    const unsigned i = (unsigned)(n - all->all), last = all->count - 1;
    const struct host_neighbour *moved = &all->all[last];
    close_gap(all, neighbour_place(all, ifindex, addr));
    if (i != last) all->index[neighbour_place(all, moved->ifindex, &moved->addr)] = i + 1;
    all->all[i] = *moved;
    all->count--;
    return true;
}

void neighbours_forget(struct host *h, unsigned ifindex)
{
    struct neighbours *all = &h->neighbours;
    for (unsigned i = all->count; i-- > 0;) {
        const struct host_neighbour n = all->all[i];
        if (n.ifindex == ifindex) neighbour_remove(all, ifindex, &n.addr);
    }
}

void neighbours_fini(struct neighbours *n)
{
    free(n->all);
    free(n->index);
    *n = (struct neighbours){0};
}

static struct host_neighbour read_neighbour(const struct nlmsghdr *nlh, const struct ndmsg *info)
{
    const struct nlattr *at[NDA_LLADDR + 1];
    struct host_neighbour n;
    memset(&n, 0, sizeof n);
    netlink_attributes(nlh, sizeof *info, at, NDA_LLADDR);
    n.ifindex = (unsigned)info->ndm_ifindex;
    n.addr = netlink_addr(at[NDA_DST]);
    n.mac = netlink_mac(at[NDA_LLADDR]);
    n.state = info->ndm_state;
    n.usable = n.state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY);
    return n;
}

static int neighbour_keep(struct neighbours *all, const struct host_neighbour *n)
{
    struct host_neighbour *old = neighbour_find(all, n->ifindex, &n->addr);
    if (!old) return neighbour_add(all, n) ? -ENOMEM : HOST_NEIGHBOURS;
    if (!memcmp(old, n, sizeof *n)) return 0;
    all->moves += old->usable && (!n->usable || old->mac != n->mac);
    *old = *n;
    return HOST_NEIGHBOURS;
}

int neighbours_learn(struct host *h, const struct nlmsghdr *nlh)
{
    const struct ndmsg *info = mnl_nlmsg_get_payload(nlh);
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *info || info->ndm_flags & NTF_PROXY) return 0;
    if (info->ndm_family != AF_INET && info->ndm_family != AF_INET6) return 0; /* learnt by a bridge */
    const struct host_neighbour n = read_neighbour(nlh, info);
    if (!n.addr.family) return 0;
    if (nlh->nlmsg_type == RTM_NEWNEIGH) return neighbour_keep(&h->neighbours, &n);
    return neighbour_remove(&h->neighbours, n.ifindex, &n.addr) ? HOST_NEIGHBOURS : 0;
}

static void neighbours_begin(struct host *h)
{
    struct neighbours *all = &h->neighbours;
    all->count = 0;
    if (all->cap) memset(all->index, 0, 2 * (size_t)all->cap * sizeof *all->index);
}

int neighbours_dump(struct host *h)
{
    const struct ndmsg all = {.ndm_family = AF_UNSPEC};
    return host_dump(h, RTM_GETNEIGH, &all, sizeof all, neighbours_begin, neighbours_learn);
}
