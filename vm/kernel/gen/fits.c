/* Parts of a program that fit the kernel (gen.h). */
#include <stdlib.h>

#include "vm/judge/answers/answers.h"
#include "vm/kernel/gen/gen.h"
#include "vm/kernel/kpkt.h"

static bool rejects(const struct program *p)
{
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        if (p->firewalls[i].default_verdict == PBC_V_REJECT) return true;
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (p->rules[i].verdict == PBC_V_REJECT) return true;
    return false;
}

/* True if the program binds flows, which are sent on packet by packet. */
static bool binds(const struct program *p)
{
    for (uint32_t i = 0; i < p->services_count; i++)
        if (!p->services[i].proxy) return true;
    return p->nats_count;
}

static uint32_t bit(bool there, enum kernel_up up) { return there ? 1u << up : 0; }

/* True if the program judges forwarded packets, which user space sends on if the host does not. */
static bool judges_crossing(const struct program *p)
{
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        if (firewall_judges(&p->firewalls[i], PBC_DIR_FORWARD)) return true;
    return false;
}

static bool stands_in_wire(const struct program *p)
{
    for (uint32_t i = 0; i < p->services_count; i++)
        if (mode_is(p->services[i].mode, MODE_INLINE_STACK)) return true;
    return false;
}

/* Return all reasons but RELOAD, which needs two programs. */
static uint32_t ups_of(const struct program *p)
{
    const bool bound = binds(p), sends = bound || p->services_count;
    const uint32_t flags = p->meta->flags;
    return bit(p->meta->reach > KERNEL_HEAD, KERNEL_UP_HEAD) | bit(flags & PBC_FOLLOWS_FRAGMENTS, KERNEL_UP_FRAGMENT) |
           bit(rejects(p) || sends, KERNEL_UP_ANSWER) | bit(sends || flags & PBC_CLAMPS, KERNEL_UP_BEGIN) |
           bit(bound, KERNEL_UP_ERROR) | bit(program_has_cookies(p), KERNEL_UP_PROOF) |
           bit(flags & PBC_OPENS, KERNEL_UP_TUNNEL) | bit(bound, KERNEL_UP_ROOM) |
           bit(flags & PBC_KEEPS_FLOWS, KERNEL_UP_STACK) | bit(flags & PBC_KEEPS_FLOWS, KERNEL_UP_BUSY) |
           bit(answers_sets(p), KERNEL_UP_NAMES) | bit(p->nats_count != 0, KERNEL_UP_ROUTED) |
           bit(stands_in_wire(p), KERNEL_UP_INLINE) |
           bit(bound || judges_crossing(p) || stands_in_wire(p), KERNEL_UP_WAY);
}

/* True for a branch whose connections leave their sockets, or have none. */
static bool branch_leaves(const struct pbc_branch *b)
{
    const enum pbc_goes goes = branch_goes(b);
    return goes == PBC_GOES_PASS || goes == PBC_GOES_REJECT || goes == PBC_GOES_NOWHERE;
}

/* True for a service that keeps connections in their sockets. A service that only drains has no
 * proxy. */
static bool keeps(const struct program *p, const struct pbc_service *s)
{
    if (!mode_is(s->mode, MODE_INLINE_STACK) || !s->proxy || p->proxies[s->proxy - 1].flags & PBC_PROXY_SPLICE)
        return false;
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++)
        if (!branch_leaves(&p->branches[b])) return true;
    return false;
}

uint32_t kernel_stays_in_wire(const struct program *p)
{
    for (uint32_t i = 0; i < p->services_count; i++)
        if (keeps(p, &p->services[i])) return i;
    return PBC_NONE;
}

bool kernel_lets_leave(const struct program *p)
{
    for (uint32_t i = 0; i < p->services_count; i++) {
        const struct pbc_service *s = &p->services[i];
        if (!mode_is(s->mode, MODE_INLINE_STACK) || !s->proxy) continue;
        if (p->proxies[s->proxy - 1].flags & PBC_PROXY_SPLICE) return true;
        for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++)
            if (branch_goes(&p->branches[b]) == PBC_GOES_PASS) return true;
    }
    return false;
}

static bool asks_inner_tag(const struct program *p)
{
    for (uint32_t i = 0; i < p->conds_count; i++)
        if (p->conds[i].kind == COND_VLAN_INNER) return true;
    return false;
}

uint32_t kernel_unbounded(const struct program *p)
{
    const uint32_t all = bit(true, KERNEL_UP_TUNNEL) | bit(kernel_stays_in_wire(p) != PBC_NONE, KERNEL_UP_INLINE) |
                         bit(asks_inner_tag(p), KERNEL_UP_STACK);
    return all & ups_of(p);
}

bool kernel_fits(const struct program *p, struct kernel_fits *fits)
{
    bool *const met = gen_reached(p);
    *fits = (struct kernel_fits){.up = ups_of(p), .unbounded = kernel_unbounded(p)};
    if (!met) return false;
    for (uint32_t f = 0; f < p->funcs_count; f++) {
        if (!met[f]) continue;
        fits->functions++;
        for (uint32_t i = p->funcs[f].first; i < p->funcs[f].first + p->funcs[f].count; i++)
            *(op_info[p->code[i].op].kernel == OP_KERNEL_LINE ? &fits->in_line : &fits->called) += 1;
    }
    free(met);
    return true;
}

static const char *const names[][2] = {
#define UP(ident, name, doc) {name, doc},
#include "vm/kernel/up.def"
};
const char *kernel_up_name(unsigned up) { return names[up][0]; }
const char *kernel_up_doc(unsigned up) { return names[up][1]; }
