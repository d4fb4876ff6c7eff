/* Meters: a rate, its burst and its key, and the conditions on them. The vm does the arithmetic
 * (vm/judge/meters/meter.h). */
#include <inttypes.h>

#include "compiler/resolve/conditions/conditions.h"
#include "compiler/resolve/values/clauses.h"
#include "vm/packet/key.h"

enum { ENTRIES_DEFAULT = 65536, BURST_BYTES_LEAST = 65536 };

static const uint64_t second_ns = 1000000000;

/* Parts of a meter as written; NULL: not written */
struct meter_parts {
    const struct node *rate, *burst, *per, *entries;
};

static bool take_part(struct compile *c, const struct node **slot, const struct node *clause)
{
    if (*slot) {
        diag(c->diags, E_METER_TWICE, clause->span, "`%s` is written twice in this meter", node_words(clause));
        diag_note(c->diags, (*slot)->span, "the first one is here");
        return false;
    }
    *slot = clause;
    return true;
}

static bool parts_of(struct compile *c, const struct node *meter, struct meter_parts *parts)
{
    bool good = true;
    *parts = (struct meter_parts){.rate = meter->first->next};
    node_each(n, meter)
    {
        if (n->kind != N_CLAUSE) continue;
        const struct node **slot = is_clause(n, CL_BURST) ? &parts->burst
                                   : is_clause(n, CL_PER) ? &parts->per
                                                          : &parts->entries;
        good = take_part(c, slot, n) && good;
    }
    return good && parts->rate;
}

static bool report_zero(struct compile *c, const struct node *n, const char *what)
{
    diag(c->diags, E_METER_ZERO, n->span, "%s", what);
    return false;
}

static bool report_range(struct compile *c, const struct node *n, const char *what)
{
    diag(c->diags, E_METER_RANGE, n->span, "%s", what);
    return false;
}

/* Read the rate. what: the value expected here, for the report. */
static bool rate_of(struct compile *c, const struct node *n, const char *what, struct pbc_meter *m)
{
    enum { PACKETS_MOST = 1, BYTES_MOST = 125 }; /* most per nanosecond */
    const struct node_value v = value_of(c, n);
    if (!v.node) return false;
    if (v.node->kind == N_NAME) return symbol_want(c, v.node, SYM(CONST), "constant") && false;
    if (v.node->kind == N_RATE) {
        m->count = v.node->v.rate.count;
        m->per_ns = v.node->v.rate.per_ns;
        if (m->count > PACKETS_MOST * m->per_ns) return report_range(c, n, "a rate can be at most 1_000_000_000/s");
    } else if (v.node->kind == N_BANDWIDTH) {
        m->unit = PBC_METER_BYTES;
        m->count = v.node->v.i / 8;
        m->per_ns = second_ns;
        if (m->count > BYTES_MOST * m->per_ns) return report_range(c, n, "a bandwidth can be at most 1000Gbit/s");
    } else {
        report_wrong_value(c, n, v, what);
        return false;
    }
    return m->count || report_zero(c, n, "a rate must be above 0");
}

/* Return the default burst: one second's worth, but at least a packet, or enough bytes for the largest packets. */
static uint64_t usual_burst(const struct pbc_meter *m)
{
    if (m->unit == PBC_METER_BYTES) return m->count < BURST_BYTES_LEAST ? BURST_BYTES_LEAST : m->count;
    const uint64_t a_second = m->count / (m->per_ns / second_ns);
    return a_second ? a_second : 1;
}

static bool burst_of(struct compile *c, const struct meter_parts *parts, struct pbc_meter *m)
{
    const struct node *n = parts->burst ? parts->burst->first : NULL;
    const enum node_kind kind = m->unit == PBC_METER_BYTES ? N_SIZE : N_INT;
    m->burst = usual_burst(m);
    if (!n) return true;
    const struct node_value v = value_of(c, n);
    if (!v.node) return false;
    if (v.node->kind == N_NAME) return symbol_want(c, v.node, SYM(CONST), "constant") && false;
    if (v.node->kind != (uint8_t)kind) {
        const bool size = v.node->kind == N_SIZE;
        report_wrong_value(c, n, v, size ? "a number of packets" : "a size");
        if (v.node->kind == N_INT) diag_suggest(c->diags, n->span, "%" PRIu64 "KiB", v.node->v.i);
        diag_note(c->diags, parts->rate->span, size ? "this rate counts packets" : "this rate counts bytes");
        return false;
    }
    m->burst = v.node->v.i;
    if (!m->burst) return report_zero(c, n, "a burst must be above 0");
    return (u128)m->burst * m->per_ns <= (u128)PBC_METER_REFILL_MAX * m->count ||
           report_range(c, n, "this burst would take more than a year to refill");
}

