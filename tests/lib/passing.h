/* Measures the cost of passing memory between threads on two processors: the lower bound of any hand-over. */
#ifndef TESTS_LIB_PASSING_H
#define TESTS_LIB_PASSING_H

/* cpu: each thread's CPU; negative: any. All figures are nanoseconds. */

/* Return the time from a store until the other thread sees it: half of a cache line's round trip, as the median of
 * `rounds` / 100 parts. */
double passing_line_ns(const int cpu[2], unsigned rounds);

/* Return the processor time of both threads per frame. One thread copies frames of 64 bytes into a bare ring, 64 at
 * a time; the other reads and writes them there. Waiting is left out. */
double passing_frame_ns(const int cpu[2], unsigned frames);

#endif
