/* --record: what the main thread tells the flight recorder (runtime/record/recorder.h). Nothing where there is none. */
#pragma once

#include "runtime/live/main/state.h"
#include "runtime/record/recorder.h"

/* With rights: the directory is made, or looked at. 0, or 2 with one line on standard error. */
int recorded_look(struct live *l);
/* Without them: once the workers are made, before anything is published. 0, or 2 with one line on standard error. */
int recorded_open(struct live *l);
/* Before workers begin, and after they have ended. */
int recorded_start(struct live *l);
void recorded_end(struct live *l);

/* Where the proxy loop of that worker is recorded; NULL: nowhere. */
struct moments *recorded_moments(const struct live *l, unsigned worker);

/* Each second: tell of what could not be written. */
void recorded_tick(struct live *l);

/* A packet that the kernel judged. */
struct sampled;
void recorded_sample(struct live *l, const struct sampled *s);

void recorded_world(struct live *l, const struct snapshot *s);
/* Workers are to change to the program in l->now, which gets its number. */
void recorded_change(struct live *l, const struct record_change *change);
