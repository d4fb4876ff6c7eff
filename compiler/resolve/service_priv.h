/* What checks, pools and services share: clauses, each at most once, and their values. */
#ifndef COMPILER_SERVICE_PRIV_H
#define COMPILER_SERVICE_PRIV_H

#include "compiler/resolve/front_priv.h"

/* The statements that parse as CLAUSE, by their words: CLAUSES of one block, NULL where one does not stand. */
struct clause_row {
    const char *word;
    const struct node *node;
};
/* Put each clause of the block into its row; one that stands twice is reported. Words that no row has are left alone.
 */
void clauses_of(struct compile *c, const struct node *block, struct clause_row *rows, size_t count, const char *what);
const struct node *clause_get(const struct clause_row *rows, size_t count, const char *word);

/* The duration, in nanoseconds; `fallback` where the clause is NULL or its value was reported. */
uint64_t clause_duration(struct compile *c, const struct node *clause, uint64_t fallback);
uint32_t clause_number(struct compile *c, const struct node *clause, const struct number_kind *kind, uint32_t fallback);
/* A string of the clause's first child as an entry of STRINGS; 0 where the clause is NULL. */
uint32_t clause_string(struct compile *c, const struct node *clause);
/* "not supported yet: ..." at the clause, if it stands. */
void clause_not_due(struct compile *c, const struct node *clause, const char *what);

/* An address as struct key has it: host order, v4 in word 0. */
void addr_words(const struct addr *a, uint32_t words[4]);
bool addr_is_one_host(const struct addr *a); /* neither unspecified nor multicast nor broadcast */

void resolve_checks(struct compile *c);   /* checks.c */
void resolve_pools(struct compile *c);    /* pools.c */
void resolve_services(struct compile *c); /* services.c */

/* services.c for service_checks.c */
struct service_work {
    struct compile *c;
    const struct node *node;
    uint32_t id;
    enum pbc_mode mode;
    uint32_t left; /* KIND_IP4, KIND_IP6: clients that no `when` before has taken whole */
    bool tcp_like; /* an endpoint may take TCP or SCTP */
    bool good;     /* mode and endpoints are known */
};
/* What a branch's pools must have for the service: a server of the client's family, no other port. families: KIND_IP4,
 * KIND_IP6 that the branch can match. */
void check_branch_pools(const struct service_work *w, const struct pbc_branch *b, const struct node *pools,
                        uint32_t families);
void check_endpoints(struct compile *c); /* the same endpoint in two places */
void check_slots(struct compile *c);     /* tables of all pools together */

#endif
