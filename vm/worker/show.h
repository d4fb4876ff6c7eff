/* Showing packets to the observers (vm/observe/): as they came, once it is known that they may go on. Of a connection
 * that is rewritten or ends here its client's side is shown: what the client sent, and replies as they leave. */
#pragma once

#include "vm/context/context.h"
#include "vm/observe/observers.h"

/* Read a packet before it takes its turn. False: it is not observed. */
bool show_read(const struct job *j, const struct packet_ctx *c, struct observe_packet *s);
/* Return the time when the packet came. */
uint64_t show_came_ns(const struct job *j, const struct packet_ctx *c);
/* Show what was read, if the packet was let through. before: number of entries of tx before its turn. */
void show_packet(const struct job *j, const struct packet_ctx *c, struct observe_packet *s, unsigned before);
/* Read a later fragment before it takes its turn. False: it is none, or nobody watches. Then show it, if it was let
 * through (second function). */
bool show_reads_later(const struct job *j, const struct packet_ctx *c, struct fragment *later);
void show_later(const struct job *j, const struct packet_ctx *c, const struct fragment *later);
/* Show packets of the inline stack that left for clients, from that entry of tx on. */
void show_inline(const struct job *j, unsigned before);
