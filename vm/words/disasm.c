/* The program as text, section by section: what `preyc --dump=bytecode` prints and the golden tests hold. Nothing in it
 * depends on addresses, time or the digest. */
#include "vm/words/disasm_priv.h"

#include <string.h>

#include "vm/tables.h"

static const char *const answer_names[] = {
    [PBC_ANSWER_RST] = "rst",
    [PBC_ANSWER_UNREACHABLE] = "unreachable",
    [PBC_ANSWER_PROHIBITED] = "prohibited",
};

void add_place(struct text *t, const struct program *p, const struct pbc_place *place)
{
    text_add(t, "  (");
    text_add_name(t, program_str(p, place->file));
    text_add(t, ":%u:%u+%u)", place->line, place->col, place->len);
}

void add_quoted(struct text *t, const char *s)
{
    text_add(t, "\"");
    text_add_name(t, s);
    text_add(t, "\"");
}

void add_rule(struct text *t, const struct program *p, uint32_t rule)
{
    char name[256];
    text_add(t, "rule %u (", rule);
    text_add_name(t, rule_name(p, rule, name, sizeof name));
    text_add(t, ")");
}

void add_named(struct text *t, const struct program *p, const char *what, uint32_t index, uint32_t name)
{
    text_add(t, "%s %u", what, index);
    if (!name) return;
    text_add(t, " (");
    text_add_name(t, program_str(p, name));
    text_add(t, ")");
}

static void print(FILE *out, const struct text *t) { fprintf(out, "%s\n", t->buf); }

static void dump_meta(const struct program *p, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    const struct pbc_meta *m = p->meta;
    text_add(&t, "program ");
    add_quoted(&t, program_str(p, m->source));
    text_add(&t, ": edition %u, reach %u, rejects %u/s, longest path %u", m->edition, m->reach, m->rejects_per_s,
             m->longest_path);
    if (m->flags & PBC_NEEDS_SELF) text_add(&t, ", needs self");
    if (m->flags & PBC_NAMES_ARP) text_add(&t, ", names arp");
    if (m->flags & PBC_KEEPS_FLOWS) text_add(&t, ", keeps flows");
    if (m->flags & PBC_COUNTS_FLOWS) text_add(&t, ", counts flows");
    if (m->flags & PBC_FOLLOWS_FRAGMENTS) text_add(&t, ", follows fragments");
    if (m->flags & PBC_OPENS) text_add(&t, ", opens tunnels");
    if (m->flags & PBC_NAMES_FRAGMENT) text_add(&t, ", names fragment");
    print(out, &t);
}

static void dump_ifaces(const struct program *p, FILE *out)
{
    if (p->ifaces_count) fprintf(out, "\ninterfaces\n");
    for (uint32_t i = 0; i < p->ifaces_count; i++) {
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        add_named(&t, p, "  interface", i, p->ifaces[i].name);
        text_add(&t, " device ");
        add_quoted(&t, program_str(p, p->ifaces[i].device));
        print(out, &t);
    }
}

static void dump_set(const struct program *p, const struct pbc_set *s, uint32_t i, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  set", i, s->name);
    text_add(&t, ": %u IPv4, %u IPv6", s->count4, s->count6);
    add_place(&t, p, &s->place);
    print(out, &t);
    for (uint32_t n = 0; n < s->count4; n++) {
        t = text_of(line, sizeof line);
        text_add_range4(&t, &p->set4[s->first4 + n]);
        fprintf(out, "    %s\n", line);
    }
    for (uint32_t n = 0; n < s->count6; n++) {
        t = text_of(line, sizeof line);
        text_add_range6(&t, &p->set6[s->first6 + n]);
        fprintf(out, "    %s\n", line);
    }
}

static void dump_macset(const struct program *p, const struct pbc_set *s, uint32_t i, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  MAC set", i, s->name);
    text_add(&t, ": %u", s->count4);
    add_place(&t, p, &s->place);
    print(out, &t);
    for (uint32_t n = 0; n < s->count4; n++) {
        t = text_of(line, sizeof line);
        text_add_mac(&t, p->macs[s->first4 + n]);
        fprintf(out, "    %s\n", line);
    }
}

static void dump_names(const struct program *p, const struct pbc_names *l, uint32_t i, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  names", i, l->name);
    text_add(&t, ": %u", l->count);
    add_place(&t, p, &l->place);
    print(out, &t);
    for (uint32_t n = 0; n < l->count; n++) {
        t = text_of(line, sizeof line);
        text_add_name(&t, program_str(p, p->hosts[l->first + n]));
        fprintf(out, "    %s\n", line);
    }
}

static bool in_map(const struct pbc_map *m, uint32_t n) { return n < 65536 && m->bits[n / 32] >> n % 32 & 1; }

