/* Resolve rules, chains and firewalls into the image's rule list, the complete meaning of the file. */
#include <string.h>

#include "compiler/resolve/nat/nat.h"
#include "compiler/resolve/resolve.h"
#include "compiler/resolve/settings.h"

/* Options behind a rule's conditions, each at most once */
struct options {
    const struct node *with, *log, *as, *comment;
};

static void take_option(struct compile *c, const struct node **slot, const struct node *n, const char *word)
{
    if (*slot) {
        diag(c->diags, E_OPTION_TWICE, n->span, "`%s` is written twice in this rule", word);
        diag_note(c->diags, (*slot)->span, "the first one is here");
        return;
    }
    *slot = n;
}

static struct options options_of(struct compile *c, const struct node *rule)
{
    struct options o = {0};
    node_each(n, rule)
    {
        if (n->kind == N_WITH)
            take_option(c, &o.with, n, "with");
        else if (n->kind == N_LOG)
            take_option(c, &o.log, n, "log");
        else if (n->kind == N_AS)
            take_option(c, &o.as, n, "as");
        else if (n->kind == N_COMMENT)
            take_option(c, &o.comment, n, "comment");
    }
    /* A zero byte would end a program's string. */
    const struct node *text = o.comment ? o.comment->first : NULL;
    if (text && memchr(text->v.str.s, '\0', text->v.str.len))
        diag(c->diags, E_COMMENT_ZERO, text->span, "a comment can't have a zero byte");
    return o;
}

static uint8_t verdict_value(const struct node *verdict)
{
    switch ((enum verdict_word)verdict->v.i) {
    case VW_ACCEPT: return PBC_V_ACCEPT;
    case VW_DROP: return PBC_V_DROP;
    case VW_REJECT: return PBC_V_REJECT;
    case VW_DO: return PBC_V_DO;
    case VW_RETURN: return PBC_V_RETURN;
    case VW_COUNT: return PBC_V_COUNT;
    case VW_LOG: return PBC_V_LOG;
    case VW_DECAP: return opener_verdict(verdict);
    case VW_MIRROR: return PBC_V_MIRROR;
    case VW_ADD: return PBC_V_ADD;
    }
    return PBC_V_COUNT;
}

static uint32_t chain_of(struct compile *c, const struct node *verdict)
{
    const struct symbol *chain;
    if (verdict->v.i != VW_DO || !verdict->first) return PBC_NONE;
    chain = symbol_want(c, verdict->first, SYM(CHAIN), "chain");
    return chain ? chain->index : PBC_NONE;
}

static void check_verdict(struct compile *c, const struct node *verdict, const struct options *o, bool in_firewall)
{
    if (o->with && verdict->v.i != VW_REJECT) {
        diag(c->diags, E_WITH_NOT_REJECT, o->with->span, "`with` needs `reject`: other verdicts send no reply");
        diag_note(c->diags, verdict->span, "the verdict is here");
    }
    if (in_firewall && verdict->v.i == VW_RETURN) {
        diag(c->diags, E_RETURN_IN_FIREWALL, verdict->span, "`return` works only in a chain: a firewall has no caller");
        diag_advise(c->diags, "write the firewall's default as a rule, or move the rules into a chain");
    }
}

/* Return the frames that the rule judges. ARP is judged only by rules that name it, and by a `do` that names no
 * protocol (docs/semantics.md, Firewalls and their defaults). */
static uint8_t frames_of(const struct rule_work *w, const struct node *verdict)
{
    if (w->only_arp) return PBC_RULE_ARP | PBC_RULE_NOT_FRAMES;
    if (w->names_arp || (verdict->v.i == VW_DO && !w->family_node && !w->protocol_node && !w->seen[N_C_PROTO_NUM] &&
                         !w->seen[N_C_ETHER]))
        return PBC_RULE_ARP;
    return 0;
}

static void note_meta(struct compile *c, const struct rule_work *w)
{
    struct pbc_meta *meta = c->image->meta;
    if (w->names_arp) meta->flags |= PBC_NAMES_ARP;
    if (w->reach > meta->reach) meta->reach = w->reach;
}

/* Check and enter the prefix of a log's lines: short, and without line ends. */
static uint32_t log_prefix_of(struct compile *c, const struct node *text)
{
    enum { MOST = 64 };
    const struct str s = text->v.str;
    size_t i = 0;
    while (i < s.len && (uint8_t)s.s[i] >= ' ' && s.s[i] != 0x7f) i++;
    if (i == s.len && s.len >= 1 && s.len <= MOST) return text_of(c, s);
    diag(c->diags, E_LOG_PREFIX, text->span, "a log's prefix has 1 to %d bytes, and no control characters", MOST);
    return 0;
}

