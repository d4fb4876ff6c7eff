/* Whether a frame that crosses the machine is for a service instead (vm/forward/service.c, key_settle). The program's
 * endpoints say it, so it is the judge's. */
#include "vm/forward/endpoint.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/table.h"

TABLE(const struct pbc_endpoint, endpoints);

static inline uint32_t kinds_of(const struct pbc_endpoint *e)
{
    static const uint32_t kinds[8] = {
#define ENDPOINT(ident, name, bits, doc) [PBC_EP_##ident] = bits,
#include "vm/endpoint.def"
    };
    return kinds[e->proto & 7];
}

/* Rows that fill the table up are of no family. */
static inline bool is_one(const struct pbc_endpoint *e) { return e->to != PBC_TO_ADDRESS || e->family; }

GLOBAL uint64_t kernel_key_settle(struct kpkt *k NONNULL)
{
    struct key *key = &k->key;
    if (!(key->kind & KIND_FORWARD) || !(key->kind & KIND_IP)) return 0;
    for (uint32_t i = 0; LOOP(i <= MASK(endpoints)); i = LOOSE(i + 1)) {
        const struct pbc_endpoint *e = &ROW(endpoints, i);
        if (!is_one(e) || !endpoint_stops(e, kinds_of(e), key)) continue;
        key->kind ^= KIND_FORWARD | KIND_IN;
        return 1;
    }
    return 0;
}
