/* The summary that a person reads: what became of the frames, who decided it, what was odd, how long it took.
 *
 * Nothing is wider than 100 columns and every table ends in a sum. A rule that ends nothing (count, log, do, return,
 * decap) shows in brackets what it matched: those numbers are no part of the sum. */
#include "runtime/replay/summary.h"

#include <stdarg.h>
#include <string.h>

/* Columns, with what stands between them: 2 name 2 verdict 2 packets share 1 bytes 2 place. Together 100 at most. */
enum { NAME_MIN = 20, NAME_MAX = 24, VERDICT = 9, VERDICT_MAX = 10, PACKETS = 13, SHARE = 9, BYTES = 18, PLACE = 18 };
enum { ALL_RULES = 40 }; /* longer lists show only rules that matched */

struct table {
    FILE *out;
    uint64_t whole; /* packets that are 100 % */
    int verdict;    /* width of the verdict column */
    int name;       /* of the name column, verdict column included */
};

static void sum(struct counter *to, const struct counter *c)
{
    to->packets += c->packets;
    to->bytes += c->bytes;
}

struct decided decided_sum(const struct program *p, const struct vm_counters *c, const struct totals *t)
{
    struct decided d = {.passed = t->passed,
                        .nobody = t->nobody,
                        .replies = t->replies,
                        .unsent = t->unsent,
                        .malformed = t->malformed,
                        .unopened = t->unopened,
                        .fragments = t->fragments,
                        .held = c->verdicts[ACTION_HELD]};
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (rule_decides(&p->rules[i])) sum(&d.rules, &c->rules[i]);
    for (uint32_t i = 0; i < p->firewalls_count; i++) sum(&d.defaults, &c->defaults[i]);
    for (unsigned i = 0; i < ACTION_COUNT; i++) sum(&d.total, &c->verdicts[i]);
    return d;
}

uint64_t logs_limited(const struct program *p, const struct vm_counters *c)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < p->meters_count; i++)
        if (!p->meters[i].name) n += c->meters[i].over;
    return n;
}

/* ---- rows ---- */

static void head(const struct table *t, const char *title, const char *last)
{
    fprintf(t->out, "\n%-*s  %*s%*s %*s%s%s\n", t->name, title, PACKETS, "packets", SHARE, "", BYTES, "bytes",
            *last ? "  " : "", last);
}

/* The share of all packets: nothing for none, and what is little or not quite all is not rounded away. */
static void share(char *buf, size_t len, uint64_t n, uint64_t whole)
{
    const double v = n ? 100.0 * (double)n / (double)whole : 0;
    if (!n)
        *buf = 0;
    else if (v < 0.05)
        snprintf(buf, len, "<0.1 %%");
    else if (n < whole && v >= 99.95)
        snprintf(buf, len, ">99.9 %%");
    else
        snprintf(buf, len, "%.1f %%", v);
}

static void row(const struct table *t, const char *name, const struct counter *c, bool brackets, const char *last)
{
    char packets[TEXT_NUMBER], bytes[TEXT_NUMBER], p[TEXT_NUMBER + 2], b[TEXT_NUMBER + 2], s[16] = "";
    text_number(c->packets, packets);
    text_number(c->bytes, bytes);
    snprintf(p, sizeof p, brackets ? "(%s)" : "%s", packets);
    snprintf(b, sizeof b, brackets ? "(%s)" : "%s", bytes);
    if (!brackets) share(s, sizeof s, c->packets, t->whole);
    /* A bracket hangs over to the right, so that digits stay under digits. */
    const int over = brackets;
    fprintf(t->out, "  %-*s  %*s%*s %*s", t->name - 2, name, PACKETS + over, p, SHARE - over, s, BYTES + over, b);
    if (*last) fprintf(t->out, "%*s%s", 2 - over, "", last);
    fputc('\n', t->out);
}

