/* Shared by the parts of the verifier. Each part returns true, or writes the fault and returns false. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "vm/program/fields/fields.h"
#include "vm/program/program.h"

struct verifier {
    const struct program *p;
    char *err;
    size_t err_len;
    int *failed;                 /* becomes -ENOMEM if memory is missing; NULL: the caller doesn't ask */
    const uint32_t *live_before; /* [sets_count + 1]: live sets among the first i; NULL: none */
    uint32_t devices; /* in a past: interfaces have numbers up to this one, as ports without a name in the file do */
};

/* Write the fault and return false. */
__attribute__((format(printf, 2, 3))) bool fault(const struct verifier *v, const char *format, ...);
/* The same if memory is missing, which is no fault of the program. */
bool fault_memory(const struct verifier *v);

/* True if [first, first + count) is inside `total` entries. */
static inline bool inside(uint32_t first, uint32_t count, uint32_t total)
{
    return first <= total && count <= total - first;
}

/* Free the memory that a variable points to, at the end of its scope. `variable`: its address, of any pointer type. */
static inline void free_held(void *variable)
{
    void *held;
    memcpy(&held, variable, sizeof held);
    free(held);
}

bool verify_sets(const struct verifier *v);        /* address and MAC sets and their members, ranges, patterns */
bool verify_meters(const struct verifier *v);      /* meters, schedules, limits of logs, settings */
bool verify_logs(const struct verifier *v);        /* limits of rules' logs, a part of verify_meters */
bool verify_rules(const struct verifier *v);       /* interfaces, chains, firewalls, rules, conditions */
bool verify_mirrors(const struct verifier *v);     /* copies of packets */
bool verify_services(const struct verifier *v);    /* checks, pools, servers, services, endpoints, branches, shares */
bool verify_proxies(const struct verifier *v);     /* options of proxy services */
bool verify_nats(const struct verifier *v);        /* statements of nats */
bool verify_observes(const struct verifier *v);    /* observe services, their endpoints and choices */
bool verify_memos(const struct verifier *v);       /* remembered verdicts */
bool verify_classifiers(const struct verifier *v); /* entries, formats, trees and blocks */
bool verify_ranks(const struct verifier *v, uint32_t i); /* lines of classifier i, a part of verify_classifiers */
bool verify_code(const struct verifier *v);              /* functions, instructions, the longest path */
bool verify_meter_users(const struct verifier *v); /* after all others: no meter belongs to both rules and a service */

/* Verify the fields of a server. */
bool verify_server(const struct verifier *v, uint32_t i);
/* Verify a statement of an earlier program, which has lost its sets, conditions and ranges. */
bool verify_past_nat(const struct verifier *v, uint32_t i);

/* Verify each field of an entry by its row (fields.h). */
bool verify_fields(const struct verifier *v, enum fields_of of, uint32_t i);
/* Verify the fields of an endpoint; `what` is its section in messages. */
bool verify_endpoint(const struct verifier *v, const struct pbc_endpoint *e, const char *what, uint32_t i);

/* True if a condition asks for a connection's first bytes. */
bool verify_asks_stream(const struct program *p, uint32_t cond);

/* Verify a name or a path. Many rules may share one, and each prints it, so its length is bounded. */
bool verify_string(const struct verifier *v, uint32_t offset, const char *what, uint32_t index);
/* Verify any string. */
bool verify_text(const struct verifier *v, uint32_t offset, const char *what, uint32_t index);
