/* Output of results: buffered, and no write error is lost. A reader that went away (EPIPE) ends the replay quietly.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct out {
    FILE *f;
    const char *name; /* for messages */
    bool owned;       /* to be closed */
    int error;        /* errno of the first failure */
};

/* "-" is standard output. 0 or a negative errno. */
int out_open(struct out *o, const char *path);
/* Did writing fail? Cheap. */
bool out_failed(struct out *o);
/* Write out what is buffered. 0 or the negative errno of the first failure. */
int out_flush(struct out *o);
/* Flush and close. 0 or the negative errno of the first failure. */
int out_close(struct out *o);
