/* Observed connections of a capture's replay: written with --observed DIR, else counted alone. */
#pragma once

#include "runtime/observe/replayed.h"

struct subject;
struct observe_out;

struct replay_observed {
    struct observed_replay to;
    struct observe_out out;
};
/* Open the files, with --observed. Return 0, or 2 after a complaint. */
int replay_observed_open(struct replay_observed *o, const struct subject *r);
/* Write all, close. Return 0, or 2 after a complaint. */
int replay_observed_close(struct replay_observed *o);
/* Return the receiver of events for vm_cfg.observed; NULL: none. */
const struct observe_out *replay_observed_out(const struct replay_observed *o);
