/* Sums that text and JSON print alike: who decided about the frames. Each is counted where it is decided, so that all
 * together being `total` says that none was lost or counted twice. */
#ifndef RUNTIME_REPLAY_SUMMARY_H
#define RUNTIME_REPLAY_SUMMARY_H

#include "runtime/replay/replay_priv.h"

struct decided {
    struct counter rules, defaults, malformed;
    struct counter fragments; /* dropped for what is wrong with their datagram, well formed themselves */
    struct counter held;      /* the capture ended before their first fragment came */
    struct counter passed;    /* ARP that no rule decided */
    struct counter nobody;    /* no firewall judges such frames */
    struct counter replies;   /* of flows that were sent on, and errors that quote them */
    struct counter unsent;    /* of those, dropped on their way back */
    struct counter unopened;  /* a `decap` decided, but they could not be opened, or not once more */
    struct counter total;
};
/* Log events that the rates of their rules left out. */
uint64_t logs_limited(const struct program *p, const struct vm_counters *c);

/* A line of the summary: what it is about, or "" to go on with the same, and what there is to say. */
void note(FILE *out, const char *what, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* tracked.c: the lines about flows and fragments, where the program keeps them. */
void tracked_text(FILE *out, const struct vm_counters *c);

struct decided decided_sum(const struct program *p, const struct vm_counters *c, const struct totals *t);

#endif
