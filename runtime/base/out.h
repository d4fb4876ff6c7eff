/* Buffered output of results, which keeps the first write error. A closed reader (EPIPE) ends the replay quietly. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct out {
    FILE *f;
    const char *name; /* name of the output in messages */
    bool owned;       /* `f` is closed by out_close */
    int error;        /* errno of the first failure; 0: none */
};

/* Open the output; "-" is standard output. Return 0 or a negative errno. */
int out_open(struct out *o, const char *path);
/* Return the errno of a failed write to a stream: that of the last call, unless the stream's reader is gone. In that
 * case an earlier write failed, and errno may be another call's. */
int stream_error(FILE *f);
/* True if a write has failed. Cheap. */
bool out_failed(struct out *o);
/* Write the buffered bytes. Return 0 or the negative errno of the first failure. */
int out_flush(struct out *o);
/* Flush and close. Return 0 or the negative errno of the first failure. */
int out_close(struct out *o);
