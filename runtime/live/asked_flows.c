/* See asked_flows.h. One worker after the other fills a part (runtime/worker/listing.h); what the filter takes of it is
 * told, and the next part is asked for when all that was told has been read. Flows that begin, end or wait for
 * another's part meanwhile may be told of or not. */
#include "runtime/live/asked_flows.h"

#include <stdlib.h>

#include "runtime/live/asked.h"
#include "runtime/live/filtered.h"
#include "runtime/live/reload.h"
#include "runtime/replay/flows.h"

struct asked_flows {
    struct asked_flows *next;
    struct live *l;
    struct call *call; /* NULL: whoever asked is gone */
    struct filter filter;
    uint64_t most, told, seen; /* flows: asked for, told of, looked at */
    unsigned worker;
    enum { IDLE, WANTS /* the worker fills another's part */, FILLS } state;
    uint32_t began_at; /* where the part began */
    uint64_t ahead_ns; /* of the clock on the wall before the worker's */
    struct listing listing;
};

/* ---- telling ---- */

static unsigned long long milliseconds(uint64_t ns) { return ns / 1000000; }

static uint64_t since(const struct asked_flows *a, uint64_t ns)
{
    return a->listing.now_ns > ns ? a->listing.now_ns - ns : 0;
}

/* As the list of a replay has it, and how old it is. Names are letters, digits, `_`, `-` and `/`. */
static void tell_flow(struct asked_flows *a, const struct labels *labels, struct flow_record f, FILE *out)
{
    fprintf(out, "{\"age_ms\":%llu,\"idle_ms\":%llu,\"worker\":%u,", milliseconds(since(a, f.began_ns)),
            milliseconds(since(a, f.seen_ns)), a->worker);
    if (f.service != PBC_NONE) fprintf(out, "\"service\":\"%s\",", label_service(labels, f.service));
    f.began_ns += a->ahead_ns;
    f.seen_ns += a->ahead_ns;
    flow_json_members(out, &f, f.server == PBC_NONE ? NULL : label_server(labels, f.server));
    fputc('}', out);
}

static void tell_part(struct asked_flows *a, const struct labels *labels)
{
    char *text = NULL;
    size_t len = 0;
    for (unsigned i = 0; i < a->listing.count && a->told < a->most; i++) {
        const struct flow_record *f = &a->listing.flows[i];
        a->seen++;
        if (!filter_takes_flow(&a->filter, &a->l->latest->facts, f)) continue;
        FILE *out = open_memstream(&text, &len);
        if (!out) return;
        tell_flow(a, labels, *f, out);
        if (!fclose(out)) a->told += call_json(a->call, text, len);
        free(text);
        text = NULL;
    }
}

static void end(struct asked_flows *a)
{
    char told[TEXT_NUMBER], seen[TEXT_NUMBER];
    struct call *c = a->call;
    if (a->told >= a->most)
        call_end(c, 0, "%s flows: there may be more", text_number(a->told, told));
    else if (a->told < a->seen)
        call_end(c, 0, "%s of %s flows", text_number(a->told, told), text_number(a->seen, seen));
    else
        call_end(c, 0, "%s flow%s", text_number(a->told, told), a->told == 1 ? "" : "s");
}

/* ---- going on ---- */

static void more(void *arg, struct call *c);
static void over(void *arg);
static const struct call_ops waits = {.over = over}, reads = {.more = more, .over = over};

static void ask_worker(struct asked_flows *a)
{
    a->began_at = a->listing.at;
    a->state = worker_list(a->l->workers[a->worker], &a->listing) ? FILLS : WANTS;
}

/* False: the call has ended, and a is gone. */
static bool go_on(struct asked_flows *a)
{
    if (a->listing.ended || a->told >= a->most) {
        a->listing.ended = false;
        a->listing.at = 0;
        a->worker++;
    }
    if (a->worker < a->l->worker_count && a->told < a->most) {
        ask_worker(a);
        return true;
    }
    end(a);
    return false;
}

/* All that was told has been read. */
static void more(void *arg, struct call *c)
{
    struct asked_flows *a = arg;
    call_follow(c, &waits, a);
    go_on(a);
}

static void let_go(struct asked_flows *a)
{
    struct asked_flows **at = &a->l->asked_flows;
    while (*at != a) at = &(*at)->next;
    *at = a->next;
    filter_fini(&a->filter);
    free(a);
}

static void over(void *arg)
{
    struct asked_flows *a = arg;
    a->call = NULL;
    if (a->state != FILLS) let_go(a);
}

/* A part is filled. */
static void take_part(struct asked_flows *a)
{
    const struct labels *labels = reload_labels(a->l, a->listing.program);
    a->state = IDLE;
    if (!a->call) {
        let_go(a);
    } else if (!labels) { /* names of a program that is gone: the same part again */
        a->listing.at = a->began_at;
        a->listing.ended = false;
        ask_worker(a);
    } else {
        a->ahead_ns = clock_ns(CLOCK_REALTIME) - a->listing.now_ns;
        tell_part(a, labels);
        if (call_waits(a->call))
            call_follow(a->call, &reads, a);
        else
            go_on(a);
    }
}

void asked_flows_step(struct live *l)
{
    for (struct asked_flows *a = l->asked_flows, *next; a; a = next) {
        next = a->next;
        if (a->state == WANTS)
            ask_worker(a);
        else if (a->state == FILLS && __atomic_load_n(&l->workers[a->worker]->listing, __ATOMIC_ACQUIRE) != &a->listing)
            take_part(a);
    }
}

void asked_flows_fini(struct live *l)
{
    while (l->asked_flows) let_go(l->asked_flows);
}

void asked_FLOWS(void *with, struct call *c)
{
    struct live *l = with;
    char err[400];
    uint64_t most = UINT64_MAX;
    struct asked_flows *a = calloc(1, sizeof *a);
    if (!a) {
        call_end(c, 2, "out of memory");
        return;
    }
    if (call_has(c, "limit") && !call_number_of(c, "limit", UINT32_MAX, &most)) {
        call_end(c, 2, "`limit` is a number of flows");
    } else if (filtered(l, c, &a->filter, err, sizeof err) && filter_suits_flows(&a->filter, err, sizeof err)) {
        a->l = l;
        a->call = c;
        a->most = most;
        a->next = l->asked_flows;
        l->asked_flows = a;
        call_follow(c, &waits, a);
        go_on(a);
        return;
    } else {
        call_end(c, 2, "%s", err);
    }
    filter_fini(&a->filter);
    free(a);
}
