/* DPDK's rte_acl on a list of five-field rules, as a rival. A process has one list. A build without DPDK has no
 * rival, and acl_why_not returns the reason. */
#ifndef TESTS_BENCH_PEERS_ACL_H
#define TESTS_BENCH_PEERS_ACL_H

#include "tests/lib/ruleset.h"

/* Return the reason why the rival can't run, or NULL. */
const char *acl_why_not(void);

/* Start DPDK without huge pages and devices, with at most that much memory. Discards DPDK's output. */
bool acl_start(unsigned megabytes);

struct acl_built {
    bool good;
    double seconds;
    uint64_t bytes; /* of the built structure and the rules in it */
};
/* Build the structure. most: limit of its bytes at run time (rte_acl_config.max_size); 0: none. */
struct acl_built acl_build(const struct ruleset *rs, uint64_t most);

/* Return the name of a search method that this processor supports, or NULL behind the last. The first is the scalar
 * one. */
const char *acl_method(unsigned i);
bool acl_choose(unsigned method);

/* Put headers into one block, in the form that rte_acl reads. Returns pointers to each header. */
const uint8_t **acl_headers(const struct ruleset *rs, const struct headers *h);
void acl_headers_free(const uint8_t **headers);
/* Search. found[i]: the rule of the i-th header plus 1; 0: none. burst: headers per call. */
void acl_search(const uint8_t **headers, uint32_t count, uint32_t burst, uint32_t *found);

#endif
