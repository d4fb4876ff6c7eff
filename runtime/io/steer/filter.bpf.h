/* What the filter in the kernel (filter.bpf.c) and the side that loads it (filter.c) share. */
#pragma once

#include <linux/bpf.h>

enum { FILTER_COUNTS = 512 }; /* a page of them, by interface */
