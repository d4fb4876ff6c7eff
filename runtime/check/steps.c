/* One buffer per direction; each outcome is reported with the expected and the received bytes */
#include "runtime/check/steps.h"

#include <stdio.h>
#include <string.h>

#include "vm/words/words.h"

static const struct pbc_step *step_at(const struct probe *p, uint32_t i)
{
    return i < p->check->step_count ? &p->program->steps[p->check->steps + i] : NULL;
}

static const uint8_t *step_bytes(const struct probe *p, const struct pbc_step *s)
{
    return p->program->said + s->bytes;
}

/* Go to the next step that reads, from step `i` on */
static void await(struct probe *p, uint32_t i)
{
    const struct pbc_step *s;
    while ((s = step_at(p, i)) && s->kind == PBC_STEP_SEND) i++;
    p->steps.at = (uint8_t)i;
    p->steps.heard = p->steps.last = 0;
    p->steps.matched = 0;
}

/* Load the next bytes to send, of the steps before the awaited one. False if no bytes are left to send. */
static bool say_next(struct probe *p)
{
    while (p->steps.said < p->steps.at) {
        const struct pbc_step *s = step_at(p, p->steps.said++);
        if (s->kind != PBC_STEP_SEND) continue;
        p->talk.say = step_bytes(p, s);
        p->talk.say_len = s->len;
        p->said = 0;
        return true;
    }
    return false;
}

/* ---- words ---- */

enum { QUOTED_BYTES = 24, QUOTED = 4 * QUOTED_BYTES + 10 };

/* Write bytes as a string of the language, with dots for bytes past QUOTED_BYTES. more: further bytes follow. buf:
 * QUOTED - 3 bytes. Return buf. */