/* Read `log ["prefix"] [RATE]`, from behind the word. */
static void take_log(struct compile *c, const struct node *n, struct pbc_rule *r)
{
    if (n && n->kind == N_STRING) {
        r->log_prefix = log_prefix_of(c, n);
        n = n->next;
    }
    if (n) r->log_meter = log_meter_of(c, n);
}

static void resolve_rule(struct compile *c, const struct node *n, uint32_t list)
{
    struct rule_work w = {.c = c, .node = n};
    struct image *img = c->image;
    const struct node *verdict = node_child(n, N_VERDICT);
    if (!verdict) return;
    const bool in_firewall = !(list & PBC_LIST_CHAIN);
    const struct options o = options_of(c, n);
    struct symbol *name = o.as && o.as->first ? symbol_declare(c, SYM_RULE, n, o.as->first) : NULL;
    const struct node *audit = node_child(n, N_AUDIT);
    if (audit) check_audit(c, audit, verdict);
    w.answers = verdict->v.i == VW_REJECT;
    check_verdict(c, verdict, &o, in_firewall);
    struct pbc_rule r = {.list = list, .place = place_of(c, n->span), .conds = img->conds_count};
    r.verdict = verdict_value(verdict);
    w.opener = verdict_is(r.verdict, VERDICT_OPENS) ? verdict : NULL;
    r.chain = chain_of(c, verdict);
    conditions_resolve(&w);
    if (w.opener) check_opener(&w);
    r.port = (uint16_t)w.gue_port;
    r.cond_count = img->conds_count - r.conds;
    r.name = name ? text_of(c, name->name) : 0;
    r.comment = o.comment && o.comment->first ? text_of(c, o.comment->first->v.str) : 0;
    r.answer = o.with ? (uint8_t)o.with->v.i : PBC_ANSWER_DEFAULT;
    r.flags = (uint8_t)((o.log ? PBC_RULE_LOG : 0) | (audit ? PBC_RULE_AUDIT : 0) | frames_of(&w, verdict));
    take_log(c, verdict->v.i == VW_LOG ? verdict->first : NULL, &r);
    if (o.log) take_log(c, o.log->first, &r);
    if (verdict->v.i == VW_MIRROR) r.mirror = (uint8_t)mirror_of(c, verdict, img->rules_count);
    if (verdict->v.i == VW_ADD) r.add = (uint16_t)add_of(&w, verdict, img->rules_count, r.conds);
    note_meta(c, &w);
    struct pbc_rule *slot = image_add_rules(img);
    if (!slot) {
        report_full(c, n->span, "rules", 1u << 20);
        return;
    }
    *slot = r;
    if (name) name->index = img->rules_count - 1;
    img->rule_span[img->rules_count - 1] = n->span;
    img->rule_told[img->rules_count - 1] = w.never;
}

static void resolve_rule_list(struct compile *c, const struct node *n, uint32_t list, uint32_t *first, uint32_t *count)
{
    *first = c->image->rules_count;
    node_each(rule, n) if (rule->kind == N_RULE) resolve_rule(c, rule, list);
    *count = c->image->rules_count - *first;
}

static void resolve_chain(struct compile *c, const struct node *n)
{
    const struct symbol *s = symbol_find(c->symbols, SPACE_LISTS, n->first->v.str);
    uint32_t first, count;
    if (!s || s->decl != n || s->index == PBC_NONE) /* declared twice, or no room */
        return;
    resolve_rule_list(c, n, s->index | PBC_LIST_CHAIN, &first, &count);
    c->image->chains[s->index].rules = first;
    c->image->chains[s->index].rule_count = count;
}

/* Read the interface of a firewall; false after a report. */
static bool firewall_on(struct compile *c, const struct node *on, uint32_t *iface)
{
    const struct symbol *name = NULL;
    *iface = PBC_NONE;
    if (!on) return true;
    if (on->flags & NF_NOT || node_count(on) != 1) {
        diag(c->diags, E_FIREWALL_ON, on->span, "a firewall takes one interface after `on`");
        diag_advise(c->diags, "remove `on`, and name the interfaces in the rules");
        return false;
    }
    *iface = interface_of(c, on->first, &name);
    return *iface != PBC_NONE;
}

