/* Every counter is a word of 64 bits, so arrays and structs of counters are added word by word. A maximum becomes
 * the sum of the workers' maxima. A worker is held meanwhile; a proxy's loop keeps counting. */
#include "runtime/worker/sum.h"

#include <stdlib.h>

#include "vm/flow/flow.h"
#include "vm/forward/service.h"
#include "vm/keyed/keyed.h"
#include "vm/verdict.h"

/* Arrays of counters: ARRAY(element type, name, struct and field that point to it, number of elements). */
#define ARRAYS(ARRAY)                                                                                                  \
    ARRAY(struct counter, rules, all, rules, p->rules_count)                                                           \
    ARRAY(struct counter, defaults, all, defaults, p->firewalls_count)                                                 \
    ARRAY(struct would_counter, would_rules, all, would_rules, p->would ? p->would->rules_count : 0)                   \
    ARRAY(struct would_counter, would_defaults, all, would_defaults, p->would ? p->would->firewalls_count : 0)         \
    ARRAY(struct meter_counter, meters, all, meters, p->meters_count)                                                  \
    ARRAY(struct counter, services, all, services, p->services_count)                                                  \
    ARRAY(struct counter, unserved, all, unserved, p->services_count)                                                  \
    ARRAY(struct counter, servers, all, servers, p->servers_count)                                                     \
    ARRAY(struct counter, statements, nat, statements, program_all_nats(p))                                            \
    ARRAY(uint32_t, nat_flows, nat, flows, program_all_nats(p))                                                        \
    ARRAY(uint32_t, server_flows, all, server_flows, p->servers_count)                                                 \
    ARRAY(uint32_t, service_flows, all, service_flows, p->services_count)                                              \
    ARRAY(uint64_t, server_begun, all, server_begun, p->servers_count)                                                 \
    ARRAY(struct observe_counters, observes, all, observes, p->observes_count)

struct sum {
    const struct program *program;
    struct vm_counters all; /* sums, which point to the fields below */
    struct flow_counters flows;
    struct forward_counters forward;
    struct nat_counters nat;
    struct mapping_counters mappings;
    struct frag_counters frags;
    struct observe_counters observed;
#define ARRAY(type, name, of, field, count) type *name;
    ARRAYS(ARRAY)
#undef ARRAY
};

static_assert(sizeof(struct flow_counters) % 8 == 0 && sizeof(struct forward_counters) % 8 == 0, "words");
static_assert(sizeof(struct mapping_counters) % 8 == 0 && sizeof(struct frag_counters) % 8 == 0, "words");
static_assert(sizeof(struct observe_counters) % 8 == 0, "words");

static void words_add(void *to, const void *from, size_t bytes)
{
    uint64_t *t = to;
    const uint64_t *f = from;
    for (size_t i = 0; f && i < bytes / sizeof *t; i++) t[i] += __atomic_load_n(&f[i], __ATOMIC_RELAXED);
}

struct sum *sum_new(const struct program *p, const struct vm_counters *like)
{
    struct sum *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->program = p;
    s->nat.mappings = &s->mappings;
    bool whole = true;
#define ARRAY(type, name, of, field, count)                                                                            \
    s->of.field = s->name = calloc((count) + 1u, sizeof *s->name);                                                     \
    whole &= s->name != NULL;
    ARRAYS(ARRAY)
#undef ARRAY
    if (!p->would) s->all.would_rules = s->all.would_defaults = NULL;
    s->all.flows = like->flows ? &s->flows : NULL;
    s->all.forward = like->forward ? &s->forward : NULL;
    s->all.nat = like->nat ? &s->nat : NULL;
    s->all.frags = like->frags ? &s->frags : NULL;
    s->all.observed = like->observed ? &s->observed : NULL;
    if (whole) return s;
    sum_free(s);
    return NULL;
}