struct pbc_grain per_lengths(const struct node *per)
{
    const struct node *first = per->first->next, *second = first ? first->next : NULL;
    struct pbc_grain g = {.len4 = 32, .len6 = 128};
    if (!first) return g;
    if (first->v.i <= 32) g.len4 = (uint8_t)first->v.i;
    g.len6 = (uint8_t)(second ? second->v.i : first->v.i);
    return g;
}

static void meter_set_key(const struct node *per, struct pbc_meter *m)
{
    static const uint8_t keys[CL_COUNT] = {
        [CL_SOURCE] = PBC_PER_SOURCE, [CL_DESTINATION] = PBC_PER_DESTINATION, [CL_FLOW] = PBC_PER_FLOW};
    m->per = keys[clause_of(per->first)];
    if (m->per == PBC_PER_FLOW) return;
    const struct pbc_grain cut = per_lengths(per);
    m->len4 = cut.len4;
    m->len6 = cut.len6;
}

static bool entries_of(struct compile *c, const struct meter_parts *parts, struct pbc_meter *m)
{
    static const struct number_kind kind = {
        .what = "a number of entries", .range = "a meter has from 1 to 4194304", .most = PBC_METER_ENTRIES_MAX};
    uint64_t total = 0;
    if (parts->entries && !parts->per) {
        diag(c->diags, E_METER_KEYLESS, parts->entries->span,
             "`entries` needs `per`: a meter without `per` has one bucket");
        diag_suggest(c->diags, span_after(whole_clause(parts->entries)), " per source");
        diag_suggest_removal(c->diags, whole_clause(parts->entries));
        return false;
    }
    if (!parts->per) return true;
    m->entries = ENTRIES_DEFAULT;
    if (parts->entries && !number_one(c, parts->entries->first, &kind, &m->entries)) return false;
    if (!m->entries) return report_zero(c, parts->entries->first, "`entries` must be at least 1");
    for (uint32_t i = 0; i < c->image->meters_count; i++) total += c->image->meters[i].entries;
    if (total + m->entries <= PBC_METER_ENTRIES_MAX) return true;
    return report_range(c, parts->entries ? parts->entries : parts->per,
                        "the meters of a file have at most 4194304 entries in total");
}

void meter_declare(struct compile *c, struct symbol *s)
{
    struct pbc_meter m = {.name = text_of(c, s->name), .place = place_of(c, s->span)};
    struct meter_parts parts;
    s->index = PBC_NONE;
    if (!parts_of(c, s->decl, &parts) || !rate_of(c, parts.rate, "a rate or a bandwidth", &m)) return;
    if (parts.per) meter_set_key(parts.per, &m);
    if (!burst_of(c, &parts, &m) || !entries_of(c, &parts, &m)) return;
    struct pbc_meter *slot = image_add_meters(c->image);
    if (!slot) {
        report_full(c, s->span, "meters", 1u << 16);
        return;
    }
    *slot = m;
    s->index = c->image->meters_count - 1;
}

/* Enter a meter without a name and a key; return 1 + its number, 0 after a report. */
static uint32_t meter_unnamed(struct compile *c, const struct node *rate, struct pbc_meter m)
{
    m.place = place_of(c, rate->span);
    m.burst = usual_burst(&m);
    struct pbc_meter *slot = image_add_meters(c->image);
    if (!slot) {
        report_full(c, rate->span, "meters and log rates", 1u << 16);
        return 0;
    }
    *slot = m;
    return c->image->meters_count;
}

uint32_t log_meter_of(struct compile *c, const struct node *rate)
{
    struct pbc_meter m = {0};
    if (!rate_of(c, rate, "a rate", &m)) return 0;
    if (m.unit == PBC_METER_PACKETS) return meter_unnamed(c, rate, m);
    report_wrong_value(c, rate, value_of(c, rate), "a rate");
    return 0;
}

uint32_t mirror_meter_of(struct compile *c, const struct node *rate)
{
    struct pbc_meter m = {0};
    return rate_of(c, rate, "a rate or a bandwidth", &m) ? meter_unnamed(c, rate, m) : 0;
}

void cond_meter(struct rule_work *w, const struct node *n)
{
    const struct symbol *s = symbol_want(w->c, n->first, SYM(METER), "meter");
    if (!s || s->index == PBC_NONE) {
        w->bad = true;
        return;
    }
    struct pbc_cond *cond = cond_add(w, n->kind == N_C_OVER ? COND_OVER : COND_WITHIN, n);
    if (!cond) return;
    const struct pbc_meter *m = &w->c->image->meters[s->index];
    cond->first = s->index;
    cond->count = 1;
    cond->arg = m->per || m->unit == PBC_METER_BYTES ? KIND_IP : 0;
    if (cond->arg) w->families &= KIND_IP4 | KIND_IP6;
}
