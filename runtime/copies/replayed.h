/* Copies of a replay: counted, and with --copies DIR kept in files below it, so that a replay at a desk sends
 * nothing and touches no file of a live run. Everything belongs to the caller's thread. */
#pragma once

#include "runtime/copies/copies.h"

struct replayed {
    struct copies *copies; /* copies of the replay; NULL: not begun */
    const char *dir;       /* directory of the copies; NULL: copies are only counted */
    char **names;          /* [count] names of the files; each file has one target */
    unsigned count, room;
};

/* Begin, with the directory (made if need be) or NULL; cfg without ways. Return 0, or a negative errno with a line in
 * err. Call replayed_end in any case. */
int replayed_begin(struct replayed *k, const struct copies_cfg *cfg, const char *dir, char *err, size_t err_len);
/* Write pending copies. Return 0, or 2 after a complaint if some could not be written. */
int replayed_flush(struct replayed *k);
void replayed_end(struct replayed *k);
