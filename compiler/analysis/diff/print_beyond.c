/* Print where accepted traffic goes and what meters let through: endpoints that newly reach servers, and the parts of
 * services, pools and nats that came and went. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/heap.h"

/* Most lines printed of a list, which may be as long as the programs */
enum { REACHES_SHOWN = 50, PARTS_SHOWN = 40 };

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

struct parts {
    char **at;
    uint32_t count, cap;
};

/* Split "a; b; c" into its parts, in place. */
static struct parts parts_of(char *text)
{
    struct parts p = {0};
    while (text) {
        char *end = strstr(text, "; ");
        p.at = heap_grown(p.at, (size_t)p.count + 1, sizeof(*p.at), &p.cap);
        p.at[p.count++] = text;
        if (end) *end = '\0';
        text = end ? end + 2 : NULL;
    }
    return p;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Print the parts of `p` that `other`, which is sorted, does not have. */
static void print_parts(const struct parts *p, const struct parts *other, const char *mark, FILE *out)
{
    uint32_t shown = 0, left = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        if (other->count && bsearch(&p->at[i], other->at, other->count, sizeof(*other->at), by_text)) continue;
        if (shown++ < PARTS_SHOWN)
            put_line(mark, p->at[i], strlen(p->at[i]), out);
        else
            left++;
    }
    if (left) fprintf(out, "            %sand %u more\n", mark, left);
}

static struct parts in_order(const struct parts *p)
{
    struct parts sorted = {.at = heap_resized(NULL, (size_t)p->count + 1, sizeof(*p->at)), .count = p->count};
    if (p->count) memcpy(sorted.at, p->at, p->count * sizeof(*p->at));
    if (p->count > 1) qsort(sorted.at, sorted.count, sizeof(*sorted.at), by_text);
    return sorted;
}

static void print_route(const struct route_change *r, FILE *out)
{
    char *was = r->was ? heap_strdup(r->was) : NULL, *now = r->now ? heap_strdup(r->now) : NULL;
    const struct parts old = parts_of(was), new = parts_of(now);
    const struct parts old_sorted = in_order(&old), new_sorted = in_order(&new);
    fprintf(out, "%-11s %s%s", !r->was ? "new" : !r->now ? "gone" : "changed", r->what, *r->name ? " " : "");
    if (*r->name) put_name(r->name, out);
    fputc('\n', out);
    print_parts(&old, &new_sorted, "- ", out);
    print_parts(&new, &old_sorted, "+ ", out);
    fputc('\n', out);
    free(old.at);
    free(new.at);
    free(old_sorted.at);
    free(new_sorted.at);
    free(was);
    free(now);
}

void print_beyond(const struct beyond *b, FILE *out)
{
    for (uint32_t i = 0; i < b->reaches.count && i < REACHES_SHOWN; i++) print_reach(&b->reaches.r[i], out);
    if (b->reaches.count > REACHES_SHOWN)
        fprintf(out, "and %u more that servers are reached from: --format=json has them all\n\n",
                b->reaches.count - REACHES_SHOWN);
    if (b->reaches.too_many)
        fputs("not compared, because there are too many: which endpoints reach which servers\n\n", out);
    for (uint32_t i = 0; i < b->meters.count; i++) print_meter(&b->meters.m[i], out);
    for (uint32_t i = 0; i < b->bounds.count; i++) print_meter(&b->bounds.m[i], out);
    for (uint32_t i = 0; i < b->routes.count; i++) print_route(&b->routes.r[i], out);
}

static void put_count(uint32_t n, const char *one, const char *many, FILE *out)
{
    if (n) fprintf(out, "; %u %s", n, n == 1 ? one : many);
}

void print_sum_beyond(const struct beyond *b, FILE *out)
{
    uint32_t gained = 0;
    for (uint32_t i = 0; i < b->reaches.count; i++) gained += b->reaches.r[i].kind == DIFF_WIDENED;
    put_count(gained, "new way to servers", "new ways to servers", out);
    put_count(b->reaches.count - gained, "way to servers less", "ways to servers less", out);
    if (b->reaches.too_many) fputs("; the servers that each packet reaches are not worked out, and may widen", out);
    put_count(b->meters.count, "other meter", "other meters", out);
    put_count(b->bounds.count, "service with other bounds", "services with other bounds", out);
    put_count(b->routes.count, "change of services, pools, nats, checks, copies or settings",
              "changes of services, pools, nats, checks, copies or settings", out);
}
