/* --record: what the main thread tells the flight recorder (runtime/record/recorder.h). Nothing where there is none. */
#pragma once

#include "runtime/live/carry/state.h"
#include "runtime/record/recorder.h"

/* With rights: the directory is made, or looked at. 0, or 2 with one line on standard error. */
int recorded_look(struct carry *carry);
/* Without them: once the workers are made, before anything is published. 0, or 2 with one line on standard error. */
int recorded_open(struct carry *carry);
/* Before workers begin, and after they have ended. */
int recorded_start(struct carry *carry);
void recorded_end(struct carry *carry);

/* The ring in which the proxy loop of that worker is recorded; NULL: none. */
struct moments *recorded_moments(const struct carry *carry, unsigned worker);

/* Each second: tell of what could not be written. */
void recorded_tick(struct carry *carry);

/* A packet that the kernel judged. */
void recorded_sample(struct carry *carry, const struct sampled *s);

void recorded_world(struct carry *carry, const struct snapshot *s);
/* Workers are to change to the program in carry->now, which gets its number. */
void recorded_change(struct carry *carry, const struct record_change *change);
