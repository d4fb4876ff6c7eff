/* `flows`: the flows of all workers and sessions of all proxy loops that a filter takes. The next part is requested
 * once the reader has read the current one. */
#include <stdlib.h>
#include <string.h>

#include "lang/json.h"
#include "runtime/base/clock.h"
#include "runtime/exchange/first_frame.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/control/flows/flow_walk.h"
#include "runtime/live/control/handed.h"
#include "runtime/live/control/questions.h"
#include "runtime/live/world/devices.h"
#include "runtime/proxy/told/log_line.h"
#include "runtime/report/flow_list.h"
#include "vm/words/words.h"

struct asked_flows {
    struct walk walk;
    struct call *call; /* the waiting call; NULL: the caller is gone */
    struct filter filter;
    uint64_t most, told, seen; /* flows requested, reported and looked at */
    uint64_t left_out;         /* flows that did not fit in the answer */
    uint64_t ahead_ns;         /* wall clock minus the worker's clock */
};

static unsigned long long milliseconds(uint64_t ns) { return ns / 1000000; }

static uint64_t since(const struct asked_flows *a, uint64_t ns)
{
    const uint64_t now = walk_now(&a->walk);
    return now > ns ? now - ns : 0;
}

/* Write the members that flows and sessions begin with. Names are letters, digits, `_`, `-` and `/`. */
static void tell_begin(const struct asked_flows *a, const struct labels *labels, const struct flow_record *f, FILE *out)
{
    const unsigned workers = a->walk.control->carry->worker_count, at = a->walk.worker;
    fprintf(out, "{\"age_ms\":%llu,\"idle_ms\":%llu,\"worker\":%u,", milliseconds(since(a, f->began_ns)),
            milliseconds(since(a, f->seen_ns)), at < workers ? at : at - workers);
    if (f->service != PBC_NONE) fprintf(out, "\"service\":\"%s\",", label_service(labels, f->service));
}

/* Write the rule that would decide on the flow's first packet now, because flows do not keep their rule. Write
 * nothing while programs change. */
static void tell_rule(const struct asked_flows *a, const struct labels *labels, const struct flow_record *f, FILE *out)
{
    const struct control *control = a->walk.control;
    const struct program *p = control->carry->now.program;
    if (!change_settled(control->carry) || walk_program(&a->walk) != p->serial) return;
    const struct facts *facts = &control->carry->latest->facts;
    const struct frame_spec first = first_frame(f);
    const uint16_t iface = devices_opener_iface(control->world, facts, f);
    const struct decision d = first_frame_judge(p, facts, &first, iface, MARK_NEW);
    fputs("\"rule\":", out);
    text_json(out, label_of(labels, d.rule));
    fputc(',', out);
}

/* Write a flow in the form of a replay's list. */
static void tell_flow(const struct asked_flows *a, const struct labels *labels, struct flow_record f, FILE *out)
{
    tell_begin(a, labels, &f, out);
    tell_rule(a, labels, &f, out);
    f.began_ns += a->ahead_ns;
    f.seen_ns += a->ahead_ns;
    flow_json_members(out, &f, f.server == PBC_NONE ? NULL : label_server(labels, f.server));
    fputc('}', out);
}

static void tell_session(const struct asked_flows *a, const struct labels *labels, const struct session_record *s,
                         FILE *out)
{
    const struct flow_record *f = &s->flow;
    char time[TEXT_TIME], target[LOG_TARGET_MAX];
    tell_begin(a, labels, f, out);
    flow_json_sides(out, f);
    if (f->vlan[0] != VLAN_UNTAGGED) flow_json_vlans(out, f);
    fputs(",\"session\":true,\"rule\":", out);
    text_json(out, label_of(labels, s->rule));
    fputc(',', out);
    if (f->server != PBC_NONE) fprintf(out, "\"server\":\"%s\",", label_server(labels, f->server));
    if (s->target.port) fprintf(out, "\"target\":\"%s\",", (const char *)log_target(target, &s->target).at);
    fprintf(out, "\"state\":\"%s\",\"up_bytes\":%llu,\"down_bytes\":%llu",
            session_phase_name((enum session_phase)s->phase), (unsigned long long)s->up_bytes,
            (unsigned long long)s->down_bytes);
    if (s->since_ns) fprintf(out, ",\"since\":\"%s\"", text_iso(s->since_ns + a->ahead_ns, time));
    fprintf(out, ",\"began\":\"%s\"", text_iso(f->began_ns + a->ahead_ns, time));
    fprintf(out, ",\"last\":\"%s\"}", text_iso(f->seen_ns + a->ahead_ns, time));
}

