/* Log events as lines on standard error: when, which rule, which packet. */
#include "runtime/replay/replay_priv.h"

void log_line(const struct replay *r, const struct event *e, struct pkt *pkt, uint64_t time_ns, uint64_t frame)
{
    struct key key;
    char what[200], when[TEXT_TIME], verdict[128];
    pkt_parse(pkt, &r->facts, &key);
    pkt_describe(pkt, &key, what, sizeof what);
    text_clean(what);
    label_verdict(&r->labels, e->rule, verdict, sizeof verdict);
    if (r->o->log == LOG_TEXT) {
        fprintf(stderr, "%s  frame %llu  %s  %s  %s  %u bytes\n", text_clock(time_ns, when), (unsigned long long)frame,
                label_rule(&r->labels, e->rule), verdict, what, pkt->wire_len);
        return;
    }
    fprintf(stderr, "{\"event\":\"log\",\"time\":\"%s\",\"frame\":%llu,\"rule\":", text_iso(time_ns, when),
            (unsigned long long)frame);
    text_json(stderr, label_rule(&r->labels, e->rule));
    fputs(",\"place\":", stderr);
    text_json(stderr, label_rule_place(&r->labels, e->rule));
    fputs(",\"verdict\":", stderr);
    text_json(stderr, verdict);
    fputs(",\"packet\":", stderr);
    text_json(stderr, what);
    fprintf(stderr, ",\"bytes\":%u}\n", pkt->wire_len);
}
