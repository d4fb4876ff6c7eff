/* --explain: one frame, every rule that was tried, whether it matched and why not, and what became of the frame. */
#include "runtime/replay/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/replay/explain_sent.h"
#include "vm/flow/fragments/frag.h"
#include "vm/forward/service.h"
#include "vm/packet/reply/answer.h"

/* What became of the frame. */
struct fate {
    struct verdict verdict;
    bool followed; /* it took the verdict of its first fragment */
    bool held;     /* it had to wait for that */
    uint64_t waited_ns;
    bool limited;             /* an answer was over its limit */
    struct departures left;   /* the packets that left for it */
    struct trace_step *steps; /* of one that followed: the rules that were tried all the same */
    size_t step_count;
};

static const char *const reason_doc[REASON_COUNT] = {
#define REASON(ident, name, doc) [REASON_##ident] = doc,
#include "vm/reason.def"
#undef REASON
};

struct explained {
    const struct replay *r;
    struct vm *vm; /* as the frames before left it */
    struct vm_in in;
    uint64_t time_ns;
    const struct pkt *pkt;
    const struct key *key;
    const struct fate *fate;
    uint32_t opener; /* the rule that opens a tunnel and decided, RULE_NONE; what it found: */
    struct pkt *inner;
    const struct key *inner_key;
    enum pkt_reason unopened; /* why it found nothing */
    FILE *out;
    int width; /* of the rule column */
    unsigned steps;
};

static const char *why(const struct explained *x, const struct trace_step *s, char *buf, size_t len)
{
    const struct program *p = x->r->program;
    if (s->matched || s->failed_cond == PBC_NONE) return "";
    step_explain(p, s, x->key, x->pkt, buf, len);
    return text_clean(buf);
}

static void step_text(void *arg, const struct trace_step *s)
{
    struct explained *x = arg;
    char buf[300], verdict[128];
    const char *reason = why(x, s, buf, sizeof buf);
    const char *label = label_rule(&x->r->labels, s->rule),
               *place = label_place(&x->r->labels, label_rule_place(&x->r->labels, s->rule));
    if (s->matched) reason = label_verdict(&x->r->labels, s->rule, verdict, sizeof verdict);
    fprintf(x->out, "  %*s%-*s  %-3s  %s%s(%s)\n", (int)s->depth * 2, "", x->width - (int)s->depth * 2, label,
            s->matched ? "yes" : "no", reason, *reason ? " " : "", place);
    x->steps++;
}

static void step_json(void *arg, const struct trace_step *s)
{
    struct explained *x = arg;
    char buf[300], verdict[128];
    fprintf(x->out, "%s{\"rule\":", x->steps++ ? "," : "");
    text_json(x->out, label_rule(&x->r->labels, s->rule));
    fputs(",\"place\":", x->out);
    text_json(x->out, label_rule_place(&x->r->labels, s->rule));
    fputs(",\"verdict\":", x->out);
    text_json(x->out, label_verdict(&x->r->labels, s->rule, verdict, sizeof verdict));
    fprintf(x->out, ",\"depth\":%u,\"matched\":%s,\"why\":", s->depth, s->matched ? "true" : "false");
    if (s->matched)
        fputs("null}", x->out);
    else {
        text_json(x->out, why(x, s, buf, sizeof buf));
        fputc('}', x->out);
    }
}

/* The width that the rule column needs: tried once without printing. */
static void step_width(void *arg, const struct trace_step *s)
{
    struct explained *x = arg;
    const int n = (int)strlen(label_rule(&x->r->labels, s->rule)) + (int)s->depth * 2;
    if (n > x->width) x->width = n < 40 ? n : 40;
}

/* Is the rule list asked about this frame at all? */
static bool is_judged(const struct fate *f)
{
    const struct verdict *v = &f->verdict;
    if (f->followed || v->action == ACTION_HELD || v->flags & VERDICT_REPLY) return false;
    return v->rule != RULE_NONE || v->reason == REASON_NONE || v->reason == REASON_NO_SERVER;
}

