/* Connections with bytes or gaps, from their first event to their last. Others need no memory here. */
#pragma once

#include "runtime/observe/line.h"
#include "runtime/observe/made.h"
#include "runtime/observe/store.h"

enum { CONNS_MOST = 1 << 16, GAPS_MOST = 64 };

struct observed_service;
struct conn_seen {
    uint64_t number;
    unsigned worker;
    struct conn_seen *chain, *older, *newer;
    struct observed_service *service;
    struct made made;
    uint64_t next[OBSERVE_HALVES]; /* offset of the next byte of each half */
    uint64_t lost, more;           /* bytes that could not be written; gaps that found no room */
    struct observed_gap *gaps;
    uint32_t count, room;
    uint32_t file[3], part[2]; /* files of the halves and of the gaps; number of parts begun in each half */
    char stem[OBSERVED_STEM];
};

struct observed_conns {
    struct conn_seen **bucket, *oldest, *newest;
    uint32_t count;
};
bool observed_conns_init(struct observed_conns *all); /* initialise; false: out of memory */
void observed_conns_fini(struct observed_conns *all);
struct conn_seen *observed_conns_find(const struct observed_conns *all, unsigned worker, uint64_t number);
/* Add a connection that is not in the table. NULL: out of memory. */
struct conn_seen *observed_conns_add(struct observed_conns *all, unsigned worker, uint64_t number);
void observed_conns_drop(struct observed_conns *all, struct conn_seen *c);
/* Note a gap; gaps beyond GAPS_MOST are only counted. */
void conn_note(struct conn_seen *c, const struct observed_gap *g);