/* Report `firewall in default drop`: `in` is its name, and it judges both directions. False after a report. */
static bool check_firewall_name(struct compile *c, const struct node *firewall, const struct node *name)
{
    const struct str word = name->v.str;
    if (!str_is(word, "in") && !str_is(word, "out") && !str_is(word, "forward")) return true;
    diag(c->diags, E_FIREWALL_NAME, name->span,
         "`%s` is this firewall's name here, not its direction: the firewall would judge %s", word.s,
         str_is(word, "out") ? "arriving packets, not packets that this machine sends" : "all arriving packets");
    if (node_child(firewall, N_ON))
        diag_advise(c->diags, "write a name first and the direction last: `firewall NAME on IF %s`", word.s);
    else
        diag_suggest_for(c->diags, ", with a name before the direction", "filter %s", word.s);
    return false;
}

static void resolve_firewall(struct compile *c, const struct node *n)
{
    struct image *img = c->image;
    const struct node *direction = node_child(n, N_DIRECTION), *other = node_child(n, N_OTHER_FRAMES);
    const struct node *audit = node_child(n, N_AUDIT);
    const struct node *name = node_child(n, N_NAME), *verdict = node_child(n, N_VERDICT);
    const uint32_t id = img->firewalls_count;
    struct pbc_firewall f = {.iface = PBC_NONE}, *slot = image_add_firewalls(img);
    if (!slot || !name) {
        report_full(c, n->span, "firewalls", 1u << 12);
        return;
    }
    img->firewall_span[id] = name->span;
    f.name = text_of(c, name->v.str);
    f.place = place_of(c, name->span);
    f.direction = direction ? (uint8_t)direction->v.i : PBC_DIR_ANY;
    f.default_verdict = verdict ? verdict_value(verdict) : PBC_V_ACCEPT;
    f.audit = audit ? PBC_AUDIT_ALL : verdict && node_child(verdict, N_AUDIT) ? PBC_AUDIT_DEFAULT : PBC_AUDIT_NOT;
    if (f.audit == PBC_AUDIT_DEFAULT) check_audit_default(c, verdict);
    f.other = !other ? PBC_OTHER_DEFAULT : other->v.i ? PBC_OTHER_PASS : PBC_OTHER_DROP;
    const bool named = direction || check_firewall_name(c, n, name);
    if (!firewall_on(c, node_child(n, N_ON), &f.iface) || !named)
        img->firewall_span[id] = SPAN_NONE; /* skip checks against other firewalls */
    if (f.direction != PBC_DIR_ANY) img->meta[0].flags |= PBC_NEEDS_SELF;
    resolve_rule_list(c, n, id, &f.rules, &f.rule_count);
    if (f.direction == PBC_DIR_OUT) check_no_opener(c, &f);
    img->firewalls[id] = f;
}

unsigned firewall_frames(const struct pbc_firewall *f)
{
    static const uint8_t frames[] = {[PBC_DIR_ANY] = 3, [PBC_DIR_IN] = 1, [PBC_DIR_FORWARD] = 2, [PBC_DIR_OUT] = 4};
    return frames[f->direction];
}

static void check_firewalls_apart(struct compile *c)
{
    const struct image *img = c->image;
    for (uint32_t i = 1; i < img->firewalls_count; i++)
        for (uint32_t j = 0; j < i; j++) {
            const struct pbc_firewall *a = &img->firewalls[j], *b = &img->firewalls[i];
            if (strcmp(image_str(img, a->name), image_str(img, b->name)) == 0) break; /* declared twice */
            if (a->iface != b->iface || !(firewall_frames(a) & firewall_frames(b)) ||
                (a->audit == PBC_AUDIT_ALL) != (b->audit == PBC_AUDIT_ALL) ||
                img->firewall_span[i].file == UINT32_MAX || img->firewall_span[j].file == UINT32_MAX)
                continue;
            diag(c->diags, E_FIREWALLS_OVERLAP, img->firewall_span[i],
                 "`%s` and `%s` would judge the same packets, but each direction and interface has one firewall",
                 image_str(img, b->name), image_str(img, a->name));
            diag_note(c->diags, img->firewall_span[j], "`%s` is declared here", image_str(img, a->name));
            diag_advise(c->diags, "name a direction (in, out, forward) or an interface (on IF)");
            break;
        }
}

static void check_edition(struct compile *c, const struct node *n, bool first)
{
    if (n->v.i != 1) {
        diag(c->diags, E_EDITION, n->span, "this preyc supports only edition 1 of the language");
        diag_advise(c->diags, "write `edition 1`");
    } else if (!first) {
        diag(c->diags, E_EDITION, n->span, "`edition` must be the first statement of its file");
    }
}

