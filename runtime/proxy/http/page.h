/* Answers that prey gives itself: a status and a short page for a person, with nothing of the request in it */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum { PAGE_TEXT_MAX = 768 };

/* Write the whole answer; return its length. status: of page.def, else it becomes 500. close: send `Connection: close`.
 * head_only: for a HEAD request; the page is left out, but its length is given. now: Unix time in seconds, for Date. */
size_t http_page(char out[PAGE_TEXT_MAX], unsigned status, bool close, bool head_only, time_t now);
