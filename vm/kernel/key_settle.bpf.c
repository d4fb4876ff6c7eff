/* Whether a frame that crosses the machine is for a service instead (vm/forward/service.c, key_settle). The program's
 * endpoints say it, so it is the judge's. */
#include "vm/forward/endpoint.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/table.h"

TABLE(const struct pbc_endpoint, endpoints);
extern const char const_endpoints; /* how many: behind them the next table begins */

static inline uint32_t kinds_of(const struct pbc_endpoint *e)
{
    static const uint32_t kinds[8] = {
#define ENDPOINT(ident, name, bits, doc) [PBC_EP_##ident] = bits,
#include "vm/endpoint.def"
    };
    return kinds[e->proto & 7];
}

GLOBAL uint64_t kernel_key_settle(struct kpkt *k NONNULL)
{
    struct key *key = &k->key;
    if (!(key->kind & KIND_FORWARD) || !(key->kind & KIND_IP)) return 0;
    for (uint32_t i = 0; LOOP(i < NUMBER(endpoints)); i = LOOSE(i + 1)) {
        const struct pbc_endpoint *e = &ROW(endpoints, i);
        if (!endpoint_stops(e, kinds_of(e), key)) continue;
        key->kind ^= KIND_FORWARD | KIND_IN;
        return 1;
    }
    return 0;
}