/* Return an observed connection as a flow, for filters and for its sides. */
static struct flow_record as_flow(const struct observe_record *r)
{
    struct flow_record f = {.src_port = r->ends.client_port,
                            .dst_port = r->ends.server_port,
                            .proto = 6,
                            .family = r->ends.family,
                            .vlan = {r->ends.vlan[0], r->ends.vlan[1]},
                            .began_ns = r->begin_ns,
                            .seen_ns = r->seen_ns,
                            .service = PBC_NONE,
                            .server = PBC_NONE,
                            .nat = PBC_NONE};
    memcpy(f.src, r->ends.client, sizeof f.src);
    memcpy(f.dst, r->ends.server, sizeof f.dst);
    return f;
}

static void tell_observed(const struct asked_flows *a, const struct labels *labels, const struct observed_listed *w,
                          FILE *out)
{
    const struct observe_record *r = &w->record;
    const struct program *p = labels->program;
    const struct flow_record f = as_flow(r);
    char time[TEXT_TIME];
    tell_begin(a, labels, &f, out);
    if (r->observe < p->observes_count) json_print(out, "'service':%s,", program_str(p, p->observes[r->observe].name));
    flow_json_sides(out, &f);
    if (f.vlan[0] != VLAN_UNTAGGED) flow_json_vlans(out, &f);
    json_print(out, ",'observed':%i,'state':%s,'tcp':%s,'branch':%s,", true, r->cut_ns ? "cut into" : "observed",
               observe_state_name[r->state], r->does < PBC_DOES ? does_name(r->does) : "undecided");
    if (*w->name) json_print(out, "'name':%s,", w->name);
    json_print(out, "'up_bytes':%llu,'down_bytes':%llu", (unsigned long long)r->sum.half[OBSERVE_CLIENT].bytes,
               (unsigned long long)r->sum.half[OBSERVE_SERVER].bytes);
    json_print(out, ",'holes':%llu", (unsigned long long)(r->sum.half[0].holes + r->sum.half[1].holes));
    fprintf(out, ",\"since\":\"%s\"", text_iso((r->cut_ns ? r->cut_ns : r->begin_ns) + a->ahead_ns, time));
    fprintf(out, ",\"began\":\"%s\"", text_iso(f.began_ns + a->ahead_ns, time));
    fprintf(out, ",\"last\":\"%s\"}", text_iso(f.seen_ns + a->ahead_ns, time));
}

/* Report the text written to a stream in memory. out is NULL if memory ran out. */
static void tell_one(struct asked_flows *a, FILE *out, char **text, const size_t *len)
{
    const bool told = out && !fclose(out) && call_json(a->call, *text, *len);
    a->told += told;
    a->left_out += !told;
    free(*text);
    *text = NULL;
}

static void tell_watching(struct asked_flows *a, const struct labels *labels)
{
    const struct listing *l = &a->walk.listing;
    char *text = NULL;
    size_t len = 0;
    for (unsigned i = 0; i < l->observed_count && a->told < a->most; i++) {
        const struct flow_record f = as_flow(&l->watching[i].record);
        a->seen++;
        if (!filter_takes_flow(&a->filter, &a->walk.control->carry->latest->facts, &f)) continue;
        FILE *out = open_memstream(&text, &len);
        if (out) tell_observed(a, labels, &l->watching[i], out);
        tell_one(a, out, &text, &len);
    }
}

