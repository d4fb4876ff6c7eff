/* A log event as one line. */
#pragma once

#include "runtime/base/options/run_options.h"
#include "runtime/report/text.h"

struct log_said {
    enum log_form form;
    const struct labels *labels;
    uint32_t rule, bytes;
    bool would;         /* an audited rule, of labels->would */
    const char *packet; /* the packet in words, cleaned */
    uint64_t time_ns;   /* wall-clock time of the event */
    uint64_t frame;     /* number of the frame; 0: not known */
};
void log_say(FILE *out, const struct log_said *s);
