/* --explain: for one frame, every rule that was tried, why it matched or not, and what became of the frame. */
#include "runtime/report/explain/explain_packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/base/out.h"
#include "runtime/report/explain/fate.h"
#include "runtime/report/explain/parts.h"
#include "runtime/report/said/streams.h"
#include "vm/packet/reply/frame.h"
#include "vm/words/words.h"

static const char *const reason_doc[REASON_COUNT] = {
#define REASON(ident, name, doc) [REASON_##ident] = doc,
#include "vm/reason.def"
};

struct explained {
    const struct subject *r;
    const struct explain_look *look; /* state of the worker after the frames before */
    uint64_t time_ns;
    const struct pkt *pkt;
    const struct key *key;
    const struct explain_steps *tried;
    const struct fate *fate;
    bool opens;               /* a rule that opens a tunnel decided; the result is below */
    const struct pkt *inner;  /* the packet inside; NULL: none */
    enum pkt_reason unopened; /* reason why no packet was found inside */
    FILE *out;
    int width; /* width of the rule column */
    unsigned steps;
};

static const char *why(const struct explained *x, const struct trace_step *s, char *buf, size_t len)
{
    const struct program *p = x->r->program;
    if (s->matched || s->failed_cond == PBC_NONE) return "";
    step_explain(p, s, x->key, x->pkt, buf, len);
    return text_clean(buf);
}

/* Return the effect of a rule that matched, in one of the buffers. */
static const char *done(const struct explained *x, const struct trace_step *s, char verdict[128],
                        char copies[MIRROR_TEXT])
{
    const struct program *p = x->r->program;
    const struct pbc_mirror *m = program_mirror(p, s->rule);
    if (!m) return label_verdict(&x->r->labels, s->rule, verdict, 128);
    mirror_text(p, m, copies);
    return text_clean(copies);
}

static void step_text(void *arg, const struct trace_step *s)
{
    struct explained *x = arg;
    char buf[300], verdict[128], copies[MIRROR_TEXT];
    const char *reason = why(x, s, buf, sizeof buf);
    const char *label = label_rule(&x->r->labels, s->rule),
               *place = label_place(&x->r->labels, label_rule_place(&x->r->labels, s->rule));
    if (s->matched) reason = done(x, s, verdict, copies);
    fprintf(x->out, "  %*s%-*s  %-3s  %s%s(%s)\n", (int)s->depth * 2, "", x->width - (int)s->depth * 2, label,
            s->matched ? "yes" : "no", reason, *reason ? " " : "", place);
    x->steps++;
}

static void step_json(void *arg, const struct trace_step *s)
{
    struct explained *x = arg;
    const struct labels *l = &x->r->labels;
    char buf[300], verdict[128];
    json_next(x->out, x->steps++);
    json_print(x->out, "{'rule':%s,'place':%s,'verdict':%s,'depth':%u,'matched':%i,'why':%s}", label_rule(l, s->rule),
               label_rule_place(l, s->rule), label_verdict(l, s->rule, verdict, sizeof verdict), s->depth, s->matched,
               s->matched ? NULL : why(x, s, buf, sizeof buf));
}

/* Widen the rule column for a step; run before printing. */
static void step_width(void *arg, const struct trace_step *s)
{
    struct explained *x = arg;
    const int n = (int)strlen(label_rule(&x->r->labels, s->rule)) + (int)s->depth * 2;
    if (n > x->width) x->width = n < 40 ? n : 40;
}

/* True if the rule list is applied to this frame. */
static bool fate_is_judged(const struct fate *f)
{
    const struct verdict *v = &f->verdict;
    if (f->followed || v->action == ACTION_HELD || v->flags & VERDICT_REPLY) return false;
    return v->rule != RULE_NONE || v->reason == REASON_NONE || v->reason == REASON_NO_SERVER ||
           v->reason == REASON_SERVICE_DRAINS;
}

static void each(struct explained *x, const struct explain_steps *steps, trace_fn *fn)
{
    for (size_t i = 0; i < steps->count; i++) fn(x, &steps->of[i]);
}

/* Call `fn` for each step that was tried, or would be, in order. */
static void each_step(struct explained *x, trace_fn *fn)
{
    const bool opened = x->unopened == REASON_NONE; /* otherwise the rules were tried on the outer packet only */
    if (fate_is_judged(x->fate) && opened) each(x, x->tried, fn);
    each(x, &x->fate->steps, fn);
}

/* True if a rule decides a fragment that follows its first. */
static bool is_decided(const struct explained *x)
{
    const struct fate *f = x->fate;
    const struct trace_step *last = f->steps.count ? &f->steps.of[f->steps.count - 1] : NULL;
    return last && last->matched && x->r->program->rules[last->rule].verdict <= PBC_V_REJECT;
}

