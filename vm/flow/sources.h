/* How many flows each address has opened and still holds: `flows over N per source`, and mappings of each inside
 * address. As many entries as there may be flows. Only in programs that ask. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sources;
struct sources *sources_new(uint64_t flows, uint64_t seed); /* NULL when memory is out */
void sources_free(struct sources *s);

/* addr as in struct key; `of` tells equal ones apart: of IPv6 1, of IPv4 0, and whatever else the caller counts by. */
uint32_t source_flows(const struct sources *s, const uint32_t addr[4], unsigned of);
bool source_add(struct sources *s, const uint32_t addr[4],
                unsigned of); /* false: no room for another address; counted */
void source_drop(struct sources *s, const uint32_t addr[4], unsigned of);
