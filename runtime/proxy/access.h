/* The access log of a service: a line for each request of `mode proxy http`, or for each connection of `mode proxy` */
#pragma once

#include "runtime/proxy/session.h"
#include "runtime/proxy/told/log_line.h"

/* True if the session's service has an access log */
bool access_wanted(const struct session *s);
/* Write a line. The kind of session must have set its own fields (bytes, request, status, wait_ns, reason); this
 * function sets the rest. begun_ns: monotonic, arrival of the request or connection. */
void access_write_line(struct session *s, struct log_entry *e, uint64_t begun_ns);
