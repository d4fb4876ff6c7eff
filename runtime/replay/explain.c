/* --explain: one frame, every rule that was tried, whether it matched and why not, and what became of the frame. */
#include <errno.h>
#include <string.h>

#include "runtime/replay/replay_priv.h"

static const char *const reason_doc[REASON_COUNT] = {
#define REASON(ident, name, doc) [REASON_##ident] = doc,
#include "vm/reason.def"
#undef REASON
};

struct explained {
    const struct replay *r;
    struct vm *vm; /* as the frames before left it */
    struct vm_in in;
    const struct capture_frame *frame;
    const struct pkt *pkt;
    const struct key *key;
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
static bool is_judged(const struct verdict *v)
{
    return v->rule != RULE_NONE || v->reason == REASON_NONE || v->reason == REASON_NO_SERVER;
}

static void end_text(const struct explained *x, const struct verdict *v)
{
    const struct program *p = x->r->program;
    if (v->rule == RULE_DEFAULT && v->firewall < p->firewalls_count)
        fprintf(x->out, "  %-*s  yes  %s of firewall %s (%s)\n", x->width, "default", action_name(v->action),
                x->r->labels.firewall[v->firewall],
                label_place(&x->r->labels, label_firewall_place(&x->r->labels, v->firewall)));
    if (v->rule == RULE_NONE && is_judged(v))
        fprintf(x->out, "  %s\n",
                v->action == ACTION_PASS ? "no rule decides about this ARP frame" : "no firewall judges this frame");
    if (!is_judged(v)) fprintf(x->out, "  no rule is tried: %s\n", reason_doc[v->reason]);
    if (v->service != PBC_NONE) explain_service_text(x->out, x->r, x->vm, &x->in, x->key, x->pkt, v);
    fprintf(x->out, "verdict: %s  rule %s", action_name(v->action), label_of(&x->r->labels, v->rule));
    if (v->service != PBC_NONE) fprintf(x->out, "  service %s", label_service(&x->r->labels, v->service));
    if (v->server != PBC_NONE) fprintf(x->out, "  server %s", label_server(&x->r->labels, v->server));
    if (v->reason != REASON_NONE) fprintf(x->out, "  reason %s", reason_name(v->reason));
    fputc('\n', x->out);
}

static void print_text(struct explained *x, const struct verdict *v, const char *what)
{
    char when[TEXT_TIME];
    fprintf(x->out, "frame %llu  %s  %s  %u bytes", (unsigned long long)x->r->o->explain,
            text_clock(x->frame->time_ns, when), what, x->pkt->wire_len);
    if (x->pkt->cap_len < x->pkt->wire_len) fprintf(x->out, ", %u captured", x->pkt->cap_len);
    fputs(x->pkt->flags & PKT_BAD_CSUM ? ", wrong IPv4 header checksum\n" : "\n", x->out);
    x->width = v->rule == RULE_DEFAULT ? 7 : 4;
    if (is_judged(v)) {
        vm_explain(x->vm, &x->in, x->key, x->pkt, step_width, x);
        vm_explain(x->vm, &x->in, x->key, x->pkt, step_text, x);
    }
    end_text(x, v);
}

static void json_or_null(FILE *out, const char *key, const char *value)
{
    fprintf(out, ",\"%s\":", key);
    if (!strcmp(value, "-"))
        fputs("null", out);
    else
        text_json(out, value);
}

static void print_json(struct explained *x, const struct verdict *v, const char *what)
{
    char when[TEXT_TIME];
    fprintf(x->out, "{\"frame\":%llu,\"time\":\"%s\",\"packet\":", (unsigned long long)x->r->o->explain,
            text_iso(x->frame->time_ns, when));
    text_json(x->out, what);
    fprintf(x->out, ",\"bytes\":%u,\"captured\":%u,\"bad_checksum\":%s,\"tried\":[", x->pkt->wire_len, x->pkt->cap_len,
            x->pkt->flags & PKT_BAD_CSUM ? "true" : "false");
    if (is_judged(v)) vm_explain(x->vm, &x->in, x->key, x->pkt, step_json, x);
    fprintf(x->out, "],\"verdict\":\"%s\"", action_name(v->action));
    json_or_null(x->out, "rule", label_of(&x->r->labels, v->rule));
    json_or_null(x->out, "firewall",
                 v->firewall < x->r->program->firewalls_count ? x->r->labels.firewall[v->firewall] : "-");
    json_or_null(x->out, "service", label_service(&x->r->labels, v->service));
    json_or_null(x->out, "server", label_server(&x->r->labels, v->server));
    if (v->service != PBC_NONE) explain_service_json(x->out, x->r, x->vm, &x->in, x->key, x->pkt, v);
    json_or_null(x->out, "reason", reason_name(v->reason));
    fputs("}\n", x->out);
}

/* A frame as a replay judges it, answers and logs left out. */
static void judge(struct vm *vm, const struct replay *r, const struct vm_in *in, const struct capture_frame *f,
                  struct verdict *v)
{
    struct pkt pkt;
    struct vm_tx tx = {0};
    frame_view(r, f, &pkt);
    vm_run(vm, in, (struct pkt *const[]){&pkt}, 1, v, &tx);
}

static int explain_frame(const struct replay *r, const struct capture_frame *f, struct vm *before,
                         const struct vm_in *in, const struct verdict *v)
{
    struct pkt pkt;
    struct key key;
    char what[200];
    struct explained x = {.r = r, .vm = before, .in = *in, .frame = f, .pkt = &pkt, .key = &key};
    struct out out;
    frame_view(r, f, &pkt);
    pkt_parse(&pkt, in->facts, &key);
    key_settle(r->program, &key);
    pkt_describe(&pkt, &key, what, sizeof what);
    text_clean(what);
    out_open(&out, "-");
    x.out = out.f;
    if (r->o->json)
        print_json(&x, v, what);
    else
        print_text(&x, v, what);
    const int failed = out_close(&out);
    if (!failed) return 0;
    return failed == -EPIPE ? 2 : complain("standard output: %s", strerror(-failed));
}

/* Meters remember: so the frames before are judged too. vms[0] stops before the frame, vms[1] judges it. */
static int explain_with(const struct replay *r, struct vm *const vms[2])
{
    struct replay_clock clock = replay_clock_of(r);
    struct capture_frame f;
    struct verdict v;
    uint64_t n = 0;
    int got;
    while ((got = capture_next(r->capture, &f)) == 1) {
        if (++n < r->o->from && n < r->o->explain) continue;
        const struct vm_in in = replay_clock_at(&clock, f.time_ns);
        judge(vms[1], r, &in, &f, &v);
        if (n == r->o->explain) return explain_frame(r, &f, vms[0], &in, &v);
        judge(vms[0], r, &in, &f, &v);
    }
    if (got < 0)
        return complain("%s: %s", strcmp(r->o->pcap, "-") ? r->o->pcap : "standard input", capture_error(r->capture));
    return complain("--explain %llu: the capture has only %llu frames", (unsigned long long)r->o->explain,
                    (unsigned long long)n);
}

int explain(const struct replay *r)
{
    struct vm *vms[2] = {NULL, NULL};
    const struct vm_cfg cfg = {.seed = r->o->seed};
    for (unsigned i = 0; i < 2; i++) vms[i] = vm_new(r->program, &cfg);
    const int status = vms[0] && vms[1] ? explain_with(r, vms) : complain("out of memory");
    for (unsigned i = 0; i < 2; i++) vm_free(vms[i]);
    return status;
}