/* True for a packet of a service's connection, which no rule judges. */
static bool is_of_connection(const struct explained *x)
{
    const struct verdict *v = &x->fate->verdict;
    return x->look->goes_on && v->rule == RULE_NONE && v->action == ACTION_FORWARD;
}

/* Return why the frame is not judged. */
static const char *unjudged(const struct explained *x)
{
    const struct fate *f = x->fate;
    if (f->verdict.action == ACTION_HELD)
        return x->key->kind & KIND_FRAGMENT ? "its first fragment had not come when the capture ended"
                                            : "the branch of its connection was still unknown when the capture ended";
    if (is_of_connection(x)) return "its connection was judged when it began";
    if (f->verdict.flags & VERDICT_REPLY) return "it is a reply in a flow of a service or translation";
    return f->followed ? "it gets the verdict of its first fragment" : reason_doc[f->verdict.reason];
}

/* Go on with the packet inside. */
static void go_inner(struct explained *x)
{
    x->pkt = x->inner;
    x->key = &x->look->inner_key;
    x->tried = &x->look->inner_steps;
    x->steps = 0;
}

static const char *describe_inner(const struct explained *x, char *buf, size_t len)
{
    pkt_describe(x->inner, &x->look->inner_key, buf, len);
    return text_clean(buf);
}

static void captured_text(FILE *out, const struct pkt *p)
{
    if (p->cap_len < p->wire_len) fprintf(out, ", %u captured", p->cap_len);
}

/* Write the rules that were tried on the outer packet, and its content. */
static void outer_text(struct explained *x)
{
    char what[200];
    each(x, x->tried, step_width);
    each(x, x->tried, step_text);
    if (x->unopened != REASON_NONE) fprintf(x->out, "  not opened: %s\n", reason_doc[x->unopened]);
    if (!x->inner) return;
    fprintf(x->out, "inside  %s  %u bytes", describe_inner(x, what, sizeof what), x->inner->wire_len);
    captured_text(x->out, x->inner);
    fputc('\n', x->out);
    go_inner(x);
}

static void outer_json(struct explained *x)
{
    char what[200];
    each(x, x->tried, step_json);
    if (!x->inner) return;
    json_print(x->out, "],'inside':{'packet':%s,'bytes':%u,'captured':%u},'tried_inside':[",
               describe_inner(x, what, sizeof what), x->inner->wire_len, x->inner->cap_len);
    go_inner(x);
}

/* Write the default's verdict; an accepted packet may still be dropped later. */
static void default_text(const struct explained *x)
{
    static const char *const said[] = {[PBC_V_ACCEPT] = "accept", [PBC_V_DROP] = "drop", [PBC_V_REJECT] = "reject"};
    const struct labels *l = &x->r->labels;
    const uint32_t f = x->fate->verdict.firewall;
    fprintf(x->out, "  %-*s  yes  %s of firewall %s (%s)\n", x->width, "default",
            said[x->r->program->firewalls[f].default_verdict], l->firewall[f],
            label_place(l, label_firewall_place(l, f)));
}

/* Return why nothing was sent, if the verdict does not show it; else NULL. */
static const char *unsent(const struct explained *x)
{
    const struct verdict *v = &x->fate->verdict;
    if (v->reason == REASON_UNJUDGED && x->look->shut) return x->look->shut;
    if (v->action == ACTION_FORWARD && x->look->astray) return x->look->astray;
    if (v->reason == REASON_SNAPPED && !x->pkt->reason && x->unopened == REASON_NONE)
        return "it must leave in fragments or smaller segments, and the capture lacks some of its bytes";
    return NULL;
}

/* Return why a due answer was not sent; else NULL. */
static const char *unanswered(const struct explained *x)
{
    const struct verdict *v = &x->fate->verdict;
    const bool due = v->action == ACTION_REJECT || v->reason == REASON_TTL_EXCEEDED || v->reason == REASON_TOO_BIG ||
                     (v->done && !x->opens);
    if (!due || x->fate->left.count) return NULL;
    if (x->fate->limited && v->done) return "more than 1,000 replies of its kind were due within a second";
    if (x->fate->limited) return "more replies were due than `limits { rejects }` allows";
    return answer_withheld(x->pkt, x->key);
}

/* True if the packet's connection ends here. */
static bool is_proxied(const struct program *p, const struct verdict *v)
{
    return v->service < p->services_count && p->services[v->service].proxy && v->action == ACTION_FORWARD;
}

/* Return the explanation as that of the rules without the word `audit`. */
static struct explained of_would(const struct explained *x, struct subject *r)
{
    struct explained would = *x;
    *r = *x->r;
    r->program = (struct program *)(uintptr_t)x->r->program->would;
    r->labels = *x->r->labels.would;
    would.r = r;
    would.steps = 0;
    return would;
}