/* "NAME        accept" within the name column. */
static const char *two(const struct table *t, const char *name, const char *verdict, char *buf, size_t len)
{
    char n[NAME_MAX * 4 + 8], v[VERDICT_MAX * 4 + 8];
    const int width = t->name - 2 - t->verdict - 2;
    text_tail(name, (unsigned)width, n, sizeof n);
    text_tail(verdict, (unsigned)t->verdict, v, sizeof v);
    snprintf(buf, len, "%-*s  %s", width, n, v);
    return buf;
}

/* ---- tables ---- */

static void verdict_table(const struct table *t, const struct vm_counters *c, const struct counter *total)
{
    head(t, "verdict", "");
    for (unsigned a = 0; a < ACTION_COUNT; a++)
        if (c->verdicts[a].packets || a <= ACTION_REJECT || a == ACTION_PASS)
            row(t, action_name(a), &c->verdicts[a], false, "");
    row(t, "total", total, false, "");
}

static bool is_shown(const struct replay *r, const struct vm_counters *c, uint32_t rule)
{
    return c->rules[rule].packets || r->program->rules_count <= ALL_RULES;
}

static uint32_t rule_rows(const struct table *t, const struct replay *r, const struct vm_counters *c)
{
    char name[200], place[PLACE * 4 + 8], verdict[128];
    uint32_t unhit = 0;
    for (uint32_t i = 0; i < r->program->rules_count; i++) {
        unhit += !c->rules[i].packets;
        if (!is_shown(r, c, i)) continue;
        two(t, label_rule(&r->labels, i), label_verdict(&r->labels, i, verdict, sizeof verdict), name, sizeof name);
        row(t, name, &c->rules[i], !rule_decides(&r->program->rules[i]),
            text_tail(label_place(&r->labels, label_rule_place(&r->labels, i)), PLACE, place, sizeof place));
    }
    return unhit;
}

static void default_rows(const struct table *t, const struct replay *r, const struct vm_counters *c)
{
    char name[200], label[300], place[PLACE * 4 + 8];
    for (uint32_t i = 0; i < r->program->firewalls_count; i++) {
        snprintf(label, sizeof label, "default of %s", r->labels.firewall[i]);
        two(t, label, verdict_word(r->program->firewalls[i].default_verdict), name, sizeof name);
        row(t, name, &c->defaults[i], false,
            text_tail(label_place(&r->labels, label_firewall_place(&r->labels, i)), PLACE, place, sizeof place));
    }
}

static void decided_table(const struct table *t, const struct replay *r, const struct vm_counters *c,
                          const struct decided *d)
{
    char name[200], n[TEXT_NUMBER];
    head(t, "decided by", "place");
    const uint32_t unhit = rule_rows(t, r, c);
    default_rows(t, r, c);
    if (d->malformed.packets)
        row(t, two(t, "malformed or snapped", "drop", name, sizeof name), &d->malformed, false, "");
    if (d->unopened.packets) row(t, two(t, "tunnels, not opened", "drop", name, sizeof name), &d->unopened, false, "");
    if (d->fragments.packets) row(t, two(t, "fragments", "drop", name, sizeof name), &d->fragments, false, "");
    if (d->held.packets) row(t, two(t, "fragments", "held", name, sizeof name), &d->held, false, "");
    if (d->passed.packets) row(t, two(t, "ARP, not judged", "pass", name, sizeof name), &d->passed, false, "");
    if (d->nobody.packets) row(t, two(t, "no firewall", "accept", name, sizeof name), &d->nobody, false, "");
    if (d->replies.packets) row(t, two(t, "replies, not judged", "forward", name, sizeof name), &d->replies, false, "");
    if (d->unsent.packets) row(t, two(t, "replies, not judged", "drop", name, sizeof name), &d->unsent, false, "");
    row(t, "total", &d->total, false, "");
    if (unhit && r->program->rules_count > ALL_RULES)
        fprintf(t->out, "  %s rules matched nothing and are not listed\n", text_number(unhit, n));
}

