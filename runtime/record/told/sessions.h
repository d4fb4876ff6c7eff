/* The sessions of proxy loops in a recording: counted, and told a line each moment. */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>

#include "runtime/exchange/moments.h"
#include "runtime/report/text.h"

enum { SESSIONS_WHYS = 64 /* different reasons that are told apart */ };

struct sessions {
    uint64_t count[MOMENTS];
    uint64_t up_bytes, down_bytes; /* of those that have ended */
    struct {
        char name[24];
        uint64_t count;
    } ended[SESSIONS_WHYS];
    unsigned whys;
};

void sessions_add(struct sessions *s, const struct session_moment *m);
/* A line: of text, or an object of JSON. time_ns: when it was, on the wall. */
void sessions_say(FILE *out, const struct labels *labels, const struct session_moment *m, uint64_t time_ns, bool json);
/* A few lines of a summary, and `sessions` of an object; nothing, and null, where there was none. */
void sessions_text(FILE *out, const struct sessions *s);
void sessions_json(cJSON *to, const struct sessions *s);
