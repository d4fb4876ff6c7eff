/* The rival: DPDK's rte_acl over a list of five-field rules. One list per process. Without DPDK at build time there
 * is none, and acl_why_not reports it. */
#ifndef TESTS_BENCH_PEERS_ACL_H
#define TESTS_BENCH_PEERS_ACL_H

#include "tests/lib/ruleset.h"

/* NULL: it can be asked. */
const char *acl_why_not(void);

/* Start DPDK without huge pages and devices, with up to so much memory; discards its output. */
bool acl_start(unsigned megabytes);

struct acl_built {
    bool good;
    double seconds;
    uint64_t bytes; /* of the built structure and the rules it keeps */
};
/* Build; most: bytes its run-time structure may take (rte_acl_config.max_size), 0: as it likes. */
struct acl_built acl_build(const struct ruleset *rs, uint64_t most);

/* Names of its ways to search that this processor has; NULL behind the last. The first is the scalar one. */
const char *acl_method(unsigned i);
bool acl_choose(unsigned method);

/* Headers in the form that rte_acl reads, in one block. Return the i-th header. */
const uint8_t **acl_headers(const struct ruleset *rs, const struct headers *h);
void acl_headers_free(const uint8_t **headers);
/* found[i]: the rule of the i-th header plus 1; 0: none. burst: headers a call. */
void acl_search(const uint8_t **headers, uint32_t count, uint32_t burst, uint32_t *found);

#endif