static void dump_map(const struct pbc_map *m, uint32_t i, FILE *out)
{
    fprintf(out, "  map %u:", i);
    for (uint32_t n = 0; n < 65536; n++) {
        uint32_t lo = n;
        if (!in_map(m, n)) continue;
        while (in_map(m, n + 1)) n++;
        fprintf(out, lo == n ? " %u" : " %u-%u", lo, n);
    }
    fprintf(out, "\n");
}

static void dump_lookups(const struct program *p, FILE *out)
{
    if (p->sets_count + p->macsets_count + p->names_count + p->maps_count + p->patterns_count) fprintf(out, "\nsets\n");
    for (uint32_t i = 0; i < p->sets_count; i++) dump_set(p, &p->sets[i], i, out);
    for (uint32_t i = 0; i < p->macsets_count; i++) dump_macset(p, &p->macsets[i], i, out);
    for (uint32_t i = 0; i < p->names_count; i++) dump_names(p, &p->names[i], i, out);
    for (uint32_t i = 0; i < p->maps_count; i++) dump_map(&p->maps[i], i, out);
    for (uint32_t i = 0; i < p->patterns_count; i++) {
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        text_add_pattern(&t, &p->patterns[i]);
        fprintf(out, "  pattern %u: %s\n", i, line);
    }
}

static void dump_meters(const struct program *p, FILE *out)
{
    char line[LINE];
    if (p->meters_count) fprintf(out, "\nmeters\n");
    for (uint32_t i = 0; i < p->meters_count; i++) {
        struct text t = text_of(line, sizeof line);
        add_named(&t, p, "  meter", i, p->meters[i].name);
        text_add(&t, ": ");
        text_add_meter(&t, &p->meters[i]);
        add_place(&t, p, &p->meters[i].place);
        print(out, &t);
    }
}

static void dump_schedules(const struct program *p, FILE *out)
{
    char line[LINE];
    if (p->schedules_count) fprintf(out, "\nschedules\n");
    for (uint32_t i = 0; i < p->schedules_count; i++) {
        struct text t = text_of(line, sizeof line);
        add_named(&t, p, "  schedule", i, p->schedules[i].name);
        text_add(&t, ": ");
        text_add_schedule(&t, p, &p->schedules[i]);
        add_place(&t, p, &p->schedules[i].place);
        print(out, &t);
    }
}

/* Times end in _ns; the rest are numbers. Only what the file says itself: the defaults are no news. */
static void dump_settings(const struct program *p, FILE *out)
{
    static const char *const names[] = {
#define X(field, doc) #field,
        PBC_SETTING_FIELDS(X)
#undef X
    };
    if (!p->settings_count || !p->settings->written) return;
    const uint64_t *values = &p->settings->flows;
    fprintf(out, "\nsettings\n");
    for (unsigned i = 0; i < PBC_SETTINGS_KEYS; i++) {
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        const size_t len = strlen(names[i]);
        const bool is_time = len > 3 && !strcmp(names[i] + len - 3, "_ns");
        if (!(p->settings->written >> i & 1)) continue;
        text_add(&t, "  %.*s ", (int)(is_time ? len - 3 : len), names[i]);
        if (is_time)
            text_add_duration(&t, values[i]);
        else
            text_add(&t, "%llu", (unsigned long long)values[i]);
        print(out, &t);
    }
    if (p->settings->written >> PBC_SETTINGS_KEYS & 1) fprintf(out, "  hash_key its own\n");
}

void dump_cond(const struct program *p, const struct pbc_cond *c, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    fprintf(out, "      %s", cond_info[c->kind].name);
    if (c->kind == COND_HEADER) {
        add_quoted(&t, program_str(p, c->arg));
        fprintf(out, " %s", line);
        t = text_of(line, sizeof line);
    }
    if (c->flags & PBC_COND_NOT) fprintf(out, " not");
    for (uint32_t i = 0; text_add_item(&t, p, c, i); i++) {
        fprintf(out, i ? ", %s" : " %s", line);
        t = text_of(line, sizeof line);
    }
    t = text_of(line, sizeof line);
    if (c->arg && cond_info[c->kind].word && cond_info[c->kind].traits & COND_ARG_KINDS) {
        text_add(&t, " of ");
        text_add_kind(&t, c->arg, ", ");
    }
    if (c->name) {
        text_add(&t, " as ");
        text_add_name(&t, program_str(p, c->name));
    }
    add_place(&t, p, &c->place);
    print(out, &t);
}

