/* mkcap NOTES OUT.pcap: make a capture from packet notation (tests/lib/note.h), one frame a line.
 *
 *   # a comment
 *   after 250ms                   the next frame comes that much later; else a millisecond
 *   repeat 3 eth / ip4 …          the frame that many times
 *
 * All frames must begin alike: a pcap file has one link type. Knows nothing of pcap libraries: the header is 24 bytes
 * and each frame has 16 before it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/note.h"

static const uint32_t link_type[LINK_COUNT] = {
    [LINK_ETHER] = 1, [LINK_RAW] = 101,  [LINK_IP4] = 228, [LINK_IP6] = 229,
    [LINK_SLL] = 113, [LINK_SLL2] = 276, [LINK_BSD] = 0,   [LINK_LOOP] = 108,
};

struct maker {
    FILE *out;
    uint64_t time_us; /* since 1970 */
    int link;         /* of all frames; -1 before the first */
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

/* "250ms", "2s", "3us" in microseconds; 0 for what is none. */
static uint64_t duration_us(const char *text)
{
    char *unit;
    const uint64_t n = strtoull(text, &unit, 10);
    unit[strcspn(unit, " \t\n")] = '\0';
    return n * (strcmp(unit, "s") == 0 ? 1000000 : strcmp(unit, "ms") == 0 ? 1000 : strcmp(unit, "us") == 0);
}

static const char *frame_put(struct maker *m, const char *text, unsigned long times)
{
    static char err[256];
    if (note_parse(text, &m->note, err, sizeof err) != 0) return err;
    if (m->note.tag_count) return "a capture file can't hold a tag that the kernel took off";
    if (m->link < 0) {
        m->link = (int)m->note.link;
        const uint32_t head[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, link_type[m->note.link]};
        if (!words_put(m->out, head, 6)) return strerror(errno);
    }
    if (m->link != (int)m->note.link) return "this frame begins differently than the first: one file has one link type";
    for (; times > 0; times--) {
        m->time_us += 1000;
        const uint32_t head[4] = {(uint32_t)(m->time_us / 1000000), (uint32_t)(m->time_us % 1000000), m->note.cap_len,
                                  m->note.wire_len};
        if (!words_put(m->out, head, 4) || fwrite(m->note.bytes, 1, m->note.cap_len, m->out) != m->note.cap_len)
            return strerror(errno);
    }
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
    unsigned long times = 1;
    if (strncmp(line, "repeat ", 7) == 0) times = strtoul(line + 7, &line, 10);
    return frame_put(m, line, times);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: mkcap NOTES OUT.pcap\n");
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
