/* mkrec [-k] RULES.pbc CAPTURE DIR [BYTES]: records a worker that gets the frames of a capture, eight per batch, a
 * millisecond apart, in files of an eighth of BYTES: for tests of --replay without interfaces. With -k the worker
 * runs as beside an executor in the kernel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/recorded.h"

enum { TOGETHER = 8, MILLISECOND = 1000000 };

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "mkrec: %s: %s\n", what, why);
    return 2;
}

int main(int argc, char **argv)
{
    char err[600];
    const bool singly = argc > 1 && !strcmp(argv[1], "-k");
    argc -= singly;
    argv += singly;
    if (argc != 4 && argc != 5) return fail("usage", "mkrec [-k] RULES.pbc CAPTURE DIR [BYTES]");
    const uint64_t most = argc == 5 ? strtoull(argv[4], NULL, 10) : 1 << 26;
    struct program *p = program_load_file(argv[1], err, sizeof err);
    if (!p) return fail(argv[1], err);
    struct capture *c = capture_open(argv[2], err, sizeof err);
    if (!c) return fail(argv[2], err);
    struct recorded *r = (singly ? recorded_singly : recorded_new)(argv[3], p, most, err, sizeof err);
    if (!r) return fail(argv[3], err);
    struct capture_frame frames[TOGETHER];
    for (unsigned n; (n = capture_batch(c, frames, singly ? 1 : TOGETHER)) > 0;) {
        recorded_frames(r, frames, n, MILLISECOND);
        if (argc == 5) recorded_written(r); /* so that files end in time */
    }
    recorded_free(r);
    capture_close(c);
    program_put(p);
    return 0;
}
