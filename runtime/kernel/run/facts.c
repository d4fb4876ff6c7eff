/* Own addresses go to maps, single words to kernel_world. */
#include "runtime/kernel/run/facts.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "runtime/kernel/run/world_says.h"
#include "vm/judge/ways.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/read.h"
#include "vm/pbc.h"

/* Delete addresses that this machine has lost. Each next key is read before its predecessor is deleted. */
static void own_forget(int map, const struct facts *f, bool v6)
{
    struct world_addr6 at, next = {0}; /* an IPv4 address has the first word only */
    int more = bpf_map_get_next_key(map, NULL, &next);
    while (!more) {
        at = next;
        more = bpf_map_get_next_key(map, &at, &next);
        const uint32_t sides = v6 ? sides_of6(f, at.word, at.word) : sides_of4(f, at.word[0], at.word[0]);
        if (!(sides & KIND_SRC_SELF)) bpf_map_delete_elem(map, &at);
    }
}

/* Update the own addresses. Old ones are deleted first, to make room. */
static int push_own(const struct kernel *kernel, const struct facts *f)
{
    const int own4 = kernel_map(kernel, KERNEL_MAP_own4)->fd, own6 = kernel_map(kernel, KERNEL_MAP_own6)->fd;
    const uint8_t here = 1;
    int failed4 = 0, failed6 = 0;
    own_forget(own4, f, false);
    own_forget(own6, f, true);
    for (unsigned i = 0; i < f->self4_count && !failed4; i++)
        failed4 = bpf_map_update_elem(own4, &f->self4[i], &here, BPF_ANY) ? -errno : 0;
    for (unsigned i = 0; i < f->self6_count && !failed6; i++) {
        const struct world_addr6 addr = world_addr6(&f->self6[i]);
        failed6 = bpf_map_update_elem(own6, &addr, &here, BPF_ANY) ? -errno : 0;
    }
    return failed4 ? failed4 : failed6;
}

static void push_ways(const struct kernel_facts *k, struct kernel *kernel, const struct facts *f)
{
    struct kernel_way *ways = kernel_ways(kernel);
    uint32_t least[KERNEL_WAYS];
    ways_least_mtus(f, least, KERNEL_WAYS);
    for (unsigned i = 0; i < KERNEL_WAYS; i++) {
        const struct facts_iface *one = facts_iface(f, (uint16_t)i);
        ways[i] = (struct kernel_way){
            .mac = one ? one->mac : 0,
            .ifindex = one && k->ifindexes ? k->ifindexes[i] : 0,
            /* the bridge's other interface, with 0 for none */
            .bridged = one && one->peer != IFACE_NONE ? (uint16_t)(facts_known_as(f, one->peer) + 1) : 0,
            .as = one ? one->as : 0,
            .shut = one ? one->shut : 0,
            .mtu = (uint16_t)(least[i] < UINT16_MAX ? least[i] : UINT16_MAX),
            .link = k->links ? k->links[i] : LINK_ETHER};
    }
}

/* Update the interfaces by which frames leave. The kernel itself has removed those that are gone. */
static int push_outs(struct kernel_facts *k, const struct kernel *kernel, bool *changed)
{
    const int outs = kernel_map(kernel, KERNEL_MAP_outs)->fd;
    for (uint32_t id = 0; id < KERNEL_WAYS && k->ifindexes; id++) {
        const uint32_t ifindex = k->ifindexes[id];
        if (ifindex == k->outs[id]) continue;
        *changed = true;
        if (!ifindex)
            bpf_map_delete_elem(outs, &id);
        else if (bpf_map_update_elem(outs, &id, &ifindex, BPF_ANY) && errno != EINVAL && errno != ENODEV)
            return -errno;
        k->outs[id] = ifindex;
    }
    return 0;
}

static uint64_t routes_number(const struct facts *f) { return f->routes ? f->routes->number : 0; }

static bool same_lists(const struct facts *a, const struct facts *b)
{
    return a->generation == b->generation && a->mtu == b->mtu && a->self4 == b->self4 &&
           a->self4_count == b->self4_count && a->self6 == b->self6 && a->self6_count == b->self6_count &&
           a->ifaces == b->ifaces && a->ifaces_count == b->ifaces_count;
}

/* Update the kernel. moved: an interface has come or gone. Everything else is updated even if some own addresses
 * find no room. */
static int push(struct kernel_facts *f, struct kernel *kernel, const struct facts *now, bool moved)
{
    struct facts words = *now; /* only the single words of the world, which the kernel can follow */
    words.self4 = NULL;
    words.self6 = NULL;
    words.down = NULL;
    words.up_since_ns = NULL;
    words.weights = NULL;
    words.drains = NULL;
    words.ifaces = NULL;
    words.server_out = NULL;
    words.server_mtu = NULL;
    words.target_out = NULL;
    words.routes = NULL;
    words.devices = NULL;
    const bool same = f->pushed && same_lists(&f->seen, now);
    const int failed = same ? 0 : push_own(kernel, now);
    if (!same) world_own(kernel_world(kernel), now);
    if (!same || moved || f->seen_routes != routes_number(now)) push_ways(f, kernel, now);
    f->seen_routes = routes_number(now);
    kernel_world(kernel)->facts = words;
    f->routes_failed = kernel_routing_push(&f->routes, kernel, now);
    f->seen = *now;
    f->pushed = true;
    return failed;
}

int kernel_facts_push(struct kernel_facts *f, struct kernel *kernel, const struct facts *facts)
{
    static const struct facts none;
    const struct facts *now = facts ? facts : &none;
    const bool asks = kernel_world(kernel)->flags & PBC_NEEDS_ROUTES;
    bool moved = asks != f->asks;
    const int no_out = push_outs(f, kernel, &moved);
    if (no_out) return no_out;
    f->asks = asks;
    if (f->pushed && !moved && memcmp(&f->seen, now, sizeof *now) == 0) return 0;
    kernel_remember_nothing(kernel);
    const int failed = push(f, kernel, now, moved);
    kernel_remember(kernel);
    return failed;
}

void kernel_facts_fini(struct kernel_facts *f) { kernel_routing_fini(&f->routes); }
