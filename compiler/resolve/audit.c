/* Rules, firewalls and defaults in audit. The resolver has made one list of all rules. It becomes two here: the
 * rules that decide (RULES, CHAINS, FIREWALLS), and all rules as they would decide without the word (WOULD_…,
 * vm/pbc/file.h). */
#include <string.h>

#include "compiler/resolve/resolve.h"

void check_audit(struct compile *c, const struct node *audit, const struct node *verdict)
{
    const enum verdict_word word = (enum verdict_word)verdict->v.i;
    if (word == VW_ACCEPT || word == VW_DROP || word == VW_REJECT || word == VW_DO) return;
    diag(c->diags, E_AUDIT_NOTHING, audit->span,
         word == VW_DECAP ? "`decap` can't be audited: prey would have to judge the inner packet twice"
                          : "a rule that decides nothing can't be audited");
    if (word == VW_COUNT || word == VW_LOG)
        diag_advise(c->diags, "remove `audit`: the rule counts%s, and prey continues with the next rule",
                    word == VW_LOG ? " and logs" : "");
    else
        diag_advise(c->diags, "write `audit` before accept, drop, reject or `do CHAIN`");
}

void check_audit_default(struct compile *c, const struct node *verdict)
{
    if (verdict->v.i != VW_ACCEPT) return;
    diag(c->diags, E_AUDIT_NOTHING, verdict->span,
         "`audit` changes nothing here: an audited default accepts the packets that no rule decides");
    diag_advise(c->diags, "write `default audit drop` or `default audit reject`, or remove `audit`");
}

/* New numbers of rules and firewalls, by their old numbers, in the two lists that audit makes of one. */
struct parting {
    struct compile *c;
    uint32_t *rule;           /* [full rules]: number among those that decide; PBC_NONE: audited */
    uint32_t *firewall;       /* [full firewalls]: number among those that decide; PBC_NONE: audited */
    uint32_t *would_firewall; /* [full firewalls]: number in WOULD_FIREWALLS */
};

static bool is_audited(const struct image *img, const struct pbc_rule *r)
{
    const struct pbc_firewall *f = r->list & PBC_LIST_CHAIN ? NULL : &img->firewalls[r->list];
    return r->flags & PBC_RULE_AUDIT || (f && f->audit == PBC_AUDIT_ALL);
}

/* Number rules and firewalls. Firewalls in audit come first among those as they would decide, so that they judge if
 * two firewalls are for the same frames. */
static void part_number(struct parting *p)
{
    const struct image *img = p->c->image;
    uint32_t rules = 0, firewalls = 0, would = 0;
    for (uint32_t i = 0; i < img->rules_count; i++) p->rule[i] = is_audited(img, &img->rules[i]) ? PBC_NONE : rules++;
    for (uint32_t i = 0; i < img->firewalls_count; i++)
        p->firewall[i] = img->firewalls[i].audit == PBC_AUDIT_ALL ? PBC_NONE : firewalls++;
    for (unsigned all = 1; all <= 1; all--)
        for (uint32_t i = 0; i < img->firewalls_count; i++)
            if ((img->firewalls[i].audit == PBC_AUDIT_ALL) == all) p->would_firewall[i] = would++;
}

/* Keep the mirrors of rules that decide. Audited ones copy nothing: their rules are counted only. */
static void part_mirrors(const struct parting *p)
{
    struct image *img = p->c->image;
    uint8_t to[PBC_MIRRORS_MAX] = {0};
    uint32_t kept = 0;
    for (uint32_t i = 0; i < img->mirrors_count; i++) {
        struct pbc_mirror m = img->mirrors[i];
        m.rule = p->rule[m.rule];
        if (m.rule == PBC_NONE) continue;
        to[i] = (uint8_t)kept;
        img->mirrors[kept++] = m;
    }
    img->mirrors_count = kept;
    for (uint32_t i = 0; i < img->rules_count; i++)
        if (img->rules[i].verdict == PBC_V_MIRROR) img->rules[i].mirror = to[img->rules[i].mirror];
}