static void dump_rule(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_rule *r = &p->rules[i];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_rule(&t, p, i);
    text_add(&t, " %s", verdict_info[r->verdict].name);
    if (r->verdict == PBC_V_DO) {
        text_add(&t, " ");
        text_add_name(&t, program_str(p, p->chains[r->chain].name));
    }
    if (verdict_is(r->verdict, VERDICT_TAKES_PORT)) text_add(&t, " %u", r->port);
    if (r->answer != PBC_ANSWER_DEFAULT) text_add(&t, " with %s", answer_names[r->answer]);
    if (r->flags & PBC_RULE_LOG) text_add(&t, " log");
    if (r->log_prefix) {
        text_add(&t, " ");
        add_quoted(&t, program_str(p, r->log_prefix));
    }
    if (r->log_meter) text_add(&t, " by meter %u", r->log_meter - 1);
    if (r->flags & PBC_RULE_ARP) text_add(&t, r->flags & PBC_RULE_NOT_FRAMES ? " [arp alone]" : " [arp too]");
    if (r->flags == PBC_RULE_NOT_FRAMES) text_add(&t, " [nothing]");
    if (r->comment) {
        text_add(&t, " comment ");
        add_quoted(&t, program_str(p, r->comment));
    }
    add_place(&t, p, &r->place);
    fprintf(out, "    %s\n", line);
    for (uint32_t n = 0; n < r->cond_count; n++) dump_cond(p, &p->conds[r->conds + n], out);
}

static void dump_firewall(const struct program *p, uint32_t i, FILE *out)
{
    static const char *const directions[] = {
        [PBC_DIR_ANY] = "",
        [PBC_DIR_IN] = " in",
        [PBC_DIR_OUT] = " out",
        [PBC_DIR_FORWARD] = " forward",
    };
    static const char *const others[] = {
        [PBC_OTHER_DEFAULT] = "",
        [PBC_OTHER_PASS] = " other frames pass",
        [PBC_OTHER_DROP] = " other frames drop",
    };
    const struct pbc_firewall *f = &p->firewalls[i];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  firewall", i, f->name);
    if (f->iface != PBC_NONE) {
        text_add(&t, " on ");
        text_add_iface(&t, p, f->iface);
    }
    text_add(&t, "%s default %s%s", directions[f->direction], verdict_info[f->default_verdict].name, others[f->other]);
    add_place(&t, p, &f->place);
    print(out, &t);
    for (uint32_t n = 0; n < f->rule_count; n++) dump_rule(p, f->rules + n, out);
}

static void dump_rules(const struct program *p, FILE *out)
{
    if (p->firewalls_count + p->chains_count) fprintf(out, "\nrules\n");
    for (uint32_t i = 0; i < p->firewalls_count; i++) dump_firewall(p, i, out);
    for (uint32_t i = 0; i < p->chains_count; i++) {
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        add_named(&t, p, "  chain", i, p->chains[i].name);
        print(out, &t);
        for (uint32_t n = 0; n < p->chains[i].rule_count; n++) dump_rule(p, p->chains[i].rules + n, out);
    }
}

static void add_slot(struct text *t, unsigned slot, uint32_t imm)
{
    text_add(t, "%s ", slot_names[slot]);
    if (slot == KEY_SLOT(kind) && imm)
        text_add_kind(t, imm, "|");
    else if (slot == KEY_SLOT(marks) && imm && imm <= 0xff)
        text_add_flags(t, imm);
    else if (slot == KEY_SLOT(marks) && imm && !(imm & ~(uint32_t)MARK_STATES))
        text_add_states(t, imm);
    else if (slot == KEY_SLOT(src) || slot == KEY_SLOT(dst))
        text_add_address(t, (const uint32_t[4]){imm}, false);
    else
        text_add(t, "0x%x", imm);
}

static void add_prefix(struct text *t, const struct insn *n)
{
    add_slot(t, n->a >> 5, n->imm);
    text_add(t, "/%u", 32u - (n->a & 31));
}

static void add_half(struct text *t, const struct insn *n)
{
    uint32_t lo = n->imm >> 16, hi = n->imm & 0xffff;
    text_add(t, lo == hi ? "%s %u" : "%s %u-%u", half_names[n->a], lo, hi);
}

static void add_header(struct text *t, const struct program *p, const struct insn *n)
{
    const struct pbc_range *r = &p->ranges[n->imm];
    text_add(t, r->lo == r->hi ? "%s %u" : "%s %u-%u", cond_info[n->a].name, r->lo, r->hi);
}

static void add_mac_kind(struct text *t, const struct insn *n)
{
    static const char *const kinds[] = {
        [MAC_MULTICAST] = "multicast",
        [MAC_BROADCAST] = "broadcast",
        [MAC_MULTICAST | MAC_BROADCAST] = "multicast or broadcast",
    };
    text_add(t, "%s", kinds[n->imm]);
}

