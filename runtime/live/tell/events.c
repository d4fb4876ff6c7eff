/* Lines are composed as text, JSON or fields. Each kind has a number of lines per second; further events are counted */
#include "runtime/live/tell/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"

#define SECOND_NS UINT64_C(1000000000)

static const struct {
    const char *word, *plain;
    unsigned most;
} kinds[TOLD_KINDS] = {
#define EVENT(ident, word, plain, most, doc) {word, plain, most},
#include "runtime/live/tell/event.def"
};

const char *event_word(enum told kind) { return kinds[kind].word; }

int events_init(struct events *e, enum log_form form, const char *instance, const char *to, int fd)
{
    *e = (struct events){.form = form, .instance = instance};
    sink_init(&e->sink, to, fd);
    e->out = open_memstream(&e->line, &e->len);
    return e->out ? 0 : -ENOMEM;
}

void events_fini(struct events *e)
{
    if (!e->out) return;
    events_tick(e);
    fclose(e->out);
    free(e->line);
    sink_fini(&e->sink);
    *e = (struct events){0};
}

/* Finish the line and hand it to the sink. A sink's first failure is reported on standard error, where people see
 * it. */
static int line_end(struct events *e)
{
    const bool fails = e->sink.lost;
    fputc('\n', e->out);
    fflush(e->out);
    const int failed = sink_put(&e->sink, e->line, e->len);
    if (failed && !fails && e->sink.kind != SINK_STDERR)
        complain("--log: %.500s: %s; lines that can't be written are counted", e->sink.path, strerror(-failed));
    rewind(e->out);
    return failed;
}

/* Begin a line of a text log. The system's log and the journal add the time themselves; a file spans days, so it
 * gets the date, too. */
static void begin_text(struct events *e, enum told kind, uint64_t wall_ns)
{
    char day[TEXT_TIME], clock[TEXT_TIME];
    if (e->sink.kind == SINK_FILE) fprintf(e->out, "%.10s ", text_date(wall_ns, day));
    if (e->sink.kind == SINK_FILE || e->sink.kind == SINK_STDERR) fprintf(e->out, "%s  ", text_clock(wall_ns, clock));
    if (kind != TOLD_RULE) fprintf(e->out, "%s: ", kinds[kind].word);
}

static void begin_json(struct events *e, enum told kind, uint64_t wall_ns)
{
    char when[TEXT_TIME];
    fprintf(e->out, "{\"event\":\"%s\",\"time\":\"%s\"", kinds[kind].word, text_iso(wall_ns, when));
}

/* Fields of a line in systemd's journal: its native protocol, one field per line, MESSAGE last
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL). `journalctl PREY_EVENT=refused` finds lines by them. A control byte
 * in a value, which would end it, is written as a space. NULL or empty: no field. */
static void fields_add(FILE *out, const char *name, const char *value)
{
    if (!value || !*value) return;
    fprintf(out, "%s=", name);
    for (; *value; value++) fputc((unsigned char)*value < ' ' ? ' ' : *value, out);
    fputc('\n', out);
}

