/* --replay with --only, --describe and --write-seen: which frames of a recording have lines, and what those are about.
 * A frame is copied before it is judged, for a worker rewrites it where it lies. */
#pragma once

#include "runtime/base/options.h"
#include "runtime/capture/capture.h"
#include "runtime/record/again/actor.h"
#include "runtime/report/only.h"

struct picked {
    const struct options *o;
    struct only only; /* of the program that judges */
    bool has, known;  /* it has all names of --only; a program so far had */
    char unknown[400];
    struct capture_writer *writer; /* --write-seen, or NULL */
    int write_error;               /* negative errno */
    uint8_t *bytes;                /* [room] of the batch that is judged */
    size_t room;
    struct capture_frame frames[VM_BATCH];
};

/* names: [ports] of interfaces. 0, or -1 with a line in err; picked_close in any case. */
int picked_open(struct picked *s, const struct options *o, const char *const names[], unsigned ports, char *err,
                size_t err_len);
/* Flush and close what is written: 0 or the negative errno of the first failure. */
int picked_close(struct picked *s);
/* Another program judges from here on. Names of --only that it lacks are those of no frame. */
void picked_program(struct picked *s, const struct labels *labels);
/* The batch of n packets that will be judged. False: no memory. */
bool picked_keep(struct picked *s, const struct actor *a, unsigned n);
/* otherwise: the verdict is not as was recorded. */
bool picked_takes(const struct picked *s, const struct verdict *v, bool otherwise);
/* Packet i of the batch that was judged, in words. */
void picked_words(const struct picked *s, const struct actor *a, unsigned i, char *buf, size_t len);
void picked_write(struct picked *s, unsigned i, uint64_t wall_ns);
