/* Print the destinations of accepted traffic, and what meters let through: endpoints that newly reach servers, and
 * the parts of services, pools and nats that came and went. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/heap.h"

/* Most lines printed of a list, which may be as long as the programs */
enum { REACHES_SHOWN = 50, STATEMENTS_SHOWN = 40 };
/* Statements shown on either side of those that came, went or moved */
enum { KEPT_SHOWN = 2 };

static void put_line(const char *before, const char *text, size_t len, FILE *out)
{
    char *line = heap_resized(NULL, len + 1, 1);
    memcpy(line, text, len);
    line[len] = '\0';
    fprintf(out, "            %s", before);
    put_name(line, out);
    fputc('\n', out);
    free(line);
}

static void print_reach(const struct reach *r, FILE *out)
{
    fprintf(out, "%-11s ", diff_kind_names[r->kind]);
    put_name(r->to, out);
    if (r->more) fprintf(out, " and %u more", r->more);
    fprintf(out, " %s reach%s ", r->kind == DIFF_WIDENED ? "newly" : "no longer", r->endpoints > 1 ? "" : "es");
    put_name(r->servers, out);
    fprintf(out, ", by the %s ", r->what);
    put_name(r->by, out);
    fputc('\n', out);
    if (r->example) put_line(r->kind == DIFF_WIDENED ? "e.g.  " : "was   ", r->example, strlen(r->example), out);
    fputc('\n', out);
}

static void print_meter(const struct meter_change *m, FILE *out)
{
    fprintf(out, "%-11s %s ", diff_kind_names[m->kind], m->what);
    put_name(m->name, out);
    fputc('\n', out);
    put_line("was   ", m->was, strlen(m->was), out);
    put_line("now   ", m->now, strlen(m->now), out);
    fputc('\n', out);
}

/* Print the statements of one side that the other does not have. */
static void print_alone(const struct statements *p, const char *mark, FILE *out)
{
    uint32_t shown = 0, left = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->twin[i] != PBC_NONE) continue;
        if (shown++ < STATEMENTS_SHOWN)
            put_line(mark, p->at[i], strlen(p->at[i]), out);
        else
            left++;
    }
    if (left) fprintf(out, "            %sand %u more\n", mark, left);
}

/* Print statements of both sides that did not change, from `from` to `to`; only the outer ones of many. */
static void print_kept(const struct statements *p, uint32_t from, uint32_t to, FILE *out)
{
    const uint32_t many = to - from > 2 * KEPT_SHOWN + 1, left = to - from - 2 * KEPT_SHOWN;
    for (uint32_t i = from; i < to; i++) {
        if (many && i == from + KEPT_SHOWN) {
            fprintf(out, "              (%u that stay)\n", left);
            i += left;
        }
        put_line("  ", p->at[i], strlen(p->at[i]), out);
    }
}

static uint32_t next_kept(const struct statements *p, uint32_t i)
{
    while (i < p->count && p->twin[i] == PBC_NONE) i++;
    return i;
}

static void print_some(const struct statements *p, uint32_t from, uint32_t to, const char *mark, uint32_t *shown,
                       FILE *out)
{
    for (; from < to && *shown < STATEMENTS_SHOWN; from++, (*shown)++)
        put_line(mark, p->at[from], strlen(p->at[from]), out);
    if (from == to) return;
    if (*shown == STATEMENTS_SHOWN) fprintf(out, "            %sand more: --format=json lists them\n", mark);
    *shown = UINT32_MAX;
}

/* Print the statements of both sides in their order, because some of them moved. */
static void print_in_order(const struct statements p[SIDES], FILE *out)
{
    uint32_t at[SIDES] = {0}, shown[SIDES] = {0};
    while (at[OLD] < p[OLD].count || at[NEW] < p[NEW].count) {
        const uint32_t old = next_kept(&p[OLD], at[OLD]), new = next_kept(&p[NEW], at[NEW]);
        uint32_t end = old;
        print_some(&p[OLD], at[OLD], old, "- ", &shown[OLD], out);
        print_some(&p[NEW], at[NEW], new, "+ ", &shown[NEW], out);
        while (end < p[OLD].count && p[OLD].twin[end] == new + (end - old)) end++;
        at[OLD] = end;
        at[NEW] = new + (end - old);
        const bool inside = old != end && (old || new) && (at[OLD] < p[OLD].count || at[NEW] < p[NEW].count);
        if (inside && shown[OLD] <= STATEMENTS_SHOWN && shown[NEW] <= STATEMENTS_SHOWN)
            print_kept(&p[OLD], old, end, out);
    }
}

static void print_route(struct diff *d, const struct route_change *r, FILE *out)
{
    struct statements p[SIDES];
    const bool moved = statements_pair(d, r, p);
    fprintf(out, "%-11s %s%s", !r->was ? "new" : !r->now ? "gone" : "changed", r->what, *r->name ? " " : "");
    if (*r->name) put_name(r->name, out);
    fputc('\n', out);
    if (moved) {
        print_in_order(p, out);
    } else {
        print_alone(&p[OLD], "- ", out);
        print_alone(&p[NEW], "+ ", out);
    }
    fputc('\n', out);
}

void print_beyond(struct diff *d, const struct beyond *b, FILE *out)
{
    for (uint32_t i = 0; i < b->reaches.count && i < REACHES_SHOWN; i++) print_reach(&b->reaches.r[i], out);
    if (b->reaches.count > REACHES_SHOWN)
        fprintf(out, "and %u more sources that reach servers: --format=json lists them\n\n",
                b->reaches.count - REACHES_SHOWN);
    if (b->reaches.too_many)
        fputs("preyc didn't compare the servers that each endpoint reaches, because the comparison would take too "
              "long\n\n",
              out);
    for (uint32_t i = 0; i < b->meters.count; i++) print_meter(&b->meters.m[i], out);
    for (uint32_t i = 0; i < b->bounds.count; i++) print_meter(&b->bounds.m[i], out);
    for (uint32_t i = 0; i < b->routes.count; i++) print_route(d, &b->routes.r[i], out);
}

static void put_count(uint32_t n, const char *one, const char *many, FILE *out)
{
    if (n) fprintf(out, "; %u %s", n, n == 1 ? one : many);
}

void print_sum_beyond(const struct beyond *b, FILE *out)
{
    uint32_t gained = 0;
    for (uint32_t i = 0; i < b->reaches.count; i++) gained += b->reaches.r[i].kind == DIFF_WIDENED;
    put_count(gained, "new path to servers", "new paths to servers", out);
    put_count(b->reaches.count - gained, "removed path to servers", "removed paths to servers", out);
    if (b->reaches.too_many)
        fputs("; preyc didn't compare the servers that each packet reaches, so packets may reach more servers", out);
    put_count(b->meters.count, "changed meter", "changed meters", out);
    put_count(b->bounds.count, "service with changed limits", "services with changed limits", out);
    put_count(b->routes.count, "change in services, pools, nats, checks, copies, logs or settings",
              "changes in services, pools, nats, checks, copies, logs or settings", out);
}
