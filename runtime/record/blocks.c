/* Blocks of a recording. Tags that the kernel removed are put back into the frame for other tools; prey's reader
 * removes them again by the option. */
#include "runtime/record/blocks.h"

#include <string.h>

enum { INBOUND = 1, OUTBOUND = 2 };

void blocks_custom(struct bytes *to, enum record_kind kind, unsigned worker, const void *body, size_t len)
{
    const uint32_t bytes = (uint32_t)(sizeof(struct record_block) + ng_padded((uint32_t)len) + 4);
    const struct record_block b = {
        .type = NG_CUSTOM,
        .bytes = bytes,
        .head = {RECORD_ENTERPRISE, RECORD_MAGIC, (uint16_t)kind, (uint16_t)worker, (uint32_t)len}};
    bytes_put(to, &b, sizeof b);
    bytes_put(to, body, len);
    bytes_align(to, 4);
    ng_put32(to, bytes);
}

void blocks_packet(struct bytes *to, unsigned worker, bool left, uint32_t iface, uint64_t wall_ns,
                   const struct tape_frame *f)
{
    const unsigned tags = ng_tags(f, f->cap_len);
    const uint32_t cap = f->cap_len + tags * NG_TAG, wire = f->wire_len + tags * NG_TAG;
    const struct record_tag tag = {
        .enterprise = RECORD_ENTERPRISE, .magic = RECORD_MAGIC, .worker = (uint16_t)worker, .left = left, .frame = *f};
    const uint32_t flags = left || iface != f->port ? OUTBOUND : INBOUND;
    const uint32_t len = ng_packet(to, iface, wall_ns, cap, wire, 8 + 4 + (uint32_t)sizeof tag + 4);
    ng_frame(to, f, tags, f->cap_len);
    ng_option(to, NG_OPT_FLAGS, &flags, sizeof flags);
    ng_option(to, NG_OPT_CUSTOM, &tag, sizeof tag);
    ng_put32(to, NG_OPT_END);
    ng_put32(to, len);
}