/* What it was tried by, or would be, each in order. */
static void each_step(struct explained *x, trace_fn *fn)
{
    const bool opened = x->unopened == REASON_NONE; /* else the rules were tried on the outer packet alone */
    if (is_judged(x->fate) && opened) vm_explain(x->vm, &x->in, x->key, x->pkt, fn, x);
    for (size_t i = 0; i < x->fate->step_count; i++) fn(x, &x->fate->steps[i]);
}

/* Did a rule decide one that follows its first? */
static bool is_decided(const struct explained *x)
{
    const struct fate *f = x->fate;
    const struct trace_step *last = f->step_count ? &f->steps[f->step_count - 1] : NULL;
    return last && last->matched && x->r->program->rules[last->rule].verdict <= PBC_V_REJECT;
}

/* Why it is not. */
static const char *unjudged(const struct explained *x)
{
    const struct fate *f = x->fate;
    if (f->verdict.action == ACTION_HELD) return "its first fragment had not come when the capture ended";
    if (f->verdict.flags & VERDICT_REPLY) return "it is a reply in a flow that a service or translation sent on";
    return f->followed ? "it gets the verdict of its first fragment" : reason_doc[f->verdict.reason];
}

/* ---- what is inside ---- */

static bool by_opener(const struct program *p, uint32_t rule)
{
    return rule < RULE_DEFAULT && verdict_is(p->rules[rule].verdict, VERDICT_OPENS);
}

/* Does a rule decide the frame that opens a tunnel? Then what it finds. A fragment that follows its first is not
 * judged. */
static void look_inside(struct explained *x, struct key *inner_key)
{
    const struct program *p = x->r->program;
    x->opener = RULE_NONE;
    if (!(p->meta->flags & PBC_OPENS) || x->pkt->reason) return;
    if ((x->fate->followed || x->fate->held) && x->key->kind & KIND_FRAGMENT) return;
    const struct decision d = vm_explain(x->vm, &x->in, x->key, x->pkt, NULL, NULL);
    if (!by_opener(p, d.rule)) return;
    x->opener = d.rule;
    x->unopened = program_open(p, d.rule, x->pkt, x->key, x->in.facts, x->r->pool, &x->inner, inner_key);
    x->inner_key = inner_key;
    if (!x->inner) return;
    key_settle(p, inner_key);
    vm_state(x->vm, &x->in, inner_key, x->inner);
}

/* From here on it is about the packet inside. */
static void go_inside(struct explained *x)
{
    x->pkt = x->inner;
    x->key = x->inner_key;
    x->steps = 0;
}

static const char *describe_inner(const struct explained *x, char *buf, size_t len)
{
    pkt_describe(x->inner, x->inner_key, buf, len);
    return text_clean(buf);
}

static void captured_text(FILE *out, const struct pkt *p)
{
    if (p->cap_len < p->wire_len) fprintf(out, ", %u captured", p->cap_len);
}

/* The rules that were tried on the outer packet, and what it holds. */
static void outer_text(struct explained *x)
{
    char what[200];
    vm_explain(x->vm, &x->in, x->key, x->pkt, step_width, x);
    vm_explain(x->vm, &x->in, x->key, x->pkt, step_text, x);
    if (x->unopened != REASON_NONE) fprintf(x->out, "  not opened: %s\n", reason_doc[x->unopened]);
    if (!x->inner) return;
    fprintf(x->out, "inside  %s  %u bytes", describe_inner(x, what, sizeof what), x->inner->wire_len);
    captured_text(x->out, x->inner);
    fputc('\n', x->out);
    go_inside(x);
}

