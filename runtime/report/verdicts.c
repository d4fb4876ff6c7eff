/* A line of text is put together without printf(3), because there is one per frame */
#include "runtime/report/verdicts.h"

void verdicts_begin(FILE *out, bool would, bool json, bool described)
{
    if (!json)
        fprintf(out, "frame\tverdict\trule\tservice\tserver\treason%s%s\n", would ? "\twould" : "",
                described ? "\tpacket" : "");
}

static void put_column(FILE *out, const char *s)
{
    fputc_unlocked('\t', out);
    fputs_unlocked(s, out);
}

static void put_frame(FILE *out, uint64_t n)
{
    char digits[20];
    unsigned at = sizeof digits;
    do digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    fwrite_unlocked(digits + at, 1, sizeof digits - at, out);
}

enum { WOULD_TEXT = 4200 };

void verdicts_line(FILE *out, const struct labels *labels, bool json, uint64_t frame, const struct verdict *v,
                   const char *packet)
{
    const char *rule = label_of(labels, v->rule), *reason = reason_name(v->reason);
    char would[WOULD_TEXT];
    if (json) {
        json_print(out, "{'frame':%llu,'verdict':%s,'rule':%s,'service':%s,'server':%s,'reason':%s",
                   (unsigned long long)frame, action_name(v->action), label_or_null(rule),
                   label_or_null(label_service(labels, v->service)), label_or_null(label_server(labels, v->server)),
                   label_or_null(reason));
        if (labels->would) {
            if (v->would)
                json_print(out, ",'would':{'verdict':%s,'rule':%s,'changes':%i}",
                           action_name((v->would - 1) % ACTION_COUNT),
                           label_or_null(label_of(labels->would, v->would_rule)), verdict_changes(v));
            else
                json_print(out, ",'would':null");
        }
        if (packet) json_print(out, ",'packet':%s", packet);
        fputs("}\n", out);
        return;
    }
    put_frame(out, frame);
    put_column(out, action_name(v->action));
    put_column(out, rule);
    put_column(out, label_service(labels, v->service));
    put_column(out, label_server(labels, v->server));
    put_column(out, reason);
    if (labels->would) put_column(out, label_would(labels, v, would, sizeof would));
    if (packet) put_column(out, packet);
    fputc_unlocked('\n', out);
}

const char *verdict_place(const struct labels *l, const struct verdict *v)
{
    if (v->rule < RULE_DEFAULT) return label_rule_place(l, v->rule);
    if (v->rule == RULE_DEFAULT && v->firewall < l->program->firewalls_count)
        return label_firewall_place(l, v->firewall);
    return "";
}

void verdict_text(FILE *out, const struct labels *l, const struct verdict *v)
{
    const char *at = verdict_place(l, v);
    fputs(action_name(v->action), out);
    if (v->rule == RULE_DEFAULT && v->firewall < l->program->firewalls_count)
        fprintf(out, " by the default of %s", l->firewall[v->firewall]);
    else if (v->rule == RULE_DEFAULT)
        fputs(" by a firewall's default", out);
    else if (v->rule < RULE_DEFAULT)
        fprintf(out, " by %s", label_rule(l, v->rule));
    if (*at) fprintf(out, " (%s)", label_place(l, at));
    if (v->server != PBC_NONE) fprintf(out, ", to %s", label_server(l, v->server));
    if (v->reason != REASON_NONE) fprintf(out, ", %s", reason_name(v->reason));
}
