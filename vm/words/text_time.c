/* Words for rates and times: meters, schedules and settings in listings, as rules would write them. */
#include "vm/words/words.h"
#include "vm/words/words_priv.h"

enum { SECOND = 1000000000 };

struct scale {
    uint64_t of;
    const char *name;
};

/* Add a value in the largest unit that divides it; the last row divides all. */
static void add_scaled(struct text *t, uint64_t value, const struct scale *s)
{
    while (value == 0 ? s->of != 1 : value % s->of != 0) s++;
    text_add(t, "%llu%s", (unsigned long long)(value / s->of), s->name);
}

void text_add_bytes(struct text *t, uint64_t bytes)
{
    static const struct scale sizes[] = {
        {1u << 30, "GiB"}, {1000000000, "GB"}, {1u << 20, "MiB"}, {1000000, "MB"},
        {1u << 10, "KiB"}, {1000, "KB"},       {1, "B"},
    };
    add_scaled(t, bytes, sizes);
}

void text_add_duration(struct text *t, uint64_t ns)
{
    static const struct scale units[] = {
        {86400ull * SECOND, "d"}, {3600ull * SECOND, "h"},
        {60ull * SECOND, "m"},    {SECOND, "s"},
        {1000000, "ms"},          {1, "ns"},
    };
    if (ns == 0) text_add(t, "0s");
    for (const struct scale *u = units; ns; ns %= u->of, u++)
        if (ns >= u->of) text_add(t, "%llu%s", (unsigned long long)(ns / u->of), u->name);
}

static void add_prefix_lengths(struct text *t, unsigned len4, unsigned len6)
{
    if (len4 != 32 || len6 != 128) text_add(t, "/%u,/%u", len4, len6);
}

void text_add_flows_over(struct text *t, uint32_t flows, const struct pbc_grain *g)
{
    text_add(t, "%u per source", flows);
    add_prefix_lengths(t, g->len4, g->len6);
}

void text_add_meter(struct text *t, const struct pbc_meter *m)
{
    static const struct scale rates[] = {{1000000000, "Gbit/s"}, {1000000, "Mbit/s"}, {1000, "kbit/s"}, {1, "bit/s"}};
    static const char *const keys[] = {
        [PBC_PER_SOURCE] = " per source",
        [PBC_PER_DESTINATION] = " per destination",
        [PBC_PER_FLOW] = " per flow",
    };
    if (m->unit == PBC_METER_BYTES) {
        add_scaled(t, m->count * 8, rates);
        text_add(t, " burst ");
        text_add_bytes(t, m->burst);
    } else {
        text_add(t, "%llu/%s burst %llu", (unsigned long long)m->count,
                 m->per_ns == SECOND           ? "s"
                 : m->per_ns == 60ull * SECOND ? "m"
                                               : "h",
                 (unsigned long long)m->burst);
    }
    if (!m->per) return;
    text_add(t, "%s", keys[m->per]);
    if (m->per != PBC_PER_FLOW) add_prefix_lengths(t, m->len4, m->len6);
    text_add(t, " entries %u", m->entries);
}

void meter_text(const struct pbc_meter *m, char *buf, size_t len)
{
    struct text t = text_of(buf, len);
    text_add_meter(&t, m);
}

/* Add runs of days: "mon-fri", "mon, wed"; nothing for all seven. */
static void add_days(struct text *t, uint32_t days)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const char *comma = "";
    for (unsigned d = 0; days != 127 && d < 7; d++) {
        unsigned last = d;
        if (!(days >> d & 1)) continue;
        while (last < 6 && days >> (last + 1) & 1) last++;
        text_add(t, "%s%s", comma, names[d]);
        if (last > d) text_add(t, "-%s", names[last]);
        comma = ", ";
        d = last;
    }
    if (days != 127) text_add(t, " ");
}

void text_add_schedule(struct text *t, const struct program *p, const struct pbc_schedule *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct pbc_span *span = &p->spans[s->first + i];
        if (i) text_add(t, ", ");
        add_days(t, span->days);
        text_add(t, "%02u:%02u-%02u:%02u", span->from / 60, span->from % 60, span->to / 60, span->to % 60);
    }
    text_add(t, " zone ");
    text_add_name(t, s->zone ? program_str(p, s->zone) : "UTC");
}
