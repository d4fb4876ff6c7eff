/* Number of flows that each address has opened and still holds, for `flows over N per source` and the mappings of
 * each inside address. The table has at most as many entries as there are flows. Only programs with such a condition
 * or such mappings have this table. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sources;
struct sources *sources_new(uint64_t flows, uint64_t seed); /* NULL: out of memory */
void sources_free(struct sources *s);

/* Return the number of an address's flows. addr: as in struct key; of: distinguishes equal bits (IPv6 1, IPv4 0, or
 * values of the caller). */
uint32_t source_flows(const struct sources *s, const uint32_t addr[4], unsigned of);
bool source_add(struct sources *s, const uint32_t addr[4],
                unsigned of); /* false: no room for another address, so the flow isn't counted */
void source_drop(struct sources *s, const uint32_t addr[4], unsigned of);
