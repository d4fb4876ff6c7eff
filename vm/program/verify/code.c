/* The verifier's part for the code: functions, operands, jumps, registers, the longest path.
 *
 * Jumps and calls only go forward, so one pass from a function's first instruction to its last sees every way to an
 * instruction before the instruction itself: whether it can be reached, and which registers are set on all ways.
 * Functions are processed from the last to the first, so a callee's depth is known before its callers ask. */
#include "vm/program/verify/verify_priv.h"
#include "vm/tables.h"

/* State of an instruction, beside the registers. REACHED: some way leads to it. FOUND: every way to it passes the code
 * of an entry that the function's CLASSIFY found, so AGAIN knows where to continue the search. */
enum { REACHED = 1u << 16, FOUND = 1u << 17, HALF_FIRST = 20, HALF_LAST = 31, ADDRESS_SLOTS = 8 };

struct code_pass {
    const struct verifier
        *v; /* verifier of the function at hand: `real`, or `would` for functions from meta.would on */
    const struct verifier *real, *would;
    uint32_t *state; /* [instruction]: REACHED | FOUND | registers set on every way to it */
    uint32_t *depth; /* [function]: nested calls below it */
    uint32_t *calls; /* [function]: number of calls to it */
    uint32_t *sides; /* [function]: flags. FOR_RULES, FOR_SERVICES: the kind of numbers that it and its callees
                      * return or end in; OF_PACKETS: looks at a packet; OF_STREAMS: looks at first bytes */
    uint32_t *users; /* [classifier]: number of instructions that search it */
    bool searches;   /* true once the current function has its CLASSIFY */
};

static bool at_insn(const struct verifier *v, uint32_t i, const char *what)
{
    return fault(v, "instruction %u (%s): %s", i, op_info[v->p->code[i].op].name, what);
}

/* Verify that fields which the operand kind does not name are 0. */
static bool verify_unused(const struct verifier *v, uint32_t i)
{
    static const struct {
        bool a, to, imm;
    } uses[] = {
        [OPERAND_NONE] = {0, 0, 0},       [OPERAND_TO] = {0, 1, 0},     [OPERAND_SLOT] = {1, 1, 1},
        [OPERAND_PREFIX] = {1, 1, 1},     [OPERAND_HALF] = {1, 1, 1},   [OPERAND_MAP] = {1, 1, 1},
        [OPERAND_SET] = {1, 1, 1},        [OPERAND_MACSET] = {1, 1, 1}, [OPERAND_MACKIND] = {1, 1, 1},
        [OPERAND_PATTERN] = {0, 1, 1},    [OPERAND_HEADER] = {1, 1, 1}, [OPERAND_COND] = {0, 1, 1},
        [OPERAND_METER] = {0, 1, 1},      [OPERAND_FLOWS] = {1, 1, 1},  [OPERAND_RULE] = {0, 0, 1},
        [OPERAND_CLASSIFIER] = {0, 0, 1}, [OPERAND_FUNC] = {1, 0, 1},   [OPERAND_REG] = {1, 0, 0},
        [OPERAND_FIREWALL] = {0, 0, 1},   [OPERAND_REGFW] = {1, 0, 1},  [OPERAND_RULEFW] = {0, 1, 1},
        [OPERAND_BRANCH] = {0, 0, 1},
    };
    const struct insn *n = &v->p->code[i];
    unsigned kind = op_info[n->op].operand;
    if ((n->a && !uses[kind].a) || (n->to && !uses[kind].to) || (n->imm && !uses[kind].imm))
        return at_insn(v, i, "the opcode doesn't take one of the operands");
    return true;
}

static bool verify_half(const struct verifier *v, uint32_t i)
{
    unsigned half = v->p->code[i].a;
    return (half >= HALF_FIRST && half <= HALF_LAST) || at_insn(v, i, "half doesn't exist");
}