static bool has_audit(const struct explained *x)
{
    return x->look->audited && x->r->labels.would && !x->fate->followed && x->fate->verdict.action != ACTION_HELD;
}

/* Write the audited rules that were tried, and the one that would decide. */
static void would_text(const struct explained *x)
{
    struct subject r;
    if (!has_audit(x)) return;
    struct explained would = of_would(x, &r);
    const struct decision *d = &x->look->would;
    fputs("would, if nothing were in audit\n", x->out);
    each(&would, &x->look->would_steps, step_width);
    for (size_t i = 0; i < x->look->would_steps.count; i++) {
        const struct trace_step *s = &x->look->would_steps.of[i];
        if (s->matched || r.program->rules[s->rule].flags & PBC_RULE_AUDIT) step_text(&would, s);
    }
    fprintf(x->out, "would:   %s  rule %s\n", action_name(d->action), label_of(&r.labels, d->rule));
}

static void would_json(const struct explained *x)
{
    struct subject r;
    if (!has_audit(x)) return;
    struct explained would = of_would(x, &r);
    const struct decision *d = &x->look->would;
    json_print(x->out, ",'would':{'verdict':%s,'rule':%s,'tried':[", action_name(d->action),
               label_or_null(label_of(&r.labels, d->rule)));
    each(&would, &x->look->would_steps, step_json);
    fputs("]}", x->out);
}

static void end_text(const struct explained *x)
{
    const struct verdict *v = &x->fate->verdict;
    const struct program *p = x->r->program;
    if (v->rule == RULE_DEFAULT && v->firewall < p->firewalls_count && fate_is_judged(x->fate)) default_text(x);
    if (v->rule == RULE_NONE && fate_is_judged(x->fate))
        fprintf(x->out, "  %s\n",
                v->action == ACTION_PASS ? "no rule matches this ARP frame" : "no firewall judges this frame");
    if (!fate_is_judged(x->fate) && !is_decided(x) && x->unopened == REASON_NONE)
        fprintf(x->out, "  no %srule is tried: %s\n", x->fate->steps.count ? "other " : "", unjudged(x));
    if (is_of_connection(x))
        explain_goes_text(x->out, x->r, &x->look->goes);
    else if (is_proxied(x->r->program, v))
        explain_said_text(x->out, x->r, x->look->proxied, v);
    else if (v->service != PBC_NONE)
        explain_service_text(x->out, x->r, &x->look->served, x->key, x->pkt, v);
    explain_observe_text(x->out, x->r, x->look, v);
    if (x->look->heard) fprintf(x->out, "  %s\n", x->look->heard);
    explain_way_text(x->out, x->r, x->look, v);
    departures_text(x->out, x->r, &x->fate->left, x->pkt, x->key, v);
    if (unsent(x)) fprintf(x->out, "  not sent: %s\n", unsent(x));
    if (unanswered(x)) fprintf(x->out, "  no answer: %s\n", unanswered(x));
    if (!x->fate->left.count && !unanswered(x)) explain_neighbour_text(x->out, x->r, x->look, v);
    fprintf(x->out, "verdict: %s  rule %s", action_name(v->action), label_of(&x->r->labels, v->rule));
    if (v->service != PBC_NONE) fprintf(x->out, "  service %s", label_service(&x->r->labels, v->service));
    if (v->server != PBC_NONE) fprintf(x->out, "  server %s", label_server(&x->r->labels, v->server));
    if (v->reason != REASON_NONE) fprintf(x->out, "  reason %s", reason_name(v->reason));
    fputc('\n', x->out);
    would_text(x);
}

static void print_text(struct explained *x, const char *what)
{
    const struct verdict *v = &x->fate->verdict;
    char when[TEXT_TIME], waited[TEXT_NUMBER];
    if (x->fate->frame)
        fprintf(x->out, "frame %llu", (unsigned long long)x->fate->frame);
    else
        fputs("packet", x->out);
    if (x->time_ns) fprintf(x->out, "  %s", text_clock(x->time_ns, when));
    fprintf(x->out, "  %s  %u bytes", what, x->pkt->wire_len);
    captured_text(x->out, x->pkt);
    fputs(x->pkt->flags & PKT_BAD_CSUM ? ", wrong IPv4 header checksum\n" : "\n", x->out);
    if (x->fate->held && v->action != ACTION_HELD)
        fprintf(x->out, "  waited %s for %s\n", text_duration(x->fate->waited_ns, waited),
                !(x->key->kind & KIND_FRAGMENT) ? "the first bytes of its connection"
                : x->fate->followed             ? "its first fragment"
                                                : "its first fragment, which didn't arrive");
    if (x->look->unnamed) fprintf(x->out, "  came in on %s, which the rules don't name\n", x->look->unnamed);
    explain_flow_text(x->out, x->r, x->look);
    x->width = v->rule == RULE_DEFAULT ? 7 : 4;
    if (x->opens) outer_text(x);
    each_step(x, step_width);
    each_step(x, step_text);
    end_text(x);
}

