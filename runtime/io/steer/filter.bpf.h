/* Constant shared by the filter (filter.bpf.c) and its loader (filter.c). */
#pragma once

#include <linux/bpf.h>

enum { FILTER_COUNTS = 512 }; /* counters in a page, by interface */