static void tell_part(struct asked_flows *a, const struct labels *labels)
{
    const struct walk *w = &a->walk;
    const bool sessions = walk_of_sessions(w);
    const unsigned count = sessions ? w->sessions.count : w->listing.count;
    char *text = NULL;
    size_t len = 0;
    for (unsigned i = 0; i < count && a->told < a->most; i++) {
        const struct flow_record *f = sessions ? &w->sessions.sessions[i].flow : &w->listing.flows[i];
        a->seen++;
        if (!filter_takes_flow(&a->filter, &w->control->carry->latest->facts, f)) continue;
        FILE *out = open_memstream(&text, &len);
        if (out && sessions) tell_session(a, labels, &w->sessions.sessions[i], out);
        if (out && !sessions) tell_flow(a, labels, *f, out);
        tell_one(a, out, &text, &len);
    }
    if (!sessions) tell_watching(a, labels);
}

static void flows_end(struct asked_flows *a)
{
    char told[TEXT_NUMBER], seen[TEXT_NUMBER];
    struct call *c = a->call;
    if (a->left_out)
        call_end(c, 2, "%s flow%s left out: out of memory, or the reply is too long; use a narrower filter",
                 text_number(a->left_out, seen), a->left_out == 1 ? " is" : "s are");
    else if (a->told >= a->most)
        call_end(c, 0, "%s flow%s: there may be more", text_number(a->told, told), text_plural(a->told));
    else if (a->told < a->seen)
        call_end(c, 0, "%s of %s flow%s", text_number(a->told, told), text_number(a->seen, seen), text_plural(a->seen));
    else
        call_end(c, 0, "%s flow%s", text_number(a->told, told), text_plural(a->told));
}

static void flows_more(void *arg, struct call *c);
static void flows_gone(void *arg);
static const struct call_ops waits = {.over = flows_gone}, reads = {.more = flows_more, .over = flows_gone};

static void flows_go_on(struct asked_flows *a)
{
    if (a->told >= a->most || !walk_on(&a->walk)) flows_end(a);
}

/* Continue after the reader has read all parts. */
static void flows_more(void *arg, struct call *c)
{
    struct asked_flows *a = arg;
    call_follow(c, &waits, a);
    flows_go_on(a);
}

static void flows_gone(void *arg)
{
    struct asked_flows *a = arg;
    walk_leave(&a->walk);
}

static void flows_part(struct walk *w)
{
    struct asked_flows *a = (struct asked_flows *)w;
    const struct labels *labels = change_labels(w->control->carry, walk_program(w));
    if (!labels) { /* the program with these names is gone */
        walk_again(w);
        return;
    }
    a->ahead_ns = clock_ns(CLOCK_REALTIME) - walk_now(w);
    tell_part(a, labels);
    if (call_waits(a->call))
        call_follow(a->call, &reads, a);
    else
        flows_go_on(a);
}

static void flows_free(struct walk *w)
{
    struct asked_flows *a = (struct asked_flows *)w;
    filter_fini(&a->filter);
    free(a);
}

static const struct walk_ops parts = {.part = flows_part, .free = flows_free};

void asked_FLOWS(void *with, struct call *c)
{
    struct control *control = with;
    char err[400];
    uint64_t most = UINT64_MAX;
    struct asked_flows *a = calloc(1, sizeof *a);
    if (!a) {
        call_end(c, 2, "out of memory");
        return;
    }
    if (call_has(c, "limit") && !call_number_of(c, "limit", UINT32_MAX, &most)) {
        call_end(c, 2, "`limit` must be a number of flows");
    } else if (handed_filter(control, c, &a->filter, err, sizeof err) &&
               filter_suits_flows(&a->filter, err, sizeof err)) {
        a->call = c;
        a->most = most;
        call_follow(c, &waits, a);
        walk_begin(&a->walk, control, &parts);
        return;
    } else {
        call_end(c, 2, "%s", err);
    }
    filter_fini(&a->filter);
    free(a);
}
