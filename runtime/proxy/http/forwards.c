/* Max-Forwards, see forwards.h. */
#include "runtime/proxy/http/forwards.h"

uint32_t request_forwards(const struct http_head *h, const uint8_t *bytes)
{
    const struct view method = view_of(bytes, h->method);
    struct view v;
    unsigned next = 0;
    uint32_t n = 0;
    if (!view_is(method, "OPTIONS") && !view_is(method, "TRACE")) return FORWARDS_ANY;
    if (!http_field_next(h, bytes, "max-forwards", &next, &v) || !v.len) return FORWARDS_ANY;
    for (uint32_t i = 0; i < v.len; i++) {
        if (v.at[i] < '0' || v.at[i] > '9') return FORWARDS_ANY;
        n = n * 10 + (uint32_t)(v.at[i] - '0');
        if (n > FORWARDS_MOST) n = FORWARDS_MOST;
    }
    return n;
}
