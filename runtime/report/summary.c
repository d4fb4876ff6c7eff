/* The summary for people: what became of the frames, who decided it, oddities, duration.
 *
 * Nothing is wider than 100 columns and every table ends in a sum. A rule that ends nothing (count, log, do, return,
 * or one that opens a tunnel) shows its matches in brackets: those numbers are not part of the sum. */
#include "runtime/report/summary.h"

#include <stdarg.h>
#include <string.h>

#include "runtime/report/document/fill.h"
#include "runtime/report/document/item.h"
#include "runtime/report/given/given_ports.h"
#include "runtime/report/given/iface.h"
#include "runtime/report/live_report.h"
#include "runtime/report/table.h"
#include "runtime/report/would/audit.h"

struct decided decided_sum(const struct program *p, const struct vm_counters *c, const struct totals *t)
{
    struct decided d = {
#define DECIDED(field, counted, ...) .field = counted,
#include "runtime/counters/decided.def"
    };
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (rule_decides(&p->rules[i])) counter_sum(&d.rules, &c->rules[i]);
    for (uint32_t i = 0; i < p->firewalls_count; i++) counter_sum(&d.defaults, &c->defaults[i]);
    for (unsigned i = 0; i < ACTION_COUNT; i++) counter_sum(&d.total, &c->verdicts[i]);
    return d;
}

uint64_t logs_limited(const struct program *p, const struct vm_counters *c)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < p->meters_count; i++)
        if (!p->meters[i].name) n += c->meters[i].over;
    return n;
}

static void verdict_table(const struct table *t, const struct vm_counters *c, const struct counter *total)
{
    table_head(t, "verdict", "");
    for (unsigned a = 0; a < ACTION_COUNT; a++)
        if (c->verdicts[a].packets || a <= ACTION_REJECT || a == ACTION_PASS)
            table_row(t, action_name(a), &c->verdicts[a], false, "");
    table_row(t, "total", total, false, "");
}

static uint32_t rule_rows(const struct table *t, const struct subject *r, const struct vm_counters *c)
{
    char name[TABLE_NAME], place[TABLE_NAME];
    uint32_t unhit = 0;
    for (uint32_t i = 0; i < r->program->rules_count; i++) {
        unhit += !c->rules[i].packets;
        if (!table_shows(r, c, i)) continue;
        table_row(t, table_rule_name(t, r, i, name, sizeof name), &c->rules[i], !rule_decides(&r->program->rules[i]),
                  table_place(r, label_rule_place(&r->labels, i), place, sizeof place));
    }
    return unhit;
}

void undecided_rows(const struct table *t, const struct decided *d)
{
    char name[TABLE_NAME];
#define DECIDED(field, counted, key, what, verdict)                                                                    \
    if (d->field.packets) table_row(t, table_name(t, what, verdict, name, sizeof name), &d->field, false, "");
#include "runtime/counters/decided.def"
}

static void decided_table(const struct table *t, const struct subject *r, const struct vm_counters *c,
                          const struct decided *d)
{
    char n[TEXT_NUMBER];
    table_head(t, "decided by", "place");
    const uint32_t unhit = rule_rows(t, r, c);
    char name[TABLE_NAME], place[TABLE_NAME];
    for (uint32_t i = 0; i < r->program->firewalls_count; i++)
        table_row(t, table_default_name(t, r, i, name, sizeof name), &c->defaults[i], false,
                  table_place(r, label_firewall_place(&r->labels, i), place, sizeof place));
    undecided_rows(t, d);
    table_row(t, "total", &d->total, false, "");
    if (unhit && r->program->rules_count > TABLE_ALL_RULES)
        fprintf(t->out, "  %s rule%s matched nothing and %s listed\n", text_number(unhit, n), text_plural(unhit),
                unhit == 1 ? "isn't" : "aren't");
}

static void reason_table(const struct table *t, const struct vm_counters *c)
{
    table_head(t, "drop reason", "");
    for (unsigned i = REASON_NONE + 1; i < REASON_COUNT; i++)
        if (c->reasons[i].packets) table_row(t, reason_name(i), &c->reasons[i], false, "");
    table_row(t, "a rule or default", &c->reasons[REASON_NONE], false, "");
    table_row(t, "total dropped", &c->verdicts[ACTION_DROP], false, "");
}

void note(FILE *out, const char *what, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(out, "%-12s", what);
    vfprintf(out, fmt, ap);
    fputc('\n', out);
    va_end(ap);
}

