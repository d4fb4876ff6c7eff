/* A trace is JSON; a block of pcapng has the verdict as its comment */
#include "runtime/live/control/trace/seen.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/record/blocks.h"

void seen_packet(const struct seen *s, struct pkt *pkt)
{
    const struct tape_frame *f = s->frame;
    pkt_view(pkt, (const uint8_t *)(f + 1), f->cap_len, f->wire_len, tape_link(f), IFACE_NONE);
    pkt->tag_count = f->tag_count;
    for (unsigned i = 0; i < 2; i++) {
        pkt->tags[i].tpid = f->tags[i].tpid;
        pkt->tags[i].tci = f->tags[i].tci;
    }
}

static void describe(const struct seen *s, char *buf, size_t len)
{
    struct pkt pkt;
    struct key key;
    seen_packet(s, &pkt);
    pkt_parse(&pkt, NULL, &key);
    pkt_describe(&pkt, &key, buf, len);
    text_clean(buf);
}

static const char *rule_of(const struct seen *s) { return s->labels ? label_of(s->labels, s->verdict->rule) : "-"; }
static const char *seen_server(const struct seen *s)
{
    return s->labels ? label_server(s->labels, s->verdict->server) : "-";
}
static void word(FILE *out, const char *member, const char *value)
{
    fprintf(out, ",\"%s\":", member);
    if (!strcmp(value, "-"))
        fputs("null", out);
    else
        text_json(out, value);
}

bool seen_line(struct call *c, const struct seen *s)
{
    char text[300], when[TEXT_TIME], *line = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&line, &len);
    if (!out) return false;
    describe(s, text, sizeof text);
    fprintf(out, "{\"time\":\"%s\",\"worker\":", text_iso(s->wall_ns, when));
    if (s->worker == SEEN_IN_KERNEL)
        fputs("null", out);
    else
        fprintf(out, "%u", s->worker);
    word(out, "interface", s->device);
    word(out, "packet", text);
    fprintf(out, ",\"bytes\":%u,\"verdict\":\"%s\"", s->frame->wire_len, action_name(s->verdict->action));
    word(out, "rule", rule_of(s));
    word(out, "service", s->labels ? label_service(s->labels, s->verdict->service) : "-");
    word(out, "server", seen_server(s));
    word(out, "reason", reason_name(s->verdict->reason));
    fputc('}', out);
    const bool told = !fclose(out) && call_json(c, line, len);
    free(line);
    return told;
}

static bool bytes_give(struct call *c, struct bytes *b)
{
    const bool told = !b->failed && call_bytes(c, b->at, b->len);
    bytes_fini(b);
    return told;
}

bool seen_section(struct call *c, const char *const devices[], const uint8_t links[], unsigned count)
{
    struct bytes b = {0};
    blocks_section(&b, devices, links, count);
    return bytes_give(c, &b);
}

bool seen_block(struct call *c, const struct seen *s, bool framed, uint32_t snap)
{
    struct bytes b = {0};
    char comment[300];
    snprintf(comment, sizeof comment, "%s  rule %.100s  server %.100s  reason %s", action_name(s->verdict->action),
             rule_of(s), seen_server(s), reason_name(s->verdict->reason));
    blocks_seen(&b, s->iface, s->wall_ns, s->frame, framed, snap, comment);
    return bytes_give(c, &b);
}
