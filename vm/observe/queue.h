/* The order of segments that wait behind a hole, as Linux' queue of them has it. A byte that several brought counts
 * from the one that begins first. They are sorted by their first byte, and none lies within another, so their ends
 * ascend, too, and the n-th that begins is the n-th that ends. For a new segment the last one that begins before it or
 * with it decides:
 *
 *      |---before---|                       |---before---|                 |---before---|
 *         |--new--|       is dropped            |---new---|  is added          ...       |---new---|  prolongs it
 *
 *      |---before---|
 *      |-----new------|   takes its place                 those behind it that end within the new one are dropped
 *
 * Linux joins segments that touch where their buffers allow it, which no one sees from here; most drivers' do. Pieces
 * keep a bit where a segment begins, one where its last byte lies, and how many cross into the piece. */
#pragma once

#include "vm/observe/window.h"

/* Place of a new segment in the queue */
struct queue_place {
    uint64_t kept;   /* bytes before this offset count as they were; the segment's end: it is dropped */
    uint64_t behind; /* those that end behind this offset, and within the segment, are dropped */
    bool replaces;   /* it takes the place of the one before, which ends at `behind` */
    bool prolongs;   /* it goes on where the one before ends */
};

/* Find the place of the segment [at, to), at > told: all before `told` is gone from the queue, and no segment reaches
 * from there on. */
struct queue_place queue_look(const struct window *w, const struct pieces *all, uint64_t told, uint64_t at,
                              uint64_t to);
/* Put it there. All its pieces are kept. */
void queue_put(const struct window *w, const struct pieces *all, uint64_t told, uint64_t at, uint64_t to,
               const struct queue_place *q);