/* Check a number that the key may not hold, or a range that may run backwards. */
static bool verify_header(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct insn *n = &p->code[i];
    if (n->a >= COND_COUNT || !cond_info[n->a].word || half_in_key(cond_info[n->a].half))
        return at_insn(v, i, "the number isn't one that only the IP header has");
    if (n->imm >= p->ranges_count) return at_insn(v, i, "range doesn't exist");
    return p->ranges[n->imm].lo <= p->ranges[n->imm].hi || at_insn(v, i, "range runs backwards");
}

static bool verify_rule_operand(const struct verifier *v, uint32_t i)
{
    const struct insn *n = &v->p->code[i];
    if (n->imm >= v->p->rules_count) return at_insn(v, i, "rule doesn't exist");
    bool decides = n->op == OP_RETK || n->op == OP_DECIDEK;
    return !decides || pbc_decides(v->p->rules[n->imm].verdict) || at_insn(v, i, "the rule decides nothing");
}

static bool verify_operand(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct insn *n = &p->code[i];
    switch ((enum operand)op_info[n->op].operand) {
    case OPERAND_NONE:
    case OPERAND_TO: return true;
    case OPERAND_FLOWS: return n->a < p->grains_count || at_insn(v, i, "grain doesn't exist");
    case OPERAND_SLOT: return n->a < 16 || at_insn(v, i, "the slot doesn't exist");
    case OPERAND_PREFIX: return n->a >> 5 < ADDRESS_SLOTS || at_insn(v, i, "the slot doesn't exist");
    case OPERAND_HALF:
        return verify_half(v, i) && (n->imm >> 16 <= (n->imm & 0xffff) || at_insn(v, i, "range runs backwards"));
    case OPERAND_MAP: return verify_half(v, i) && (n->imm < p->maps_count || at_insn(v, i, "map doesn't exist"));
    case OPERAND_SET:
        return n->a > 1 ? at_insn(v, i, "the side doesn't exist")
                        : n->imm < p->sets_count || at_insn(v, i, "set doesn't exist");
    case OPERAND_MACSET:
        return n->a > 1 ? at_insn(v, i, "the side doesn't exist")
                        : n->imm < p->macsets_count || at_insn(v, i, "set doesn't exist");
    case OPERAND_MACKIND:
        if (n->a > 1) return at_insn(v, i, "the side doesn't exist");
        return (n->imm > 0 && n->imm <= (MAC_MULTICAST | MAC_BROADCAST)) ||
               at_insn(v, i, "the kind of address doesn't exist");
    case OPERAND_PATTERN: return n->imm < p->patterns_count || at_insn(v, i, "pattern doesn't exist");
    case OPERAND_HEADER: return verify_header(v, i);
    case OPERAND_COND:
        if (n->imm >= p->conds_count) return at_insn(v, i, "condition doesn't exist");
        return verify_asks_stream(p, n->imm) || at_insn(v, i, "the condition doesn't look at first bytes");
    case OPERAND_METER: return n->imm < p->meters_count || at_insn(v, i, "meter doesn't exist");
    case OPERAND_RULE: return verify_rule_operand(v, i);
    case OPERAND_CLASSIFIER: return n->imm < p->classifiers_count || at_insn(v, i, "classifier doesn't exist");
    case OPERAND_FUNC:
        if (n->imm >= p->funcs_count) return at_insn(v, i, "function doesn't exist");
        return n->a < PBC_REGS || at_insn(v, i, "the register doesn't exist");
    case OPERAND_REG: return n->a < PBC_REGS || at_insn(v, i, "the register doesn't exist");
    case OPERAND_REGFW:
        if (n->a >= PBC_REGS) return at_insn(v, i, "the register doesn't exist");
        return n->imm < p->firewalls_count || at_insn(v, i, "firewall doesn't exist");
    case OPERAND_FIREWALL: return n->imm < p->firewalls_count || at_insn(v, i, "firewall doesn't exist");
    case OPERAND_BRANCH: return n->imm < p->branches_count || at_insn(v, i, "branch doesn't exist");
    case OPERAND_RULEFW:
        return verify_rule_operand(v, i) && (n->to < p->firewalls_count || at_insn(v, i, "firewall doesn't exist"));
    }
    return false;
}