static void outer_json(struct explained *x)
{
    char what[200];
    vm_explain(x->vm, &x->in, x->key, x->pkt, step_json, x);
    if (!x->inner) return;
    fputs("],\"inside\":{\"packet\":", x->out);
    text_json(x->out, describe_inner(x, what, sizeof what));
    fprintf(x->out, ",\"bytes\":%u,\"captured\":%u},\"tried_inside\":[", x->inner->wire_len, x->inner->cap_len);
    go_inside(x);
}

/* What the default says; what became of a packet that it accepts may be another thing. */
static void default_text(const struct explained *x)
{
    static const char *const said[] = {[PBC_V_ACCEPT] = "accept", [PBC_V_DROP] = "drop", [PBC_V_REJECT] = "reject"};
    const struct labels *l = &x->r->labels;
    const uint32_t f = x->fate->verdict.firewall;
    fprintf(x->out, "  %-*s  yes  %s of firewall %s (%s)\n", x->width, "default",
            said[x->r->program->firewalls[f].default_verdict], l->firewall[f],
            label_place(l, label_firewall_place(l, f)));
}

/* Why nothing was sent, where the verdict alone does not say it; else NULL. */
static const char *unsent(const struct explained *x)
{
    const struct verdict *v = &x->fate->verdict;
    if (v->reason == REASON_SNAPPED && !x->pkt->reason && x->unopened == REASON_NONE)
        return "it must leave in fragments or smaller segments, and the capture does not hold all of its bytes";
    return NULL;
}

/* Why no answer was sent where one was due; else NULL. */
static const char *unanswered(const struct explained *x)
{
    const struct verdict *v = &x->fate->verdict;
    const bool due = v->action == ACTION_REJECT || v->reason == REASON_TTL_EXCEEDED || v->reason == REASON_TOO_BIG ||
                     (v->done && x->opener == RULE_NONE);
    if (!due || x->fate->left.count) return NULL;
    if (x->fate->limited && v->done) return "more than 1000 answers of its kind were due within a second";
    if (x->fate->limited) return "more answers were due than `limits { rejects }` allows";
    return answer_withheld(x->pkt, x->key);
}

static void end_text(const struct explained *x)
{
    const struct verdict *v = &x->fate->verdict;
    const struct program *p = x->r->program;
    if (v->rule == RULE_DEFAULT && v->firewall < p->firewalls_count && is_judged(x->fate)) default_text(x);
    if (v->rule == RULE_NONE && is_judged(x->fate))
        fprintf(x->out, "  %s\n",
                v->action == ACTION_PASS ? "no rule decides about this ARP frame" : "no firewall judges this frame");
    if (!is_judged(x->fate) && !is_decided(x) && x->unopened == REASON_NONE)
        fprintf(x->out, "  no %srule is tried: %s\n", x->fate->step_count ? "other " : "", unjudged(x));
    if (v->service != PBC_NONE) explain_service_text(x->out, x->r, x->vm, &x->in, x->key, x->pkt, v);
    departures_text(x->out, x->r, &x->fate->left, x->pkt, x->key, v);
    if (unsent(x)) fprintf(x->out, "  not sent: %s\n", unsent(x));
    if (unanswered(x)) fprintf(x->out, "  no answer: %s\n", unanswered(x));
    fprintf(x->out, "verdict: %s  rule %s", action_name(v->action), label_of(&x->r->labels, v->rule));
    if (v->service != PBC_NONE) fprintf(x->out, "  service %s", label_service(&x->r->labels, v->service));
    if (v->server != PBC_NONE) fprintf(x->out, "  server %s", label_server(&x->r->labels, v->server));
    if (v->reason != REASON_NONE) fprintf(x->out, "  reason %s", reason_name(v->reason));
    fputc('\n', x->out);
}

