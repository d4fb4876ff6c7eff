/* Sessions as lines of JSON, and names of their files. */
#pragma once

#include <stdio.h>

#include "vm/observe/observe.h"
#include "vm/program/program.h"

/* A place in a half without bytes, or with two versions of them */
struct observed_gap {
    uint64_t offset, len;
    uint8_t half;  /* enum observe_half */
    uint8_t kind;  /* OBSERVE_HOLE or OBSERVE_DIFFERS */
    uint8_t cause; /* enum observe_hole, for a hole other than `lost` */
    bool lost;     /* true if the bytes came, but could not be written */
};
/* Return a gap's kind: `hole`, `differs` or `lost`. Return the cause of a hole, NULL for other gaps (second
 * function). */
const char *observed_gap_kind(const struct observed_gap *g);
const char *observed_gap_cause(const struct observed_gap *g);

/* Facts about a session beside its last event */
struct observed_told {
    const struct observed_gap *gaps;
    uint32_t count;
    uint64_t more;     /* gaps that were not kept */
    uint64_t lost;     /* bytes that could not be written */
    const char *files; /* stem of its files' names; NULL: none */
};

/* Print the line of a session that ended; wall_ns is added to its times. */
void observed_line(FILE *out, const struct observe_event *e, uint64_t wall_ns, const struct observed_told *told);

/* Write the stem of the names of a connection's files: SERVICE-TIME-CLIENT-PORT-SERVER-PORT, with `-vlanN` if there
 * is a tag. Characters other than letters, digits and `._-` become `_`. */
enum { OBSERVED_STEM = 200 };
void observed_stem(char stem[OBSERVED_STEM], const struct observe_event *e, uint64_t wall_ns);
