/* Files of observed connections in a replay (--observed DIR): they are below a directory instead of the rules'
 * paths, so that a replay at a desk touches no file of a live run. */
#pragma once

#include "runtime/observe/log.h"

struct observed_replay {
    const char *dir;
    char *whole; /* `dir` as an absolute path without links */
    struct stream_dirs *dirs;
    struct observed_files files;
    struct observed_log *log; /* writer of the files; NULL: not begun */
};

/* Begin with the directory, which is made if need be; *o keeps its address. Return 0, or 2 after a complaint. Call
 * observed_replay_end in any case. */
int observed_replay_begin(struct observed_replay *o, const char *dir);
/* Open the files of a program's services before its first event. Return 0, or 2 after a complaint. */
int observed_replay_program(struct observed_replay *o, const struct program *p);
/* Write pending bytes and close. Return 0, or 2 after a complaint if some could not be written. */
int observed_replay_end(struct observed_replay *o);
