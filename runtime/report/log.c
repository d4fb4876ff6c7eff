/* Text or a JSON object, with the labels of the rules that would decide, if the event has those */
#include "runtime/report/log.h"

static void say_text(FILE *out, const struct log_said *s, const char *verdict)
{
    char when[TEXT_TIME], prefix[LOG_PREFIX];
    fprintf(out, "%s  ", text_clock(s->time_ns, when));
    if (s->frame) fprintf(out, "frame %llu  ", (unsigned long long)s->frame);
    label_log_prefix(s->labels, s->rule, prefix);
    fprintf(out, "%s%s%s  %s%s  %s  %u bytes\n", prefix, text_gap(prefix), label_rule(s->labels, s->rule),
            s->would ? "would " : "", verdict, s->packet, s->bytes);
}

static void say_json(FILE *out, const struct log_said *s, const char *verdict)
{
    char when[TEXT_TIME], prefix[LOG_PREFIX];
    json_print(out, "{'event':'log','time':%s", text_iso(s->time_ns, when));
    if (s->frame) json_print(out, ",'frame':%llu", (unsigned long long)s->frame);
    if (*label_log_prefix(s->labels, s->rule, prefix)) json_print(out, ",'prefix':%s", prefix);
    if (s->would) json_print(out, ",'would':%i", 1);
    json_print(out, ",'rule':%s,'place':%s,'verdict':%s,'packet':%s,'bytes':%u}\n", label_rule(s->labels, s->rule),
               label_rule_place(s->labels, s->rule), verdict, s->packet, s->bytes);
}

void log_say(FILE *out, const struct log_said *s)
{
    char verdict[128];
    struct log_said of = *s;
    if (s->would) of.labels = s->labels->would;
    if (!of.labels || of.rule >= of.labels->program->rules_count) return; /* the rule belongs to another program */
    label_verdict(of.labels, of.rule, verdict, sizeof verdict);
    (s->form == LOG_TEXT ? say_text : say_json)(out, &of, verdict);
}
