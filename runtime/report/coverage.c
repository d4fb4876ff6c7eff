/* --coverage: the rules that frames matched, and those that never matched, list by list in file order.
 *
 * A rule counts when it matched, even if it did not decide; the vm counts matches of remembered verdicts and of later
 * fragments, too. In long programs neighbours that never matched share a line, so that a hundred thousand rules stay
 * readable. */
#include "runtime/report/coverage.h"

#include <cjson/cJSON.h>

#include "runtime/report/live_report.h"
#include "runtime/report/summary.h"
#include "runtime/report/table.h"

enum { JOINED = 4 }; /* programs longer than TABLE_ALL_RULES join this many neighbours or more */

struct printing {
    FILE *out;
    const struct subject *r;
    const struct vm_counters *c;
    struct table table;
};

/* Return the number of rules in a row that never matched, from `first` on. */
static uint32_t never_run(const struct vm_counters *c, uint32_t first, uint32_t end)
{
    uint32_t i = first;
    while (i < end && !c->rules[i].packets) i++;
    return i - first;
}

static const char *rules_text(uint32_t n, char *buf, size_t len)
{
    char digits[TEXT_NUMBER];
    snprintf(buf, len, "%s rule%s", text_number(n, digits), n == 1 ? "" : "s");
    return buf;
}

/* Write "edge.prey:17-4120", or "a.prey:17 to b.prey:3" if the run ends in another file. */
static const char *span_text(const struct subject *r, uint32_t first, uint32_t last, char *buf, size_t len)
{
    const struct pbc_place *a = &r->program->rules[first].place, *b = &r->program->rules[last].place;
    char from[TABLE_NAME];
    snprintf(from, sizeof from, "%s", label_place(&r->labels, label_rule_place(&r->labels, first)));
    if (a->file == b->file)
        snprintf(buf, len, "%s-%u", from, b->line);
    else
        snprintf(buf, len, "%s to %s", from, label_place(&r->labels, label_rule_place(&r->labels, last)));
    return buf;
}

static void run_row(const struct printing *p, uint32_t first, uint32_t count)
{
    char name[TABLE_NAME], cut[TABLE_NAME], rules[TEXT_NUMBER + 8], span[2 * TABLE_NAME];
    snprintf(name, sizeof name, "%.90s to %.90s", label_rule(&p->r->labels, first),
             label_rule(&p->r->labels, first + count - 1));
    text_tail(name, (unsigned)p->table.name - 2, cut, sizeof cut);
    table_words(&p->table, cut, "never", rules_text(count, rules, sizeof rules),
                span_text(p->r, first, first + count - 1, span, sizeof span));
}

static void one_row(const struct printing *p, const char *name, const struct counter *c, const char *place)
{
    char cut[TABLE_NAME];
    table_place(p->r, place, cut, sizeof cut);
    if (c->packets)
        table_row(&p->table, name, c, false, cut);
    else
        table_words(&p->table, name, "never", "", cut);
}

static void rule_rows(const struct printing *p, uint32_t first, uint32_t count)
{
    char name[TABLE_NAME];
    for (uint32_t i = first, end = first + count; i < end;) {
        const uint32_t run = never_run(p->c, i, end);
        if (run >= JOINED && p->r->program->rules_count > TABLE_ALL_RULES) {
            run_row(p, i, run);
            i += run;
            continue;
        }
        one_row(p, table_rule_name(&p->table, p->r, i, name, sizeof name), &p->c->rules[i],
                label_rule_place(&p->r->labels, i));
        i++;
    }
}

static void list_head(const struct printing *p, const char *kind, const char *name)
{
    char title[2 * TABLE_NAME], cut[TABLE_NAME];
    snprintf(title, sizeof title, "%s %.300s", kind, name);
    table_head(&p->table, text_tail(title, (unsigned)p->table.name, cut, sizeof cut), "place");
}

static const char *chain_name(const struct subject *r, uint32_t chain, char *buf, size_t len)
{
    snprintf(buf, len, "%s", program_str(r->program, r->program->chains[chain].name));
    return text_clean(buf);
}

