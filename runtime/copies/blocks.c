/* A section header, interfaces, then packets with VLAN tags put back where the kernel removed them */
#include "runtime/copies/blocks.h"

#include <string.h>

enum { MACS = 12 };

void blocks_section(struct bytes *to, const char *const names[], const uint8_t links[], unsigned count)
{
    ng_section(to);
    for (unsigned i = 0; i < count; i++) ng_interface(to, names[i], links ? ng_linktype(links[i]) : NG_ETHERNET, 0);
}

unsigned ng_tags(const struct tape_frame *f, uint32_t cap_len) { return cap_len >= MACS ? f->tag_count : 0; }

void ng_frame(struct bytes *to, const struct tape_frame *f, unsigned tags, uint32_t cap_len)
{
    const uint8_t *data = (const uint8_t *)(f + 1);
    if (tags) bytes_put(to, data, MACS);
    for (unsigned i = 0; i < tags; i++) {
        const uint16_t tag[2] = {__builtin_bswap16(f->tags[i].tpid), __builtin_bswap16(f->tags[i].tci)};
        bytes_put(to, tag, sizeof tag);
    }
    const uint32_t done = tags ? MACS : 0;
    bytes_put(to, data + done, cap_len - done);
    bytes_align(to, 4);
}

void blocks_seen(struct bytes *to, unsigned iface, uint64_t wall_ns, const struct tape_frame *f, bool framed,
                 uint32_t snap, const char *comment)
{
    const uint32_t header = framed && tape_link(f) == LINK_RAW ? TAPE_INLINE_LINK : 0;
    const uint32_t least = least_len(f->cap_len, snap), kept = least < MACS ? least_len(f->cap_len, MACS) : least;
    const unsigned tags = ng_tags(f, kept), said = (unsigned)strlen(comment);
    const uint32_t cap = header + kept + tags * NG_TAG, wire = header + f->wire_len + tags * NG_TAG;
    const uint32_t len = ng_packet(to, iface, wall_ns, cap, wire, 4 + ng_padded(said) + 4);
    if (header) {
        const bool v6 = f->cap_len && *(const uint8_t *)(f + 1) >> 4 == 6;
        const uint8_t link[TAPE_INLINE_LINK] = {[MACS] = v6 ? 0x86 : 0x08, [MACS + 1] = v6 ? 0xdd : 0x00};
        bytes_put(to, link, sizeof link);
    }
    ng_frame(to, f, tags, kept);
    ng_option(to, NG_OPT_COMMENT, comment, said);
    ng_put32(to, NG_OPT_END);
    ng_put32(to, len);
}
