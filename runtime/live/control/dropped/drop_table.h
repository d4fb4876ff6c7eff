/* The table behind `preyctl dropped`: senders whose packets were dropped or rejected, by deciding rule or cause, with
 * counts for each of the last minutes. Its memory is fixed.
 *
 * A sender that was noted once is among the newcomers; there it is noted again, or gives way to later ones. Those
 * noted more often give way only to senders that were noted as often, the fewest notes first. So the senders of a
 * flood of forged sources displace one another among the newcomers, and a lasting sender keeps its row (the parts
 * are those of a segmented LRU: Karedla, Love, Wherry, "Caching strategies to improve disk system performance",
 * 1994; the choice in the second is by frequency). Evicted rows are added to one row for all other senders that the
 * same rule, default or reason dropped, so sums remain complete. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    DROP_ROWS = 1024,     /* senders with a row each */
    DROP_NEWCOMERS = 256, /* places among these for senders noted once */
    DROP_OTHERS = 256,    /* rows for all other senders, one for each rule, default or reason and interface */
    DROP_ROWS_MOST = DROP_ROWS + DROP_OTHERS + DROP_NEWCOMERS + 1,
    DROP_MINUTES = 11, /* the present minute, and the ten before */
    DROP_BY_TEXT = 48,
};
#define DROP_MINUTE_NS UINT64_C(60000000000)

enum drop_by { DROP_BY_NOBODY, DROP_BY_RULE, DROP_BY_DEFAULT, DROP_BY_REASON };
enum { DROP_FROM_OTHERS = 0xff }; /* in addition to enum end_kind: all senders without a row */

/* A row's identity: packets with equal identities are counted together. */
struct drop_key {
    uint32_t src[4];
    uint64_t by;                          /* hash of the row's text */
    uint8_t from, by_kind;                /* enum end_kind, or DROP_FROM_OTHERS; enum drop_by */
    uint8_t action, reason, port, passed; /* passed 1: the packets passed all the same */
    uint8_t zero[2];
};
struct drop_row {
    struct drop_key key;
    char by[DROP_BY_TEXT];          /* name of the rule; for a default its firewall; for a reason the service, or "" */
    uint64_t last_ns;               /* time of the last drop (CLOCK_MONOTONIC) */
    uint64_t minute;                /* latest minute that is counted */
    uint64_t packets[DROP_MINUTES]; /* packets of minute m: at m % DROP_MINUTES */
    uint64_t notes;
    uint16_t scaled; /* bit i: packets[i] is an estimate */
    uint16_t dst_port;
    bool has_port;
    uint8_t zero[3];
};

/* Drops of one sender, as they were noted. */
struct drop_seen {
    struct drop_key key; /* `by` is set by the table */
    const char *by;      /* name of the decider, as in a row; truncated if longer */
    uint64_t at_ns;
    uint32_t stands; /* number of drops that this note represents */
    uint16_t dst_port;
    bool has_port;
};

struct drop_table;
struct drop_table *drop_table_new(uint64_t seed); /* NULL: out of memory */
void drop_table_free(struct drop_table *t);       /* NULL is fine */
void drop_table_add(struct drop_table *t, const struct drop_seen *s);

/* A row for an answer: packets of the requested minutes. */
struct drop_told {
    struct drop_row row;
    uint64_t packets;
    bool scaled;
};
/* Write the rows with packets in the present minute or the `minutes` before, the most packets first. A sender with a
 * single note that represents several packets is counted among the others. to: [DROP_ROWS_MOST]. Return their
 * number. */
unsigned drop_table_tell(struct drop_table *t, uint64_t now_ns, unsigned minutes, struct drop_told *to);
