/* The sessions of proxy loops in a recording: counts, and one line for each moment. */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>

#include "runtime/exchange/moments.h"
#include "runtime/report/text.h"

enum { SESSIONS_WHYS = 64 /* most reasons kept apart */ };

struct sessions {
    uint64_t count[MOMENTS];
    uint64_t up_bytes, down_bytes; /* bytes of ended sessions */
    struct {
        char name[24];
        uint64_t count;
    } ended[SESSIONS_WHYS];
    unsigned whys;
};

void sessions_add(struct sessions *s, const struct session_moment *m);
/* Write a line of text, or a JSON object. time_ns: wall time of the moment. */
void sessions_say(FILE *out, const struct labels *labels, const struct session_moment *m, uint64_t time_ns, bool json);
/* Add `sessions`; null if there are none. */
void sessions_json(cJSON *to, const struct sessions *s);
