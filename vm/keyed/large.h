/* Memory of tables that are read all over: a program's image, the counters of its rules. Zeroed, from the system, in
 * large pages where they fill one: in tables of many megabytes each look-up else misses the table of pages, too. The
 * slots of flow tables, which are reserved for a million flows and mostly hold few, are so only where that is asked for
 * (vm/flow/README.md). */
#pragma once

#include <stddef.h>

enum { LARGE_PAGE = 2 << 20 };

/* `bytes` of it, on a page of its own, given page by page as it is touched. NULL: there is no memory. */
void *large_new(size_t bytes);
/* The same, and all of it is there now. */
void *large_touched(size_t bytes);
/* The bytes of large_new from `from` to before `to`, which nobody has touched yet, are there then; another thread may
 * use what is before them. */
void large_take(void *memory, size_t from, size_t to);
/* Give all of it back; NULL: nothing. */
void large_free(void *memory, size_t bytes);

/* Zeroed bytes of which few may ever be touched, in small pages, on no boundary. A piece below 2 MiB is the heap's,
 * whose ends sanitizers watch; of a larger one they would mark and search every byte at each start and end. */
void *large_sparse(size_t bytes);
/* The same of which what is touched grows from its beginning on: in large pages, but for a piece of the heap's. */
void *large_growing(size_t bytes);
void large_sparse_free(void *memory, size_t bytes);
