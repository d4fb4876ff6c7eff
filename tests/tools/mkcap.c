/* mkcap NOTES OUT.pcap: makes a capture from packet notation (tests/lib/note.h), one frame per line.
 *
 *   # a comment
 *   after 250ms                   the next frame comes that much later, instead of a millisecond
 *   on eth1                       the following frames came in by this interface
 *   repeat 3 eth / ip4 …          the frame that many times
 *
 * All frames must have the same link type, because a file has only one. It uses no pcap library: a pcap's header has
 * 24 bytes, and each frame has 16 before it. Notes that begin with `on` make a pcapng, whose blocks name interfaces
 * (draft-ietf-opsawg-pcapng). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/note.h"

static const uint32_t link_type[LINK_COUNT] = {
    [LINK_ETHER] = 1, [LINK_RAW] = 101,  [LINK_IP4] = 228, [LINK_IP6] = 229,
    [LINK_SLL] = 113, [LINK_SLL2] = 276, [LINK_BSD] = 0,   [LINK_LOOP] = 108,
};

enum { INTERFACES_MAX = 16, NAME_MAX_BYTES = 15 };

struct maker {
    FILE *out;
    uint64_t time_us; /* since 1970 */
    int link;         /* of all frames; -1 before the first */
    char interfaces[INTERFACES_MAX][NAME_MAX_BYTES + 1];
    unsigned known,
        described; /* number of interfaces that `on` has named, and that the file describes; a pcap has none */
    unsigned on;   /* index of the current interface */
    struct note note;
};

static bool words_put(FILE *out, const uint32_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t le[4] = {(uint8_t)words[i], (uint8_t)(words[i] >> 8), (uint8_t)(words[i] >> 16),
                               (uint8_t)(words[i] >> 24)};
        if (fwrite(le, 1, 4, out) != 4) return false;
    }
    return true;
}

/* Parse "250ms", "2s" or "3us" to microseconds; 0 for other texts. */
static uint64_t duration_us(const char *text)
{
    char *unit;
    const uint64_t n = strtoull(text, &unit, 10);
    unit[strcspn(unit, " \t\n")] = '\0';
    return n * (strcmp(unit, "s") == 0 ? 1000000 : strcmp(unit, "ms") == 0 ? 1000 : strcmp(unit, "us") == 0);
}

static bool bytes_put(FILE *out, const void *bytes, size_t len) /* padded to whole words */
{
    static const char zeros[4];
    return fwrite(bytes, 1, len, out) == len && fwrite(zeros, 1, -len & 3, out) == (-len & 3);
}

/* Write a pcapng block: its fixed words, then bytes, and its length again. */
static bool block_put(FILE *out, uint32_t type, const uint32_t *words, size_t n, const void *bytes, size_t len)
{
    const uint32_t total = (uint32_t)(12 + 4 * n + len + (-len & 3));
    const uint32_t head[2] = {type, total};
    return words_put(out, head, 2) && words_put(out, words, n) && bytes_put(out, bytes, len) &&
           words_put(out, &total, 1);
}

/* Write the file's beginning before the first frame; in a pcapng also the description of an interface before its
 * first frame. */
static bool head_put(struct maker *m, bool first)
{
    if (!m->known) {
        const uint32_t head[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, link_type[m->link]};
        return !first || words_put(m->out, head, 6);
    }
    const uint32_t section[4] = {0x1a2b3c4d, 1, 0xffffffff, 0xffffffff}; /* of unknown length */
    if (first && !block_put(m->out, 0x0a0d0d0a, section, 4, "", 0)) return false;
    for (; m->described < m->known; m->described++) {
        const char *name = m->interfaces[m->described];
        const uint32_t words[3] = {link_type[m->link], 262144, 2 | (uint32_t)strlen(name) << 16}; /* 2: if_name */
        if (!block_put(m->out, 1, words, 3, name, strlen(name))) return false;
    }
    return true;
}

static bool packet_put(struct maker *m)
{
    const struct note *f = &m->note;
    if (m->known) {
        const uint32_t words[5] = {m->on, (uint32_t)(m->time_us >> 32), (uint32_t)m->time_us, f->cap_len, f->wire_len};
        return block_put(m->out, 6, words, 5, f->bytes, f->cap_len);
    }
    const uint32_t head[4] = {(uint32_t)(m->time_us / 1000000), (uint32_t)(m->time_us % 1000000), f->cap_len,
                              f->wire_len};
    return words_put(m->out, head, 4) && fwrite(f->bytes, 1, f->cap_len, m->out) == f->cap_len;
}

static const char *frame_put(struct maker *m, const char *text, unsigned long times)
{
    static char err[256];
    if (note_parse(text, &m->note, err, sizeof err) != 0) return err;
    if (m->note.tag_count) return "a capture file can't hold a tag that the kernel took off";
    const bool first = m->link < 0;
    if (first) m->link = (int)m->note.link;
    if (m->link != (int)m->note.link) return "this frame begins differently than the first: one file has one link type";
    if (!head_put(m, first)) return strerror(errno);
    for (; times > 0; times--) {
        m->time_us += 1000;
        if (!packet_put(m)) return strerror(errno);
    }
    return NULL;
}

static const char *interface_do(struct maker *m, const char *name)
{
    if (m->link >= 0 && !m->known) return "the first `on` stands before all frames";
    for (m->on = 0; m->on < m->known; m->on++)
        if (strcmp(m->interfaces[m->on], name) == 0) return NULL;
    if (m->known == INTERFACES_MAX) return "more interfaces than mkcap knows";
    if (*name == '\0' || strlen(name) > NAME_MAX_BYTES) return "a name of 1 to 15 bytes follows `on`";
    strcpy(m->interfaces[m->known++], name);
    return NULL;
}

static const char *line_do(struct maker *m, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    line += strspn(line, " \t");
    if (*line == '\0' || *line == '#') return NULL;
    if (strncmp(line, "after ", 6) == 0) {
        const uint64_t gap = duration_us(line + 6);
        m->time_us += gap > 1000 ? gap - 1000 : 0;
        return gap ? NULL : "after what? 250ms and 2s are fine";
    }
    if (strncmp(line, "on ", 3) == 0) return interface_do(m, line + 3);
    unsigned long times = 1;
    if (strncmp(line, "repeat ", 7) == 0) times = strtoul(line + 7, &line, 10);
    return frame_put(m, line, times);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: mkcap NOTES OUT\n");
        return 2;
    }
    FILE *in = fopen(argv[1], "r");
    static struct maker m = {.time_us = 1767603600ull * 1000000, .link = -1}; /* 5 January 2026, 09:00 UTC */
    m.out = in ? fopen(argv[2], "wb") : NULL;
    if (!m.out) {
        fprintf(stderr, "mkcap: %s: %s\n", in ? argv[2] : argv[1], strerror(errno));
        return 2;
    }
    char *line = NULL;
    size_t cap = 0;
    for (unsigned n = 1; getline(&line, &cap, in) >= 0; n++) {
        const char *wrong = line_do(&m, line);
        if (!wrong) continue;
        fprintf(stderr, "%s:%u: %s\n", argv[1], n, wrong);
        return 2;
    }
    free(line);
    fclose(in);
    return fclose(m.out) == 0 ? 0 : 2;
}