static void add_each(uint32_t *to, const uint32_t *from, uint32_t count)
{
    for (uint32_t i = 0; from && i < count; i++) to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

/* Add the counters of flows, if the program sends any on. */
static void add_flows(struct sum *s, const struct vm_counters *c)
{
    const struct program *p = s->program;
    add_each(s->server_flows, c->server_flows, p->servers_count);
    add_each(s->service_flows, c->service_flows, p->services_count);
    words_add(s->server_begun, c->server_begun, p->servers_count * sizeof *s->server_begun);
}

void sum_conns(struct sum *s, const struct conns *c)
{
    add_flows(
        s, &(struct vm_counters){.server_flows = c->servers, .service_flows = c->services, .server_begun = c->begun});
}

void sum_add(struct sum *s, const struct vm_counters *c)
{
    const struct program *p = s->program;
    words_add(s->all.verdicts, c->verdicts, sizeof s->all.verdicts);
    words_add(s->all.reasons, c->reasons, sizeof s->all.reasons);
    words_add(s->rules, c->rules, p->rules_count * sizeof *s->rules);
    words_add(s->defaults, c->defaults, p->firewalls_count * sizeof *s->defaults);
    words_add(&s->all.earlier, &c->earlier, sizeof s->all.earlier);
    words_add(s->all.would, c->would, sizeof s->all.would);
    if (p->would) {
        words_add(s->would_rules, c->would_rules, p->would->rules_count * sizeof *s->would_rules);
        words_add(s->would_defaults, c->would_defaults, p->would->firewalls_count * sizeof *s->would_defaults);
    }
    words_add(s->meters, c->meters, p->meters_count * sizeof *s->meters);
    words_add(s->services, c->services, p->services_count * sizeof *s->services);
    words_add(s->unserved, c->unserved, p->services_count * sizeof *s->unserved);
    words_add(s->servers, c->servers, p->servers_count * sizeof *s->servers);
    words_add(&s->flows, c->flows, sizeof s->flows);
    words_add(&s->forward, c->forward, sizeof s->forward);
    add_flows(s, c);
    if (c->nat) {
#define NAT_COUNTER(field, kind, object, key, line, words, doc) s->nat.field += c->nat->field;
#include "vm/counter.def"
        words_add(&s->mappings, c->nat->mappings, sizeof s->mappings);
        for (uint32_t i = 0; i < program_all_nats(s->program); i++) s->nat_flows[i] += c->nat->flows[i];
        words_add(s->statements, c->nat->statements, program_all_nats(s->program) * sizeof *s->statements);
    }
    words_add(&s->frags, c->frags, sizeof s->frags);
    words_add(&s->observed, c->observed, sizeof s->observed);
    words_add(s->observes, c->observes, p->observes_count * sizeof *s->observes);
#define VM_COUNTER(field, kind, object, key, line, words, doc) s->all.field += c->field;
#include "vm/counter.def"
}

void sum_archive(struct sum *s, struct archive *a)
{
    const struct program *p = s->program;
    ARCHIVE(a, s->all.verdicts);
    ARCHIVE(a, s->all.reasons);
    ARCHIVE(a, s->all.earlier);
    ARCHIVE(a, s->all.would);
    ARCHIVE(a, s->observed);
#define VM_COUNTER(field, kind, object, key, line, words, doc) ARCHIVE(a, s->all.field);
#include "vm/counter.def"
#define ARRAY(type, name, of, field, count) archive_part(a, s->name, (count) * sizeof *s->name);
    ARRAYS(ARRAY)
#undef ARRAY
}

void sum_carried(struct sum *s, struct counter passed, struct counter strays)
{
    words_add(&s->all.verdicts[ACTION_FORWARD], &passed, sizeof passed);
    words_add(&s->all.verdicts[ACTION_DROP], &strays, sizeof strays);
    words_add(&s->all.reasons[REASON_NO_FLOW], &strays, sizeof strays);
}

const struct vm_counters *sum_counters(const struct sum *s) { return &s->all; }

void sum_free(struct sum *s)
{
    if (!s) return;
#define ARRAY(type, name, of, field, count) free(s->name);
    ARRAYS(ARRAY)
#undef ARRAY
    free(s);
}
