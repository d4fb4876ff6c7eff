/* An end of a packet in words. */
#pragma once

#include <netinet/in.h>

#include "runtime/worker/drops.h"

enum { END_TEXT = INET6_ADDRSTRLEN };
/* Write "10.0.0.1" or "02:00:00:00:00:01". Return buf; NULL: unknown end. */
const char *end_text(const struct packet_end *end, char buf[END_TEXT]);
