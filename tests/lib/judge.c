/* A program run by the code and by the rule list side by side, see judge.h. */
#include "tests/lib/judge.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"

enum { SLOTS = 8, SLOT_BYTES = 2048 };

struct judge {
    struct program *program;
    struct way {
        struct vm *vm;
        struct pool *pool;
        void *memory;
    } ways[2]; /* the code, the rule list */
};

static bool way_init(struct way *w, struct program *p, bool naive)
{
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) & ~(size_t)63;
    w->memory = aligned_alloc(64, bytes);
    w->pool = w->memory ? pool_init(w->memory, bytes, SLOTS, SLOT_BYTES) : NULL;
    const struct vm_cfg cfg = {.pool = w->pool, .seed = 1, .naive = naive};
    w->vm = w->pool ? vm_new(p, &cfg) : NULL;
    return w->vm != NULL;
}

struct judge *judge_new(const char *name, const char *text, size_t len, FILE *err)
{
    struct compile c;
    char why[256] = "";
    struct judge *j = NULL;
    compile_init(&c);
    if (compile_text(&c, name, text, len) != 0)
        diags_print_text(c.diags, err, false);
    else {
        struct program *p = program_load(c.pbc, c.pbc_len, why, sizeof(why));
        j = p ? calloc(1, sizeof(*j)) : NULL;
        if (j) j->program = p;
        if (!p) fprintf(err, "%s: the compiled program does not load: %s\n", name, why);
        if (j && (!way_init(&j->ways[0], p, false) || !way_init(&j->ways[1], p, true))) {
            judge_free(j);
            j = NULL;
        }
    }
    compile_fini(&c);
    return j;
}

void judge_free(struct judge *j)
{
    if (!j) return;
    for (unsigned i = 0; i < 2; i++) {
        if (j->ways[i].vm) vm_free(j->ways[i].vm);
        free(j->ways[i].memory);
    }
    program_put(j->program);
    free(j);
}

struct program *judge_program(const struct judge *j) { return j->program; }

uint16_t judge_iface(const struct judge *j, const char *name)
{
    const struct program *p = j->program;
    for (uint32_t i = 0; i < p->ifaces_count; i++)
        if (strcmp(program_str(p, p->ifaces[i].name), name) == 0 ||
            strcmp(program_str(p, p->ifaces[i].device), name) == 0)
            return (uint16_t)i;
    return IFACE_NONE;
}

static void run_way(struct way *w, uint32_t rule_count, struct note *n, uint16_t iface, const struct vm_in *in,
                    struct judged *out)
{
    struct pkt pkt, *pkts[1] = {&pkt};
    struct tx_entry entries[JUDGED_SENT_MAX];
    struct event events[JUDGED_LOGS_MAX];
    struct vm_tx tx = {.entries = entries, .cap = JUDGED_SENT_MAX, .events = events, .event_cap = JUDGED_LOGS_MAX};
    memset(out, 0, sizeof(*out));
    note_view(n, iface, &pkt);
    const struct counter *rules = vm_counters(w->vm)->rules;
    uint64_t *before = calloc(rule_count + 1u, sizeof(*before));
    if (!before) abort();
    for (uint32_t i = 0; i < rule_count; i++) before[i] = rules[i].packets;
    vm_run(w->vm, in, pkts, 1, &out->verdict, &tx);
    for (uint32_t i = 0; i < rule_count; i++)
        if (rules[i].packets != before[i] && out->matched < JUDGED_MATCHED_MAX) out->matched_rules[out->matched++] = i;
    free(before);
    for (unsigned i = 0; i < tx.count; i++) {
        if (entries[i].kind == TX_SEND && entries[i].pkt->cap_len <= JUDGED_FRAME_MAX) {
            out->out[out->sent].len = entries[i].pkt->cap_len;
            memcpy(out->out[out->sent++].bytes, entries[i].pkt->data, entries[i].pkt->cap_len);
        }
        pool_put(entries[i].pkt);
    }
    for (unsigned i = 0; i < tx.event_count; i++)
        if (events[i].kind == EVENT_LOG) out->log_rules[out->logs++] = events[i].rule;
}

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
    return a->action == b->action && a->reason == b->reason && a->flags == b->flags && a->rule == b->rule &&
           a->firewall == b->firewall && a->service == b->service && a->server == b->server;
}

static void ignore_step(void *arg, const struct trace_step *step)
{
    (void)arg;
    (void)step;
}

/* What explain, which walks the rule list by itself, says before the packet is judged: meters only look at it then. */
static struct decision explain_before(struct judge *j, struct note *n, uint16_t iface, const struct vm_in *in)
{
    struct pkt pkt;
    struct key key;
    note_view(n, iface, &pkt);
    if (pkt_parse(&pkt, in->facts, &key) != REASON_NONE) return (struct decision){.rule = RULE_NONE};
    key_settle(j->program, &key);
    return vm_explain(j->ways[1].vm, in, &key, &pkt, ignore_step, NULL);
}

