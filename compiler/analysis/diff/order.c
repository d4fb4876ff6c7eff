/* Statements in another order: some packet may then meet another one first. Two statements that share no packet may
 * change places, and so may two of equal services, since the most specific endpoint takes a packet at any position. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "vm/judge/decide.h"

enum { PAIRS_MOST = 1 << 22 }; /* most pairs looked at; beyond, an order counts as changed */

/* True if no packet is for both forwards, from any sender. */
static bool forwards_apart(const struct pbc_nat *a, const struct pbc_nat *b)
{
    const bool any = a->proto == PBC_EP_PORTS || b->proto == PBC_EP_PORTS;
    if (!a->flags && !b->flags && memcmp(a->to, b->to, sizeof(a->to)) != 0) return true;
    if (a->proto != b->proto && !(any && a->proto < PBC_EP_ECHO4 && b->proto < PBC_EP_ECHO4)) return true;
    return a->ip_proto != b->ip_proto || a->port_lo > b->port_hi || b->port_lo > a->port_hi;
}

/* True if every packet can meet at most one of these two statements. A packet whose destination a statement turns back
 * to where it came from is translated whatever `out on` asks. */
static bool nats_apart(struct diff *d, const struct side *s, uint32_t i, uint32_t k)
{
    const struct pbc_nat *a = &s->program->nats[i], *b = &s->program->nats[k];
    const bool forward = a->kind == PBC_NAT_FORWARD;
    struct ir_product of[2] = {s->nat_asks[i], s->nat_asks[k]};
    if (a->family && b->family && a->family != b->family) return true;
    if (a->kind == PBC_NAT_MAP || b->kind == PBC_NAT_MAP) return false;
    if (forward != (b->kind == PBC_NAT_FORWARD)) return true;
    if (forward && forwards_apart(a, b)) return true;
    if (ir_is_empty(&of[0]) || ir_is_empty(&of[1])) return true;
    if (s->nats_turn) of[0].field[IR_OUT] = of[1].field[IR_OUT] = IR_ALL;
    return !ir_may_meet(d->c.ir, &of[0], &of[1]);
}

static bool overlap(uint16_t a_lo, uint16_t a_hi, uint16_t b_lo, uint16_t b_hi) { return a_lo <= b_hi && b_lo <= a_hi; }

/* True if the file's order decides between the two for some packet. */
static bool endpoints_meet(const struct pbc_endpoint *a, const struct pbc_endpoint *b)
{
    return a->to == b->to && a->family == b->family && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0 &&
           a->proto == b->proto && a->wire == b->wire && a->iface == b->iface &&
           a->port_hi - a->port_lo == b->port_hi - b->port_lo && a->vlan_hi - a->vlan_lo == b->vlan_hi - b->vlan_lo &&
           overlap(a->port_lo, a->port_hi, b->port_lo, b->port_hi) &&
           overlap(a->vlan_lo, a->vlan_hi, b->vlan_lo, b->vlan_hi);
}

/* Entries of one side whose order counts, each with the name of its block */
struct row {
    const char *name;
    uint32_t i, at; /* own number; place of the same block on the other side, PBC_NONE: none */
};
struct rows {
    struct row *row;
    uint32_t count;
};

static int list_name_order(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    const int order = strcmp(x->name, y->name);
    return order ? order : (x->i > y->i) - (x->i < y->i);
}

static struct row *sorted(struct diff *d, const struct rows *r)
{
    struct row *s = arena_alloc(d->c.arena, ((size_t)r->count + 1) * sizeof(*s));
    memcpy(s, r->row, r->count * sizeof(*s));
    if (r->count > 1) qsort(s, r->count, sizeof(*s), list_name_order);
    return s;
}

/* Note for each of the new entries where its block begins on the old side. */
static void note_places(struct diff *d, const struct rows *old, struct rows *new)
{
    const struct row *s = sorted(d, old);
    for (uint32_t i = 0; i < new->count; i++) {
        uint32_t lo = 0, hi = old->count;
        while (lo < hi) {
            const uint32_t mid = lo + (hi - lo) / 2;
            if (strcmp(s[mid].name, new->row[i].name) < 0)
                lo = mid + 1;
            else
                hi = mid;
        }
        const bool found = lo < old->count && strcmp(s[lo].name, new->row[i].name) == 0;
        new->row[i].at = found ? s[lo].i : PBC_NONE;
    }
}

typedef bool apart_fn(struct diff *d, const struct side *s, uint32_t a, uint32_t b);

