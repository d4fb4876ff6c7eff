/* Rivals in a measurement of classifiers: each builds its structure in a process of its own, so that memory is
 * measured apart, and is asked in turn for one run after the other, so that a machine that drifts slows all alike. */
#ifndef TESTS_BENCH_PEERS_RIVAL_H
#define TESTS_BENCH_PEERS_RIVAL_H

#include <sys/types.h>

#include "tests/lib/ruleset.h"

enum { RIVAL_HEADERS = 20000, RIVAL_TEXT = 120 };
enum traffic { TRAFFIC_TRACE, TRAFFIC_MUTATED, TRAFFIC_RANDOM, TRAFFIC_WORST, TRAFFICS };
extern const char *const traffic_names[TRAFFICS];

/* A list as all its rivals see it, in shared memory, since one of them finds the worst headers. */
struct arena {
    struct ruleset rules;
    uint32_t counts[TRAFFICS];
    struct flat_header headers[TRAFFICS][RIVAL_HEADERS];
    uint32_t found[RIVAL_HEADERS]; /* by the last RIVAL_SEARCH */
};

struct rival_built {
    bool good;
    double seconds;
    uint64_t bytes, peak_bytes; /* of what was built; of resident memory, above what there was before */
    uint32_t lines;             /* cache lines that one search reads at worst; 0: not known */
    char text[RIVAL_TEXT];      /* further remarks, or the reason for failure */
};

/* A rival's functions; called in its own process. */
struct rival {
    const char *name;
    const char *(*why_not)(void); /* NULL: it can be asked */
    void (*build)(struct arena *a, uint64_t most, struct rival_built *b);
    const char *(*way)(unsigned i); /* names of its ways to search, NULL behind the last */
    void (*prepare)(struct arena *a, enum traffic t);
    /* The headers prepared last, into found: the rule, or FLAT_NONE. */
    void (*search)(struct arena *a, unsigned way, uint32_t *found);
    /* One pass over the first `count` of them, for its time. */
    void (*pass)(unsigned way, uint32_t count);
    /* May be NULL: fill TRAFFIC_WORST. */
    void (*worst)(struct arena *a);
};
extern const struct rival rival_prey, rival_acl, rival_lists, rival_nft;

/* A rival's process. */
struct running {
    const struct rival *rival;
    pid_t pid;
    int to, from;
};

struct arena *arena_new(void);
void arena_free(struct arena *a);

/* Start it, and have it build. *b: the result. False if it does not exist, with the reason in *b. */
bool rival_start(struct running *r, const struct rival *rival, struct arena *a, uint64_t most, struct rival_built *b);
/* Build again, to time it. */
bool rival_again(struct running *r, uint64_t most, struct rival_built *b);
/* The way of that name's number, or -1. */
int rival_way(struct running *r, const char *name);
/* Write the name of a way into buf; false if there is none. */
bool rival_way_name(struct running *r, unsigned way, char buf[RIVAL_TEXT]);
/* a->found has its findings. */
bool rival_search(struct running *r, enum traffic t, unsigned way);
/* Nanoseconds a header of processor time, in a run of about `ms` milliseconds over at most `count` headers. */
double rival_time(struct running *r, enum traffic t, unsigned way, uint32_t count, unsigned ms);
bool rival_worst(struct running *r);
void rival_stop(struct running *r);

#endif