static void add_pattern(struct text *t, const struct program *p, const struct insn *n)
{
    text_add(t, "pattern %u (", n->imm);
    text_add_pattern(t, &p->patterns[n->imm]);
    text_add(t, ")");
}

static void add_branch(struct text *t, const struct program *p, uint32_t branch)
{
    add_named(t, p, "branch", branch, p->services[p->branches[branch].service].name);
}

static void add_operands(struct text *t, const struct program *p, const struct insn *n)
{
    const char *side = n->a ? "dst" : "src";
    switch ((enum operand)op_info[n->op].operand) {
    case OPERAND_NONE:
    case OPERAND_TO: break;
    case OPERAND_SLOT: add_slot(t, n->a, n->imm); break;
    case OPERAND_PREFIX: add_prefix(t, n); break;
    case OPERAND_HALF: add_half(t, n); break;
    case OPERAND_MAP: text_add(t, "%s map %u", half_names[n->a], n->imm); break;
    case OPERAND_SET: text_add(t, "%s ", side), add_named(t, p, "set", n->imm, p->sets[n->imm].name); break;
    case OPERAND_MACSET: text_add(t, "%s ", side), add_named(t, p, "MAC set", n->imm, p->macsets[n->imm].name); break;
    case OPERAND_MACKIND: text_add(t, "%s ", side), add_mac_kind(t, n); break;
    case OPERAND_PATTERN: add_pattern(t, p, n); break;
    case OPERAND_HEADER: add_header(t, p, n); break;
    case OPERAND_COND: text_add(t, "condition %u (%s)", n->imm, cond_info[p->conds[n->imm].kind].name); break;
    case OPERAND_METER: add_named(t, p, "meter", n->imm, p->meters[n->imm].name); break;
    case OPERAND_FLOWS:
        text_add(t, "over ");
        text_add_flows_over(t, n->imm, &p->grains[n->a]);
        break;
    case OPERAND_RULE: add_rule(t, p, n->imm); break;
    case OPERAND_CLASSIFIER: add_named(t, p, "classifier", n->imm, p->classifiers[n->imm].name); break;
    case OPERAND_FUNC: text_add(t, "r%u ", n->a), add_named(t, p, "function", n->imm, p->funcs[n->imm].name); break;
    case OPERAND_REG: text_add(t, "r%u", n->a); break;
    case OPERAND_FIREWALL: add_named(t, p, "firewall", n->imm, p->firewalls[n->imm].name); break;
    case OPERAND_REGFW:
        text_add(t, "r%u ", n->a), add_named(t, p, "firewall", n->imm, p->firewalls[n->imm].name);
        break;
    case OPERAND_BRANCH: add_branch(t, p, n->imm); break;
    case OPERAND_RULEFW:
        add_rule(t, p, n->imm), text_add(t, " "), add_named(t, p, "firewall", n->to, p->firewalls[n->to].name);
        break;
    }
}

static void dump_memos(const struct program *p, FILE *out)
{
    if (p->memos_count) fprintf(out, "\nremembered for flows\n");
    for (uint32_t i = 0; i < p->memos_count; i++) {
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        const struct pbc_memo *m = &p->memos[i];
        add_named(&t, p, "  firewall", m->firewall, p->firewalls[m->firewall].name);
        text_add(&t, " ");
        if (m->rule == RULE_DEFAULT)
            text_add(&t, "default");
        else
            add_rule(&t, p, m->rule);
        print(out, &t);
    }
}

static void dump_insn(const struct program *p, uint32_t i, FILE *out)
{
    const struct insn *n = &p->code[i];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    text_add(&t, "%6u  %-7s ", i, op_info[n->op].name);
    add_operands(&t, p, n);
    if (op_jumps(n->op)) text_add(&t, "%s-> %u", op_info[n->op].operand == OPERAND_TO ? "" : " ", i + 1 + n->to);
    while (t.used && line[t.used - 1] == ' ') line[--t.used] = '\0';
    print(out, &t);
}

static void dump_code(const struct program *p, FILE *out)
{
    fprintf(out, "\ncode\n");
    for (uint32_t f = 0; f < p->funcs_count; f++) {
        const struct pbc_func *func = &p->funcs[f];
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        add_named(&t, p, "  function", f, func->name);
        print(out, &t);
        for (uint32_t i = func->first; i < func->first + func->count; i++) dump_insn(p, i, out);
    }
}

void program_disasm(const struct program *p, FILE *out)
{
    dump_meta(p, out);
    dump_ifaces(p, out);
    dump_lookups(p, out);
    dump_meters(p, out);
    dump_schedules(p, out);
    dump_settings(p, out);
    dump_rules(p, out);
    dump_services(p, out);
    dump_nats(p, out);
    dump_memos(p, out);
    dump_classifiers(p, out);
    dump_code(p, out);
}
