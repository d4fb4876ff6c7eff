/* Meters in the kernel: the place of a program's meters. Calls must nest no deeper than the stages can spare, so all
 * but GLOBAL functions are inlined. */
#define inline inline __attribute__((always_inline))
#include "vm/kernel/bpf.h"
#include "vm/kernel/loop.bpf.h"

/* Rows of runtime/kernel/maps/table.def. */
extern const char const_meters, const_meter_defs, const_meter_said, const_meter_slots, const_meter_keys;
extern uint16_t table_meter_tags[];
extern uint64_t table_meter_words[], table_meter_keys[];

#define TABLE_TAGS      table_meter_tags
#define TABLE_WORDS     table_meter_words
#define TABLE_KEYS      table_meter_keys
#define TABLE_SLOTS     NUMBER(meter_slots)
#define TABLE_KEY_WORDS NUMBER(meter_keys)
#define TABLE_KEY_MOST  6
#include "vm/kernel/keyed/keyed.bpf.h"
#include "vm/kernel/keyed/meters.h"

SECTION(const struct pbc_meter, meters);
SECTION(struct kernel_meter, meter_cells);
extern struct kernel_meter_said table_meter_said[];
/* Return the definition of a cell: those without `audit` are behind all others. */
static inline uint32_t meter_def(uint32_t id)
{
    return id < NUMBER(meter_defs) ? id : id - (uint32_t)NUMBER(meter_defs);
}
#define METER_DEF(id)     (&ROW(meters, meter_def(id)))
#define METER_CELL(id)    (&ROW(meter_cells, id))
#define METER_SAID(k, id) (&table_meter_said[table_within((k)->place * NUMBER(meters) + (id), NUMBER(meter_said))])
#include "vm/kernel/keyed/meters.bpf.h"

/* Sweep for a process, which may die at any instant and so changes no slot itself. */
SEC("syscall") int sweep_meters(struct kernel_meters_sweep *s)
{
    meters_sweep_some(s, (uint32_t)NUMBER(meters));
    return 0;
}
