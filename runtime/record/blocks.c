/* Blocks of a recording. Tags that the kernel took off are put back into the frame for other tools; our reader takes
 * them off again by the option. */
#include "runtime/record/blocks.h"

#include <string.h>

enum { FRAME = 12 /* bytes of a block's type, length and repeated length */, MACS = 12, TAG = 4 };
enum { LINKTYPE_ETHERNET = 1, NANOSECONDS = 9, INBOUND = 1, OUTBOUND = 2, NAME_MOST = 60 };
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "written as it lies");

static void put16(struct bytes *to, unsigned v) { bytes_put(to, &(uint16_t){(uint16_t)v}, 2); }
static void put32(struct bytes *to, uint32_t v) { bytes_put(to, &v, 4); }

static void put_option(struct bytes *to, unsigned code, const void *value, unsigned len)
{
    put16(to, code);
    put16(to, len);
    bytes_put(to, value, len);
    bytes_align(to, 4);
}

static void put_section(struct bytes *to)
{
    const uint32_t len = FRAME + 16,
                   words[] = {NG_SECTION, len, NG_ORDER, 1 /* version 1.0 */, UINT32_MAX, UINT32_MAX, len};
    bytes_put(to, words, sizeof words);
}

static void put_interface(struct bytes *to, const char *name)
{
    const unsigned named = (unsigned)strnlen(name, NAME_MOST);
    const uint32_t len = FRAME + 8 + 4 + (named + 3) / 4 * 4 + 8 + 4;
    const uint32_t words[] = {NG_INTERFACE, len, LINKTYPE_ETHERNET, 0 /* frames may have any length */};
    const uint8_t resolution = NANOSECONDS;
    bytes_put(to, words, sizeof words);
    put_option(to, NG_OPT_NAME, name, named);
    put_option(to, NG_OPT_RESOLUTION, &resolution, 1);
    put32(to, NG_OPT_END);
    put32(to, len);
}

void blocks_section(struct bytes *to, const char *const names[], unsigned count)
{
    put_section(to);
    for (unsigned i = 0; i < count; i++) put_interface(to, names[i]);
}

void blocks_custom(struct bytes *to, enum record_kind kind, unsigned worker, const void *body, size_t len)
{
    const uint32_t bytes = (uint32_t)(sizeof(struct record_block) + (len + 3) / 4 * 4 + 4);
    const struct record_block b = {
        .type = NG_CUSTOM,
        .bytes = bytes,
        .head = {RECORD_ENTERPRISE, RECORD_MAGIC, (uint16_t)kind, (uint16_t)worker, (uint32_t)len}};
    bytes_put(to, &b, sizeof b);
    bytes_put(to, body, len);
    bytes_align(to, 4);
    put32(to, bytes);
}

/* Append cap_len bytes of a frame, with its tags. */
static void put_frame(struct bytes *to, const struct tape_frame *f, unsigned tags, uint32_t cap_len)
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

void blocks_packet(struct bytes *to, unsigned worker, bool left, unsigned host, uint64_t wall_ns,
                   const struct tape_frame *f)
{
    const unsigned tags = f->cap_len >= MACS ? f->tag_count : 0;
    const uint32_t cap = f->cap_len + tags * TAG, wire = f->wire_len + tags * TAG;
    const struct record_tag tag = {
        .enterprise = RECORD_ENTERPRISE, .magic = RECORD_MAGIC, .worker = (uint16_t)worker, .left = left, .frame = *f};
    const uint32_t len = FRAME + 20 + (cap + 3) / 4 * 4 + 8 + 4 + (uint32_t)sizeof tag + 4;
    const bool hosts = f->port == TAPE_TO_HOST;
    const uint32_t port = hosts ? host : f->port, flags = left || hosts ? OUTBOUND : INBOUND;
    const uint32_t words[] = {NG_PACKET, len, port, (uint32_t)(wall_ns >> 32), (uint32_t)wall_ns, cap, wire};
    bytes_put(to, words, sizeof words);
    put_frame(to, f, tags, f->cap_len);
    put_option(to, NG_OPT_FLAGS, &flags, sizeof flags);
    put_option(to, NG_OPT_CUSTOM, &tag, sizeof tag);
    put32(to, NG_OPT_END);
    put32(to, len);
}

void blocks_seen(struct bytes *to, unsigned iface, uint64_t wall_ns, const struct tape_frame *f, uint32_t snap,
                 const char *comment)
{
    const uint32_t least = least_len(f->cap_len, snap), kept = least < MACS ? least_len(f->cap_len, MACS) : least;
    const unsigned tags = kept >= MACS ? f->tag_count : 0, said = (unsigned)strlen(comment);
    const uint32_t cap = kept + tags * TAG, wire = f->wire_len + tags * TAG;
    const uint32_t len = FRAME + 20 + (cap + 3) / 4 * 4 + 4 + (said + 3) / 4 * 4 + 4;
    const uint32_t words[] = {NG_PACKET, len, iface, (uint32_t)(wall_ns >> 32), (uint32_t)wall_ns, cap, wire};
    bytes_put(to, words, sizeof words);
    put_frame(to, f, tags, kept);
    put_option(to, NG_OPT_COMMENT, comment, said);
    put32(to, NG_OPT_END);
    put32(to, len);
}