static void print_text(struct explained *x, const char *what)
{
    const struct verdict *v = &x->fate->verdict;
    char when[TEXT_TIME], waited[TEXT_NUMBER];
    fprintf(x->out, "frame %llu  %s  %s  %u bytes", (unsigned long long)x->r->o->explain, text_clock(x->time_ns, when),
            what, x->pkt->wire_len);
    captured_text(x->out, x->pkt);
    fputs(x->pkt->flags & PKT_BAD_CSUM ? ", wrong IPv4 header checksum\n" : "\n", x->out);
    if (x->fate->held && v->action != ACTION_HELD)
        fprintf(x->out, "  waited %s for its first fragment%s\n", text_duration(x->fate->waited_ns, waited),
                x->fate->followed ? "" : ", which did not come");
    if (x->r->program->ifaces_count && x->r->iface == IFACE_OTHER)
        fprintf(x->out, "  came in on %s, which the rules do not name\n", x->r->o->on);
    explain_flow_text(x->out, x->r, x->vm, &x->in, x->key, x->pkt);
    x->width = v->rule == RULE_DEFAULT ? 7 : 4;
    if (x->opener != RULE_NONE) outer_text(x);
    each_step(x, step_width);
    each_step(x, step_text);
    end_text(x);
}

static void json_or_null(FILE *out, const char *key, const char *value)
{
    fprintf(out, ",\"%s\":", key);
    if (!strcmp(value, "-"))
        fputs("null", out);
    else
        text_json(out, value);
}

static void print_json(struct explained *x, const char *what)
{
    const struct verdict *v = &x->fate->verdict;
    char when[TEXT_TIME];
    fprintf(x->out, "{\"frame\":%llu,\"time\":\"%s\",\"packet\":", (unsigned long long)x->r->o->explain,
            text_iso(x->time_ns, when));
    text_json(x->out, what);
    fprintf(x->out, ",\"bytes\":%u,\"captured\":%u,\"bad_checksum\":%s", x->pkt->wire_len, x->pkt->cap_len,
            x->pkt->flags & PKT_BAD_CSUM ? "true" : "false");
    explain_flow_json(x->out, x->r, x->vm, &x->in, x->key, x->pkt);
    if (x->fate->held) fprintf(x->out, ",\"waited_ns\":%llu", (unsigned long long)x->fate->waited_ns);
    if (x->fate->followed) fputs(",\"follows_first_fragment\":true", x->out);
    fputs(",\"tried\":[", x->out);
    if (x->opener != RULE_NONE) outer_json(x);
    each_step(x, step_json);
    fprintf(x->out, "],\"verdict\":\"%s\"", action_name(v->action));
    json_or_null(x->out, "rule", label_of(&x->r->labels, v->rule));
    json_or_null(x->out, "firewall",
                 v->firewall < x->r->program->firewalls_count ? x->r->labels.firewall[v->firewall] : "-");
    json_or_null(x->out, "service", label_service(&x->r->labels, v->service));
    json_or_null(x->out, "server", label_server(&x->r->labels, v->server));
    if (v->service != PBC_NONE) explain_service_json(x->out, x->r, x->vm, &x->in, x->key, x->pkt, v);
    departures_json(x->out, x->r, &x->fate->left, x->pkt, x->key, v);
    json_or_null(x->out, "reason", reason_name(v->reason));
    json_or_null(x->out, "not_sent", unsent(x) ? unsent(x) : "-");
    json_or_null(x->out, "no_answer", unanswered(x) ? unanswered(x) : "-");
    fputs("}\n", x->out);
}

static int explain_view(const struct replay *r, struct pkt pkt, uint64_t time_ns, struct vm *before,
                        const struct vm_in *in, const struct fate *fate)
{
    struct key key, inner_key;
    char what[200];
    struct explained x = {.r = r, .vm = before, .in = *in, .time_ns = time_ns, .pkt = &pkt, .key = &key, .fate = fate};
    struct out out;
    pkt_parse(&pkt, in->facts, &key);
    key_settle(r->program, &key);
    vm_state(before, in, &key, &pkt);
    look_inside(&x, &inner_key);
    pkt_describe(&pkt, &key, what, sizeof what);
    text_clean(what);
    out_open(&out, "-");
    x.out = out.f;
    if (r->o->json)
        print_json(&x, what);
    else
        print_text(&x, what);
    pool_put(x.inner);
    const int failed = out_close(&out);
    if (!failed) return 0;
    return failed == -EPIPE ? 2 : complain("standard output: %s", strerror(-failed));
}

