/* Runs a program to its end and measures its time and peak memory: for benchmarks and the acceptance list. */
#ifndef TESTS_LIB_CHILD_H
#define TESTS_LIB_CHILD_H

#include <stdint.h>

struct child {
    int status; /* exit status; 128 + N for signal N; 127 if it couldn't be started */
    uint64_t wall_ns, cpu_ns;
    uint64_t peak_bytes; /* largest resident set */
};

/* Run the program whose path is argv[0]. Its output goes to /dev/null, its errors to this process's standard error. */
struct child child_run(char *const argv[]);

#endif
