/* Log events as lines: when, which rule, which packet. */
#include "runtime/replay/log.h"

#include "runtime/replay/replay_priv.h"

static void say_text(FILE *out, const struct log_said *s, const char *verdict)
{
    char when[TEXT_TIME], prefix[LOG_PREFIX];
    fprintf(out, "%s  ", text_clock(s->time_ns, when));
    if (s->frame) fprintf(out, "frame %llu  ", (unsigned long long)s->frame);
    label_log_prefix(s->labels, s->rule, prefix);
    fprintf(out, "%s%s%s  %s  %s  %u bytes\n", prefix, text_gap(prefix), label_rule(s->labels, s->rule), verdict,
            s->packet, s->bytes);
}

static void say_json(FILE *out, const struct log_said *s, const char *verdict)
{
    char when[TEXT_TIME], prefix[LOG_PREFIX];
    fprintf(out, "{\"event\":\"log\",\"time\":\"%s\"", text_iso(s->time_ns, when));
    if (s->frame) fprintf(out, ",\"frame\":%llu", (unsigned long long)s->frame);
    if (*label_log_prefix(s->labels, s->rule, prefix)) {
        fputs(",\"prefix\":", out);
        text_json(out, prefix);
    }
    fputs(",\"rule\":", out);
    text_json(out, label_rule(s->labels, s->rule));
    fputs(",\"place\":", out);
    text_json(out, label_rule_place(s->labels, s->rule));
    fputs(",\"verdict\":", out);
    text_json(out, verdict);
    fputs(",\"packet\":", out);
    text_json(out, s->packet);
    fprintf(out, ",\"bytes\":%u}\n", s->bytes);
}

void log_say(FILE *out, const struct log_said *s)
{
    char verdict[128];
    label_verdict(s->labels, s->rule, verdict, sizeof verdict);
    (s->form == LOG_TEXT ? say_text : say_json)(out, s, verdict);
}

void log_line(const struct replay *r, const struct event *e, struct pkt *pkt, uint64_t time_ns, uint64_t frame)
{
    struct key key;
    char what[200];
    pkt_parse(pkt, &r->facts, &key);
    pkt_describe(pkt, &key, what, sizeof what);
    log_say(stderr, &(struct log_said){.form = r->o->log,
                                       .labels = &r->labels,
                                       .rule = e->rule,
                                       .bytes = pkt->wire_len,
                                       .packet = text_clean(what),
                                       .time_ns = time_ns,
                                       .frame = frame});
}
