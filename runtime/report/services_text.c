/* Packets by service, server and service that watches, as text. */

#include "runtime/report/said/streams.h"
#include "runtime/report/summary.h"
#include "runtime/report/table.h"
#include "vm/vm.h"

static void row(const struct table *t, const char *name, const struct counter *c)
{
    char cut[TABLE_NAME];
    table_row(t, text_tail(name, (unsigned)t->name - 2, cut, sizeof cut), c, false, "");
}

struct counter server_served(const struct vm_counters *c, const struct totals *t, uint32_t server)
{
    struct counter sum = c->servers[server];
    const struct counter *more = streams_served(t->streams);
    if (more) sum.packets += more[server].packets, sum.bytes += more[server].bytes;
    return sum;
}

void services_text(const struct table *table, const struct subject *r, const struct vm_counters *c,
                   const struct totals *t)
{
    const struct program *p = r->program;
    if (c->observes && p->observes_count) {
        table_head(table, "observe service", "");
        for (uint32_t i = 0; i < p->observes_count; i++)
            row(table, program_str(p, p->observes[i].name),
                &(struct counter){.packets = c->observes[i].packets, .bytes = c->observes[i].bytes});
    }
    if (!p->services_count) return;
    table_head(table, "service", "");
    for (uint32_t i = 0; i < p->services_count; i++) {
        const bool past = p->past && i >= p->past->services;
        char name[250], label[300];
        snprintf(name, sizeof name, "%.200s%s", r->labels.service[i], past ? " (earlier)" : "");
        row(table, name, &c->services[i]);
        snprintf(label, sizeof label, "%s, no server", name);
        if (c->unserved[i].packets) row(table, label, &c->unserved[i]);
    }
    table_head(table, "server", "");
    for (uint32_t i = 0; i < p->servers_count; i++) {
        char label[300];
        const char *state = program_is_past(p, i) ? " (earlier)" : r->down && r->down[i] ? " (down)" : "";
        snprintf(label, sizeof label, "%.280s%s", r->labels.server[i], state);
        const struct counter all = server_served(c, t, i);
        row(table, label, &all);
    }
}
