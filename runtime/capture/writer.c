/* Writing a capture: Ethernet, nanoseconds. A pcap by libpcap; a file called *.pcapng, which libpcap does not write, by
 * writer_ng.c, for it says of each frame on which interface it leaves. Neither reports write errors by itself, so the
 * stream beneath is asked after every frame. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/capture/capture_priv.h"

struct capture_writer {
    FILE *out; /* the dumper's, or of the pcapng */
    pcap_t *pcap;
    pcap_dumper_t *dumper; /* NULL: pcapng */
    unsigned ifaces;
    int error; /* negative errno, the first one */
};

static bool is_pcapng(const char *path)
{
    const size_t len = strlen(path);
    return len > 7 && !strcmp(path + len - 7, ".pcapng");
}

static int pcap_begin(struct capture_writer *w)
{
    w->pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, CAPTURE_FRAME_MAX, PCAP_TSTAMP_PRECISION_NANO);
    if (!w->pcap) return -ENOMEM;
    errno = 0;
    w->dumper = pcap_dump_fopen(w->pcap, w->out);
    return w->dumper ? 0 : errno ? -errno : -EIO;
}

struct capture_writer *capture_create(const char *path, const char *const ifaces[], unsigned count, char *err,
                                      size_t err_len)
{
    FILE *out = strcmp(path, "-") ? fopen(path, "wbe") : fdopen(dup(STDOUT_FILENO), "wb");
    struct capture_writer *w = out ? calloc(1, sizeof *w) : NULL;
    int failed = !w ? -errno : 0;
    if (w) {
        *w = (struct capture_writer){.out = out, .ifaces = count};
        if (!is_pcapng(path))
            failed = pcap_begin(w);
        else
            pcapng_begin(out, ifaces, count);
    }
    if (!failed) return w;
    snprintf(err, err_len, "%s: %s", path, strerror(-failed));
    if (w && w->pcap) pcap_close(w->pcap);
    if (out) fclose(out);
    free(w);
    return NULL;
}

int capture_write(struct capture_writer *w, const struct capture_frame *f)
{
    if (w->error) return w->error;
    const struct pcap_pkthdr h = {
        .ts = {.tv_sec = (time_t)(f->time_ns / 1000000000u), .tv_usec = (suseconds_t)(f->time_ns % 1000000000u)},
        .caplen = f->cap_len,
        .len = f->wire_len,
    };
    errno = 0;
    if (w->dumper)
        pcap_dump((u_char *)w->dumper, &h, f->data);
    else
        pcapng_frame(w->out, f, f->iface < w->ifaces ? f->iface : w->ifaces);
    if (ferror(w->out)) w->error = errno ? -errno : -EIO;
    return w->error;
}

int capture_finish(struct capture_writer *w)
{
    if (!w) return 0;
    errno = 0;
    if (fflush(w->out) && !w->error) w->error = errno ? -errno : -EIO;
    const int error = w->error;
    if (w->dumper)
        pcap_dump_close(w->dumper);
    else
        fclose(w->out);
    if (w->pcap) pcap_close(w->pcap);
    free(w);
    return error;
}
