/* The verifier's part for meters, schedules and settings: arithmetic on them can't overflow, and tables made for them
 * are bounded. */
#include "vm/program/verify/verify_priv.h"

typedef unsigned __int128 u128;

enum {
    DATES_MOST = 1 << 22,
    MINUTES_A_DAY = 24 * 60,
    DAYS_MASK = 127,
    PACKETS_MOST = 1,
    BYTES_MOST = 125 /* bytes per nanosecond: 1 Tbit/s */
};
enum { FRAGMENTS_MOST = 1 << 20 }; /* upper bound of the option in `limits` */

static bool verify_meter_rate(const struct verifier *v, uint32_t i)
{
    const struct pbc_meter *m = &v->p->meters[i];
    const uint64_t second = 1000000000, most = m->unit == PBC_METER_BYTES ? BYTES_MOST : PACKETS_MOST;
    if (m->per_ns != second && m->per_ns != 60 * second && m->per_ns != 3600 * second)
        return fault(v, "meter %u: unknown time of %llu ns", i, (unsigned long long)m->per_ns);
    if (m->count == 0 || m->count > most * m->per_ns) return fault(v, "meter %u: its rate is out of bounds", i);
    if (m->burst == 0 || (u128)m->burst * m->per_ns > (u128)PBC_METER_REFILL_MAX * m->count)
        return fault(v, "meter %u: its burst is out of bounds", i);
    return true;
}

static bool verify_meter_key(const struct verifier *v, uint32_t i)
{
    const struct pbc_meter *m = &v->p->meters[i];
    bool address = m->per == PBC_PER_SOURCE || m->per == PBC_PER_DESTINATION;
    if (m->per > PBC_PER_FLOW) return fault(v, "meter %u: unknown key %u", i, m->per);
    if (m->unit > PBC_METER_BYTES) return fault(v, "meter %u: unknown unit %u", i, m->unit);
    if (m->len4 > (address ? 32 : 0) || m->len6 > (address ? 128 : 0))
        return fault(v, "meter %u: invalid prefix length", i);
    return (m->entries == 0) == (m->per == PBC_PER_NONE) ||
           fault(v, "meter %u: its %u entries don't fit its key", i, m->entries);
}

static bool verify_all_meters(const struct verifier *v)
{
    uint64_t entries = 0;
    for (uint32_t i = 0; i < v->p->meters_count; i++) {
        const struct pbc_meter *m = &v->p->meters[i];
        if (!verify_string(v, m->name, "meter", i) || !verify_string(v, m->place.file, "meter", i)) return false;
        if (!verify_meter_key(v, i) || !verify_meter_rate(v, i)) return false;
        if (m->reserved[0] | m->reserved[1] | m->reserved[2] | m->reserved[3])
            return fault(v, "meter %u: reserved bytes aren't zero", i);
        entries += m->entries;
    }
    return entries <= PBC_METER_ENTRIES_MAX ||
           fault(v, "the meters have %llu entries in total, but at most %u are possible", (unsigned long long)entries,
                 PBC_METER_ENTRIES_MAX);
}

static bool verify_schedules(const struct verifier *v)
{
    const struct program *p = v->p;
    int64_t left = p->spans_count;
    for (uint32_t i = 0; i < p->schedules_count; i++) {
        const struct pbc_schedule *s = &p->schedules[i];
        if (!verify_string(v, s->name, "schedule", i) || !verify_string(v, s->zone, "schedule", i) ||
            !verify_string(v, s->place.file, "schedule", i))
            return false;
        if (!inside(s->first, s->count, p->spans_count))
            return fault(v, "schedule %u: its spans go past the end of `spans`", i);
        if (s->reserved) return fault(v, "schedule %u: reserved bytes aren't zero", i);
        left -= s->count; /* otherwise all schedules could share all spans */
        if (left < 0) return fault(v, "schedule %u: schedules share spans", i);
    }
    for (uint32_t i = 0; i < p->spans_count; i++) {
        const struct pbc_span *s = &p->spans[i];
        if (s->from >= MINUTES_A_DAY || s->to == 0 || s->to > MINUTES_A_DAY || s->days > DAYS_MASK)
            return fault(v, "span %u: invalid time", i);
        if (s->days ? s->first | s->last
                    : s->last > DATES_MOST ||
                          (uint64_t)s->first * MINUTES_A_DAY + s->from >= (uint64_t)s->last * MINUTES_A_DAY + s->to)
            return fault(v, "span %u: invalid dates", i);
        if (s->reserved[0] | s->reserved[1] | s->reserved[2]) return fault(v, "span %u: reserved bytes aren't zero", i);
    }
    return true;
}

