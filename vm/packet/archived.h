/* A packet that waits, as bytes (keyed/archive.h). */
#pragma once

#include "vm/keyed/archive.h"
#include "vm/packet/pkt.h"

/* *pkt lies in one piece. Reading, it becomes a copy in a slot of the pool, the caller's to put back. What is read is
 * hostile: its cookie is below a->cookies. False: the archive is bad, and *pkt is none. */
bool pkt_archive(struct pkt **pkt, struct pool *pool, struct archive *a);
