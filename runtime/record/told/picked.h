/* --replay with --only, --describe and --write-seen: the choice of frames with lines, and their bytes. A frame is
 * copied before it is judged, because a worker rewrites it in place. */
#pragma once

#include "runtime/base/run_options.h"
#include "runtime/capture/capture.h"
#include "runtime/record/again/actor.h"
#include "runtime/report/only.h"

struct picked {
    const struct options *o;
    struct only only; /* --only, parsed with the judging program's names */
    bool has, known;  /* that program has all names of --only; some program so far had them */
    char unknown[400];
    struct capture_writer *writer; /* --write-seen, or NULL */
    int write_error;               /* negative errno */
    uint8_t *bytes;                /* [room] bytes of the batch being judged */
    size_t room;
    struct capture_frame frames[VM_BATCH];
};

/* Open the output. names, links: [ports] of interfaces (capture_create). Return 0, or -1 with a line in err. Call
 * picked_close in any case. */
int picked_open(struct picked *s, const struct options *o, const char *const names[], const uint8_t links[],
                unsigned ports, char *err, size_t err_len);
/* Flush and close the output. Return 0 or the negative errno of the first failure. */
int picked_close(struct picked *s);
/* Switch to the next judging program. A name of --only that it lacks matches no frame. */
void picked_program(struct picked *s, const struct labels *labels);
/* Keep a batch of n packets before it is judged. False: out of memory. */
bool picked_keep(struct picked *s, const struct actor *a, unsigned n);
/* True if --only takes the frame. otherwise: the verdict differs from the recorded one. */
bool picked_takes(const struct picked *s, const struct verdict *v, bool otherwise);
/* Describe packet i of the judged batch in words. */
void picked_words(const struct picked *s, const struct actor *a, unsigned i, char *buf, size_t len);
void picked_write(struct picked *s, unsigned i, uint64_t wall_ns);