/* Verify that a rule's log is limited by a meter without a key. */
bool verify_logs(const struct verifier *v)
{
    const struct program *p = v->p;
    for (uint32_t i = 0; i < p->rules_count; i++) {
        uint32_t meter = p->rules[i].log_meter;
        if (meter > p->meters_count) return fault(v, "rule %u: meter %u doesn't exist", i, meter - 1);
        if (meter && (p->meters[meter - 1].per || p->meters[meter - 1].unit))
            return fault(v, "rule %u: meter %u has a key or counts bytes, so it can't limit a log", i, meter - 1);
    }
    return true;
}

/* Verify that tables made for these settings are bounded, and that times do not overflow. */
static bool verify_settings(const struct verifier *v)
{
    const struct program *p = v->p;
    const struct pbc_settings *s = p->settings;
    const bool flows = p->meta->flags & PBC_KEEPS_FLOWS, fragments = p->meta->flags & PBC_FOLLOWS_FRAGMENTS;
    if (!p->settings_count) return !flows || fault(v, "section `settings` is missing");
    if (s->flows > PBC_FLOWS_MOST || s->half_open > PBC_FLOWS_MOST || s->fragments > FRAGMENTS_MOST ||
        s->routes > PBC_ROUTES_MOST)
        return fault(v, "settings: a limit is too large");
    if ((flows && (!s->flows || !s->half_open)) || (fragments && !s->fragments))
        return fault(v, "settings: a limit is 0");
    const uint64_t times[] = {
#define X(field, doc) s->field,
        PBC_TIMEOUT_FIELDS(X)
#undef X
    };
    for (unsigned i = 0; i < sizeof times / sizeof *times; i++)
        if (times[i] > PBC_METER_REFILL_MAX) return fault(v, "settings: a timeout is longer than a year");
    return true;
}

static bool verify_grains(const struct verifier *v)
{
    const struct program *p = v->p;
    for (uint32_t i = 0; i < p->grains_count; i++) {
        const struct pbc_grain *g = &p->grains[i];
        if (g->len4 > 32 || g->len6 > 128 || g->reserved)
            return fault(v, "grain %u: invalid prefix length, or its reserved bytes aren't zero", i);
        for (uint32_t k = 0; k < i; k++)
            if (p->grains[k].len4 == g->len4 && p->grains[k].len6 == g->len6)
                return fault(v, "two grains are equal, the second of them grain %u", i);
    }
    return true;
}

/* Verify that a meter belongs to rules or to services, not both: in kernel mode rules ask the kernel's meters, and
 * services the worker's. */
bool verify_meter_users(const struct verifier *v)
{
    const struct program *p = v->p;
    bool *of_service __attribute__((cleanup(free_held))) = calloc((size_t)p->meters_count + 1, sizeof *of_service);
    if (!of_service) return fault_memory(v);
    for (uint32_t i = 0; i < p->services_count; i++)
        if (p->services[i].rate) of_service[p->services[i].rate - 1] = true;
    for (uint32_t i = 0; i < p->conds_count; i++)
        if (cond_info[p->conds[i].kind].operands == OPERANDS_METER && of_service[p->conds[i].first])
            return fault(v, "condition %u uses the meter of a service's rate", i);
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (p->rules[i].log_meter && of_service[p->rules[i].log_meter - 1])
            return fault(v, "rule %u: its log uses the meter of a service's rate", i);
    for (uint32_t i = 0; i < p->would_rules_count; i++)
        if (p->would_rules[i].log_meter && of_service[p->would_rules[i].log_meter - 1])
            return fault(v, "rule %u without `audit`: its log uses the meter of a service's rate", i);
    for (uint32_t i = 0; i < p->mirrors_count; i++)
        if (p->mirrors[i].meter && of_service[p->mirrors[i].meter - 1])
            return fault(v, "mirror %u: its limit uses the meter of a service's rate", i);
    for (uint32_t i = 0; i < p->code_count; i++)
        if (op_info[p->code[i].op].operand == OPERAND_METER && of_service[p->code[i].imm])
            return fault(v, "instruction %u uses the meter of a service's rate", i);
    return true;
}

bool verify_meters(const struct verifier *v)
{
    return verify_all_meters(v) && verify_grains(v) && verify_schedules(v) && verify_logs(v) && verify_settings(v);
}