enum { PORTS_SHOWN = 8 };

static void ports_text(FILE *out, const struct ports *p)
{
    char names[400], n[TEXT_NUMBER];
    for (unsigned i = 0; i < p->o->map_count; i++) {
        char map[140];
        snprintf(map, sizeof map, "%.120s", p->o->maps[i]);
        if (!p->used[i]) note(out, "", "--map %s: no interface of the capture has this name", text_clean(map));
    }
    if (!p->program->ifaces_count) return;
    if (p->o->on && p->as[0] == IFACE_OTHER)
        note(out, "", "the rules don't name %s; they name %s", p->o->on, iface_names(p->program, names, sizeof names));
    if (!p->o->on && p->count == 1)
        note(out, "", "the rules name interfaces: to set the interface of the frames, use --on IF");
    for (uint32_t i = 1; i < p->count && i <= PORTS_SHOWN; i++) {
        /* "eth0: wan", or words that the rules do not name the interface */
        char text[200];
        const char *is = port_is(p, i);
        snprintf(text, sizeof text, "%.120s: %.60s", p->name[i], is ? is : "the rules don't name it");
        note(out, i == 1 ? "interfaces" : "", "%s", text_clean(text));
    }
    if (p->count > PORTS_SHOWN + 1) note(out, "", "and %s more", text_number(p->count - PORTS_SHOWN - 1, n));
}

void what_was_read(FILE *out, const struct subject *r, const struct totals *t)
{
    char a[340], n[TEXT_NUMBER], b[TEXT_NUMBER], from[TEXT_TIME], to[TEXT_TIME], d[TEXT_NUMBER];
    const struct options *o = r->o;
    if (o->replay) note(out, "recording", "%s", text_tail(o->replay, 80, a, sizeof a));
    for (unsigned i = 0; i < o->pcap_count; i++) {
        const char *from_where = !strcmp(o->pcaps[i], "-") ? "standard input" : o->pcaps[i];
        note(out, i ? "" : "capture", "%s", text_tail(from_where, 80, a, sizeof a));
    }
    note(out, "", "%s frame%s, %s bytes%s", text_number(t->frames, n), text_plural(t->frames), text_number(t->bytes, b),
         t->outside || o->to ? ", by --from and --to" : "");
    if (t->first_ns) {
        text_date(t->first_ns, from);
        text_date(t->last_ns, to);
        /* the day of the end is left out if it is the same */
        note(out, "", "%s to %s UTC, %s", from, strncmp(from, to, 11) ? to : to + 11,
             text_duration(t->last_ns - t->first_ns, d));
    }
    if (o->program) note(out, "program", "%s", text_tail(o->program, 80, a, sizeof a));
    note(out, o->program ? "" : "program", "%s rule%s of %s", text_number(r->program->rules_count, n),
         text_plural(r->program->rules_count),
         text_tail(program_str(r->program, r->program->meta->source), 60, a, sizeof a));
    if (!o->replay) {
        /* Hints about inputs that the rules ask for and the command line lacks: such conditions are silently false. */
        const bool has_self = r->facts.self4_count || r->facts.self6_count;
        if (r->program->meta->flags & PBC_NEEDS_SELF && !has_self)
            note(out, "", "the rules depend on this machine's addresses: add --self ADDR,...");
        if (r->ports) ports_text(out, r->ports);
    }
}

static void oddities(FILE *out, const cJSON *root, const struct subject *r, const struct totals *t)
{
    char a[TEXT_NUMBER];
    if (t->earlier)
        note(out, "clock",
             "%s frame%s earlier than the previous frame, and judged at the previous frame's time, because time "
             "never runs back",
             text_number(t->earlier, a), t->earlier == 1 ? " is" : "s are");
    fill(out, root,
         "{?snapped snapped     {#snapped|frame} cut by the capture, judged by {=snapped|its|their} headers\n}"
         "{?bad_checksum checksum    {#bad_checksum|wrong IPv4 header checksum}, but judged (--strict-checksum drops "
         "{=bad_checksum|it|them})\n}"
         "{?ways_unknown routes      the routes don't show the way of {#ways_unknown|packet}: `out on` and "
         "`urpf-failed` "
         "are false for {=ways_unknown|it|them}, or the rules reject {=ways_unknown|it|them} on one of a route's "
         "interfaces}");
    if (item_number(root, "ways_unknown"))
        fprintf(out, "%s\n",
                r->o->iface_count                 ? " (to see why, run: preyctl explain PACKET)"
                : r->o->replay || r->facts.routes ? ""
                                                  : " (--routes FILE)");
    fill(out, root, "{?verdicts.reject.packets replies     {#answers.sent} sent, {#answers.limited} over the limit}");
    if (item_number(item(item(root, "verdicts"), "reject"), "packets"))
        fprintf(out, " of %u per second\n", r->program->meta->rejects_per_s);
    fill(out, root,
         "{?answers.no_buffer             {#answers.no_buffer} without a buffer\n}{?log.events log         "
         "{#log.events|event}}");
    if (t->log_events) fputs(r->o->log ? "\n" : " (--log prints them)\n", out);
    fill(out, root,
         "{?log.limited {?log.events             }{!log.events log         }{#log.limited} more, not logged because of "
         "rate limits\n}");
}

