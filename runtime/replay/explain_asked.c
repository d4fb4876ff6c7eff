/* See explain_asked.h. The verdict is put together of what the worker was asked, for nothing is judged. */
#include "runtime/replay/explain_asked.h"

#include <string.h>

#include "runtime/replay/flows.h"
#include "runtime/replay/replay_priv.h"

/* Does it belong to a flow that is sent on? */
static bool is_bound(const struct explain_look *k)
{
    return k->in_flow && (k->flow.server != PBC_NONE || k->flow.nat != PBC_NONE);
}

static bool is_arp_of_nobody(const struct explain_asked *a)
{
    return a->look->key.kind & KIND_ARP && !(a->program->meta->flags & PBC_NAMES_ARP);
}

/* What the rules accept goes to its service, or on as its flow does. */
static void accepted(const struct explain_asked *a, struct verdict *v)
{
    const struct explain_look *k = a->look;
    if (k->served.branch != PBC_NONE) {
        v->service = a->program->branches[k->served.branch].service;
        v->server = k->served.server;
        v->action = ACTION_FORWARD;
        if (v->server != PBC_NONE || a->program->services[v->service].proxy) return;
        v->action = ACTION_DROP;
        v->reason = REASON_NO_SERVER;
    } else if (is_bound(k)) {
        v->action = ACTION_FORWARD;
    }
}

static struct verdict verdict_of(const struct explain_asked *a)
{
    const struct explain_look *k = a->look;
    const struct decision *d = &k->decision;
    struct verdict v = {.rule = RULE_NONE, .firewall = PBC_NONE, .service = PBC_NONE, .server = PBC_NONE};
    v.action = ACTION_DROP;
    v.reason = k->pkt.reason;
    if (k->pkt.reason) {
        if (is_arp_of_nobody(a)) v.action = ACTION_PASS, v.reason = REASON_NONE;
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

uint32_t explain_asked_server(const struct explain_asked *a) { return verdict_of(a).server; }

/* ---- where it goes ---- */

/* Of its flow, on the wall. */
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

static void goes_text(FILE *out, const struct explain_asked *a, const struct verdict *v, const char *way)
{
    const struct explain_look *k = a->look;
    char when[TEXT_TIME], side[FLOW_SIDE_TEXT];
    if (is_bound(k) && v->server != PBC_NONE) {
        fprintf(out, "now      %s, by its flow since %s", label_server(a->labels, v->server),
                text_clock(began_ns(a), when));
        if (k->fresh.server != PBC_NONE && !k->follows)
            fprintf(out, " | a new flow would go to %s: %s", label_server(a->labels, k->fresh.server), k->fresh.how);
        fputc('\n', out);
    }
    if (v->action != ACTION_FORWARD || k->follows || v->server == PBC_NONE) return;
    fprintf(out, "leaves   %s", way ? way : "by the host's routes");
    if (is_bound(k)) fprintf(out, ", source %s", source(k, side));
    fputc('\n', out);
}

static void goes_json(FILE *out, const struct explain_asked *a, const struct verdict *v, const char *way)
{
    const struct explain_look *k = a->look;
    char text[TEXT_TIME + FLOW_SIDE_TEXT];
    fputs(",\"now\":", out);
    if (is_bound(k) && v->server != PBC_NONE)
        fprintf(out, "{\"server\":\"%s\",\"since\":\"%s\"}", label_server(a->labels, v->server),
                text_iso(began_ns(a), text));
    else
        fputs("null", out);
    fputs(",\"new_flow\":", out);
    if (k->fresh.server != PBC_NONE) {
        fprintf(out, "{\"server\":\"%s\",\"why\":", label_server(a->labels, k->fresh.server));
        text_json(out, k->fresh.how);
        fputc('}', out);
    } else {
        fputs("null", out);
    }
    fputs(",\"leaves\":", out);
    if (v->action == ACTION_FORWARD && !k->follows && way) {
        fputs("{\"interface\":", out);
        text_json(out, way);
        if (is_bound(k)) fprintf(out, ",\"source\":\"%s\"", source(k, text));
        fputc('}', out);
    } else {
        fputs("null", out);
    }
}

void explain_asked(FILE *out, const struct explain_asked *a, const char *way)
{
    const struct options o = {.json = a->json};
    const struct replay r = {.o = &o, .program = a->program, .labels = *a->labels};
    const struct verdict v = verdict_of(a);
    explain_print(&r, a->look, a->time_ns, &v, out);
    if (a->json)
        goes_json(out, a, &v, way);
    else
        goes_text(out, a, &v, way);
    if (a->json) fputc('}', out);
}
