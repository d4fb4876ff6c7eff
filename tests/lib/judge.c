/* Running a program by the code and by the rule list side by side, see judge.h. */
#include "tests/lib/judge.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/oracle.h"
#include "vm/packet/wire.h"
#include "vm/forward/service.h"

enum { SLOTS = JUDGED_LEFT_MAX + JUDGED_SENT_MAX, SLOT_BYTES = 2048 };

struct judge {
    struct program *program;
    uint64_t packets;
    unsigned count;
    struct way {
        const char *name;
        struct executor *exec;
        struct vm *vm; /* its worker */
        struct pool *pool;
        void *memory;
    } ways[3];
};

enum { BY_CODE, BY_LIST, BY_KERNEL /* if the environment asks for it (tests/packets/README.md) */ };

static bool way_init(struct way *w, const char *name, struct program *p, bool naive, bool in_kernel, FILE *err)
{
    char why[600] = "";
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) & ~(size_t)63;
    w->memory = aligned_alloc(64, bytes);
    w->pool = w->memory ? pool_init(w->memory, bytes, SLOTS, SLOT_BYTES) : NULL;
    const struct vm_cfg cfg = {.pool = w->pool, .seed = 1, .naive = naive};
    w->name = name;
    w->exec = w->pool ? one_kernel_new(p, &cfg, in_kernel, why, sizeof why) : NULL;
    w->vm = w->exec ? executor_vm(w->exec) : NULL;
    if (!w->exec && *why) fprintf(err, "# %s\n", why);
    return w->vm != NULL;
}

static bool ways_init(struct judge *j, FILE *err)
{
    struct program *p = j->program;
    j->count = one_kernel_asked(p) ? BY_KERNEL + 1 : BY_KERNEL;
    return way_init(&j->ways[BY_CODE], "the code", p, false, false, err) &&
           way_init(&j->ways[BY_LIST], "the rule list", p, true, false, err) &&
           (j->count == BY_KERNEL || way_init(&j->ways[BY_KERNEL], "the kernel", p, false, true, err));
}

