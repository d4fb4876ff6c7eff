/* Writing a capture by libpcap: Ethernet, nanoseconds. libpcap itself reports no write error, so the stream beneath it
 * is asked after every frame. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/capture/capture_priv.h"

struct capture_writer {
    pcap_t *pcap;
    pcap_dumper_t *dumper;
    int error; /* negative errno, the first one */
};

static int writer_open(struct capture_writer *w, FILE *out)
{
    w->pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, CAPTURE_FRAME_MAX, PCAP_TSTAMP_PRECISION_NANO);
    if (!w->pcap) return -ENOMEM;
    errno = 0;
    w->dumper = pcap_dump_fopen(w->pcap, out);
    return w->dumper ? 0 : errno ? -errno : -EIO;
}

struct capture_writer *capture_create(const char *path, char *err, size_t err_len)
{
    FILE *out = strcmp(path, "-") ? fopen(path, "wbe") : fdopen(dup(STDOUT_FILENO), "wb");
    struct capture_writer *w = out ? calloc(1, sizeof *w) : NULL;
    const int failed = !out || !w ? -errno : writer_open(w, out);
    if (!failed) return w;
    snprintf(err, err_len, "%s: %s", path, strerror(-failed));
    if (w && w->pcap) pcap_close(w->pcap);
    if (out) fclose(out);
    free(w);
    return NULL;
}

int capture_write(struct capture_writer *w, const uint8_t *data, uint32_t len, uint64_t time_ns)
{
    if (w->error) return w->error;
    const struct pcap_pkthdr h = {
        .ts = {.tv_sec = (time_t)(time_ns / 1000000000u), .tv_usec = (suseconds_t)(time_ns % 1000000000u)},
        .caplen = len,
        .len = len,
    };
    errno = 0;
    pcap_dump((u_char *)w->dumper, &h, data);
    if (ferror(pcap_dump_file(w->dumper))) w->error = errno ? -errno : -EIO;
    return w->error;
}

int capture_finish(struct capture_writer *w)
{
    if (!w) return 0;
    errno = 0;
    if (pcap_dump_flush(w->dumper) < 0 && !w->error) w->error = errno ? -errno : -EIO;
    const int error = w->error;
    pcap_dump_close(w->dumper);
    pcap_close(w->pcap);
    free(w);
    return error;
}