/* Begin the fields of a line. level: of syslog(3) */
static void fields_begin(FILE *out, int level, const char *instance, const char *event)
{
    fprintf(out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=preyrun\n", level);
    fields_add(out, "PREY_INSTANCE", instance);
    fields_add(out, "PREY_EVENT", event);
}

/* Begin MESSAGE, the last field: the following text, up to the newline. */
static void fields_message(FILE *out) { fputs("MESSAGE=", out); }

/* Return the level of syslog: an error if something was refused, a warning if packets or a guard are affected. */
static int level_of(enum told kind)
{
    switch (kind) {
    case TOLD_REFUSED:
    case TOLD_FAULT: return LOG_ERR;
    case TOLD_UNJUDGED:
    case TOLD_LINK:
    case TOLD_LIMIT:
    case TOLD_EVICTED:
    case TOLD_NEIGHBOUR:
    case TOLD_LOST:
    case TOLD_STALLED:
    case TOLD_GUARD:
    case TOLD_RECORDER: return LOG_WARNING;
    default: return LOG_INFO;
    }
}

static int compose(struct events *e, enum told kind, const char *text)
{
    const uint64_t wall = clock_ns(CLOCK_REALTIME);
    if (e->sink.kind == SINK_JOURNAL) {
        fields_begin(e->out, level_of(kind), e->instance, kinds[kind].word);
        fields_message(e->out);
    } else if (e->sink.kind == SINK_STDERR && complain_to_journal()) {
        fprintf(e->out, "<%d>", level_of(kind));
    }
    if (e->form == LOG_NONE) {
        fprintf(e->out, "%s: %s", kinds[kind].plain, text);
    } else if (e->form == LOG_TEXT) {
        begin_text(e, kind, wall);
        fputs(text, e->out);
    } else {
        begin_json(e, kind, wall);
        fputs(",\"text\":", e->out);
        text_json(e->out, text);
        fputc('}', e->out);
    }
    return line_end(e);
}

static void past_keep(struct past_line *line, enum told kind, uint64_t wall_ns, const char *text)
{
    line->wall_ns = wall_ns;
    line->kind = kind;
    snprintf(line->text, sizeof line->text, "%s", text);
}

/* Keep a line if it was written; reloads are counted in any case. */
static void note_past(struct past *p, enum told kind, uint64_t wall_ns, const char *text, bool told)
{
    const bool now = kind == TOLD_READY || kind == TOLD_RELOADED;
    if (now) p->program_ns = wall_ns;
    p->good += kind == TOLD_RELOADED;
    p->refused += kind == TOLD_REFUSED;
    if (!told) return;
    if (now || kind == TOLD_REFUSED)
        past_keep(&p->reloads[p->reload_count++ % PAST_RELOADS], kind, wall_ns, text);
    else if (kind != TOLD_RULE)
        past_keep(&p->events[p->event_count++ % PAST_EVENTS], kind, wall_ns, text);
}

/* Report the number of lines that the sink did not take, before the next line. If this report fails, too, it is
 * repeated before the next line. */
static void tell_lost(struct events *e)
{
    char text[100];
    const uint64_t lost = e->sink.lost;
    if (!lost) return;
    snprintf(text, sizeof text, "--log: %" PRIu64 " line%s before this one %s not written", lost, text_plural(lost),
             lost == 1 ? "was" : "were");
    const int failed = compose(e, TOLD_FAULT, text);
    e->sink.lost = failed ? lost : 0;
    if (!failed) note_past(&e->past, TOLD_FAULT, clock_ns(CLOCK_REALTIME), text, true);
}

static void event_say(struct events *e, enum told kind, const char *text)
{
    tell_lost(e);
    e->not_taken += compose(e, kind, text) != 0;
}

static void say_left_out(struct events *e, enum told kind)
{
    char text[120];
    const uint64_t n = e->kinds[kind].left_out;
    e->kinds[kind].left_out = 0;
    snprintf(text, sizeof text, "%" PRIu64 " more `%s` event%s left out", n, kinds[kind].word,
             n == 1 ? " was" : "s were");
    event_say(e, kind == TOLD_RULE ? TOLD_FAULT : kind, text);
}

/* Begin a new second for the kind once its current second has ended. */
static void turn_over(struct events *e, enum told kind, uint64_t now)
{
    if (now - e->kinds[kind].since_ns < SECOND_NS) return;
    e->kinds[kind].since_ns = now;
    e->kinds[kind].told = 0;
    if (e->kinds[kind].left_out) say_left_out(e, kind);
}

/* True if one more event of the kind may be reported in this second; otherwise it is counted as left out. */
static bool allowed(struct events *e, enum told kind)
{
    if (!e->out) return false;
    turn_over(e, kind, clock_ns(CLOCK_MONOTONIC));
    if (e->kinds[kind].told++ < kinds[kind].most) return true;
    e->kinds[kind].left_out++;
    return false;
}

void events_left_out(struct events *e, enum told kind, uint64_t count) { e->kinds[kind].left_out += count; }

void events_tick(struct events *e)
{
    for (enum told k = 0; k < TOLD_KINDS; k++)
        if (e->kinds[k].left_out) turn_over(e, k, clock_ns(CLOCK_MONOTONIC));
}

void events_tell(struct events *e, enum told kind, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const bool told = allowed(e, kind); /* a flood does not push earlier lines out of the past */
    note_past(&e->past, kind, clock_ns(CLOCK_REALTIME), text_clean(text), told);
    if (told) event_say(e, kind, text);
}

static void packet_fields(struct events *e, const struct labels *labels, const struct log_note *n, const char *verdict,
                          const char *prefix, const char *what)
{
    char bytes[16];
    snprintf(bytes, sizeof bytes, "%u", n->bytes);
    fields_begin(e->out, level_of(TOLD_RULE), e->instance, kinds[TOLD_RULE].word);
    fields_add(e->out, "PREY_PREFIX", prefix);
    fields_add(e->out, "PREY_RULE", label_rule(labels, n->rule));
    fields_add(e->out, "PREY_PLACE", label_rule_place(labels, n->rule));
    fields_add(e->out, "PREY_VERDICT", verdict);
    fields_add(e->out, "PREY_WOULD", n->would ? "1" : "");
    fields_add(e->out, "PREY_PACKET", what);
    fields_add(e->out, "PREY_BYTES", bytes);
    fields_message(e->out);
}

void events_packet(struct events *e, const struct labels *labels, const struct log_note *n)
{
    char verdict[128], what[sizeof n->text], prefix[LOG_PREFIX];
    if (n->would) labels = labels->would;
    if (!labels || !allowed(e, TOLD_RULE)) return;
    const uint64_t wall = clock_ns(CLOCK_REALTIME) - (clock_ns(CLOCK_MONOTONIC) - n->mono_ns);
    memcpy(what, n->text, sizeof what);
    text_clean(what);
    label_verdict(labels, n->rule, verdict, sizeof verdict);
    label_log_prefix(labels, n->rule, prefix);
    tell_lost(e);
    if (e->sink.kind == SINK_JOURNAL) packet_fields(e, labels, n, verdict, prefix, what);
    if (e->form == LOG_TEXT) {
        begin_text(e, TOLD_RULE, wall);
        fprintf(e->out, "%s%s%s  %s%s  %s  %u bytes", prefix, text_gap(prefix), label_rule(labels, n->rule),
                n->would ? "would " : "", verdict, what, n->bytes);
    } else {
        begin_json(e, TOLD_RULE, wall);
        if (*prefix) {
            fputs(",\"prefix\":", e->out);
            text_json(e->out, prefix);
        }
        if (n->would) fputs(",\"would\":true", e->out);
        fputs(",\"rule\":", e->out);
        text_json(e->out, label_rule(labels, n->rule));
        fputs(",\"place\":", e->out);
        text_json(e->out, label_rule_place(labels, n->rule));
        fputs(",\"verdict\":", e->out);
        text_json(e->out, verdict);
        fputs(",\"packet\":", e->out);
        text_json(e->out, what);
        fprintf(e->out, ",\"bytes\":%u}", n->bytes);
    }
    e->not_taken += line_end(e) != 0;
}