static bool endpoint_rows_apart(struct diff *d, const struct side *s, uint32_t a, uint32_t b)
{
    (void)d;
    return !endpoints_meet(&s->program->endpoints[a], &s->program->endpoints[b]);
}

static bool observe_rows_apart(struct diff *d, const struct side *s, uint32_t a, uint32_t b)
{
    (void)d;
    return !endpoints_meet(&s->program->observe_endpoints[a], &s->program->observe_endpoints[b]);
}

/* True if two entries of the new side were in the opposite order before, and share packets. */
static bool moved(struct diff *d, struct rows rows[SIDES], apart_fn *apart)
{
    uint32_t most = 0, pairs = 0;
    note_places(d, &rows[OLD], &rows[NEW]);
    for (uint32_t i = 0; i < rows[NEW].count; i++) {
        const struct row *b = &rows[NEW].row[i];
        if (b->at == PBC_NONE) continue;
        const bool behind_all = b->at >= most;
        most = behind_all ? b->at : most;
        for (uint32_t k = 0; k < i && !behind_all; k++) {
            const struct row *a = &rows[NEW].row[k];
            if (a->at == PBC_NONE || a->at <= b->at) continue;
            if (++pairs > PAIRS_MOST || !apart(d, &d->side[NEW], a->i, b->i)) return true;
        }
    }
    return false;
}

static struct rows rows_of(struct diff *d, uint32_t count)
{
    return (struct rows){.row = arena_alloc(d->c.arena, ((size_t)count + 1) * sizeof(struct row)), .count = count};
}

bool nats_moved(struct diff *d)
{
    struct rows rows[SIDES];
    for (unsigned s = 0; s < SIDES; s++) {
        const struct program *p = d->side[s].program;
        rows[s] = rows_of(d, p->nats_count);
        for (uint32_t i = 0; i < p->nats_count; i++)
            rows[s].row[i] = (struct row){program_str(p, p->nats[i].name), i, PBC_NONE};
    }
    return moved(d, rows, nats_apart);
}

bool services_moved(struct diff *d, bool observing)
{
    struct rows rows[SIDES];
    for (unsigned s = 0; s < SIDES; s++) {
        const struct program *p = d->side[s].program;
        const struct pbc_endpoint *e = observing ? p->observe_endpoints : p->endpoints;
        rows[s] = rows_of(d, observing ? p->observe_endpoints_count : p->endpoints_count);
        for (uint32_t i = 0; i < rows[s].count; i++) {
            const uint32_t name = observing ? p->observes[e[i].service].name : p->services[e[i].service].name;
            rows[s].row[i] = (struct row){program_str(p, name), i, PBC_NONE};
        }
    }
    return moved(d, rows, observing ? observe_rows_apart : endpoint_rows_apart);
}

/* True if no connection can take either of the two branches, which are behind the service's first statements. */
static bool branches_apart(struct diff *d, const struct side *s, uint32_t service, uint32_t a, uint32_t b)
{
    const struct program *p = s->program;
    const struct pbc_service *v = &p->services[service];
    struct ir_product of[2], both;
    const uint32_t at[2] = {a, b};
    bool loose = false;
    for (unsigned i = 0; i < 2; i++) {
        if (at[i] < SERVICE_HEAD || at[i] - SERVICE_HEAD >= v->branch_count) return false;
        const struct pbc_branch *branch = &p->branches[v->branches + at[i] - SERVICE_HEAD];
        if (!branch->cond_count ||
            (v->proxy && stream_keyed(p->conds + branch->conds, branch->cond_count) != branch->cond_count))
            return false;
        normal_when(&d->c, s->conds + branch->conds, branch->cond_count, &of[i]);
    }
    return ir_is_empty(&of[0]) || ir_is_empty(&of[1]) || !product_and(d->c.ir, &of[0], &of[1], &both, &loose);
}

bool order_is_idle(struct diff *d, const struct route_change *r, bool nat, const uint32_t own[SIDES])
{
    struct statements p[SIDES];
    const struct side *s = &d->side[OLD];
    uint32_t pairs = 0;
    if (!statements_twins(d, r, p)) return false;
    for (uint32_t i = 0; i < p[OLD].count; i++)
        for (uint32_t k = i + 1; k < p[OLD].count; k++) {
            if (p[OLD].twin[k] > p[OLD].twin[i]) continue;
            if (++pairs > PAIRS_MOST) return false;
            if (nat ? !nats_apart(d, s, own[OLD] + i, own[OLD] + k) : !branches_apart(d, s, own[OLD], i, k))
                return false;
        }
    return true;
}
