/* Blocks of a pcapng, see ng.h */
#include "runtime/capture/ng.h"

#include <assert.h>

#include "runtime/capture/capture_priv.h"

enum { NANOSECONDS = 9, NAME_MOST = 200 };
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "written as it lies");

void ng_put32(struct bytes *to, uint32_t v) { bytes_put(to, &v, sizeof v); }

void ng_option(struct bytes *to, unsigned code, const void *value, unsigned len)
{
    const uint16_t head[] = {(uint16_t)code, (uint16_t)len};
    bytes_put(to, head, sizeof head);
    bytes_put(to, value, len);
    bytes_align(to, 4);
}

void ng_section(struct bytes *to)
{
    const uint32_t len = NG_FRAME + 16, words[] = {NG_SECTION,
                                                   len,
                                                   NG_ORDER,
                                                   1 /* version 1.0 */,
                                                   UINT32_MAX /* length of the section: not given */,
                                                   UINT32_MAX,
                                                   len};
    bytes_put(to, words, sizeof words);
}

void ng_interface(struct bytes *to, const char *name, uint16_t linktype, uint32_t snap)
{
    const uint32_t named = name ? (uint32_t)strnlen(name, NAME_MOST) : 0;
    const uint32_t len = NG_FRAME + 8 + (named ? 4 + ng_padded(named) : 0) + 8 + 4;
    const uint32_t words[] = {NG_INTERFACE, len, linktype, snap};
    const uint8_t resolution = NANOSECONDS;
    bytes_put(to, words, sizeof words);
    if (named) ng_option(to, NG_OPT_NAME, name, named);
    ng_option(to, NG_OPT_RESOLUTION, &resolution, 1);
    ng_put32(to, NG_OPT_END);
    ng_put32(to, len);
}

uint32_t ng_packet(struct bytes *to, uint32_t iface, uint64_t time_ns, uint32_t cap_len, uint32_t wire_len,
                   uint32_t options)
{
    const uint32_t len = NG_FRAME + 20 + ng_padded(cap_len) + options;
    const uint32_t words[] = {NG_PACKET, len, iface, (uint32_t)(time_ns >> 32), (uint32_t)time_ns, cap_len, wire_len};
    bytes_put(to, words, sizeof words);
    return len;
}

void ng_capture(struct bytes *to, const char *const ifaces[], const uint8_t links[], unsigned count)
{
    ng_section(to);
    for (unsigned i = 0; i < count; i++)
        ng_interface(to, ifaces[i], links ? ng_linktype(links[i]) : NG_ETHERNET, CAPTURE_FRAME_MAX);
    ng_interface(to, NULL, NG_ETHERNET, CAPTURE_FRAME_MAX);
}

void ng_captured(struct bytes *to, const struct capture_frame *f, unsigned iface)
{
    const uint32_t len = ng_packet(to, iface, f->time_ns, f->cap_len, f->wire_len, 0);
    bytes_put(to, f->data, f->cap_len);
    bytes_align(to, 4);
    ng_put32(to, len);
}
