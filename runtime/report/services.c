/* What replay says of services: packets by service and server, and why a frame went where it did. */
#include <arpa/inet.h>
#include <string.h>

#include "runtime/report/said/streams.h"
#include "runtime/report/summary.h"
#include "vm/forward/service.h"
#include "vm/vm.h"

static void row(FILE *out, const char *name, const struct counter *c, uint64_t whole, int width)
{
    char packets[TEXT_NUMBER], bytes[TEXT_NUMBER], label[200], share[16] = "";
    if (c->packets) snprintf(share, sizeof share, "%.1f %%", 100.0 * (double)c->packets / (double)whole);
    fprintf(out, "  %-*s  %13s%9s %18s\n", width - 2, text_tail(name, (unsigned)width - 2, label, sizeof label),
            text_number(c->packets, packets), share, text_number(c->bytes, bytes));
}

struct counter server_served(const struct vm_counters *c, const struct totals *t, uint32_t server)
{
    struct counter sum = c->servers[server];
    const struct counter *more = streams_served(t->streams);
    if (more) sum.packets += more[server].packets, sum.bytes += more[server].bytes;
    return sum;
}

void services_text(FILE *out, const struct subject *r, const struct vm_counters *c, const struct totals *t, int width)
{
    const struct program *p = r->program;
    const uint64_t whole = t->frames;
    if (!p->services_count) return;
    fprintf(out, "\n%-*s  %13s%9s %18s\n", width, "service", "packets", "", "bytes");
    for (uint32_t i = 0; i < p->services_count; i++) {
        const bool past = p->past && i >= p->past->services;
        char name[250], label[300];
        snprintf(name, sizeof name, "%.200s%s", r->labels.service[i], past ? " (earlier)" : "");
        row(out, name, &c->services[i], whole, width);
        snprintf(label, sizeof label, "%s, no server", name);
        if (c->unserved[i].packets) row(out, label, &c->unserved[i], whole, width);
    }
    fprintf(out, "\n%-*s  %13s%9s %18s\n", width, "server", "packets", "", "bytes");
    for (uint32_t i = 0; i < p->servers_count; i++) {
        char label[300];
        const char *state = program_is_past(p, i) ? " (earlier)" : r->down && r->down[i] ? " (down)" : "";
        snprintf(label, sizeof label, "%.280s%s", r->labels.server[i], state);
        const struct counter all = server_served(c, t, i);
        row(out, label, &all, whole, width);
    }
}
