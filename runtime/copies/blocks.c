#include "runtime/copies/blocks.h"

#include <string.h>

enum { MACS = 12, LINKTYPE_ETHERNET = 1, LINKTYPE_RAW = 101, NANOSECONDS = 9, NAME_MOST = 60 };
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "written as it lies");

static void put16(struct bytes *to, unsigned v) { bytes_put(to, &(uint16_t){(uint16_t)v}, 2); }
void ng_put32(struct bytes *to, uint32_t v) { bytes_put(to, &v, 4); }

void ng_option(struct bytes *to, unsigned code, const void *value, unsigned len)
{
    put16(to, code);
    put16(to, len);
    bytes_put(to, value, len);
    bytes_align(to, 4);
}

static void put_section(struct bytes *to)
{
    const uint32_t len = NG_FRAME + 16,
                   words[] = {NG_SECTION, len, NG_ORDER, 1 /* version 1.0 */, UINT32_MAX, UINT32_MAX, len};
    bytes_put(to, words, sizeof words);
}

static void put_interface(struct bytes *to, const char *name, uint32_t linktype)
{
    const unsigned named = (unsigned)strnlen(name, NAME_MOST);
    const uint32_t len = NG_FRAME + 8 + 4 + (named + 3) / 4 * 4 + 8 + 4;
    const uint32_t words[] = {NG_INTERFACE, len, linktype, 0 /* frames may have any length */};
    const uint8_t resolution = NANOSECONDS;
    bytes_put(to, words, sizeof words);
    ng_option(to, NG_OPT_NAME, name, named);
    ng_option(to, NG_OPT_RESOLUTION, &resolution, 1);
    ng_put32(to, NG_OPT_END);
    ng_put32(to, len);
}

void blocks_section(struct bytes *to, const char *const names[], const uint8_t links[], unsigned count)
{
    put_section(to);
    for (unsigned i = 0; i < count; i++)
        put_interface(to, names[i], links && links[i] == LINK_RAW ? LINKTYPE_RAW : LINKTYPE_ETHERNET);
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

static void put_header(struct bytes *to, const struct tape_frame *f)
{
    const bool v6 = f->cap_len && *(const uint8_t *)(f + 1) >> 4 == 6;
    const uint8_t header[TAPE_ASIDE_LINK] = {[MACS] = v6 ? 0x86 : 0x08, [MACS + 1] = v6 ? 0xdd : 0x00};
    bytes_put(to, header, sizeof header);
}

void blocks_seen(struct bytes *to, unsigned iface, uint64_t wall_ns, const struct tape_frame *f, bool framed,
                 uint32_t snap, const char *comment)
{
    const uint32_t header = framed && tape_link(f) == LINK_RAW ? TAPE_ASIDE_LINK : 0;
    const uint32_t least = least_len(f->cap_len, snap), kept = least < MACS ? least_len(f->cap_len, MACS) : least;
    const unsigned tags = ng_tags(f, kept), said = (unsigned)strlen(comment);
    const uint32_t cap = header + kept + tags * NG_TAG, wire = header + f->wire_len + tags * NG_TAG;
    const uint32_t len = NG_FRAME + 20 + (cap + 3) / 4 * 4 + 4 + (said + 3) / 4 * 4 + 4;
    const uint32_t words[] = {NG_PACKET, len, iface, (uint32_t)(wall_ns >> 32), (uint32_t)wall_ns, cap, wire};
    bytes_put(to, words, sizeof words);
    if (header) put_header(to, f);
    ng_frame(to, f, tags, kept);
    ng_option(to, NG_OPT_COMMENT, comment, said);
    ng_put32(to, NG_OPT_END);
    ng_put32(to, len);
}
