/* --record: the main thread's part of the flight recorder (runtime/record/recorder.h). Without --record, nothing
 * happens. */
#pragma once

#include "runtime/live/carry/carry_state.h"
#include "runtime/record/recorder.h"

/* Make or check the directory, with privileges. Return 0, or 2 after one line on standard error. */
int recorded_look(struct carry *carry);
/* Open the recorder, without privileges, once workers exist and before publishing. Return 0, or 2 after one line. */
int recorded_open(struct carry *carry);
/* Start the recorder before workers begin (first function); end it after workers have ended (second). */
int recorded_start(struct carry *carry);
void recorded_end(struct carry *carry);

/* Return the ring that records the worker's proxy loop; NULL: none. */
struct moments *recorded_moments(const struct carry *carry, unsigned worker);

/* Report losses. Call once per second. */
void recorded_tick(struct carry *carry);

/* Record a packet that the kernel judged. The worker must be paused, because its flow table is read. */
void recorded_sample(struct carry *carry, const struct sampled *s);

void recorded_world(struct carry *carry, const struct snapshot *s);
/* Record the change to the program in carry->now, and give it its number. */
void recorded_change(struct carry *carry, const struct record_change *change);
