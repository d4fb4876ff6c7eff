/* Rows of vm/counter.def, each with the struct and the offset of its value. */
#include "runtime/counters/counters.h"

#include <stddef.h>
#include <string.h>

#include "vm/flow/flow.h"

enum kind { OF_VM, OF_FLOW, OF_FORWARD, OF_NAT, OF_MAPPING, OF_FRAG, OF_OBSERVE };

static const struct {
    const char *object, *key, *line, *words;
    uint8_t kind; /* enum kind */
    uint16_t at;  /* offset in the struct that `kind` names */
} rows[] = {
#define ROW(of, type, field, object, key, line, words)         {object, key, line, words, of, offsetof(struct type, field)},
#define VM_COUNTER(field, kind, object, key, line, words, doc) ROW(OF_VM, vm_counters, field, object, key, line, words)
#define FLOW_COUNTER(field, kind, object, key, line, words, doc)                                                       \
    ROW(OF_FLOW, flow_counters, field, object, key, line, words)
#define FORWARD_COUNTER(field, kind, object, key, line, words, doc)                                                    \
    ROW(OF_FORWARD, forward_counters, field, object, key, line, words)
#define NAT_COUNTER(field, kind, object, key, line, words, doc)                                                        \
    ROW(OF_NAT, nat_counters, field, object, key, line, words)
#define MAPPING_COUNTER(field, kind, object, key, line, words, doc)                                                    \
    ROW(OF_MAPPING, mapping_counters, field, object, key, line, words)
#define FRAG_COUNTER(field, kind, object, key, line, words, doc)                                                       \
    ROW(OF_FRAG, frag_counters, field, object, key, line, words)
#define OBSERVE_COUNTER(field, kind, object, key, line, words, doc)                                                    \
    ROW(OF_OBSERVE, observe_counters, field, object, key, line, words)
#include "vm/counter.def"
#undef ROW
};

/* Return the counters of a kind, or NULL if the program keeps none of that kind. */
static const void *counters_of(const struct vm_counters *c, uint8_t kind)
{
    switch ((enum kind)kind) {
    case OF_VM: return c;
    case OF_FLOW: return c->flows;
    case OF_FORWARD: return c->forward;
    case OF_NAT: return c->nat;
    case OF_MAPPING: return c->nat ? c->nat->mappings : NULL;
    case OF_FRAG: return c->frags;
    case OF_OBSERVE: return c->observed;
    }
    return NULL;
}

bool counters_next(const struct vm_counters *c, unsigned *at, struct counter_row *row)
{
    if (*at == sizeof rows / sizeof *rows) return false;
    const unsigned i = (*at)++;
    const char *counters = counters_of(c, rows[i].kind);
    *row = (struct counter_row){
        .object = rows[i].object, .key = rows[i].key, .line = rows[i].line, .words = rows[i].words, .kept = counters};
    if (counters) memcpy(&row->value, counters + rows[i].at, sizeof row->value);
    return true;
}
