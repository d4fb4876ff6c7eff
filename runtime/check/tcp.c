/* `tcp [send x".."] [expect x".."]`: a connection; its answer begins with the expected bytes. */
#include <string.h>

#include "runtime/check/probe.h"

static enum probe_result hear(struct probe *p, const uint8_t *bytes, size_t n)
{
    const struct pbc_pattern *want = &p->program->patterns[p->check->expect];
    const size_t before = p->heard - n; /* that many have come, and were right */
    if (!n) return probe_bad(p, p->heard ? "closed within its answer" : "closed before it answered");
    const size_t more = want->len - before < n ? want->len - before : n;
    if (memcmp(bytes, want->value + before, more)) return probe_bad(p, "the answer begins with other bytes");
    return before + more == want->len ? PROBE_GOOD : PROBE_GOES_ON;
}

static enum probe_result begin(struct probe *p)
{
    const struct pbc_pattern *say = p->check->send == PBC_NONE ? NULL : &p->program->patterns[p->check->send];
    p->talk = (struct talk){.hear = p->check->expect == PBC_NONE ? NULL : hear};
    if (say) {
        p->talk.say = say->value;
        p->talk.say_len = say->len;
    }
    return stream_begin(p);
}

const struct probe_ops probe_tcp = {.name = "tcp", .begin = begin, .step = stream_step};
