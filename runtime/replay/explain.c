/* --explain: one frame, every rule that was tried, whether it matched and why not, and what became of the frame. */
#include "runtime/replay/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/replay/explain_look.h"
#include "runtime/replay/explain_sent.h"
#include "runtime/replay/streams.h"
#include "vm/flow/fragments/frag.h"
#include "vm/packet/reply/answer.h"

/* What became of the frame. */
struct fate {
    struct verdict verdict;
    bool followed; /* it took the verdict of its first fragment */
    bool held;     /* it had to wait for that */
    uint64_t waited_ns;
    bool limited;               /* an answer was over its limit */
    struct departures left;     /* the packets that left for it */
    struct explain_steps steps; /* of one that followed: the rules that were tried all the same */
};

static const char *const reason_doc[REASON_COUNT] = {
#define REASON(ident, name, doc) [REASON_##ident] = doc,
#include "vm/reason.def"
#undef REASON
};

struct explained {
    const struct replay *r;
    const struct explain_look *look; /* as the frames before left the worker */
    uint64_t time_ns;
    const struct pkt *pkt;
    const struct key *key;
    const struct explain_steps *tried;
    const struct fate *fate;
    bool opens;               /* a rule opens a tunnel and decided; what it found: */
    const struct pkt *inner;  /* NULL: nothing */
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

static void each(struct explained *x, const struct explain_steps *steps, trace_fn *fn)
{
    for (size_t i = 0; i < steps->count; i++) fn(x, &steps->of[i]);
}

/* What it was tried by, or would be, each in order. */
static void each_step(struct explained *x, trace_fn *fn)
{
    const bool opened = x->unopened == REASON_NONE; /* else the rules were tried on the outer packet alone */
    if (is_judged(x->fate) && opened) each(x, x->tried, fn);
    each(x, &x->fate->steps, fn);
}

/* Did a rule decide one that follows its first? */
static bool is_decided(const struct explained *x)
{
    const struct fate *f = x->fate;
    const struct trace_step *last = f->steps.count ? &f->steps.of[f->steps.count - 1] : NULL;
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

/* Does a rule decide the frame that opens a tunnel? Then what it finds. A fragment that follows its first is not
 * judged. */
static void look_inside(struct explained *x)
{
    const struct explain_look *k = x->look;
    if ((x->fate->followed || x->fate->held) && x->key->kind & KIND_FRAGMENT) return;
    x->opens = k->opener != RULE_NONE;
    x->unopened = k->unopened;
    x->inner = k->inner;
}

/* From here on it is about the packet inside. */
static void go_inside(struct explained *x)
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

/* The rules that were tried on the outer packet, and what it holds. */
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
    go_inside(x);
}

static void outer_json(struct explained *x)
{
    char what[200];
    each(x, x->tried, step_json);
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
                     (v->done && !x->opens);
    if (!due || x->fate->left.count) return NULL;
    if (x->fate->limited && v->done) return "more than 1000 answers of its kind were due within a second";
    if (x->fate->limited) return "more answers were due than `limits { rejects }` allows";
    return answer_withheld(x->pkt, x->key);
}

/* Does its connection end here? */
static bool is_proxied(const struct program *p, const struct verdict *v)
{
    return v->service < p->services_count && p->services[v->service].proxy && v->action == ACTION_FORWARD;
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
        fprintf(x->out, "  no %srule is tried: %s\n", x->fate->steps.count ? "other " : "", unjudged(x));
    if (is_proxied(x->r->program, v))
        explain_said_text(x->out, x->r, x->look->proxied, v);
    else if (v->service != PBC_NONE)
        explain_service_text(x->out, x->r, &x->look->served, x->key, x->pkt, v);
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
    if (x->r->o->explain)
        fprintf(x->out, "frame %llu", (unsigned long long)x->r->o->explain);
    else
        fputs("packet", x->out);
    fprintf(x->out, "  %s  %s  %u bytes", text_clock(x->time_ns, when), what, x->pkt->wire_len);
    captured_text(x->out, x->pkt);
    fputs(x->pkt->flags & PKT_BAD_CSUM ? ", wrong IPv4 header checksum\n" : "\n", x->out);
    if (x->fate->held && v->action != ACTION_HELD)
        fprintf(x->out, "  waited %s for its first fragment%s\n", text_duration(x->fate->waited_ns, waited),
                x->fate->followed ? "" : ", which did not come");
    if (x->r->program->ifaces_count && x->r->iface == IFACE_OTHER)
        fprintf(x->out, "  came in on %s, which the rules do not name\n", x->r->o->on);
    explain_flow_text(x->out, x->r, x->look);
    x->width = v->rule == RULE_DEFAULT ? 7 : 4;
    if (x->opens) outer_text(x);
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
    fputc('{', x->out);
    if (x->r->o->explain) fprintf(x->out, "\"frame\":%llu,", (unsigned long long)x->r->o->explain);
    fprintf(x->out, "\"time\":\"%s\",\"packet\":", text_iso(x->time_ns, when));
    text_json(x->out, what);
    fprintf(x->out, ",\"bytes\":%u,\"captured\":%u,\"bad_checksum\":%s", x->pkt->wire_len, x->pkt->cap_len,
            x->pkt->flags & PKT_BAD_CSUM ? "true" : "false");
    explain_flow_json(x->out, x->r, x->look);
    if (x->fate->held) fprintf(x->out, ",\"waited_ns\":%llu", (unsigned long long)x->fate->waited_ns);
    if (x->fate->followed) fputs(",\"follows_first_fragment\":true", x->out);
    fputs(",\"tried\":[", x->out);
    if (x->opens) outer_json(x);
    each_step(x, step_json);
    fprintf(x->out, "],\"verdict\":\"%s\"", action_name(v->action));
    json_or_null(x->out, "rule", label_of(&x->r->labels, v->rule));
    json_or_null(x->out, "firewall",
                 v->firewall < x->r->program->firewalls_count ? x->r->labels.firewall[v->firewall] : "-");
    json_or_null(x->out, "service", label_service(&x->r->labels, v->service));
    json_or_null(x->out, "server", label_server(&x->r->labels, v->server));
    if (is_proxied(x->r->program, v))
        explain_said_json(x->out, x->r, x->look->proxied, v);
    else if (v->service != PBC_NONE)
        explain_service_json(x->out, x->r, &x->look->served, v);
    departures_json(x->out, x->r, &x->fate->left, x->pkt, x->key, v);
    json_or_null(x->out, "reason", reason_name(v->reason));
    json_or_null(x->out, "not_sent", unsent(x) ? unsent(x) : "-");
    json_or_null(x->out, "no_answer", unanswered(x) ? unanswered(x) : "-");
}

/* JSON: an object without its end. */
static void print(const struct replay *r, const struct explain_look *k, uint64_t time_ns, const struct fate *fate,
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
    look_inside(&x);
    pkt_describe(&k->pkt, &k->key, what, sizeof what);
    text_clean(what);
    if (r->o->json)
        print_json(&x, what);
    else
        print_text(&x, what);
}

/* The look is over then. */
static int explain_view(const struct replay *r, struct explain_look *k, uint64_t time_ns, const struct fate *fate)
{
    struct out out;
    out_open(&out, "-");
    print(r, k, time_ns, fate, out.f);
    if (r->o->json) fputs("}\n", out.f);
    explain_look_fini(k);
    const int failed = out_close(&out);
    if (!failed) return 0;
    return failed == -EPIPE ? 2 : complain("standard output: %s", strerror(-failed));
}

void explain_print(const struct replay *r, const struct explain_look *k, uint64_t time_ns, const struct verdict *v,
                   FILE *out)
{
    const struct fate fate = {.verdict = *v};
    print(r, k, time_ns, &fate, out);
}

static int explain_frame(const struct replay *r, const struct capture_frame *f, struct vm *before,
                         const struct vm_in *in, const struct fate *fate, const struct said *proxied)
{
    struct pkt pkt;
    struct explain_look k;
    frame_view(r, f, &pkt);
    explain_look(&k, before, in, r->program, r->pool, &pkt);
    k.proxied = proxied;
    return explain_view(r, &k, f->time_ns, fate);
}

int explain_packet(const struct explain_packet *e)
{
    const struct replay r = {
        .o = e->o, .program = e->program, .labels = *e->labels, .iface = IFACE_NONE, .pool = e->pool};
    struct fate fate = {.verdict = *e->verdict, .held = e->verdict->action == ACTION_HELD};
    struct explain_look k;
    for (unsigned i = 0; i < e->left_count; i++) {
        const struct tx_entry entry = {.pkt = (struct pkt *)(uintptr_t)&e->left[i], .kind = TX_SEND};
        departures_add(&fate.left, &entry);
    }
    explain_look(&k, e->before, e->in, e->program, e->pool, e->pkt);
    explain_look_on_wall(&k, e->time_ns);
    const int status = explain_view(&r, &k, e->time_ns, &fate);
    departures_fini(&fate.left);
    return status;
}

/* ---- the replay before it ---- */

/* A worker that is given frames one by one, as a pass gives them. */
struct walker {
    const struct replay *r;
    struct executor *exec;
    struct vm *vm; /* its worker */
    struct replay_clock clock;
    struct streams *streams; /* NULL: the program has no service that ends connections */
    uint64_t wanted;         /* cookie of the frame to explain */
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

static bool walker_open(struct walker *w, const struct replay *r, bool in_kernel)
{
    const struct vm_cfg cfg = {.seed = r->o->seed,
                               .pool = r->pool,
                               .flow_events = true,
                               .follow_trace = explain_steps_add,
                               .trace_arg = &w->fate.steps,
                               .traced = r->o->explain};
    *w = (struct walker){.r = r, .clock = replay_clock_of(r), .wanted = r->o->explain};
    w->tx.entries = w->entries;
    w->tx.cap = VM_BATCH * VM_TX_PER_PACKET;
    w->exec = replay_executor(r, &cfg, in_kernel);
    w->vm = w->exec ? executor_vm(w->exec) : NULL;
    bool failed = false;
    w->streams = streams_new(r->program, r->o->seed, true, &failed);
    if (failed) complain_memory(r->program);
    return w->exec && !failed;
}

/* Let time go by up to this frame. */
static struct vm_in walker_wait(struct walker *w, const struct capture_frame *f)
{
    replay_clock_tick(&w->clock, f->time_ns, w->exec, &w->tx, leave, w);
    return replay_clock_at(&w->clock, f->time_ns);
}

static void walker_judge(struct walker *w, const struct capture_frame *f, uint64_t n, struct verdict *v)
{
    struct pkt pkt;
    const struct vm_in in = walker_wait(w, f);
    if (w->settled) return;
    frame_view(w->r, f, &pkt);
    pkt.cookie = n;
    executor_run(w->exec, &in, (struct pkt *const[]){&pkt}, 1, v, &w->tx);
    if (v->action == ACTION_HELD) replay_clock_held(&w->clock);
    if (w->streams) streams_judged(w->streams, &in, &pkt, n, v);
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
    if (!w->fate.held) return explain_frame(r, &f, walkers[0].vm, &in, &w->fate, streams_last(w->streams));
    /* A pipe's frame is gone when the next is read. */
    uint8_t *bytes = malloc(f.cap_len + 1u);
    if (!bytes) return complain("out of memory");
    memcpy(bytes, f.data, f.cap_len);
    f.data = bytes;
    wait_for_first(w, r->o->explain);
    const int status = explain_frame(r, &f, walkers[0].vm, &in, &w->fate, NULL);
    free(bytes);
    return status;
}

/* Meters, flows and fragments remember: so the frames before are judged too. walkers[0], in this process, stops before
 * the frame and is asked why; walkers[1] judges it. */
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
    const bool in_kernel = r->o->exec == OPTIONS_EXEC_KERNEL;
    struct walker *walkers = calloc(2, sizeof *walkers);
    const bool open = walkers && walker_open(&walkers[0], r, false) && walker_open(&walkers[1], r, in_kernel);
    const int status = open ? explain_with(r, walkers) : 2;
    if (!walkers) complain("out of memory");
    for (unsigned i = 0; walkers && i < 2; i++) {
        executor_free(walkers[i].exec);
        streams_free(walkers[i].streams);
        free(walkers[i].fate.steps.of);
        departures_fini(&walkers[i].fate.left);
    }
    free(walkers);
    return status;
}
