/* See asked.h. Nothing is judged: the verdict is composed from the worker's answers. */
#include "runtime/report/explain/asked.h"

#include <string.h>

#include "runtime/report/explain/parts.h"
#include "runtime/report/explain/sent.h"
#include "runtime/report/flow_list.h"
#include "vm/forward/service.h"

/* True if the packet belongs to a bound flow. */
static bool is_bound(const struct explain_look *k)
{
    return k->in_flow && (k->flow.server != PBC_NONE || k->flow.nat != PBC_NONE);
}

/* True for a segment that opens no connection, to a service whose connections end in the inline stack: it can't
 * belong to a connection. */
static bool has_no_connection(const struct explain_look *k, const struct pbc_service *s)
{
    const struct key *key = k->inner ? &k->inner_key : &k->key;
    return mode_is(s->mode, MODE_INLINE_STACK) && (key->marks & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN;
}

/* Fill in the verdict of an accepted packet: to its service, or on as its flow says. */
static void accepted(const struct explain_asked *a, struct verdict *v)
{
    const struct explain_look *k = a->look;
    if (k->served.branch != PBC_NONE) {
        v->service = a->program->branches[k->served.branch].service;
        v->server = k->served.server;
        v->action = ACTION_FORWARD;
        if (has_no_connection(k, &a->program->services[v->service])) {
            v->action = ACTION_REJECT;
            v->reason = REASON_NO_FLOW;
            return;
        }
        const struct pbc_service *s = &a->program->services[v->service];
        if (!k->served.drains && (v->server != PBC_NONE || s->proxy)) return;
        v->action = (uint8_t)service_without_server(s);
        v->reason = k->served.drains ? REASON_SERVICE_DRAINS : REASON_NO_SERVER;
    } else if (is_bound(k)) {
        v->action = ACTION_FORWARD;
    } else if (k->nat.nat != PBC_NONE) {
        v->action = k->nat.reason ? ACTION_DROP : ACTION_FORWARD;
        v->reason = (uint8_t)k->nat.reason;
    } else if (k->nat.unknown && a->drops_unknown) {
        v->action = ACTION_DROP;
        v->reason = REASON_NO_WAY;
    } else if (k->shut) {
        v->action = ACTION_DROP;
        v->reason = REASON_UNJUDGED;
    }
}

static struct verdict asked_verdict(const struct explain_asked *a)
{
    const struct explain_look *k = a->look;
    const struct decision *d = &k->decision;
    struct verdict v = {.rule = RULE_NONE, .firewall = PBC_NONE, .service = PBC_NONE, .server = PBC_NONE};
    v.action = ACTION_DROP;
    v.reason = k->pkt.reason;
    if (k->pkt.reason) {
        if (a->look->key.kind & KIND_ARP && !(a->program->meta->flags & PBC_NAMES_ARP))
            v.action = ACTION_PASS, v.reason = REASON_NONE;
        return v;
    }
    if (k->goes_on) {
        v.action = ACTION_FORWARD;
        v.flags = VERDICT_REPLY;
        v.service = k->goes.service;
        return v;
    }
    if (k->follows) {
        v.action = ACTION_FORWARD;
        v.flags = VERDICT_REPLY;
        v.service = k->flow.service;
        v.server = k->flow.server;
        return v;
    }
    v.rule = d->rule;
    v.firewall = d->firewall;
    v.action = d->action;
    if (k->unopened || (k->inner && k->inner->reason)) {
        v.action = ACTION_DROP;
        v.reason = k->unopened ? (uint8_t)k->unopened : k->inner->reason;
    } else if (v.action == ACTION_ACCEPT) {
        accepted(a, &v);
    }
    return v;
}

uint32_t explain_asked_server(const struct explain_asked *a) { return asked_verdict(a).server; }

/* Return the wall-clock time at which the flow began. */
static uint64_t began_ns(const struct explain_asked *a)
{
    const struct explain_look *k = a->look;
    return a->time_ns - (k->in.mono_ns > k->flow.began_ns ? k->in.mono_ns - k->flow.began_ns : 0);
}

static const char *source(const struct explain_look *k, char buf[FLOW_SIDE_TEXT])
{
    struct flow_record as = k->flow;
    memcpy(as.src, k->flow.to_src, sizeof as.src);
    as.src_port = k->flow.to_src_port;
    return flow_side(&as, FLOW_ORIGINAL, buf);
}

/* Write the sides of the flow before and after translation. */
static void sides(const struct flow_record *f, enum flow_dir dir, struct field *c)
{
    struct flow_record to = *f;
    memcpy(to.src, f->to_src, sizeof to.src);
    memcpy(to.dst, f->to_dst, sizeof to.dst);
    to.src_port = f->to_src_port;
    to.dst_port = f->to_dst_port;
    const bool drawn = dir == FLOW_ORIGINAL && f->src_port && !f->to_src_port;
    if (drawn) to.proto = UINT8_MAX; /* no protocol has this number, so the side is written without a port */
    char side[FLOW_SIDE_TEXT];
    snprintf(c->after, sizeof c->after, "%s%s", flow_side(&to, dir, side),
             drawn ? ", a free port, chosen at random" : "");
    flow_side(f, dir, c->before);
}

/* Write the changes of addresses and ports by translation. Return their number, at most 2. */
static unsigned changes_of(const struct explain_look *k, const struct verdict *v, struct field changes[2])
{
    const bool bound = is_bound(k) && k->flow.nat != PBC_NONE;
    unsigned n = 0;
    if (v->action != ACTION_FORWARD || k->goes_on || (!bound && k->nat.nat == PBC_NONE)) return 0;
    for (enum flow_dir dir = FLOW_ORIGINAL; dir <= FLOW_REPLY; dir++) {
        struct field *c = &changes[n];
        sides(bound ? &k->flow : &k->nat.to, dir, c);
        c->name = (dir == FLOW_ORIGINAL) == !k->follows ? "source" : "destination";
        n += strcmp(c->before, c->after) != 0;
    }
    for (unsigned i = 0; k->follows && i < n; i++) { /* a reply is changed in reverse */
        const struct field c = changes[i];
        memcpy(changes[i].before, c.after, sizeof c.after);
        memcpy(changes[i].after, c.before, sizeof c.before);
    }
    return n;
}

/* Return words about a packet that is lost on its way out; NULL: it leaves. */
static const char *lost_of(const struct explain_asked *a, const struct verdict *v)
{
    return v->action == ACTION_FORWARD && !is_bound(a->look) && !a->look->goes_on && !a->look->follows ? a->lost : NULL;
}

static void goes_text(FILE *out, const struct explain_asked *a, const struct verdict *v, const char *way)
{
    const struct explain_look *k = a->look;
    char when[TEXT_TIME], side[FLOW_SIDE_TEXT];
    if (is_bound(k) && v->server != PBC_NONE) {
        fprintf(out, "now      %s, by its flow since %s", label_server(a->labels, v->server),
                text_clock(began_ns(a), when));
        if (k->fresh.server != PBC_NONE && !k->follows)
            fprintf(out, " | a new flow would go to %s: %s", label_server(a->labels, k->fresh.server), k->fresh.how);
        if (k->fresh.drains && !k->follows) fputs(" | a new flow would be refused, because the service drains", out);
        fputc('\n', out);
    }
    if (v->action != ACTION_FORWARD || k->follows || v->server == PBC_NONE) return;
    fprintf(out, "leaves   %s", way ? way : "by this machine's routes");
    if (is_bound(k)) fprintf(out, ", source %s", source(k, side));
    fputc('\n', out);
}

static void goes_json(FILE *out, const struct explain_asked *a, const struct verdict *v, const char *way)
{
    const struct explain_look *k = a->look;
    char text[TEXT_TIME + FLOW_SIDE_TEXT];
    if (is_bound(k) && v->server != PBC_NONE)
        json_print(out, ",'now':{'server':%s,'since':%s}", label_server(a->labels, v->server),
                   text_iso(began_ns(a), text));
    else
        json_print(out, ",'now':null");
    if (k->fresh.server != PBC_NONE)
        json_print(out, ",'new_flow':{'server':%s,'why':%s}", label_server(a->labels, k->fresh.server), k->fresh.how);
    else
        json_print(out, k->fresh.drains ? ",'new_flow':{'drains':%i}" : ",'new_flow':null", k->fresh.drains);
    if (v->action != ACTION_FORWARD || k->follows || !way)
        json_print(out, ",'leaves':null");
    else if (is_bound(k))
        json_print(out, ",'leaves':{'interface':%s,'source':%s}", way, source(k, text));
    else
        json_print(out, ",'leaves':{'interface':%s}", way);
}

void explain_asked(FILE *out, const struct explain_asked *a, const char *way)
{
    const struct options o = {.json = a->json};
    const struct subject r = {.o = &o, .program = a->program, .labels = *a->labels};
    const struct verdict v = asked_verdict(a);
    explain_print(&r, a->look, a->time_ns, &v, out);
    struct field changes[2];
    const unsigned n = changes_of(a->look, &v, changes);
    if (a->json) {
        goes_json(out, a, &v, way);
        fields_json(out, changes, n);
        if (lost_of(a, &v)) json_print(out, ",'lost':%s", a->lost);
        fputc('}', out);
    } else {
        goes_text(out, a, &v, way);
        for (unsigned i = 0; i < n; i++)
            fprintf(out, "%s %s %s -> %s\n", i ? "        " : "leaves  ", changes[i].name, changes[i].before,
                    changes[i].after);
        if (lost_of(a, &v)) fprintf(out, "lost     %s\n", a->lost);
    }
}