struct judge *judge_new(const char *name, const char *text, size_t len, FILE *err)
{
    struct compile c;
    char why[256] = "";
    struct judge *j = NULL;
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    if (compile_text(&c, name, text, len) != 0)
        diags_print_text(c.diags, err, false);
    else {
        struct program *p = program_load(c.pbc, c.pbc_len, why, sizeof(why));
        j = p ? calloc(1, sizeof(*j)) : NULL;
        if (j) j->program = p;
        if (!p) fprintf(err, "%s: the compiled program does not load: %s\n", name, why);
        if (j && !ways_init(j, err)) {
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
    for (unsigned i = 0; i < j->count; i++) {
        one_kernel_free(j->ways[i].exec);
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
    return IFACE_OTHER;
}

/* Write the made-up MAC of a next hop, like replay. */
static void resolve(const struct tx_entry *e, uint8_t *frame)
{
    if (!e->family || e->pkt->link != LINK_ETHER) return;
    frame[0] = 2;
    frame[1] = 0;
    wire_put32(frame + 2, e->next_hop[e->family == 4 ? 0 : 3]);
}

static void take_bytes(const struct pkt *pkt, struct judged_frame *to)
{
    if (pkt->cap_len > JUDGED_FRAME_MAX) return;
    to->len = pkt->cap_len;
    to->wire_len = pkt->wire_len;
    memcpy(to->bytes, pkt->data, pkt->cap_len);
}

static void take_frame(const struct tx_entry *e, struct judged *out)
{
    if (e->pkt->cap_len > JUDGED_FRAME_MAX || out->sent >= JUDGED_SENT_MAX) return;
    take_bytes(e->pkt, &out->out[out->sent]);
    resolve(e, out->out[out->sent++].bytes);
}

/* Take replies, logs and held packets that left to `out`. */
static void take_sent(const struct vm_tx *tx, struct judged *out)
{
    for (unsigned i = 0; i < tx->count; i++) {
        const struct tx_entry *e = &tx->entries[i];
        if (e->cause == TX_CAUSE_HELD) {
            out->leaves[out->left].packet = e->cookie;
            out->leaves[out->left++].verdict = e->verdict;
        } else if (e->kind == TX_SEND || (e->cause == TX_CAUSE_RESET && e->kind == TX_HOST)) {
            take_frame(e, out);
        } else if (e->cause == TX_CAUSE_INNER) {
            take_bytes(e->pkt, &out->inner);
        } else if (e->cause == TX_CAUSE_PROXY && !out->host.len) {
            take_bytes(e->pkt, &out->host);
        }
        pool_put(e->pkt);
    }
    for (unsigned i = 0; i < tx->event_count; i++)
        if (tx->events[i].kind == EVENT_LOG) out->log_rules[out->logs++] = tx->events[i].rule;
}

/* Run one way. n: NULL if only time passes. */
static void run_way(struct way *w, uint32_t rule_count, struct note *n, uint16_t iface, uint64_t number,
                    const struct vm_in *in, struct judged *out)
{
    struct pkt pkt, *pkts[1] = {&pkt};
    struct tx_entry entries[JUDGED_LEFT_MAX];
    struct event events[JUDGED_LOGS_MAX];
    struct vm_tx tx = {.entries = entries, .cap = JUDGED_LEFT_MAX, .events = events, .event_cap = JUDGED_LOGS_MAX};
    memset(out, 0, sizeof(*out));
    const struct counter *rules = executor_counters(w->exec)->rules;
    uint64_t *before = calloc(rule_count + 1u, sizeof(*before));
    if (!before) abort();
    for (uint32_t i = 0; i < rule_count; i++) before[i] = rules[i].packets;
    if (n) {
        note_view(n, iface, &pkt);
        pkt.cookie = number;
        executor_run(w->exec, in, pkts, 1, &out->verdict, &tx);
    } else {
        executor_tick(w->exec, in, &tx);
    }
    executor_counters(w->exec);
    for (uint32_t i = 0; i < rule_count; i++)
        if (rules[i].packets != before[i] && out->matched < JUDGED_MATCHED_MAX) out->matched_rules[out->matched++] = i;
    free(before);
    take_sent(&tx, out);
}

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
    return a->action == b->action && a->reason == b->reason && a->flags == b->flags && a->rule == b->rule &&
           a->firewall == b->firewall && a->service == b->service && a->server == b->server && a->done == b->done;
}

static void ignore_step(void *arg, const struct trace_step *step)
{
    (void)arg;
    (void)step;
}

/* Facts of a packet before it is judged: its `state`, and the verdict of explain, which walks the rule list
 * independently. Meters are only read then. */
struct before {
    struct pkt pkt;
    struct key key;
    bool judged; /* only the rules judge it: well formed, and no fragment that may follow its first */
    bool opened; /* a `decap` matched */
    struct decision told;
};

static bool judged_alone(const struct judge *j, const struct pkt *pkt, const struct key *key)
{
    const bool follows = j->program->meta->flags & PBC_FOLLOWS_FRAGMENTS;
    return pkt->reason == REASON_NONE && !(follows && key->kind & KIND_FRAGMENT);
}

static struct decision explain(struct judge *j, const struct vm_in *in, struct key *key, const struct pkt *pkt)
{
    key_settle(j->program, key);
    vm_state(j->ways[BY_LIST].vm, in, key, pkt);
    return vm_explain(j->ways[BY_LIST].vm, in, key, pkt, ignore_step, NULL);
}

/* Explain the inner packet instead of the packet that a `decap` matched. */
static void look_inner(struct judge *j, const struct vm_in *in, struct before *b)
{
    struct pkt *inner;
    struct key key;
    const enum pkt_reason reason =
        program_open(j->program, b->told.rule, &b->pkt, &b->key, in->facts, j->ways[BY_LIST].pool, &inner, &key);
    b->opened = true;
    b->judged = reason == REASON_NONE && judged_alone(j, inner, &key);
    if (b->judged) b->told = explain(j, in, &key, inner);
    pool_put(inner);
}

static void look_before(struct judge *j, struct note *n, uint16_t iface, const struct vm_in *in, struct before *b)
{
    note_view(n, iface, &b->pkt);
    pkt_parse(&b->pkt, in->facts, &b->key);
    b->judged = judged_alone(j, &b->pkt, &b->key);
    if (b->judged && vm_follows(j->ways[BY_LIST].vm, in, &b->key, &b->pkt)) b->judged = false;
    if (!b->judged) return;
    b->told = explain(j, in, &b->key, &b->pkt);
    if (b->told.rule < RULE_DEFAULT && verdict_is(j->program->rules[b->told.rule].verdict, VERDICT_OPENS))
        look_inner(j, in, b);
}

/* True if explain has the same verdict. Without a worker meters are unused and no source has flows. */
static bool explain_agrees(const struct judge *j, const struct before *b, const struct verdict *v)
{
    const struct program *p = j->program;
    const bool alone = p->meters_count == 0 && !(p->meta->flags & PBC_COUNTS_FLOWS);
    const struct decision d[] = {
        b->told,
        alone ? oracle_explain(p, &b->key, &b->pkt, ignore_step, NULL) : b->told,
        alone ? program_decide(p, &b->key, &b->pkt) : b->told,
        alone ? program_decide_naive(p, &b->key, &b->pkt) : b->told,
    };
    const bool served = v->service != PBC_NONE || v->action == ACTION_FORWARD;
    if (b->opened)
        return v->reason != REASON_NONE || served || (v->action == b->told.action && v->rule == b->told.rule);
    const uint32_t branch = program_serve(p, &b->key, &b->pkt);
    if (branch != program_serve_naive(p, &b->key, &b->pkt)) return false;
    if (v->service != PBC_NONE && (branch == PBC_NONE || p->branches[branch].service != v->service)) return false;
    for (unsigned i = 0; i < sizeof(d) / sizeof(*d); i++)
        if ((v->reason == REASON_NONE || served) &&
            (d[i].action != (served ? ACTION_ACCEPT : v->action) || d[i].rule != v->rule))
            return false;
    return true;
}

static bool same_counts(const struct judge *j, const struct way *other)
{
    const struct vm_counters *a = executor_counters(j->ways[BY_CODE].exec), *b = executor_counters(other->exec);
    for (uint32_t i = 0; i < j->program->rules_count; i++)
        if (a->rules[i].packets != b->rules[i].packets || a->rules[i].bytes != b->rules[i].bytes) return false;
    for (uint32_t i = 0; i < j->program->firewalls_count; i++)
        if (a->defaults[i].packets != b->defaults[i].packets) return false;
    for (uint32_t i = 0; i < j->program->meters_count; i++)
        if (memcmp(&a->meters[i], &b->meters[i], sizeof(a->meters[i])) != 0) return false;
    return memcmp(a->verdicts, b->verdicts, sizeof(a->verdicts)) == 0 &&
           memcmp(a->reasons, b->reasons, sizeof(a->reasons)) == 0 && a->snapped == b->snapped &&
           a->bad_checksum == b->bad_checksum && a->answers == b->answers && a->inner == b->inner;
}

static bool same_leaves(const struct judged *a, const struct judged *b)
{
    bool same = a->left == b->left;
    for (unsigned i = 0; same && i < a->left; i++)
        same = a->leaves[i].packet == b->leaves[i].packet && same_verdict(&a->leaves[i].verdict, &b->leaves[i].verdict);
    return same;
}

/* Return how the other way differs from the code, or NULL. */
static const char *difference(const struct judge *j, const struct way *other, const struct judged *code,
                              const struct judged *naive)
{
    if (!same_verdict(&code->verdict, &naive->verdict)) return "verdict";
    if (code->sent != naive->sent || memcmp(code->out, naive->out, sizeof(code->out)) != 0) return "answer";
    if (memcmp(&code->host, &naive->host, sizeof(code->host)) != 0) return "what the host gets";
    if (code->logs != naive->logs || memcmp(code->log_rules, naive->log_rules, sizeof(code->log_rules)) != 0)
        return "log";
    if (!same_leaves(code, naive)) return "held packets";
    return same_counts(j, other) ? NULL : "counters";
}

static void tell(const struct judge *j, const char *other, const char *differs, const struct judged *a,
                 const struct judged *b, char *why, size_t why_len)
{
    char a_rule[128], b_rule[128];
    snprintf(why, why_len, "the code and %s differ in their %s: %s %s and %s %s", other, differs,
             action_name(a->verdict.action), judge_rule(j, &a->verdict, a_rule, sizeof(a_rule)),
             action_name(b->verdict.action), judge_rule(j, &b->verdict, b_rule, sizeof(b_rule)));
}

static bool run_all(struct judge *j, struct note *n, uint16_t iface, const struct vm_in *in, const struct before *b,
                    struct judged *out, char *why, size_t why_len)
{
    const char *differs = NULL;
    struct judged *other = malloc(sizeof(*other));
    if (!other) return false;
    run_way(&j->ways[BY_CODE], j->program->rules_count, n, iface, j->packets, in, out);
    for (unsigned i = BY_LIST; i < j->count; i++) {
        run_way(&j->ways[i], j->program->rules_count, n, iface, j->packets, in, other);
        const char *differ = differs ? NULL : difference(j, &j->ways[i], out, other);
        if (!differ) continue;
        differs = differ;
        tell(j, j->ways[i].name, differs, out, other, why, why_len);
    }
    if (!differs && b->judged && out->verdict.action != ACTION_HELD && !explain_agrees(j, b, &out->verdict)) {
        differs = "explanation";
        tell(j, "what explains it", differs, out, out, why, why_len);
    }
    free(other);
    return differs == NULL;
}

bool judge_run(struct judge *j, struct note *n, uint16_t iface, const struct vm_in *in, struct judged *out, char *why,
               size_t why_len)
{
    struct before b = {.judged = false};
    j->packets++;
    look_before(j, n, iface, in, &b);
    return run_all(j, n, iface, in, &b, out, why, why_len);
}

bool judge_tick(struct judge *j, const struct vm_in *in, struct judged *out, char *why, size_t why_len)
{
    const struct before none = {.judged = false};
    return run_all(j, NULL, IFACE_NONE, in, &none, out, why, why_len);
}

uint64_t judge_packets(const struct judge *j) { return j->packets; }

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
            return executor_counters(j->ways[BY_CODE].exec)->rules[i].packets;
    return UINT64_MAX;
}