static void decided_json(const struct explained *x)
{
    const struct verdict *v = &x->fate->verdict;
    const struct labels *l = &x->r->labels;
    json_print(x->out, "],'verdict':%s,'rule':%s,'firewall':%s,'service':%s,'server':%s", action_name(v->action),
               label_or_null(label_of(l, v->rule)),
               v->firewall < x->r->program->firewalls_count ? l->firewall[v->firewall] : NULL,
               label_or_null(label_service(l, v->service)), label_or_null(label_server(l, v->server)));
    if (is_of_connection(x))
        explain_goes_json(x->out, x->r, &x->look->goes);
    else if (is_proxied(x->r->program, v))
        explain_said_json(x->out, x->r, x->look->proxied, v);
    else if (v->service != PBC_NONE)
        explain_service_json(x->out, x->r, &x->look->served, v);
    explain_observe_json(x->out, x->r, x->look, v);
    if (x->look->heard) json_print(x->out, ",'heard':%s", label_or_null(x->look->heard));
    explain_way_json(x->out, x->r, x->look, v);
    departures_json(x->out, x->r, &x->fate->left, x->pkt, x->key, v);
    json_print(x->out, ",'reason':%s,'not_sent':%s,'no_answer':%s", label_or_null(reason_name(v->reason)), unsent(x),
               unanswered(x));
    explain_neighbour_json(x->out, x->r, x->look, v);
    would_json(x);
}

void explain_fate(const struct subject *r, const struct explain_look *k, uint64_t time_ns, const struct fate *fate,
                  FILE *out)
{
    char what[200];
    struct explained x = {.r = r,
                          .look = k,
                          .time_ns = time_ns,
                          .pkt = &k->pkt,
                          .key = &k->key,
                          .tried = &k->steps,
                          .fate = fate,
                          .out = out};
    /* A fragment that follows its first is not judged. */
    if ((!fate->followed && !fate->held) || !(k->key.kind & KIND_FRAGMENT)) {
        x.opens = k->opener != RULE_NONE;
        x.unopened = k->unopened;
        x.inner = k->inner;
    }
    pkt_describe(&k->pkt, &k->key, what, sizeof what);
    text_clean(what);
    if (r->o->json) {
        char when[TEXT_TIME];
        fputc('{', x.out);
        if (x.fate->frame) json_print(x.out, "'frame':%llu,", (unsigned long long)x.fate->frame);
        if (x.time_ns) json_print(x.out, "'time':%s,", text_iso(x.time_ns, when));
        json_print(x.out, "'packet':%s,'bytes':%u,'captured':%u,'bad_checksum':%i", what, x.pkt->wire_len,
                   x.pkt->cap_len, (x.pkt->flags & PKT_BAD_CSUM) != 0);
        explain_flow_json(x.out, x.r, x.look);
        if (x.fate->held) json_print(x.out, ",'waited_ns':%llu", (unsigned long long)x.fate->waited_ns);
        if (x.fate->followed) json_print(x.out, ",'follows_first_fragment':true");
        json_print(x.out, ",'tried':[");
        if (x.opens) outer_json(&x);
        each_step(&x, step_json);
        decided_json(&x);
    } else
        print_text(&x, what);
}

void explain_print(const struct subject *r, const struct explain_look *k, uint64_t time_ns, const struct verdict *v,
                   FILE *out)
{
    const struct fate fate = {.verdict = *v};
    explain_fate(r, k, time_ns, &fate, out);
}

void explain_packet_to(FILE *out, const struct explain_packet *e)
{
    const struct subject r = {.o = e->o, .program = e->program, .labels = *e->labels, .pool = e->pool};
    struct fate fate = {.frame = e->frame, .verdict = *e->verdict, .held = e->verdict->action == ACTION_HELD};
    struct explain_look k;
    for (unsigned i = 0; i < e->left_count; i++) departures_add(&fate.left, &e->left[i]);
    explain_look(&k, e->before, e->in, e->program, e->pool, e->pkt);
    k.unnamed = e->unnamed;
    k.heard = e->heard;
    k.astray = e->lost;
    explain_look_on_wall(&k, e->time_ns);
    explain_fate(&r, &k, e->time_ns, &fate, out);
    if (r.o->json) fputs("}\n", out);
    explain_look_fini(&k);
    departures_fini(&fate.left);
}
