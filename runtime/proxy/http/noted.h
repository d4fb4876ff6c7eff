/* Parts of a request for the access log: copied when its head is read, because the head is rewritten in place */
#pragma once

#include "vm/stream/first.h"

struct session;

enum { NOTED_MAX = 1400, NOTED_EACH = 1024 }; /* most bytes of a request in total, and of its line or one field */

struct noted {
    struct view_span line, host, referrer, agent;
    uint8_t bytes[NOTED_MAX];
};

/* Note the request's head, if its service has a log and memory is free */
void note_request(struct session *s, const struct http_head *h, const uint8_t *bytes);
/* Write the line of an exchange that has ended, and free the note. The line of a refused request lacks the request. */
void note_answer(struct session *s);