/* Keep the additions of rules that decide, in the same way. */
static void part_adds(const struct parting *p)
{
    struct image *img = p->c->image;
    uint16_t *to = arena_alloc(p->c->arena, ((size_t)img->adds_count + 1) * sizeof(*to));
    uint32_t kept = 0;
    for (uint32_t i = 0; i < img->adds_count; i++) {
        struct pbc_add a = img->adds[i];
        a.rule = p->rule[a.rule];
        to[i + 1] = 0;
        if (a.rule == PBC_NONE) continue;
        img->adds[kept++] = a;
        to[i + 1] = (uint16_t)kept;
    }
    img->adds_count = kept;
    for (uint32_t i = 0; i < img->rules_count; i++)
        if (img->rules[i].add) img->rules[i].add = to[img->rules[i].add];
}

static void copy_rules(const struct parting *p)
{
    struct image *img = p->c->image;
    for (uint32_t i = 0; i < img->rules_count; i++) {
        struct pbc_rule *r = image_add_would_rules(img);
        *r = img->rules[i];
        if (!(r->list & PBC_LIST_CHAIN)) r->list = p->would_firewall[r->list];
        if (p->rule[i] == PBC_NONE) r->flags |= PBC_RULE_AUDIT;
        img->would_rule_span[i] = img->rule_span[i];
        img->would_rule_told[i] = img->rule_told[i];
    }
    for (uint32_t i = 0; i < img->chains_count; i++) *image_add_would_chains(img) = img->chains[i];
}

static void copy_firewalls(const struct parting *p)
{
    struct image *img = p->c->image;
    for (uint32_t i = 0; i < img->firewalls_count; i++) image_add_would_firewalls(img);
    for (uint32_t i = 0; i < img->firewalls_count; i++) {
        img->would_firewalls[p->would_firewall[i]] = img->firewalls[i];
        img->would_firewall_span[p->would_firewall[i]] = img->firewall_span[i];
    }
}

static void note_twins(const struct parting *p)
{
    struct image *img = p->c->image;
    for (uint32_t i = 0; i < img->rules_count; i++) *image_add_would_twins(img) = p->rule[i];
    const uint32_t first = img->would_twins_count;
    for (uint32_t i = 0; i < img->firewalls_count; i++) image_add_would_twins(img);
    for (uint32_t i = 0; i < img->firewalls_count; i++)
        img->would_twins[first + p->would_firewall[i]] = img->firewalls[i].audit ? PBC_NONE : p->firewall[i];
}

/* Keep of a list's rules those that decide; *first and *count: the list's window. */
static void shrink(const struct parting *p, uint32_t *first, uint32_t *count)
{
    uint32_t begin = PBC_NONE, kept = 0;
    for (uint32_t i = *first; i < *first + *count; i++) {
        if (p->rule[i] == PBC_NONE) continue;
        if (begin == PBC_NONE) begin = p->rule[i];
        kept++;
    }
    *first = kept ? begin : 0;
    *count = kept;
}