/* True for a chain that never matched and is in the last table. */
static bool chain_is_silent(const struct printing *p, uint32_t chain)
{
    const struct pbc_chain *c = &p->r->program->chains[chain];
    return p->r->program->rules_count > TABLE_ALL_RULES &&
           never_run(p->c, c->rules, c->rules + c->rule_count) == c->rule_count;
}

/* Chains that share a line, and their rules, of which a chain may have none. */
struct silent {
    uint32_t first, count, rules, first_rule, last_rule;
};

static struct silent silent_run(const struct printing *p, uint32_t first, uint32_t most)
{
    const struct program *program = p->r->program;
    struct silent s = {.first = first};
    for (uint32_t i = first; i < program->chains_count && s.count < most && chain_is_silent(p, i); i++, s.count++) {
        const struct pbc_chain *c = &program->chains[i];
        if (!c->rule_count) continue;
        if (!s.rules) s.first_rule = c->rules;
        s.last_rule = c->rules + c->rule_count - 1;
        s.rules += c->rule_count;
    }
    return s.count >= JOINED || most == 1 ? s : silent_run(p, first, 1);
}

static void silent_row(const struct printing *p, const struct silent *s)
{
    char one[TABLE_NAME], other[TABLE_NAME], name[2 * TABLE_NAME + 8], cut[TABLE_NAME], place[2 * TABLE_NAME] = "";
    char n[TEXT_NUMBER + 8];
    chain_name(p->r, s->first, one, sizeof one);
    chain_name(p->r, s->first + s->count - 1, other, sizeof other);
    snprintf(name, sizeof name, s->count > 1 ? "%s to %s" : "%s", one, other);
    if (s->rules) span_text(p->r, s->first_rule, s->last_rule, place, sizeof place);
    table_words(&p->table, text_tail(name, (unsigned)p->table.name - 2, cut, sizeof cut), "never",
                rules_text(s->rules, n, sizeof n), place);
}

static void silent_chains(const struct printing *p)
{
    bool any = false;
    for (uint32_t i = 0; i < p->r->program->chains_count;) {
        if (!chain_is_silent(p, i)) {
            i++;
            continue;
        }
        if (!any) list_head(p, "chains", "without a match");
        any = true;
        const struct silent run = silent_run(p, i, UINT32_MAX);
        silent_row(p, &run);
        i += run.count;
    }
}

static uint32_t rules_matched(const struct program *p, const struct vm_counters *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->rules_count; i++) n += c->rules[i].packets > 0;
    return n;
}

static const char *percent(uint64_t n, uint64_t whole, char *buf)
{
    table_share(buf, TABLE_SHARE, n, whole);
    return *buf ? buf : "none";
}

static void totals_lines(const struct printing *p, const struct decided *d, const char *fault)
{
    const struct program *program = p->r->program;
    const uint32_t matched = rules_matched(program, p->c), never = program->rules_count - matched;
    const uint64_t whole = d->total.packets, ruled = d->rules.packets, fallen = d->defaults.packets;
    char a[TEXT_NUMBER], b[TEXT_NUMBER], n[TEXT_NUMBER], x[TABLE_SHARE], y[TABLE_SHARE], z[TABLE_SHARE];
    if (*fault) note(p->out, "incomplete", "the rest of the capture can't be read");
    note(p->out, "coverage", "%s of %s rule%s matched packets, %s never did", text_number(matched, a),
         text_number(program->rules_count, b), text_plural(program->rules_count),
         never ? text_number(never, n) : "none");
    if (whole)
        note(p->out, "", "decided by rules: %s of the packets; by defaults: %s; by neither: %s",
             percent(ruled, whole, x), percent(fallen, whole, y), percent(whole - ruled - fallen, whole, z));
}

