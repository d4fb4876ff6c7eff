/* The access log of a service: a line for each request of `mode proxy http`, for each connection of `mode proxy`. */
#pragma once

#include "runtime/proxy/session.h"
#include "runtime/proxy/told/log_line.h"

/* Has the session's service one? */
bool access_wanted(const struct session *s);
/* Write a line. The kind has set what it alone knows (bytes, request, status, wait_ns, reason); the rest is set here.
 * begun_ns: mono, when the request or the connection came. */
void access_write_line(struct session *s, struct log_entry *e, uint64_t begun_ns);