static void reason_table(const struct table *t, const struct vm_counters *c)
{
    head(t, "drop reason", "");
    for (unsigned i = REASON_NONE + 1; i < REASON_COUNT; i++)
        if (c->reasons[i].packets) row(t, reason_name(i), &c->reasons[i], false, "");
    row(t, "a rule or default", &c->reasons[REASON_NONE], false, "");
    row(t, "total dropped", &c->verdicts[ACTION_DROP], false, "");
}

/* ---- lines ---- */

void note(FILE *out, const char *what, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(out, "%-12s", what);
    vfprintf(out, fmt, ap);
    fputc('\n', out);
    va_end(ap);
}

/* What the rules ask for and nobody has said: such conditions are false without a word. */
static void hints(FILE *out, const struct replay *r)
{
    const bool has_self = r->facts.self4_count || r->facts.self6_count;
    if (r->program->meta->flags & PBC_NEEDS_SELF && !has_self)
        note(out, "", "the rules ask for this machine's addresses: --self ADDR,... names them");
    if (r->program->ifaces_count && r->iface == IFACE_NONE)
        note(out, "", "the rules name interfaces: --on IF says the one that frames came in on");
}

static const char *plural(uint64_t n) { return n == 1 ? "" : "s"; }

static void what_was_read(FILE *out, const struct replay *r, const struct totals *t)
{
    char a[340], n[TEXT_NUMBER], b[TEXT_NUMBER], from[TEXT_TIME], to[TEXT_TIME], d[TEXT_NUMBER];
    const bool standard = !strcmp(r->o->pcap, "-");
    note(out, "capture", "%s", text_tail(standard ? "standard input" : r->o->pcap, 80, a, sizeof a));
    note(out, "", "%s frame%s, %s bytes%s", text_number(t->frames, n), plural(t->frames), text_number(t->bytes, b),
         t->outside || r->o->to ? ", by --from and --to" : "");
    if (t->first_ns) {
        text_date(t->first_ns, from);
        text_date(t->last_ns, to);
        /* The day is said once where it is the same. */
        note(out, "", "%s to %s UTC, %s", from, strncmp(from, to, 11) ? to : to + 11,
             text_duration(t->last_ns - t->first_ns, d));
    }
    note(out, "program", "%s", text_tail(r->o->program, 80, a, sizeof a));
    note(out, "", "%s rule%s of %s", text_number(r->program->rules_count, n), plural(r->program->rules_count),
         text_tail(program_str(r->program, r->program->meta->source), 60, a, sizeof a));
    hints(out, r);
}

static void oddities(FILE *out, const struct replay *r, const struct vm_counters *c, const struct totals *t)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    if (t->earlier)
        note(out, "clock", "%s frame%s earlier than one before: judged at its time, for time never runs back",
             text_number(t->earlier, a), t->earlier == 1 ? " is" : "s are");
    if (c->snapped)
        note(out, "snapped", "%s frame%s cut by the capture, judged by %s headers", text_number(c->snapped, a),
             plural(c->snapped), c->snapped == 1 ? "its" : "their");
    if (c->bad_checksum)
        note(out, "checksum", "%s wrong IPv4 header checksum%s, judged all the same (--strict-checksum drops %s)",
             text_number(c->bad_checksum, a), plural(c->bad_checksum), c->bad_checksum == 1 ? "it" : "them");
    if (c->verdicts[ACTION_REJECT].packets)
        note(out, "answers", "%s sent, %s over the limit of %u a second", text_number(c->answers, a),
             text_number(c->answers_limited, b), r->program->meta->rejects_per_s);
    if (c->answers_no_buffer) note(out, "", "%s without a buffer", text_number(c->answers_no_buffer, a));
    if (t->log_events)
        note(out, "log", "%s event%s%s", text_number(t->log_events, a), plural(t->log_events),
             r->o->log ? "" : " (--log prints them)");
    const uint64_t limited = logs_limited(r->program, c);
    if (limited) note(out, t->log_events ? "" : "log", "%s more over their rules' rates", text_number(limited, a));
}

