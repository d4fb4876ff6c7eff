/* Memory of tables with scattered reads: a program's image, the counters of its rules. The memory is zeroed and
 * comes from the system, in large pages if the table fills one: otherwise each look-up in many megabytes also misses
 * the TLB. The slots of flow tables, which have room for a million flows and mostly hold few, use large pages only
 * on request (vm/flow/README.md). */
#pragma once

#include <stddef.h>

enum { LARGE_PAGE = 2 << 20 };

/* Allocate zeroed memory that begins on a page and comes page by page as it is touched. NULL: out of memory. */
void *large_new(size_t bytes);
/* Allocate such memory with all pages present. NULL: out of memory. */
void *large_touched(size_t bytes);
/* Make the bytes [from, to) of a block of large_new present. These bytes are still untouched; another thread may use
 * the bytes before them. */
void large_take(void *memory, size_t from, size_t to);
/* Free a complete block; NULL is allowed. */
void large_free(void *memory, size_t bytes);

/* Allocate zeroed memory of which little may ever be touched, in small pages, unaligned. NULL: out of memory. A
 * block below 2 MiB comes from the heap, where sanitizers watch its ends; in a larger block they would mark and
 * search every byte each time. */
void *large_sparse(size_t bytes);
/* Allocate zeroed memory that is touched from its beginning on: in large pages, except for a block from the heap.
 * NULL: out of memory. */
void *large_growing(size_t bytes);
void large_sparse_free(void *memory, size_t bytes);