static const char *quote(char *buf, const uint8_t *bytes, size_t len, bool more)
{
    size_t n = 0;
    buf[n++] = '"';
    for (size_t i = 0; i < len && i < QUOTED_BYTES; i++) {
        const uint8_t c = bytes[i];
        if (c == '\r' || c == '\n' || c == '\t')
            n += (size_t)snprintf(buf + n, QUOTED - 3 - n, "\\%c", c == '\r' ? 'r' : c == '\n' ? 'n' : 't');
        else if (c < 0x20 || c >= 0x7f)
            n += (size_t)snprintf(buf + n, QUOTED - 3 - n, "\\x%02x", c);
        else
            n += (size_t)snprintf(buf + n, QUOTED - 3 - n, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
    snprintf(buf + n, QUOTED - 3 - n, more || len > QUOTED_BYTES ? "\"..." : "\"");
    return buf;
}

/* Quote the bytes of the awaited step */
static const char *quote_want(const struct probe *p, char buf[QUOTED])
{
    const struct pbc_step *s = step_at(p, p->steps.at);
    return quote(buf, step_bytes(p, s), s->len, false);
}

/* Quote the beginning of the newest bytes: the server's reply to the last bytes that it received */
static const char *quote_seen(const struct probe *p, char buf[QUOTED])
{
    const size_t kept = p->steps.last < sizeof p->steps.seen ? p->steps.last : sizeof p->steps.seen;
    const size_t dots = p->steps.heard > p->steps.last ? 3 : 0;
    memcpy(buf, "...", dots);
    quote(buf + dots, p->steps.seen, kept, p->steps.last > kept);
    return buf;
}

/* Write "step 3: " if the check awaits several replies, else "". Return buf. */
static const char *which(const struct probe *p, char buf[16])
{
    unsigned answers = 0;
    const struct pbc_step *s;
    for (uint32_t i = 0; (s = step_at(p, i)); i++) answers += s->kind != PBC_STEP_SEND;
    snprintf(buf, 16, "step %u: ", p->steps.at + 1u);
    return answers > 1 ? buf : "";
}

static enum probe_result say_lacks(struct probe *p, const char *when)
{
    char want[QUOTED], seen[QUOTED], step[16], bytes[TEXT_NUMBER];
    return probe_bad(p, "%s%s isn't in the %s byte%s %s: %s", which(p, step), quote_want(p, want),
                     text_number(p->steps.heard, bytes), text_plural(p->steps.heard), when, quote_seen(p, seen));
}

static enum probe_result say_differs(struct probe *p)
{
    char want[QUOTED], seen[QUOTED], step[16];
    return probe_bad(p, "%sthe reply begins with other bytes than %s: %s", which(p, step), quote_want(p, want),
                     quote_seen(p, seen));
}

enum probe_result steps_late(struct probe *p, const char *within)
{
    char when[64], step[16];
    const struct pbc_step *s = p->talk.hear ? step_at(p, p->steps.at) : NULL;
    snprintf(when, sizeof when, "that came within %s", within);
    if (s && p->steps.heard) return say_lacks(p, when);
    return probe_bad(p, "%sno reply within %s", s ? which(p, step) : "", within);
}

/* ---- reading ---- */

/* Keep the beginning of the newest bytes, for messages: n bytes, after `after` others */
static void step_note(struct probe *p, const uint8_t *bytes, size_t n, size_t after)
{
    for (size_t i = 0; i < n && after + i < sizeof p->steps.seen; i++) p->steps.seen[after + i] = bytes[i];
    p->steps.last = after + n;
    p->steps.heard += n;
}

/* Read bytes for the awaited step. Return their number: up to its end, else all; *r: PROBE_GOOD at its end. */
static size_t step_reads(struct probe *p, const uint8_t *bytes, size_t n, enum probe_result *r)
{
    const struct pbc_step *s = step_at(p, p->steps.at);
    size_t took;
    if (s->kind == PBC_STEP_HAS) {
        took = seek_on(&p->seeks[p->steps.at], &p->steps.matched, bytes, n);
        step_note(p, bytes, took, 0);
    } else {
        const size_t left = s->len - p->steps.matched;
        took = n < left ? n : left;
        const bool same = !memcmp(bytes, step_bytes(p, s) + p->steps.matched, took);
        step_note(p, bytes, same ? took : n, p->steps.heard);
        if (!same) *r = say_differs(p);
        p->steps.matched += (uint32_t)took;
    }
    if (*r == PROBE_GOES_ON && p->steps.matched == s->len) *r = PROBE_GOOD;
    return took;
}

static enum probe_result tcp_hear(struct probe *p, const uint8_t *bytes, size_t n)
{
    if (!n) {
        char step[16];
        if (step_at(p, p->steps.at)->kind == PBC_STEP_HAS && p->steps.heard)
            return say_lacks(p, "before the server closed the connection");
        return probe_bad(p, "%s%s", which(p, step),
                         p->steps.heard ? "the server closed the connection in the middle of its reply"
                                        : "the server closed the connection before it replied");
    }
    while (n && step_at(p, p->steps.at)) {
        enum probe_result r = PROBE_GOES_ON;
        const size_t took = step_reads(p, bytes, n, &r);
        if (r != PROBE_GOOD) return r;
        bytes += took;
        n -= took;
        await(p, p->steps.at + 1u);
    }
    if (!step_at(p, p->steps.at)) p->talk.hear = NULL;
    return PROBE_GOES_ON;
}

static enum probe_result tcp_endless(struct probe *p)
{
    if (step_at(p, p->steps.at)->kind != PBC_STEP_HAS)
        return probe_bad(p, "the reply is longer than the 256 KiB that prey reads");
    return say_lacks(p, "that prey read");
}

void steps_talk(struct probe *p)
{
    await(p, 0);
    p->talk =
        (struct talk){.hear = step_at(p, p->steps.at) ? tcp_hear : NULL, .endless = tcp_endless, .say_next = say_next};
    say_next(p);
}

enum probe_result steps_datagram(struct probe *p, const uint8_t *bytes, size_t n)
{
    enum probe_result r = PROBE_GOES_ON;
    await(p, 0);
    if (n) step_reads(p, bytes, n, &r);
    if (r != PROBE_GOES_ON) return r;
    return step_at(p, p->steps.at)->kind == PBC_STEP_HAS ? say_lacks(p, "that the server sent") : say_differs(p);
}