/* Number of frames from which on the time of a replay is that of judging, not of the start. */
enum { SPEED_FRAMES = 5000 };

static void rates(FILE *out, const struct totals *t, const struct timing *timing)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER], d[TEXT_NUMBER];
    const double span = (double)(t->last_ns - t->first_ns) / 1e9, took = (double)t->elapsed_ns / 1e9;
    if (span > 0)
        note(out, "rate", "%s packets/s, %s kbit/s as captured", text_number((uint64_t)((double)t->frames / span), a),
             text_number((uint64_t)((double)t->bytes * 8 / span / 1000), b));
    if (t->frames >= SPEED_FRAMES && took > 0)
        note(out, "replay", "%s: %.1f ns per packet, %s packets/s", text_duration(t->elapsed_ns, d),
             (double)t->elapsed_ns / (double)t->frames, text_number((uint64_t)((double)t->frames / took), a));
    if (timing)
        note(out, "repeat", "%s pass%s: first %.1f, best %.1f, median %.1f, worst %.1f ns per packet",
             text_number(timing->passes, a), timing->passes == 1 ? "" : "es", timing->first, timing->best,
             timing->median, timing->worst);
}

/* Write the tables and oddities, for a replay or live traffic. */
static void numbers(FILE *out, const cJSON *root, const struct subject *r, const struct vm_counters *c,
                    const struct totals *t)
{
    const struct table table = table_of(out, r, c, t->frames);
    const struct decided d = decided_sum(r->program, c, t);
    verdict_table(&table, c, &d.total);
    decided_table(&table, r, c, &d);
    audit_text(&table, root, r, c);
    services_text(&table, r, c, t);
    if (c->verdicts[ACTION_DROP].packets > c->reasons[REASON_NONE].packets) reason_table(&table, c);
    fputc('\n', out);
    oddities(out, root, r, t);
    said_text(out, r, t->streams);
    fill(out, root,
         "{*meters|meters      |            |{meter:<24}: {#within} within, {#over} over"
         "{?overflowed , of them {#overflowed} without a bucket of their own}\n}");
    tracked_text(out, root, c);
}

void report_text(FILE *out, const struct report *of, const cJSON *root)
{
    const struct subject r = {.o = of->options, .program = of->program, .labels = *of->labels};
    if (of->options->replay) what_was_read(out, &r, of->totals);
    numbers(out, root, &r, of->counters, of->totals);
}

void summary_text(FILE *out, const cJSON *root, const struct subject *r, const struct vm_counters *c,
                  const struct totals *t, const struct timing *timing, const char *fault)
{
    what_was_read(out, r, t);
    if (t->stopped) note(out, "stopped", "by a signal: frames before it were judged");
    if (*fault) note(out, "incomplete", "the rest of the capture can't be read");
    numbers(out, root, r, c, t);
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    if (t->told && t->told->proof_ns) {
        note(out, "kernel", "checked with %s frames in %s", text_number(t->told->proof_frames, a),
             text_duration(t->told->proof_ns, b));
        if (t->told->unjudged)
            note(out, "", "%s packet%s dropped undecided: rules test bytes that the kernel executor doesn't read",
                 text_number(t->told->unjudged, a), text_plural(t->told->unjudged));
        if (t->told->left_out)
            note(out, "", "%s edited packet%s found no buffer and didn't leave", text_number(t->told->left_out, a),
                 text_plural(t->told->left_out));
    }
    rates(out, t, timing);
}