enum { FOR_RULES = 1, FOR_SERVICES = 2, OF_PACKETS = 4, OF_STREAMS = 8 };

/* Verify that a function serves rules or services, not both: a branch returned where a rule is expected would lead
 * outside. */
static bool verify_side(const struct code_pass *c, uint32_t func, uint32_t i)
{
    switch (c->v->p->code[i].op) {
    case OP_COUNT:
    case OP_LOG:
    case OP_MIRROR:
    case OP_ADD:
    case OP_JNOVER:
    case OP_JNWITHIN:
    case OP_JNFLOWS:
    case OP_CLASSIFY:
    case OP_RETK:
    case OP_DECIDE:
    case OP_DECIDEK:
    case OP_DEFAULT:
    case OP_ACCEPT:
    case OP_PASS: c->sides[func] |= FOR_RULES; break;
    case OP_RETB:
    case OP_PICK:
    case OP_HOST: c->sides[func] |= FOR_SERVICES; break;
    case OP_JMAC:
    case OP_JNMAC:
    case OP_JMACK:
    case OP_JNMACK:
    case OP_JPAT:
    case OP_JNPAT:
    case OP_JHDR:
    case OP_JNHDR: c->sides[func] |= OF_PACKETS; break;
    case OP_JNFIRST: c->sides[func] |= OF_STREAMS; break;
    case OP_CALL: c->sides[func] |= c->sides[c->v->p->code[i].imm]; break;
    default: break;
    }
    if (func && func == c->v->p->meta->streams && c->sides[func] & OF_PACKETS)
        return at_insn(c->v, i, "a function for connections looks at a packet");
    if ((func == 0 || func == c->v->p->meta->services || func == c->v->p->meta->would) && c->sides[func] & OF_STREAMS)
        return at_insn(c->v, i, "a function for packets looks at first bytes");
    return (c->sides[func] & (FOR_RULES | FOR_SERVICES)) != (FOR_RULES | FOR_SERVICES) ||
           at_insn(c->v, i, "the function has instructions for rules and instructions for services");
}

/* Verify that instructions that end the program are only in function 0 and the services' function, and those that
 * return only in the others. */
static bool verify_role(const struct verifier *v, uint32_t func, uint32_t i)
{
    const struct pbc_meta *m = v->p->meta;
    const bool ends = func == 0 || func == m->would, is_root = ends || func == m->services || func == m->streams;
    switch (v->p->code[i].op) {
    case OP_CLASSIFY:
    case OP_RETNZ:
    case OP_RETK:
    case OP_RETB:
    case OP_RETZ: return !is_root || at_insn(v, i, "only functions that are called can return, or search a classifier");
    case OP_PICK:
    case OP_HOST: return (!ends && is_root) || at_insn(v, i, "only the functions of services can end in this way");
    case OP_DECIDE:
    case OP_DECIDEK:
    case OP_DEFAULT:
    case OP_ACCEPT:
    case OP_PASS:
        return ends || at_insn(v, i, "only function 0 and the first function without `audit` can end in this way");
    default: return true;
    }
}

static void merge(uint32_t *into, uint32_t state) { *into = *into & REACHED ? *into & state : state; }

/* Pass the state on to the instructions that may come next, and verify that they are inside the function. */
static bool flow_on(struct code_pass *c, uint32_t i, uint32_t end)
{
    const struct insn *n = &c->v->p->code[i];
    uint32_t state = c->state[i];
    if (n->op == OP_CALL) state |= 1u << n->a;
    if (!op_info[n->op].ends) {
        if (i + 1 == end) return at_insn(c->v, i, "the code goes on past the function's end");
        merge(&c->state[i + 1], state);
    }
    if (!op_jumps(n->op)) return true;
    if (n->to > PBC_BRANCH_MAX) return at_insn(c->v, i, "the jump is too long");
    if (n->to >= end - i - 1) return at_insn(c->v, i, "the jump goes past the function's end");
    merge(&c->state[i + 1 + n->to], state);
    return true;
}

