/* Responses that prey makes itself: a status and a short page for a person, with nothing from the request */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum { PAGE_TEXT_MAX = 768 };

/* Write the complete response; return its length. status: one of page.def, any other becomes 500. close: send
 * `Connection: close`. head_only: for a HEAD request; the page is left out, but its length is given. now: Unix time
 * in seconds, for Date. */
size_t http_page(char out[PAGE_TEXT_MAX], unsigned status, bool close, bool head_only, time_t now);
