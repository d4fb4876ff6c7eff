/* --observed DIR: files of watched connections, below a directory instead of where the rules say, so that a replay at a
 * desk touches no file of a live run. */
#pragma once

#include "runtime/observe/log.h"

struct subject;
struct observe_out;

struct replay_observed {
    const struct subject *r;
    const char *dir;
    struct stream_dirs *dirs;
    struct observed_files files;
    struct observed_log *log; /* NULL: nothing is written */
    struct observe_out out;
};
/* Open the files, with --observed. Return 0, or 2 after a complaint. */
int replay_observed_open(struct replay_observed *o, const struct subject *r);
/* Write all, close. Return 0, or 2 after a complaint. */
int replay_observed_close(struct replay_observed *o);
/* Return the receiver of events for vm_cfg.observed; NULL: none. */
const struct observe_out *replay_observed_out(const struct replay_observed *o);
