/* The result of make for a port that is never opened. */
#include <unistd.h>

#include "runtime/io/io.h"

void io_made_close(struct io_made *m)
{
    for (unsigned i = 0; i < m->fd_count; i++) close(m->fds[i]);
    m->fd_count = 0;
}

void io_stats_add(struct io_stats *to, const struct io_stats *s)
{
#define IO_COUNTER(field, words, doc) to->field += s->field;
#include "runtime/counters/counter.def"
}
