/* Redirect a forwarded frame to a service (vm/forward/service.c, key_settle). This needs the program's endpoints, so
 * the judge does it. */
#include "vm/forward/endpoint.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/loop.bpf.h"

SECTION(const struct pbc_endpoint, endpoints);
extern const char const_endpoints; /* number of endpoints, behind which the next table begins */

static inline uint32_t kinds_of(const struct pbc_endpoint *e)
{
    static const uint32_t kinds[8] = {
#define ENDPOINT(ident, name, bits, doc) [PBC_EP_##ident] = bits,
#include "vm/endpoint.def"
    };
    return kinds[e->proto & 7];
}

/* Make the packet one for this machine if endpoint number i takes it. True if so. */
static inline bool stops_at(struct key *key, uint32_t i)
{
    const struct pbc_endpoint *e = &ROW(endpoints, i);
    if (!endpoint_stops(e, kinds_of(e), key)) return false;
    key->kind ^= KIND_FORWARD | KIND_IN;
    return true;
}

#ifdef COUNTED
static long stop_at(uint32_t i, void *k) { return stops_at(&TURN_OF(struct kpkt, k)->key, i); }
static inline void stop(struct kpkt *k) { EACH_TURN((uint32_t)NUMBER(endpoints), stop_at, k); }
#else
static inline void stop(struct kpkt *k)
{
    for (uint32_t i = 0; LOOP(i < NUMBER(endpoints) && !stops_at(&k->key, i));) i = LOOSE(i + 1);
}
#endif

/* Redirect the packet to a service that takes it. Return 0. */
GLOBAL uint64_t kernel_key_settle(struct kpkt *k NONNULL)
{
    if (k->key.kind & KIND_FORWARD && k->key.kind & KIND_IP) stop(k);
    return 0;
}
