/* The cost of passing memory between two threads on processors of their own: the floor of any hand-over. */
#ifndef TESTS_LIB_PASSING_H
#define TESTS_LIB_PASSING_H

/* cpu: of each thread; negative: wherever it runs. All figures are nanoseconds. */

/* Return the time from a store to its being seen: half of a line's way there and back, the median of `rounds` / 100
 * parts. */
double passing_line_ns(const int cpu[2], unsigned rounds);

/* Return the processor time of both threads for a frame of 64 bytes that one copies into a bare ring, 64 at a time, and
 * the other reads and writes there; waiting is left out. */
double passing_frame_ns(const int cpu[2], unsigned frames);

#endif
