/* Compares a capture as read by prey and by libpcap: frames, lengths, bytes and times, one by one. Shared by the
 * unit test and the fuzz target. */
#ifndef TESTS_UNIT_RUNTIME_SAME_H
#define TESTS_UNIT_RUNTIME_SAME_H

#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#include "runtime/capture/capture.h"

struct same {
    unsigned frames;    /* compared frames */
    unsigned overflown; /* those whose fraction of a second differs in libpcap */
    bool peer_opened;   /* libpcap took the file */
    bool peer_whole;    /* libpcap read it to its end */
    bool opened, whole; /* the same for prey */
    char differ[400];   /* the difference, or "" */
    char error[300];    /* prey's */
};

/* Return a time as libpcap means it. Seconds and fractions in a pcap are unsigned 32-bit numbers; libpcap returns
 * native-order ones as signed. Times that 64 bits of nanoseconds can't hold are 0 or the largest. */
static inline uint64_t peer_time(const struct pcap_pkthdr *h, long tick_ns)
{
    int64_t s = h->ts.tv_sec;
    uint64_t ns = (uint64_t)h->ts.tv_usec;
    if (tick_ns) {
        s = (uint32_t)s;
        ns = (uint64_t)(uint32_t)(h->ts.tv_usec / tick_ns) * (uint64_t)tick_ns;
    }
    const unsigned __int128 t = (unsigned __int128)(uint64_t)s * 1000000000u + ns;
    return s < 0 ? 0 : t > UINT64_MAX ? UINT64_MAX : (uint64_t)t;
}

/* Return the nanoseconds per unit of the file's fractions; 0 for a pcapng, whose times have 64 bits. */
static inline long file_tick(const char *path)
{
    unsigned char m[4] = {0};
    FILE *f = fopen(path, "rb");
    if (f && fread(m, 1, 4, f) != 4) m[0] = 0;
    if (f) fclose(f);
    if (m[0] == 0x0a) return 0;
    return !memcmp(m, "\xa1\xb2\x3c\x4d", 4) || !memcmp(m, "\x4d\x3c\xb2\xa1", 4) ? 1 : 1000;
}

/* True if the bytes are equal, except for the identifier of a CAN frame in Linux cooked captures of the other byte
 * order: libpcap converts it to the host's order in its copy. */
static inline bool same_bytes(pcap_t *peer, const uint8_t *theirs, const struct capture_frame *f)
{
    enum { SLL = 16, ID = 4, CAN = 0x0c, CAN_FD = 0x0d };
    const bool turned = pcap_is_swapped(peer) && f->dlt == DLT_LINUX_SLL && f->cap_len >= SLL + ID && !f->data[14] &&
                        (f->data[15] == CAN || f->data[15] == CAN_FD);
    if (!turned) return !memcmp(theirs, f->data, f->cap_len);
    return !memcmp(theirs, f->data, SLL) && !memcmp(theirs + SLL + ID, f->data + SLL + ID, f->cap_len - SLL - ID);
}

static inline bool same_frame(struct same *r, pcap_t *peer, long tick, const struct pcap_pkthdr *h, const uint8_t *data,
                              const struct capture_frame *f)
{
    const uint64_t t = peer_time(h, tick);
    /* libpcap multiplies a fraction by 10^9 in 64 bits, which overflows for resolutions finer than 2^-34 s. */
    const bool overflown = !tick && t != f->time_ns && t / 1000000000u == f->time_ns / 1000000000u;
    r->overflown += overflown;
    if (h->caplen == f->cap_len && h->len == f->wire_len && (t == f->time_ns || overflown) && same_bytes(peer, data, f))
        return true;
    snprintf(r->differ, sizeof r->differ, "frame %u: %u of %u bytes at %llu, libpcap %u of %u at %llu%s", r->frames + 1,
             f->cap_len, f->wire_len, (unsigned long long)f->time_ns, h->caplen, h->len, (unsigned long long)t,
             h->caplen == f->cap_len ? ", or other bytes" : "");
    return false;
}

static inline void same_frames(struct same *r, pcap_t *peer, long tick, struct capture *c)
{
    struct pcap_pkthdr *h;
    const u_char *data;
    struct capture_frame f;
    for (;; r->frames++) {
        const int theirs = pcap_next_ex(peer, &h, &data), mine = capture_next(c, &f);
        r->peer_whole = theirs == PCAP_ERROR_BREAK;
        r->whole = mine == 0;
        if (mine < 0) snprintf(r->error, sizeof r->error, "%s", capture_error(c));
        if (theirs == 1 && mine == 1) {
            if (!same_frame(r, peer, tick, h, data, &f)) return;
            continue;
        }
        /* libpcap returns frames of any link type. */
        if (mine < 0 && strstr(r->error, "link type")) return;
        if (theirs == 1 || (r->peer_whole && mine != 0))
            snprintf(r->differ, sizeof r->differ, "after frame %u: libpcap says %s, we %s", r->frames,
                     theirs == 1 ? "another frame" : "the end", mine == 1 ? "another frame" : r->error);
        return;
    }
}

/* Compare two readings. libpcap reads peer_path, prey reads path: the same file, or a pipe with the same bytes. If
 * libpcap stops at an error we may continue, because the format allows more than libpcap takes. */
static inline struct same capture_same(const char *peer_path, const char *path)
{
    struct same r = {0};
    char err[PCAP_ERRBUF_SIZE];
    pcap_t *peer = pcap_open_offline_with_tstamp_precision(peer_path, PCAP_TSTAMP_PRECISION_NANO, err);
    struct capture *c = capture_open(path, r.error, sizeof r.error);
    r.peer_opened = peer;
    r.opened = c;
    if (peer && c) same_frames(&r, peer, file_tick(peer_path), c);
    if (peer) pcap_close(peer);
    capture_close(c);
    return r;
}

#endif
