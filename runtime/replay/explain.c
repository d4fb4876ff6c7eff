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
    cond_explain(p, &p->conds[s->failed_cond], x->key, x->pkt, buf, len);
    return text_clean(buf);
}

static void step_text(void *arg, const struct trace_step *s)
{
    struct explained *x = arg;
    char buf[300], verdict[128];
    const char *reason = why(x, s, buf, sizeof buf);
    const char *label = x->r->labels.rule[s->rule], *place = label_place(&x->r->labels, x->r->labels.place[s->rule]);
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
    text_json(x->out, x->r->labels.rule[s->rule]);
    fputs(",\"place\":", x->out);
    text_json(x->out, x->r->labels.place[s->rule]);
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
    const int n = (int)strlen(x->r->labels.rule[s->rule]) + (int)s->depth * 2;
    if (n > x->width) x->width = n < 40 ? n : 40;
}

/* What the vm says of the frame, by itself: the verdict of a replay that begins here. */
static int judge_one(const struct explained *x, struct verdict *v)
{
    struct vm *vm = vm_new(x->r->program, &(struct vm_cfg){.seed = x->r->o->seed});
    if (!vm) return complain("out of memory");
    struct pkt pkt;
    struct vm_tx tx = {0};
    frame_view(x->r, x->frame, &pkt);
    vm_run(vm, &(struct vm_in){.mono_ns = x->frame->time_ns, .facts = &x->r->facts}, (struct pkt *const[]){&pkt}, 1, v,
           &tx);
    vm_free(vm);
    return 0;
}

/* Is the rule list asked about this frame at all? */
static bool is_judged(const struct verdict *v) { return v->rule != RULE_NONE || v->reason == REASON_NONE; }

static void end_text(const struct explained *x, const struct verdict *v)
{
    const struct program *p = x->r->program;
    if (v->rule == RULE_DEFAULT && v->firewall < p->firewalls_count)
        fprintf(x->out, "  %-*s  yes  %s of firewall %s (%s)\n", x->width, "default", action_name(v->action),
                x->r->labels.firewall[v->firewall],
                label_place(&x->r->labels, x->r->labels.firewall_place[v->firewall]));
    if (v->rule == RULE_NONE && v->reason == REASON_NONE)
        fprintf(x->out, "  %s\n",
                v->action == ACTION_PASS ? "no rule decides about this ARP frame" : "no firewall judges this frame");
    if (!is_judged(v)) fprintf(x->out, "  no rule is tried: %s\n", reason_doc[v->reason]);
    fprintf(x->out, "verdict: %s  rule %s", action_name(v->action), label_of(&x->r->labels, v->rule));
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
        program_explain(x->r->program, x->key, x->pkt, step_width, x);
        program_explain(x->r->program, x->key, x->pkt, step_text, x);
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
    if (is_judged(v)) program_explain(x->r->program, x->key, x->pkt, step_json, x);
    fprintf(x->out, "],\"verdict\":\"%s\"", action_name(v->action));
    json_or_null(x->out, "rule", label_of(&x->r->labels, v->rule));
    json_or_null(x->out, "firewall",
                 v->firewall < x->r->program->firewalls_count ? x->r->labels.firewall[v->firewall] : "-");
    fputs(",\"service\":null,\"server\":null", x->out);
    json_or_null(x->out, "reason", reason_name(v->reason));
    fputs("}\n", x->out);
}

static int explain_frame(const struct replay *r, const struct capture_frame *f)
{
    struct pkt pkt;
    struct key key;
    struct verdict v;
    char what[200];
    struct explained x = {.r = r, .frame = f, .pkt = &pkt, .key = &key};
    struct out out;
    if (judge_one(&x, &v)) return 2;
    frame_view(r, f, &pkt);
    pkt_parse(&pkt, &r->facts, &key);
    pkt_describe(&pkt, &key, what, sizeof what);
    text_clean(what);
    out_open(&out, "-");
    x.out = out.f;
    if (r->o->json)
        print_json(&x, &v, what);
    else
        print_text(&x, &v, what);
    const int failed = out_close(&out);
    if (!failed) return 0;
    return failed == -EPIPE ? 2 : complain("standard output: %s", strerror(-failed));
}

int explain(const struct replay *r)
{
    struct capture_frame f;
    uint64_t n = 0;
    int got;
    while ((got = capture_next(r->capture, &f)) == 1)
        if (++n == r->o->explain) return explain_frame(r, &f);
    if (got < 0)
        return complain("%s: %s", strcmp(r->o->pcap, "-") ? r->o->pcap : "standard input", capture_error(r->capture));
    return complain("--explain %llu: the capture has only %llu frames", (unsigned long long)r->o->explain,
                    (unsigned long long)n);
}
