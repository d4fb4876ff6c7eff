/* What judging changes. Until it is there, nothing: meters answer as unused ones. */
#include "vm/judge/meter.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/table.h"

TABLE(const struct pbc_meter, meters);

GLOBAL uint64_t kernel_meter(struct kpkt *k NONNULL, uint32_t meter)
{
    const struct pbc_meter *m = &ROW(meters, meter);
    const bool bytes = m->unit == PBC_METER_BYTES;
    if ((m->per || bytes) && !(k->key.kind & KIND_IP)) return METER_LACKS;
    return bytes && k->key.length > m->burst ? METER_OVER : METER_WITHIN;
}

GLOBAL uint64_t kernel_flows(struct kpkt *k NONNULL) { return k->up & 0; }

GLOBAL uint64_t kernel_count(struct kpkt *k NONNULL, uint32_t rule) { return k->up + rule; }

GLOBAL uint64_t kernel_log(struct kpkt *k NONNULL, uint32_t rule) { return k->up + rule + 1; }