/* Packets that asked each meter; those that shared a bucket because the table was full. */
static void meter_lines(FILE *out, const struct replay *r, const struct vm_counters *c)
{
    const char *title = "meters";
    for (uint32_t i = 0; i < r->program->meters_count; i++) {
        const struct meter_counter *m = &c->meters[i];
        char name[100], a[TEXT_NUMBER], b[TEXT_NUMBER], d[TEXT_NUMBER];
        if (!r->program->meters[i].name) continue;
        text_tail(program_str(r->program, r->program->meters[i].name), 24, name, sizeof name);
        note(out, title, "%s: %s within, %s over%s%s%s", name, text_number(m->within, a), text_number(m->over, b),
             m->overflowed ? ", of them " : "", m->overflowed ? text_number(m->overflowed, d) : "",
             m->overflowed ? " without a bucket of their own" : "");
        title = "";
    }
}

static void rates(FILE *out, const struct totals *t, const struct timing *timing, uint64_t repeat)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER], d[TEXT_NUMBER];
    const double span = (double)(t->last_ns - t->first_ns) / 1e9, took = (double)t->elapsed_ns / 1e9;
    if (span > 0)
        note(out, "rate", "%s packets/s, %s kbit/s as captured", text_number((uint64_t)((double)t->frames / span), a),
             text_number((uint64_t)((double)t->bytes * 8 / span / 1000), b));
    if (t->frames && took > 0)
        note(out, "replay", "%s: %.1f ns a packet, %s packets/s", text_duration(t->elapsed_ns, d),
             (double)t->elapsed_ns / (double)t->frames, text_number((uint64_t)((double)t->frames / took), a));
    if (timing)
        note(out, "repeat", "%s passes: first %.1f, best %.1f, median %.1f, worst %.1f ns a packet",
             text_number(repeat, a), timing->first, timing->best, timing->median, timing->worst);
}

/* Only names of chains are cut, and they do not widen it. */
static int verdict_width(const struct replay *r, const struct vm_counters *c)
{
    for (uint32_t i = 0; i < r->program->rules_count; i++)
        if (is_shown(r, c, i) && r->program->rules[i].verdict == PBC_V_DECAP_IPIP) return VERDICT_MAX;
    return VERDICT;
}

static int name_width(const struct replay *r, const struct vm_counters *c, int verdict)
{
    const size_t most = (size_t)(NAME_MAX + VERDICT - verdict);
    size_t width = NAME_MIN; /* "malformed or snapped" */
    for (uint32_t i = 0; i < r->program->rules_count; i++)
        if (is_shown(r, c, i) && strlen(label_rule(&r->labels, i)) > width) width = strlen(label_rule(&r->labels, i));
    for (uint32_t i = 0; i < r->program->firewalls_count; i++)
        if (strlen(r->labels.firewall[i]) + 11 > width) width = strlen(r->labels.firewall[i]) + 11;
    return (int)(width < most ? width : most) + 2 + verdict + 2;
}

void summary_text(FILE *out, const struct replay *r, const struct vm_counters *c, const struct totals *t,
                  const struct timing *timing, const char *fault)
{
    const int verdict = verdict_width(r, c);
    const struct table table = {.out = out, .whole = t->frames, .verdict = verdict, .name = name_width(r, c, verdict)};
    const struct decided d = decided_sum(r->program, c, t);
    what_was_read(out, r, t);
    if (*fault) note(out, "incomplete", "the rest of the capture cannot be read");
    verdict_table(&table, c, &d.total);
    decided_table(&table, r, c, &d);
    services_text(out, r, c, t->frames, table.name);
    if (c->verdicts[ACTION_DROP].packets > c->reasons[REASON_NONE].packets) reason_table(&table, c);
    fputc('\n', out);
    oddities(out, r, c, t);
    meter_lines(out, r, c);
    tracked_text(out, c);
    rates(out, t, timing, r->o->repeat);
}
