/* Rivals in a measurement of classifiers. Each builds its structure in a separate process, so that memory is
 * measured separately. The runs of all rivals take turns, so that a drifting machine slows them equally. */
#ifndef TESTS_BENCH_PEERS_RIVAL_H
#define TESTS_BENCH_PEERS_RIVAL_H

#include <sys/types.h>

#include "tests/lib/ruleset.h"

enum { RIVAL_HEADERS = 20000, RIVAL_TEXT = 120 };
enum traffic { TRAFFIC_TRACE, TRAFFIC_MUTATED, TRAFFIC_RANDOM, TRAFFIC_WORST, TRAFFICS };
extern const char *const traffic_names[TRAFFICS];

/* A list in shared memory for all its rivals, because one of them finds the worst headers. */
struct arena {
    struct ruleset rules;
    uint32_t counts[TRAFFICS];
    struct flat_header headers[TRAFFICS][RIVAL_HEADERS];
    uint32_t found[RIVAL_HEADERS]; /* results of the last RIVAL_SEARCH */
};

struct rival_built {
    bool good;
    double seconds;
    uint64_t bytes, peak_bytes; /* bytes built; peak of resident memory above the level before */
    uint32_t lines;             /* cache lines that one search reads at most; 0: unknown */
    char text[RIVAL_TEXT];      /* further remarks, or the reason for failure */
};

/* A rival's functions, called in its process. */
struct rival {
    const char *name;
    const char *(*why_not)(void); /* return the reason why it can't run, or NULL */
    void (*build)(struct arena *a, uint64_t most, struct rival_built *b);
    const char *(*way)(unsigned i); /* names of its search methods, NULL behind the last */
    void (*prepare)(struct arena *a, enum traffic t);
    /* Search the headers prepared last; found: the rule, or FLAT_NONE. */
    void (*search)(struct arena *a, unsigned way, uint32_t *found);
    /* Search the first `count` headers once, to be timed. */
    void (*pass)(unsigned way, uint32_t count);
    /* Fill TRAFFIC_WORST. May be NULL. */
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

/* Start a rival's process and let it build. *b: the result. Returns false with the reason in *b if the rival doesn't
 * exist. */
bool rival_start(struct running *r, const struct rival *rival, struct arena *a, uint64_t most, struct rival_built *b);
/* Build again for another time. */
bool rival_again(struct running *r, uint64_t most, struct rival_built *b);
/* Return the number of the method with that name, or -1. */
int rival_way(struct running *r, const char *name);
/* Write the name of a method into buf; false if there is none. */
bool rival_way_name(struct running *r, unsigned way, char buf[RIVAL_TEXT]);
/* Search and put the results into a->found. */
bool rival_search(struct running *r, enum traffic t, unsigned way);
/* Return nanoseconds of processor time per header, from a run of about `ms` milliseconds over at most `count`
 * headers. */
double rival_time(struct running *r, enum traffic t, unsigned way, uint32_t count, unsigned ms);
bool rival_worst(struct running *r);
void rival_stop(struct running *r);

#endif