/* True for functions of the rules without `audit`, whose numbers are those of other sections. */
static bool is_would(const struct code_pass *c, uint32_t func)
{
    const uint32_t would = c->v->p->meta->would;
    return would && func >= would;
}

static bool verify_call(struct code_pass *c, uint32_t func, uint32_t i)
{
    uint32_t callee = c->v->p->code[i].imm;
    if (callee <= func) return at_insn(c->v, i, "calls only go to later functions");
    if (callee == c->v->p->meta->services || callee == c->v->p->meta->streams)
        return at_insn(c->v, i, "a function of services can't be called");
    if (is_would(c, callee) && (callee == c->v->p->meta->would || !is_would(c, func)))
        return at_insn(c->v, i, "the function that decides without `audit` can't be called here");
    c->calls[callee] = 1;
    if (c->depth[callee] + 1 > c->depth[func]) c->depth[func] = c->depth[callee] + 1;
    return c->depth[func] <= PBC_CALL_DEPTH || at_insn(c->v, i, "the calls are nested too deep");
}

/* Verify a CLASSIFY: a function has at most one, and a classifier at most one user. Its entries name instructions of
 * the function behind this one; they, and the instruction that AGAIN returns to, inherit this state. */
static bool verify_classify(struct code_pass *c, uint32_t func, uint32_t i, uint32_t end)
{
    const struct program *p = c->v->p;
    const struct pbc_classifier *k = &p->classifiers[p->code[i].imm];
    const uint32_t first = p->funcs[func].first;
    if (c->searches) return at_insn(c->v, i, "the function has an earlier `classify`");
    if (is_would(c, func) != (p->meta->would && p->code[i].imm >= p->meta->would_classifiers))
        return at_insn(c->v, i, "the function judges with `audit`, and its classifier without, or the reverse");
    if (c->users[p->code[i].imm]++) return at_insn(c->v, i, "a later `classify` searches the same classifier");
    c->searches = true;
    for (uint32_t e = 0; e < k->entry_count; e++) {
        const uint32_t code = p->entries[k->entries + e].code;
        if (!code) continue;
        if (code <= i - first || code >= end - first)
            return fault(c->v,
                         "instruction %u (classify): the code of entry %u isn't after the instruction in the function",
                         i, e);
        merge(&c->state[first + code], c->state[i] | FOUND);
    }
    return true;
}

static bool verify_insn(struct code_pass *c, uint32_t func, uint32_t i, uint32_t end)
{
    const struct verifier *v = c->v;
    const struct insn *n = &v->p->code[i];
    if (n->op >= OPCODE_COUNT) return fault(v, "instruction %u: unknown opcode %u", i, n->op);
    if (!(c->state[i] & REACHED)) return at_insn(v, i, "no path leads to this instruction");
    if (!verify_unused(v, i) || !verify_operand(v, i) || !verify_role(v, func, i)) return false;
    const bool reads = n->op == OP_RETNZ || n->op == OP_DECIDE || n->op == OP_PICK;
    if (reads && !(c->state[i] & 1u << n->a))
        return at_insn(v, i, "the register isn't set on every path to this instruction");
    if (n->op == OP_AGAIN && !(c->state[i] & FOUND))
        return at_insn(v, i, "on a path to this instruction, no `classify` has found an entry");
    if (n->op == OP_CALL && !verify_call(c, func, i)) return false;
    if (!verify_side(c, func, i)) return false;
    if (n->op == OP_CLASSIFY && !verify_classify(c, func, i, end)) return false;
    return flow_on(c, i, end);
}