static int explain_frame(const struct replay *r, const struct capture_frame *f, struct vm *before,
                         const struct vm_in *in, const struct fate *fate)
{
    struct pkt pkt;
    frame_view(r, f, &pkt);
    return explain_view(r, pkt, f->time_ns, before, in, fate);
}

int explain_packet(const struct explain_packet *e)
{
    const struct replay r = {
        .o = e->o, .program = e->program, .labels = *e->labels, .iface = IFACE_NONE, .pool = e->pool};
    struct fate fate = {.verdict = *e->verdict, .held = e->verdict->action == ACTION_HELD};
    for (unsigned i = 0; i < e->left_count; i++) {
        const struct tx_entry entry = {.pkt = (struct pkt *)(uintptr_t)&e->left[i], .kind = TX_SEND};
        departures_add(&fate.left, &entry);
    }
    const int status = explain_view(&r, *e->pkt, e->time_ns, e->before, e->in, &fate);
    departures_fini(&fate.left);
    return status;
}

/* ---- the replay before it ---- */

/* A worker that is given frames one by one, as a pass gives them. */
struct walker {
    const struct replay *r;
    struct vm *vm;
    struct replay_clock clock;
    uint64_t wanted; /* cookie of the frame to explain */
    struct fate fate;
    bool settled; /* by the last call */
    bool judging; /* the last call is about it */
    bool short_of_memory;
    uint64_t held_ns; /* since when it is held */
    struct vm_tx tx;
    struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
};

static void leave(void *arg)
{
    struct walker *w = arg;
    for (unsigned i = 0; i < w->tx.count; i++) {
        const struct tx_entry *e = &w->entries[i];
        const bool of_it = e->cause == TX_CAUSE_HELD ? e->cookie == w->wanted : w->judging && e->input == 0;
        if (of_it) departures_add(&w->fate.left, e);
        if (e->cause == TX_CAUSE_HELD && of_it) {
            w->fate.verdict = e->verdict;
            w->settled = true;
            w->fate.waited_ns = w->clock.now_ns - w->held_ns;
        }
        pool_put(e->pkt);
    }
    w->tx.count = w->tx.event_count = 0;
}

/* A rule was tried on the wanted frame, a later fragment. Where memory is out the list ends. */
static void record_step(void *arg, const struct trace_step *s)
{
    struct fate *f = arg;
    struct trace_step *steps = reallocarray(f->steps, f->step_count + 1, sizeof *steps);
    if (!steps) return;
    f->steps = steps;
    f->steps[f->step_count++] = *s;
}

static bool walker_open(struct walker *w, const struct replay *r)
{
    const struct vm_cfg cfg = {.seed = r->o->seed,
                               .pool = r->pool,
                               .flow_events = true,
                               .follow_trace = record_step,
                               .trace_arg = &w->fate,
                               .traced = r->o->explain};
    *w = (struct walker){.r = r, .clock = replay_clock_of(r), .wanted = r->o->explain};
    w->tx.entries = w->entries;
    w->tx.cap = VM_BATCH * VM_TX_PER_PACKET;
    w->vm = vm_new(r->program, &cfg);
    return w->vm;
}

/* Let time go by up to this frame. */
static struct vm_in walker_wait(struct walker *w, const struct capture_frame *f)
{
    replay_clock_tick(&w->clock, f->time_ns, w->vm, &w->tx, leave, w);
    return replay_clock_at(&w->clock, f->time_ns);
}

