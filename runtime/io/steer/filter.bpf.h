/* What the filter in the kernel (filter.bpf.c) and the side that loads it (filter.c) share. */
#ifndef RUNTIME_IO_STEER_FILTER_BPF_H
#define RUNTIME_IO_STEER_FILTER_BPF_H

#include <linux/bpf.h>

enum { FILTER_COUNTS = 512 }; /* a page of them, by interface */

#endif