static bool verify_function(struct code_pass *c, uint32_t func)
{
    const struct pbc_func *f = &c->v->p->funcs[func];
    c->v = is_would(c, func) ? c->would : c->real;
    c->state[f->first] = REACHED;
    c->searches = false;
    for (uint32_t i = f->first; i < f->first + f->count; i++)
        if (!verify_insn(c, func, i, f->first + f->count)) return false;
    return true;
}

/* Verify that functions follow one another and leave no instruction out. */
static bool verify_tiling(const struct verifier *v)
{
    const struct program *p = v->p;
    uint32_t next = 0;
    if (p->funcs_count == 0) return fault(v, "function 0 is missing");
    for (uint32_t i = 0; i < p->funcs_count; i++) {
        const struct pbc_func *f = &p->funcs[i];
        if (!verify_string(v, f->name, "function", i)) return false;
        if (f->first != next) return fault(v, "function %u doesn't begin where the previous function ends", i);
        if (f->count == 0) return fault(v, "function %u is empty", i);
        if (!inside(f->first, f->count, p->code_count)) return fault(v, "function %u goes past the end of `code`", i);
        next = f->first + f->count;
    }
    return next == p->code_count || fault(v, "instruction %u belongs to no function", next);
}

static bool verify_path(const struct verifier *v)
{
    const struct program *p = v->p;
    const struct pbc_code code = {.funcs = p->funcs,
                                  .code = p->code,
                                  .classifiers = p->classifiers,
                                  .entries = p->entries,
                                  .funcs_count = p->funcs_count,
                                  .code_count = p->code_count,
                                  .classifiers_count = p->classifiers_count,
                                  .entries_count = p->entries_count,
                                  .services = p->meta->services,
                                  .streams = p->meta->streams,
                                  .would = p->meta->would};
    const uint32_t path = pbc_longest_path(&code);
    if (path == 0) return fault_memory(v);
    if (path > PBC_PATH_MAX)
        return fault(v, "the longest path has %u instructions, but at most %u are possible", path, PBC_PATH_MAX);
    return path == v->p->meta->longest_path ||
           fault(v, "meta: the longest path is given as %u instructions, but has %u", v->p->meta->longest_path, path);
}

bool verify_code(const struct verifier *v)
{
    const struct program *p = v->p;
    if (!verify_tiling(v)) return false;
    uint32_t *state __attribute__((cleanup(free_held))) = calloc(p->code_count, sizeof *state);
    uint32_t *depth __attribute__((cleanup(free_held))) = calloc(p->funcs_count, sizeof *depth);
    uint32_t *calls __attribute__((cleanup(free_held))) = calloc(p->funcs_count, sizeof *calls);
    uint32_t *sides __attribute__((cleanup(free_held))) = calloc(p->funcs_count, sizeof *sides);
    uint32_t *users __attribute__((cleanup(free_held))) = calloc((size_t)p->classifiers_count + 1, sizeof *users);
    if (!state || !depth || !calls || !sides || !users) return fault_memory(v);
    const struct verifier would = {.p = p->would, .err = v->err, .err_len = v->err_len, .failed = v->failed};
    struct code_pass c = {.v = v,
                          .real = v,
                          .would = &would,
                          .state = state,
                          .depth = depth,
                          .calls = calls,
                          .sides = sides,
                          .users = users};
    if (p->meta->services) calls[p->meta->services] = 1;
    if (p->meta->streams) calls[p->meta->streams] = 1;
    if (p->meta->would) calls[p->meta->would] = 1;
    for (uint32_t i = p->funcs_count; i-- > 0;)
        if (!verify_function(&c, i)) return false;
    for (uint32_t i = 1; i < p->funcs_count; i++)
        if (!calls[i]) return fault(v, "function %u is never called", i);
    for (uint32_t i = 0; i < p->classifiers_count; i++)
        if (!users[i]) return fault(v, "classifier %u is never searched", i);
    return verify_path(v);
}