void coverage_text(FILE *out, const struct subject *r, const struct vm_counters *c, const struct totals *t,
                   const char *fault)
{
    const struct printing p = {.out = out, .r = r, .c = c, .table = table_of(out, r, c, t->frames)};
    const struct decided d = decided_sum(r->program, c, t);
    char name[TABLE_NAME];
    what_was_read(out, r, t);
    totals_lines(&p, &d, fault);
    for (uint32_t i = 0; i < r->program->firewalls_count; i++) {
        const struct pbc_firewall *f = &r->program->firewalls[i];
        list_head(&p, "firewall", r->labels.firewall[i]);
        rule_rows(&p, f->rules, f->rule_count);
        one_row(&p, table_name(&p.table, "default", verdict_word(f->default_verdict), name, sizeof name),
                &c->defaults[i], label_firewall_place(&r->labels, i));
    }
    for (uint32_t i = 0; i < r->program->chains_count; i++) {
        if (chain_is_silent(&p, i)) continue;
        list_head(&p, "chain", chain_name(r, i, name, sizeof name));
        rule_rows(&p, r->program->chains[i].rules, r->program->chains[i].rule_count);
    }
    silent_chains(&p);
    if (d.total.packets == d.rules.packets + d.defaults.packets) return;
    table_head(&p.table, "neither rule nor default", "");
    undecided_rows(&p.table, &d);
}

static void json_counted(const struct printing *p, const struct counter *c)
{
    const uint64_t whole = p->table.whole;
    json_print(p->out, "'packets':%llu,'bytes':%llu,'share':%.9g", (unsigned long long)c->packets,
               (unsigned long long)c->bytes, whole ? (double)c->packets / (double)whole : 0.0);
}

static void json_rules(const struct printing *p, uint32_t first, uint32_t count)
{
    const struct labels *l = &p->r->labels;
    char verdict[128];
    json_print(p->out, "'rules':[");
    for (uint32_t i = first; i < first + count; i++) {
        json_next(p->out, i - first);
        json_print(p->out, "\n{'rule':%s,'verdict':%s,'place':%s,'decides':%i,", label_rule(l, i),
                   label_verdict(l, i, verdict, sizeof verdict), label_rule_place(l, i),
                   rule_decides(&p->r->program->rules[i]));
        json_counted(p, &p->c->rules[i]);
        fputc('}', p->out);
    }
    fputs("]}", p->out);
}

static void json_firewall(const struct printing *p, uint32_t firewall)
{
    const struct pbc_firewall *f = &p->r->program->firewalls[firewall];
    json_print(p->out, "\n{'list':%s,'kind':'firewall','place':%s,'default':{'verdict':%s,",
               p->r->labels.firewall[firewall], label_firewall_place(&p->r->labels, firewall),
               verdict_word(f->default_verdict));
    json_counted(p, &p->c->defaults[firewall]);
    fputs("},", p->out);
    json_rules(p, f->rules, f->rule_count);
}

static void json_chain(const struct printing *p, uint32_t chain)
{
    const struct pbc_chain *c = &p->r->program->chains[chain];
    char name[TABLE_NAME];
    json_print(p->out, "\n{'list':%s,'kind':'chain',", chain_name(p->r, chain, name, sizeof name));
    json_rules(p, c->rules, c->rule_count);
}

static void json_lists(FILE *out, const void *arg)
{
    const struct printing *p = arg;
    const struct program *program = p->r->program;
    const uint32_t matched = rules_matched(program, p->c);
    json_print(out, "{'rules':%u,'matched':%u,'never':%u,'lists':[", program->rules_count, matched,
               program->rules_count - matched);
    for (uint32_t i = 0; i < program->firewalls_count + program->chains_count; i++) {
        json_next(out, i);
        i < program->firewalls_count ? json_firewall(p, i) : json_chain(p, i - program->firewalls_count);
    }
    fputs("]}", out);
}

int coverage_json(FILE *out, const struct subject *r, const struct vm_counters *c, const struct totals *t,
                  const char *fault)
{
    const struct printing p = {.out = out, .r = r, .c = c, .table.whole = t->frames};
    cJSON *root = cJSON_CreateObject();
    json_sources(root, r, t, fault);
    json_decided(root, r, c, t);
    return json_root_print(out, root, "coverage", json_lists, &p);
}

int report_coverage(FILE *out, const struct report *of)
{
    const struct subject r = {.o = of->options, .program = of->program, .labels = *of->labels};
    if (of->options->json) return coverage_json(out, &r, of->counters, of->totals, "");
    coverage_text(out, &r, of->counters, of->totals, "");
    return 0;
}
