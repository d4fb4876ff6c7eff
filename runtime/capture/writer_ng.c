/* pcapng of one section (draft-ietf-opsawg-pcapng, 4.1 to 4.3): a block for each interface, and one without a name for
 * frames that leave on none of them, then an enhanced packet block for each frame. Little-endian. */
#include <endian.h>

#include "runtime/capture/capture_priv.h"

enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, PACKET = 6, MAGIC = 0x1a2b3c4d, ETHERNET = 1, RAW = 101 };
enum { OPT_NAME = 2, OPT_TSRESOL = 9, NANOSECONDS = 9 };
enum { FRAME = 12 /* frame of a block in bytes: type, length, length again */, NAME_MOST = 200 };

static uint32_t padded(uint32_t len) { return (len + 3) / 4 * 4; }

static void put16(FILE *out, uint16_t v)
{
    const uint16_t le = htole16(v);
    fwrite(&le, sizeof le, 1, out);
}

static void put32(FILE *out, uint32_t v)
{
    const uint32_t le = htole32(v);
    fwrite(&le, sizeof le, 1, out);
}

static void put_bytes(FILE *out, const void *bytes, uint32_t len)
{
    fwrite(bytes, 1, len, out);
    fwrite("\0\0\0", 1, padded(len) - len, out);
}

static void put_option(FILE *out, uint16_t code, const void *value, uint16_t len)
{
    put16(out, code);
    put16(out, len);
    put_bytes(out, value, len);
}

void pcapng_section(FILE *out)
{
    const uint32_t len = FRAME + 16;
    put32(out, SECTION);
    put32(out, len);
    put32(out, MAGIC);
    put16(out, 1); /* version 1.0 */
    put16(out, 0);
    put32(out, UINT32_MAX); /* length of the section: not given */
    put32(out, UINT32_MAX);
    put32(out, len);
}

void pcapng_interface(FILE *out, const char *name, uint16_t linktype)
{
    const uint16_t named = name ? (uint16_t)strnlen(name, NAME_MOST) : 0;
    const uint32_t len = FRAME + 8 + (named ? 4 + padded(named) : 0) + 4 + 4 + 4;
    const uint8_t resolution = NANOSECONDS;
    put32(out, INTERFACE);
    put32(out, len);
    put16(out, linktype);
    put16(out, 0);
    put32(out, CAPTURE_FRAME_MAX);
    if (named) put_option(out, OPT_NAME, name, named);
    put_option(out, OPT_TSRESOL, &resolution, 1);
    put_option(out, 0, "", 0);
    put32(out, len);
}

void pcapng_begin(FILE *out, const char *const ifaces[], const uint8_t links[], unsigned count)
{
    pcapng_section(out);
    for (unsigned i = 0; i < count; i++)
        pcapng_interface(out, ifaces[i], links && links[i] == LINK_RAW ? RAW : ETHERNET);
    pcapng_interface(out, NULL, ETHERNET);
}

void pcapng_frame(FILE *out, const struct capture_frame *f, unsigned iface)
{
    const uint32_t len = FRAME + 20 + padded(f->cap_len);
    put32(out, PACKET);
    put32(out, len);
    put32(out, iface);
    put32(out, (uint32_t)(f->time_ns >> 32));
    put32(out, (uint32_t)f->time_ns);
    put32(out, f->cap_len);
    put32(out, f->wire_len);
    put_bytes(out, f->data, f->cap_len);
    put32(out, len);
}