/* Keep only the rules, chains and firewalls that decide in the first sections. */
static void keep_deciding(const struct parting *p)
{
    struct image *img = p->c->image;
    uint32_t rules = 0, firewalls = 0;
    for (uint32_t i = 0; i < img->chains_count; i++) shrink(p, &img->chains[i].rules, &img->chains[i].rule_count);
    for (uint32_t i = 0; i < img->firewalls_count; i++)
        shrink(p, &img->firewalls[i].rules, &img->firewalls[i].rule_count);
    for (uint32_t i = 0; i < img->rules_count; i++) {
        if (p->rule[i] == PBC_NONE) continue;
        img->rules[rules] = img->rules[i];
        if (!(img->rules[rules].list & PBC_LIST_CHAIN)) img->rules[rules].list = p->firewall[img->rules[rules].list];
        img->rule_span[rules] = img->rule_span[i];
        img->rule_told[rules++] = img->rule_told[i];
    }
    for (uint32_t i = 0; i < img->firewalls_count; i++) {
        if (p->firewall[i] == PBC_NONE) continue;
        struct pbc_firewall *f = &img->firewalls[firewalls];
        *f = img->firewalls[i];
        if (f->audit == PBC_AUDIT_DEFAULT) f->default_verdict = PBC_V_ACCEPT;
        f->audit = PBC_AUDIT_NOT;
        img->firewall_span[firewalls++] = img->firewall_span[i];
    }
    img->rules_count = rules;
    img->firewalls_count = firewalls;
}

static void renumber_names(const struct parting *p)
{
    for (struct symbol *s = p->c->symbols->first; s; s = s->next) {
        if (s->kind != SYM_RULE || s->index == PBC_NONE) continue;
        s->would = s->index;
        s->index = p->rule[s->index];
    }
}

/* Reject audited parts of a firewall that decides if another firewall, in audit, is for the same frames: its result
 * would always replace theirs. */
static void check_audited_apart(struct compile *c, const uint32_t *audits)
{
    const struct image *img = c->image;
    for (uint32_t i = 0; i < img->firewalls_count; i++)
        for (uint32_t j = 0; j < img->firewalls_count; j++) {
            const struct pbc_firewall *a = &img->firewalls[i], *b = &img->firewalls[j];
            if (b->audit != PBC_AUDIT_ALL || !audits[i] || a->iface != b->iface ||
                !(firewall_frames(a) & firewall_frames(b)))
                continue;
            diag(c->diags, E_AUDIT_TWICE, img->firewall_span[i],
                 "`%s` is audited in place of `%s`, so `audit` inside `%s` has no effect", image_str(img, b->name),
                 image_str(img, a->name), image_str(img, a->name));
            diag_note(c->diags, img->firewall_span[j], "`%s` is declared here", image_str(img, b->name));
            diag_advise(c->diags, "write the audited rules or default into `%s`, without `audit`",
                        image_str(img, b->name));
        }
}

void part_audited(struct compile *c)
{
    struct image *img = c->image;
    struct parting p = {.c = c};
    uint32_t *audits = arena_alloc(c->arena, ((size_t)img->firewalls_count + 1) * sizeof(*audits));
    for (uint32_t i = 0; i < img->firewalls_count; i++) {
        img->audits |= img->firewalls[i].audit != PBC_AUDIT_NOT;
        audits[i] = img->firewalls[i].audit == PBC_AUDIT_DEFAULT;
    }
    for (uint32_t i = 0; i < img->rules_count; i++) {
        img->audits |= img->rules[i].flags & PBC_RULE_AUDIT;
        const bool own = img->rules[i].flags & PBC_RULE_AUDIT && !(img->rules[i].list & PBC_LIST_CHAIN);
        if (own && img->firewalls[img->rules[i].list].audit != PBC_AUDIT_ALL) audits[img->rules[i].list] = 1;
    }
    img->audits = img->audits && !diags_errors(c->diags);
    if (!img->audits) return;
    check_audited_apart(c, audits);
    p.rule = arena_alloc(c->arena, ((size_t)img->rules_count + 1) * sizeof(*p.rule));
    p.firewall = arena_alloc(c->arena, ((size_t)img->firewalls_count + 1) * sizeof(*p.firewall));
    p.would_firewall = arena_alloc(c->arena, ((size_t)img->firewalls_count + 1) * sizeof(*p.would_firewall));
    part_number(&p);
    part_mirrors(&p);
    part_adds(&p);
    copy_rules(&p);
    copy_firewalls(&p);
    note_twins(&p);
    keep_deciding(&p);
    renumber_names(&p);
}