/* Did it come to the same end? Malformed frames it does not judge. Without a worker meters are unused. */
static bool explain_agrees(struct judge *j, struct note *n, uint16_t iface, const struct vm_in *in,
                           const struct verdict *v, struct decision told)
{
    struct pkt pkt;
    struct key key;
    note_view(n, iface, &pkt);
    if (pkt_parse(&pkt, in->facts, &key) != REASON_NONE) return true;
    key_settle(j->program, &key);
    const bool metered = j->program->meters_count > 0;
    const struct decision d[] = {
        told,
        metered ? told : program_explain(j->program, &key, &pkt, ignore_step, NULL),
        metered ? told : program_decide(j->program, &key, &pkt),
        metered ? told : program_decide_naive(j->program, &key, &pkt),
    };
    const bool served = v->service != PBC_NONE;
    const uint32_t branch = program_serve(j->program, &key, &pkt);
    if (branch != program_serve_naive(j->program, &key, &pkt)) return false;
    if (served && (branch == PBC_NONE || j->program->branches[branch].service != v->service)) return false;
    for (unsigned i = 0; i < sizeof(d) / sizeof(*d); i++)
        if ((v->reason == REASON_NONE || served) &&
            (d[i].action != (served ? ACTION_ACCEPT : v->action) || d[i].rule != v->rule))
            return false;
    return true;
}

static bool same_counts(const struct judge *j)
{
    const struct vm_counters *a = vm_counters(j->ways[0].vm), *b = vm_counters(j->ways[1].vm);
    for (uint32_t i = 0; i < j->program->rules_count; i++)
        if (a->rules[i].packets != b->rules[i].packets || a->rules[i].bytes != b->rules[i].bytes) return false;
    for (uint32_t i = 0; i < j->program->firewalls_count; i++)
        if (a->defaults[i].packets != b->defaults[i].packets) return false;
    for (uint32_t i = 0; i < j->program->meters_count; i++)
        if (memcmp(&a->meters[i], &b->meters[i], sizeof(a->meters[i])) != 0) return false;
    return memcmp(a->verdicts, b->verdicts, sizeof(a->verdicts)) == 0 &&
           memcmp(a->reasons, b->reasons, sizeof(a->reasons)) == 0 && a->snapped == b->snapped &&
           a->bad_checksum == b->bad_checksum && a->answers == b->answers;
}

bool judge_run(struct judge *j, struct note *n, uint16_t iface, const struct vm_in *in, struct judged *out, char *why,
               size_t why_len)
{
    struct judged *naive = malloc(sizeof(*naive));
    if (!naive) return false;
    const struct decision told = explain_before(j, n, iface, in);
    run_way(&j->ways[0], j->program->rules_count, n, iface, in, out);
    run_way(&j->ways[1], j->program->rules_count, n, iface, in, naive);
    const char *differs = NULL;
    if (!same_verdict(&out->verdict, &naive->verdict))
        differs = "verdict";
    else if (out->sent != naive->sent || memcmp(out->out, naive->out, sizeof(out->out)) != 0)
        differs = "answer";
    else if (out->logs != naive->logs || memcmp(out->log_rules, naive->log_rules, sizeof(out->log_rules)) != 0)
        differs = "log";
    else if (!same_counts(j))
        differs = "counters";
    else if (!explain_agrees(j, n, iface, in, &out->verdict, told))
        differs = "explanation";
    char a[128], b[128];
    if (differs)
        snprintf(why, why_len, "the code and the rule list differ in their %s: %s %s and %s %s", differs,
                 action_name(out->verdict.action), judge_rule(j, &out->verdict, a, sizeof(a)),
                 action_name(naive->verdict.action), judge_rule(j, &naive->verdict, b, sizeof(b)));
    free(naive);
    return differs == NULL;
}

const char *judge_rule(const struct judge *j, const struct verdict *v, char *buf, size_t len)
{
    if (v->rule == RULE_NONE || v->rule == RULE_DEFAULT) {
        snprintf(buf, len, "%s", v->rule == RULE_NONE ? "-" : "default");
        return buf;
    }
    return rule_name(j->program, v->rule, buf, len);
}

uint64_t judge_count(const struct judge *j, const char *rule)
{
    char name[256];
    for (uint32_t i = 0; i < j->program->rules_count; i++)
        if (strcmp(rule_name(j->program, i, name, sizeof(name)), rule) == 0)
            return vm_counters(j->ways[0].vm)->rules[i].packets;
    return UINT64_MAX;
}
