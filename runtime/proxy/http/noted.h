/* What the access log is told of a request: copied when its head is read, for the head is rewritten where it stands. */
#pragma once

#include "vm/stream/first.h"

struct session;

enum { NOTED_MAX = 1400, NOTED_EACH = 1024 }; /* bytes of a request in all; of its line, or of one field */

struct noted {
    struct view_span line, host, referrer, agent;
    uint8_t bytes[NOTED_MAX];
};

/* The request's head, if its service has a log and memory is there. */
void note_request(struct session *s, const struct http_head *h, const uint8_t *bytes);
/* Its exchange is over: write the line, give the memory back. A request that was refused has a line without what it
 * asked. */
void note_answer(struct session *s);
