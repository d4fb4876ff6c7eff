/* Makes a recording without interfaces: frames go to a recorded worker with a simulated clock. */
#ifndef TESTS_LIB_RECORDED_H
#define TESTS_LIB_RECORDED_H

#include "runtime/capture/capture.h"
#include "runtime/record/recorder.h"

/* One worker, one port `eth0` with the address 10.0.0.9, and every server's neighbour known. */
struct recorded;
/* Make the snapshot of such a worker. NULL: out of memory. */
struct snapshot *recorded_snapshot(const struct program *p);
/* Begin a recording in that directory, in files of an eighth of `most` bytes. Returns NULL with one line in err. The
 * caller keeps the program. */
struct recorded *recorded_new(const char *dir, struct program *p, uint64_t most, char *err, size_t err_len);
/* The same with a simulated executor in the kernel, which passes up all packets, judged by the rules. Each packet is
 * recorded separately. */
struct recorded *recorded_singly(const char *dir, struct program *p, uint64_t most, char *err, size_t err_len);
/* Make the worker report its state after the next batch. */
void recorded_ask(const struct recorded *r);
/* Wait until everything so far is written. */
void recorded_written(const struct recorded *r);
/* Judge at most VM_BATCH Ethernet frames in one batch, `ns` after the previous one; then run the timers if they are
 * due. */
void recorded_frames(struct recorded *r, const struct capture_frame frames[], unsigned n, uint64_t ns);
/* Add a member to that live set, which may cut connections, or remove it. */
struct live_net;
void recorded_member(struct recorded *r, uint32_t live, const struct live_net *net, bool adds);
/* Report an event of a proxy's session, in the program's numbers. The time and the program's number are filled in. */
void recorded_moment(struct recorded *r, struct session_moment m);
/* Finish the recording and free it. */
void recorded_free(struct recorded *r);

#endif
