/* Verdicts per second in the last ten minutes, computed from a ring of counters at each step. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/live/control/document/document_priv.h"

enum { STEPS = 600 };

struct history {
    unsigned count, next; /* number of points; index of the next one */
    struct point {
        uint64_t mono_ns, packets[ACTION_COUNT];
    } points[STEPS + 1];
};

struct history *history_new(uint64_t mono_ns)
{
    struct history *h = calloc(1, sizeof *h);
    if (!h) return NULL;
    h->points[0].mono_ns = mono_ns;
    h->count = h->next = 1;
    return h;
}

void history_add(struct history *h, const struct vm_counters *c, uint64_t mono_ns)
{
    struct point *p = &h->points[h->next];
    p->mono_ns = mono_ns;
    for (unsigned a = 0; a < ACTION_COUNT; a++) p->packets[a] = c->verdicts[a].packets;
    h->next = (h->next + 1) % (STEPS + 1);
    if (h->count < STEPS + 1) h->count++;
}

/* Return point i, where 0 is the oldest. */
static const struct point *point_at(const struct history *h, unsigned i)
{
    return &h->points[(h->next + STEPS + 1 - h->count + i) % (STEPS + 1)];
}

/* Return the growth per second between two points. Counters start again with a new program. */
static uint64_t rate(const struct point *a, const struct point *b, unsigned action)
{
    const uint64_t ns = b->mono_ns - a->mono_ns;
    if (b->packets[action] < a->packets[action] || !ns) return 0;
    return (uint64_t)((double)(b->packets[action] - a->packets[action]) * 1e9 / (double)ns + 0.5);
}

/* Add an array of numbers as raw text, because cJSON would need a node for each. */
static void series(cJSON *to, const struct history *h, unsigned action)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out) return;
    fputc('[', out);
    for (unsigned i = 1; i < h->count; i++)
        fprintf(out, i > 1 ? ",%llu" : "%llu", (unsigned long long)rate(point_at(h, i - 1), point_at(h, i), action));
    fputc(']', out);
    if (!fclose(out)) cJSON_AddRawToObject(to, action_name(action), text);
    free(text);
}

void history_json(const struct history *h, cJSON *root, uint64_t mono_ns)
{
    if (!h || h->count < 2) {
        cJSON_AddNullToObject(root, "history");
        return;
    }
    const struct point *first = point_at(h, 0), *last = point_at(h, h->count - 1);
    cJSON *to = cJSON_AddObjectToObject(root, "history");
    json_number(to, "span_ms", (last->mono_ns - first->mono_ns) / 1000000);
    json_number(to, "ended_ms_ago", mono_ns > last->mono_ns ? (mono_ns - last->mono_ns) / 1000000 : 0);
    cJSON *verdicts = cJSON_AddObjectToObject(to, "packets_per_s");
    for (unsigned a = 0; a < ACTION_COUNT; a++) series(verdicts, h, a);
}

void history_free(struct history *h) { free(h); }
