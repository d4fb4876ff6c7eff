/* Code of the services: function meta.services, run for what the firewall accepted, and the blocks that it calls; and,
 * if there are proxy services, function meta.streams, run for a connection and its first bytes, with its blocks.
 *
 * Endpoints are in the order in which they are tried: most specific first, and those of one address together, so
 * that its test is made once. Behind an endpoint are its service's branches. A block returns branch + 1, or 0 for
 * "none of these": "the first that matches, as one scalar", as for a list of rules, so a classifier can take its
 * place. */
#include <stdlib.h>
#include <string.h>

#include "compiler/code/gen_priv.h"
#include "compiler/code/plan.h"
#include "vm/judge/decide.h"
#include "vm/packet/key.h"

static bool same_address(const struct pbc_endpoint *a, const struct pbc_endpoint *b)
{
    return a->to == b->to && a->family == b->family && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static void address_code(struct gen *g, const struct pbc_endpoint *e, struct label *fail)
{
    asm_relay(&g->as);
    if (e->to == PBC_TO_SELF) asm_jump(&g->as, OP_JNALL, KEY_SLOT(kind), KIND_DST_SELF, fail);
    if (e->to != PBC_TO_ADDRESS) return;
    asm_jump(&g->as, OP_JNALL, KEY_SLOT(kind), e->family == 4 ? KIND_IP4 : KIND_IP6, fail);
    for (unsigned i = 0; i < (e->family == 4 ? 1u : 4u); i++)
        asm_jump(&g->as, OP_JNE, (uint8_t)(KEY_SLOT(dst) + i), e->addr[i], fail);
}

static void wire_code(struct gen *g, const struct pbc_endpoint *e, struct label *fail)
{
    const uint32_t iface = e->iface - 1;
    if (e->wire == PBC_WIRE_NOT) return;
    asm_relay(&g->as);
    asm_jump(&g->as, OP_JALL, KEY_SLOT(kind), KIND_DST_SELF, fail);
    if (e->iface) asm_jump(&g->as, OP_JNIN, KEY_HALF(iface), iface << 16 | iface, fail);
    if (e->wire == PBC_WIRE_UNTAGGED) asm_jump(&g->as, OP_JALL, KEY_SLOT(kind), KIND_VLAN, fail);
    if (e->wire > PBC_WIRE_UNTAGGED) asm_jump(&g->as, OP_JNALL, KEY_SLOT(kind), KIND_VLAN, fail);
    if (e->wire == PBC_WIRE_VLAN)
        asm_jump(&g->as, OP_JNIN, KEY_HALF(vlan_outer), (uint32_t)e->vlan_lo << 16 | e->vlan_hi, fail);
}

static void protocol_code(struct gen *g, const struct pbc_endpoint *e, struct label *fail)
{
    asm_relay(&g->as);
    if (e->proto >= PBC_EP_ECHO4) {
        const bool v4 = e->proto == PBC_EP_ECHO4;
        asm_jump(&g->as, OP_JNALL, KEY_SLOT(kind), KIND_ICMP_HEADER | (v4 ? KIND_ICMP : KIND_ICMP6), fail);
        asm_jump(&g->as, OP_JNIN, KEY_HALF(icmp_type), v4 ? 8u << 16 | 8 : 128u << 16 | 128, fail);
        return;
    }
    if (e->proto == PBC_EP_PORTS) {
        asm_jump(&g->as, OP_JNALL, KEY_SLOT(kind), KIND_PORTS, fail);
        asm_jump(&g->as, OP_JNONE, KEY_SLOT(kind), KIND_WITH_PORTS, fail);
    } else {
        asm_jump(&g->as, OP_JNALL, KEY_SLOT(kind), KIND_PORTS | endpoint_info[e->proto].kinds, fail);
    }
    asm_jump(&g->as, OP_JNIN, KEY_HALF(dst_port), (uint32_t)e->port_lo << 16 | e->port_hi, fail);
}

/* Write the branches of a service in order; the last always holds. Packets do not distinguish the branches of a
 * proxy service, and connections do not distinguish those of other services. The first branch then represents all. */
static void branches_code(struct gen *g, const struct pbc_service *s, bool streams)
{
    if (streams != mode_is(s->mode, MODE_PROXIES)) {
        asm_op(&g->as, OP_RETB, 0, s->branches);
        return;
    }
    for (uint32_t b = s->branches; b < s->branches + s->branch_count && g->as.reachable; b++) {
        const struct pbc_branch *branch = &g->img->branches[b];
        struct ir_product product;
        struct label next = {0};
        const uint32_t keyed = streams && branch->cond_count
                                   ? stream_keyed(g->img->conds + branch->conds, branch->cond_count)
                                   : branch->cond_count;
        normal_when(g->c, branch->conds, keyed, &product);
        if (ir_is_empty(&product)) continue;
        const struct tests tests = tests_of(g, &product, FRAMES);
        for (uint32_t t = 0; keyed && t < tests.count; t++) {
            asm_relay(&g->as);
            emit_test(g, &tests.t[t], &next);
        }
        for (uint32_t k = keyed; k < branch->cond_count; k++) {
            asm_relay(&g->as);
            asm_jump(&g->as, OP_JNFIRST, 0, branch->conds + k, &next);
        }
        asm_op(&g->as, OP_RETB, 0, b);
        asm_bind(&g->as, &next);
        asm_relay(&g->as);
    }
}

/* Write the code of sorted[begin..end-1]. */
static void block_code(struct gen *g, const struct pbc_endpoint *const *sorted, uint32_t begin, uint32_t end,
                       bool streams)
{
    for (uint32_t i = begin; i < end;) {
        const struct pbc_endpoint *first = sorted[i];
        struct label other = {0};
        address_code(g, first, &other);
        for (; i < end && same_address(first, sorted[i]); i++) {
            struct label next = {0};
            protocol_code(g, sorted[i], &next);
            wire_code(g, sorted[i], &next);
            branches_code(g, &g->img->services[sorted[i]->service], streams);
            asm_bind(&g->as, &next);
        }
        asm_bind(&g->as, &other);
    }
    asm_op(&g->as, OP_RETZ, 0, 0);
}

/* Return the end of the block that begins at `begin`. */
static uint32_t block_end(const struct gen *g, const struct pbc_endpoint *const *sorted, uint32_t begin)
{
    uint32_t end = begin, held = 0;
    while (end < g->img->endpoints_count) {
        held += g->img->services[sorted[end]->service].branch_count;
        if (held > PBC_BLOCK_RULES && end > begin) break;
        end++;
    }
    return end;
}

static void services_begin(struct gen *g, struct plan *plan, const char *name)
{
    plan_begin(plan, NULL, image_string(g->img, name, strlen(name)));
    asm_begin(&g->as);
}

static void root_code(struct gen *g, struct plan *plan, const struct pbc_endpoint *const *sorted, const char *name)
{
    struct label host = {0};
    const uint32_t root = g->img->funcs_count;
    services_begin(g, plan, name);
    asm_jump(&g->as, OP_JALL, KEY_SLOT(kind), KIND_OUT, &host);
    asm_jump(&g->as, OP_JNONE, KEY_SLOT(kind), KIND_IP, &host);
    for (uint32_t at = 0, n = 1; at < g->img->endpoints_count; at = block_end(g, sorted, at), n++) {
        asm_relay(&g->as);
        asm_op(&g->as, OP_CALL, 0, root + n);
        asm_op(&g->as, OP_PICK, 0, 0);
    }
    asm_bind(&g->as, &host);
    asm_op(&g->as, OP_HOST, 0, 0);
    plan_end(g->img);
}

static void tree_code(struct gen *g, struct plan *plan, const struct pbc_endpoint *const *sorted, bool streams)
{
    const char *what = streams ? "streams" : "services";
    root_code(g, plan, sorted, what);
    for (uint32_t at = 0, n = 1; at < g->img->endpoints_count && !g->as.full; n++) {
        const uint32_t end = block_end(g, sorted, at);
        char name[32];
        snprintf(name, sizeof(name), "%s/%u", what, n);
        services_begin(g, plan, name);
        block_code(g, sorted, at, end, streams);
        plan_end(g->img);
        at = end;
    }
}

void services_code(struct gen *g, struct plan *plan)
{
    const struct image *img = g->img;
    const struct pbc_endpoint **sorted =
        arena_alloc(g->c->arena, (img->endpoints_count + 1) * sizeof(const struct pbc_endpoint *));
    if (!img->services_count) return;
    for (uint32_t i = 0; i < img->endpoints_count; i++) sorted[i] = &img->endpoints[i];
    qsort(sorted, img->endpoints_count, sizeof(const struct pbc_endpoint *), image_endpoint_order);
    img->meta->services = img->funcs_count;
    tree_code(g, plan, sorted, false);
    if (!img->proxies_count) return;
    img->meta->streams = img->funcs_count;
    tree_code(g, plan, sorted, true);
}
