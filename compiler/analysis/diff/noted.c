/* Rules that copy, log or only count packets (`audit`), as text: their packets, and what decides before them. A rule
 * that decides takes its packets from the mirrors behind it, so a mirror's text has these, too. Logs come with
 * verdicts, whose packets regions show. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/heap.h"
#include "lang/order.h"
#include "vm/words/words.h"

enum {
    BEFORE_SHOWN = 8,
    LOOKED_MOST = 1 << 17,
    ALL_DIRS = 1u << PBC_DIR_IN | 1u << PBC_DIR_OUT | 1u << PBC_DIR_FORWARD
};

static void put_region(struct diff *d, const struct ir_product *p, FILE *out)
{
    const struct region_text text = statement_text(d);
    if (ir_is_empty(p))
        fputs("nothing", out);
    else
        region_text_print(&text, p, ALL_DIRS, out);
}

/* True if the item takes packets of the mirror. */
static bool mirror_takes(struct diff *d, const struct items *l, uint32_t item, uint32_t mirror)
{
    const struct item *it = &l->item[item];
    struct ir_product both;
    bool loose = false;
    if (d->c.image->rules[it->rule].verdict == PBC_V_MIRROR || (it->skip && it->skip <= mirror)) return false;
    return product_and(d->c.ir, l->item[mirror].product, it->product, &both, &loose);
}

/* Print the rules before the mirror that decide some of its packets, ", behind accept tcp from any to any port 22".
 * For rules past the first few, or in a list too long to be searched, print a number that differs with the rules. */
static void put_before(struct diff *d, const struct items *l, uint32_t mirror, FILE *out)
{
    uint32_t shown = 0, left = 0;
    uint64_t rest = 0;
    for (uint32_t i = 0; i < mirror; i++) {
        const struct item *it = &l->item[i];
        if (i < LOOKED_MOST && !mirror_takes(d, l, i, mirror)) continue;
        if (shown == BEFORE_SHOWN || i >= LOOKED_MOST) {
            rest = (rest ^ it->hash) * 0x9e3779b97f4a7c15u;
            left++;
            continue;
        }
        fprintf(out, "%s%s ", shown++ ? ", " : ", behind ", verdict_info[d->c.image->rules[it->rule].verdict].name);
        put_region(d, it->product, out);
    }
    if (left)
        fprintf(out, "%s %u more, list %08x of this comparison", shown ? " and" : ", behind", left,
                (unsigned)(rest >> 32));
}

static bool is_in(const struct pbc_rule *r, uint32_t firewall)
{
    return r->list & PBC_LIST_CHAIN || r->list == firewall;
}

static void put_limit(const struct program *p, const struct pbc_mirror *m, FILE *out)
{
    char rate[100];
    if (!m->meter) return;
    meter_text(&p->meters[m->meter - 1], rate, sizeof(rate));
    fprintf(out, ", limit %s", rate);
}

/* Print a mirror for each place in which a firewall reaches it. */
void put_copies(struct diff *d, const struct side *s, const struct pbc_mirror *m, FILE *out)
{
    const struct program *p = s->program;
    const uint64_t work = d->work;
    const char *before = "";
    for (uint32_t f = 0; f < p->firewalls_count; f++) {
        struct items l = {.mirrors = true};
        if (!is_in(&p->rules[m->rule], f)) continue;
        flatten(d, s->firewalls + f, &l);
        for (uint32_t i = 0; i < l.count; i++) {
            if (l.item[i].rule != s->rules + m->rule) continue;
            fputs(before, out);
            before = "\n";
            mirror_print(p, m, out);
            fputs(" of ", out);
            put_region(d, l.item[i].product, out);
            put_limit(p, m, out);
            put_before(d, &l, i, out);
        }
        free(l.item);
        d->work = work;
    }
    if (*before) return;
    mirror_print(p, m, out);
    fputs(" of nothing", out);
    put_limit(p, m, out);
}

static char *log_line(struct diff *d, const struct side *s, const struct pbc_rule *r)
{
    const struct program *p = s->program;
    struct words w;
    struct ir_product when;
    char rate[100];
    FILE *out = words_begin(&w);
    fputs("log ", out);
    if (r->log_prefix) text_put_quoted(program_str(p, r->log_prefix), out), fputc(' ', out);
    if (r->log_meter) {
        meter_text(&p->meters[r->log_meter - 1], rate, sizeof(rate));
        fprintf(out, "%s ", rate);
    }
    fputs("of ", out);
    normal_when(&d->c, s->conds + r->conds, r->cond_count, &when);
    put_region(d, &when, out);
    return words_kept(d, &w);
}

char *logs_text(struct diff *d, const struct side *s)
{
    const struct program *p = s->program;
    char **lines = arena_alloc(d->c.arena, ((size_t)p->rules_count + 1) * sizeof(*lines)), *text = NULL;
    uint32_t count = 0;
    size_t len;
    for (const struct pbc_rule *r = p->rules; r < p->rules + p->rules_count; r++)
        if (r->flags & PBC_RULE_LOG || r->verdict == PBC_V_LOG) lines[count++] = log_line(d, s, r);
    if (!count) return NULL;
    qsort(lines, count, sizeof(*lines), order_text);
    FILE *out = heap_stream(&text, &len);
    for (uint32_t i = 0; i < count; i++) fprintf(out, "%s%s", i ? "\n" : "", lines[i]);
    heap_stream_end(out);
    return text;
}

char *audits_text(struct diff *d, const struct side *s)
{
    static const char *const directions[] = {"", " in", " out", " forward"};
    const struct program *p = s->program;
    const char *before = "";
    char *text = NULL;
    size_t len;
    FILE *out = heap_stream(&text, &len);
    for (const struct pbc_firewall *f = p->would_firewalls; f < p->would_firewalls + p->would_firewalls_count; f++) {
        if (f->audit == PBC_AUDIT_NOT) continue;
        fprintf(out, "%saudit default%s %s", before, directions[f->direction], verdict_info[f->default_verdict].name);
        before = "\n";
    }
    for (const struct pbc_rule *r = p->would_rules; r < p->would_rules + p->would_rules_count; r++) {
        struct ir_product when;
        if (!(r->flags & PBC_RULE_AUDIT)) continue;
        normal_when(&d->c, s->conds + r->conds, r->cond_count, &when);
        const struct pbc_firewall *f = r->list & PBC_LIST_CHAIN ? NULL : &p->would_firewalls[r->list];
        fprintf(out, "%saudit%s %s ", before, f ? directions[f->direction] : "", verdict_info[r->verdict].name);
        put_region(d, &when, out);
        before = "\n";
    }
    heap_stream_end(out);
    if (*before) return text;
    free(text);
    return NULL;
}