static void walker_judge(struct walker *w, const struct capture_frame *f, uint64_t n, struct verdict *v)
{
    struct pkt pkt;
    const struct vm_in in = walker_wait(w, f);
    if (w->settled) return;
    frame_view(w->r, f, &pkt);
    pkt.cookie = n;
    vm_run(w->vm, &in, (struct pkt *const[]){&pkt}, 1, v, &w->tx);
    if (v->action == ACTION_HELD) replay_clock_held(&w->clock);
    w->judging = n == w->wanted;
    leave(w);
    w->judging = false;
}

static uint64_t followed(const struct vm *vm)
{
    const struct frag_counters *c = vm_counters(vm)->frags;
    return c ? c->followed : 0;
}

static uint64_t released(const struct vm *vm)
{
    const struct frag_counters *c = vm_counters(vm)->frags;
    return c ? c->released : 0;
}

/* The frame is held: what comes after it decides what becomes of it. `w` has seen it. */
static void wait_for_first(struct walker *w, uint64_t n)
{
    struct capture_frame f;
    struct verdict v;
    w->settled = false;
    w->held_ns = w->clock.now_ns;
    while (!w->settled && capture_next(w->r->capture, &f) == 1) {
        const uint64_t before = released(w->vm);
        walker_judge(w, &f, ++n, &v);
        w->fate.followed = released(w->vm) > before;
    }
    if (!w->settled) w->fate.waited_ns = w->clock.now_ns - w->held_ns;
}

static int explain_at(const struct replay *r, struct walker walkers[2], const struct capture_frame *frame)
{
    struct capture_frame f = *frame;
    const struct vm_in in = walker_wait(&walkers[0], &f);
    struct walker *w = &walkers[1];
    const uint64_t before = followed(w->vm), limited = vm_counters(w->vm)->answers_limited;
    walker_judge(w, &f, r->o->explain, &w->fate.verdict);
    w->fate.limited = vm_counters(w->vm)->answers_limited > limited;
    w->fate.followed = followed(w->vm) > before;
    w->fate.held = w->fate.verdict.action == ACTION_HELD;
    if (!w->fate.held) return explain_frame(r, &f, walkers[0].vm, &in, &w->fate);
    /* A pipe's frame is gone when the next is read. */
    uint8_t *bytes = malloc(f.cap_len + 1u);
    if (!bytes) return complain("out of memory");
    memcpy(bytes, f.data, f.cap_len);
    f.data = bytes;
    wait_for_first(w, r->o->explain);
    const int status = explain_frame(r, &f, walkers[0].vm, &in, &w->fate);
    free(bytes);
    return status;
}

/* Meters, flows and fragments remember: so the frames before are judged too. walkers[0] stops before the frame,
 * walkers[1] judges it. */
static int explain_with(const struct replay *r, struct walker walkers[2])
{
    struct capture_frame f;
    struct verdict v;
    uint64_t n = 0;
    int got;
    while ((got = capture_next(r->capture, &f)) == 1) {
        if (++n < r->o->from && n < r->o->explain) continue;
        if (n == r->o->explain) return explain_at(r, walkers, &f);
        for (unsigned i = 0; i < 2; i++) walker_judge(&walkers[i], &f, n, &v);
    }
    if (got < 0)
        return complain("%s: %s", strcmp(r->o->pcap, "-") ? r->o->pcap : "standard input", capture_error(r->capture));
    return complain("--explain %llu: the capture has only %llu frames", (unsigned long long)r->o->explain,
                    (unsigned long long)n);
}

int explain(const struct replay *r)
{
    struct walker *walkers = calloc(2, sizeof *walkers);
    const bool open = walkers && walker_open(&walkers[0], r) && walker_open(&walkers[1], r);
    const int status = open ? explain_with(r, walkers) : complain_memory(r->program);
    for (unsigned i = 0; walkers && i < 2; i++) {
        vm_free(walkers[i].vm);
        free(walkers[i].fate.steps);
        departures_fini(&walkers[i].fate.left);
    }
    free(walkers);
    return status;
}