/* Check a constant's value at its declaration, even if nothing uses it. */
static void check_const(struct compile *c, const struct symbol *s)
{
    const struct node *value = s->decl->first->next;
    const struct node_value v = value ? value_of(c, value) : (struct node_value){0};
    struct addr lo, hi;
    if (!v.node) return;
    if (v.node->kind == N_ADDR || v.node->kind == N_PREFIX || v.node->kind == N_ADDR_RANGE)
        address_ends(c, v.node, &lo, &hi);
    else if (v.node->kind == N_RANGE)
        range_is_forward(c, v.node, v.node->v.range.lo, v.node->v.range.hi);
}

static void declare_chain(struct compile *c, struct symbol *s)
{
    struct pbc_chain *chain = image_add_chains(c->image);
    s->index = chain ? c->image->chains_count - 1 : PBC_NONE;
    if (chain)
        chain->name = text_of(c, s->name);
    else
        report_full(c, s->span, "chains", 1u << 20);
}

static void resolve_values(struct compile *c)
{
    declare_interfaces(c);
    for (struct symbol *s = c->symbols->first; s; s = s->next) {
        if (s->kind == SYM_CONST)
            check_const(c, s);
        else if (s->kind == SYM_SET && s->state == STATE_NEW)
            set_resolve(c, s, NULL, s->span);
        else if (s->kind == SYM_PORTS && s->state == STATE_NEW)
            ports_resolve(c, s, NULL, s->span);
        else if (s->kind == SYM_MACS && s->state == STATE_NEW)
            macs_resolve(c, s, NULL, s->span);
        else if (s->kind == SYM_NAMES && s->state == STATE_NEW)
            names_resolve(c, s, NULL, s->span);
        else if (s->kind == SYM_CHAIN)
            declare_chain(c, s);
        else if (s->kind == SYM_METER)
            meter_declare(c, s);
        else if (s->kind == SYM_SCHEDULE)
            schedule_declare(c, s);
    }
}

static void resolve_list(struct compile *c, const struct node *n)
{
    if (n->kind == N_CHAIN)
        resolve_chain(c, n);
    else if (n->kind == N_FIREWALL)
        resolve_firewall(c, n);
    else
        settings_take(c, n);
}

static void resolve_file(struct compile *c, const struct node *file)
{
    node_each(n, file)
    {
        if (n->kind == N_EDITION)
            check_edition(c, n, n == file->first);
        else if (n->kind == N_ALLOW)
            continue;
        else if (n->kind == N_INCLUDE)
            node_each(part, n) resolve_file(c, part);
        else
            resolve_list(c, n);
    }
}

static void note_needs(struct compile *c)
{
    const struct image *img = c->image;
    uint32_t *before = arena_alloc(c->arena, ((size_t)img->conds_count + 1) * sizeof(*before));
    if (diags_errors(c->diags)) return; /* operands may be missing */
    img->meta->flags |= pbc_needs(&(struct pbc_lists){.rules = img->rules,
                                                      .conds = img->conds,
                                                      .patterns = img->patterns,
                                                      .meters = img->meters,
                                                      .rules_count = img->rules_count,
                                                      .conds_count = img->conds_count,
                                                      .services_count = img->services_count,
                                                      .nats = img->nats,
                                                      .nats_count = img->nats_count,
                                                      .ifaces = img->ifaces,
                                                      .ifaces_count = img->ifaces_count},
                                  before);
}

void resolve_rules(struct compile *c)
{
    struct pbc_meta *meta = image_add_meta(c->image);
    const char *path = c->tree->span.file < c->sources.count ? c->sources.files[c->tree->span.file].path
                       : c->sources.count                    ? c->sources.files[0].path
                                                             : "";
    meta->edition = 1;
    meta->rejects_per_s = 1000;
    meta->source = text_of(c, (struct str){path, strlen(path)});
    settings_init(c);
    resolve_values(c);
    resolve_file(c, c->tree);
    resolve_checks(c);
    resolve_pools(c);
    resolve_services(c);
    resolve_nats(c);
    if (!image_ifaces_settle(c->image)) report_full(c, c->tree->span, "ranges of numbers", 1u << 24);
    check_chains(c);
    check_firewalls_apart(c);
    check_ways_out(c);
    check_mirrors(c);
    note_needs(c);
    part_audited(c);
}
