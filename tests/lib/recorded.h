/* A recording without interfaces: frames given to a worker that is recorded, by a clock of its own. */
#ifndef TESTS_LIB_RECORDED_H
#define TESTS_LIB_RECORDED_H

#include "runtime/capture/capture.h"
#include "runtime/record/recorder.h"

/* One worker, one port `eth0` with the address 10.0.0.9, and every server's neighbour known. */
struct recorded;
/* The world of such a worker. NULL: out of memory. */
struct snapshot *recorded_snapshot(const struct program *p);
/* Recorded into that directory, in files of an eighth of `most` bytes. NULL with one line in err. The program stays the
 * caller's. */
struct recorded *recorded_new(const char *dir, struct program *p, uint64_t most, char *err, size_t err_len);
/* The same, as beside the executor in the kernel: all comes up, judged by the rules, and each packet is recorded by
 * itself. */
struct recorded *recorded_singly(const char *dir, struct program *p, uint64_t most, char *err, size_t err_len);
/* The worker reports its state after the next batch. */
void recorded_ask(const struct recorded *r);
/* Everything so far is written. */
void recorded_written(const struct recorded *r);
/* At most VM_BATCH Ethernet frames in one batch, `ns` after the previous one; then the timers, if they are due. */
void recorded_frames(struct recorded *r, const struct capture_frame frames[], unsigned n, uint64_t ns);
/* A member of that live set comes now, with `cut`, or goes. */
struct live_net;
void recorded_member(struct recorded *r, uint32_t live, const struct live_net *net, bool adds);
/* A proxy's session, now, by the program's numbers: its time and the program's number are filled in. */
void recorded_moment(struct recorded *r, struct session_moment m);
/* The recording is whole. */
void recorded_free(struct recorded *r);

#endif
