#include "runtime/report/verdicts.h"

void verdicts_begin(FILE *out, bool json, bool described)
{
    if (!json) fprintf(out, "frame\tverdict\trule\tservice\tserver\treason%s\n", described ? "\tpacket" : "");
}

static void json_name(FILE *out, const char *key, const char *value)
{
    fprintf(out, ",\"%s\":", key);
    if (value[0] == '-' && !value[1])
        fputs("null", out);
    else
        text_json(out, value);
}

static void put(FILE *out, const char *s)
{
    fputc_unlocked('\t', out);
    fputs_unlocked(s, out);
}

static void put_number(FILE *out, uint64_t n)
{
    char digits[20];
    unsigned at = sizeof digits;
    do digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    fwrite_unlocked(digits + at, 1, sizeof digits - at, out);
}

void verdicts_line(FILE *out, const struct labels *labels, bool json, uint64_t frame, const struct verdict *v,
                   const char *packet)
{
    const char *rule = label_of(labels, v->rule), *reason = reason_name(v->reason);
    if (json) {
        fprintf(out, "{\"frame\":%llu,\"verdict\":\"%s\"", (unsigned long long)frame, action_name(v->action));
        json_name(out, "rule", rule);
        json_name(out, "service", label_service(labels, v->service));
        json_name(out, "server", label_server(labels, v->server));
        json_name(out, "reason", reason);
        if (packet) json_name(out, "packet", packet);
        fputs("}\n", out);
        return;
    }
    put_number(out, frame);
    put(out, action_name(v->action));
    put(out, rule);
    put(out, label_service(labels, v->service));
    put(out, label_server(labels, v->server));
    put(out, reason);
    if (packet) put(out, packet);
    fputc_unlocked('\n', out);
}
