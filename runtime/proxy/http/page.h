/* Answers that are ours: a status, a short page that a person can read. Nothing of the request stands in them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum { PAGE_TEXT_MAX = 768 };

/* Write the whole answer; returns its length. status: of page.def, any other becomes 500. close: say that the
 * connection ends; keep it otherwise. head_only: the request was a HEAD, the length is that of the page left out. now:
 * seconds of the Unix epoch, for Date. */
size_t http_page(char out[PAGE_TEXT_MAX], unsigned status, bool close, bool head_only, time_t now);
