/* Sizes of the tables that a worker makes for pools; the verifier and the compiler bound them. */
#include "vm/pbc.h"
#include "vm/tables.h"

enum { TABLE_LEAST = 4096 }; /* slots; each table has about 20 KiB beside it, whatever its size */
enum { TABLES_OF_BOTH = 3 }; /* tables of a pool with servers of both families: all servers, IPv4, IPv6 */

unsigned pbc_pool_families(const struct pbc_pool *pool, const struct pbc_server *servers)
{
    unsigned families = 0;
    for (uint32_t s = pool->servers; s < pool->servers + pool->server_count; s++)
        families |= servers[s].family == 4 ? PBC_FAMILY_4 : PBC_FAMILY_6;
    return families;
}

uint64_t pbc_pool_slots(const struct pbc_pool *pools, uint32_t count, const struct pbc_server *servers, uint64_t slots)
{
    uint64_t tables = 0;
    for (uint32_t i = 0; i < count; i++)
        if (pools[i].balance == LB_MAGLEV || pools[i].balance == LB_SOURCE)
            tables += pbc_pool_families(&pools[i], servers) == (PBC_FAMILY_4 | PBC_FAMILY_6) ? TABLES_OF_BOTH : 1;
    return tables * (slots > TABLE_LEAST ? slots : TABLE_LEAST);
}
