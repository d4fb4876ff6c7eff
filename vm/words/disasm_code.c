/* Instructions in the listing, and remembered verdicts. */
#include "vm/tables.h"
#include "vm/words/words_priv.h"

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

static void add_operands(struct text *t, const struct program *p, const struct insn *n)
{
    const char *side = n->a ? "dst" : "src";
    switch ((enum operand)op_info[n->op].operand) {
    case OPERAND_NONE:
    case OPERAND_TO: break;
    case OPERAND_SLOT: add_slot(t, n->a, n->imm); break;
    case OPERAND_PREFIX: add_slot(t, n->a >> 5, n->imm), text_add(t, "/%u", 32u - (n->a & 31)); break;
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
    case OPERAND_BRANCH: add_named(t, p, "branch", n->imm, p->services[p->branches[n->imm].service].name); break;
    case OPERAND_RULEFW:
        add_rule(t, p, n->imm), text_add(t, " "), add_named(t, p, "firewall", n->to, p->firewalls[n->to].name);
        break;
    }
}

void dump_memos(const struct program *p, FILE *out)
{
    if (p->memos_count) fprintf(out, p->root ? "\nremembered for flows without `audit`\n" : "\nremembered for flows\n");
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
        dump_line(&t, out);
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
    dump_line(&t, out);
}

void dump_code(const struct program *p, FILE *out)
{
    fprintf(out, "\ncode\n");
    for (uint32_t f = 0; f < p->funcs_count; f++) {
        const struct pbc_func *func = &p->funcs[f];
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        add_named(&t, p, "  function", f, func->name);
        dump_line(&t, out);
        const struct program *of = p->would && f >= p->meta->would ? p->would : p;
        for (uint32_t i = func->first; i < func->first + func->count; i++) dump_insn(of, i, out);
    }
}
