/* replay CAPTURE RULES.pbc PASSES: a complete replay by preyrun (read, judge, count) against libpcap only reading
 * the same file, both as processes with warm page cache, in turns. Each reads the file PASSES times, so that the
 * start of a process doesn't count; a run is divided by the frames of all passes. */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/bench.h"
#include "tests/lib/child.h"

/* Read as the peer does: this program when called with --read. */
static int mere_reading(const char *path, unsigned long passes)
{
    unsigned long frames = 0;
    for (unsigned long i = 0; i < passes; i++) {
        char err[PCAP_ERRBUF_SIZE];
        pcap_t *p = pcap_open_offline(path, err);
        if (!p) return 2;
        struct pcap_pkthdr *h;
        const u_char *data;
        while (pcap_next_ex(p, &h, &data) == 1) frames++;
        pcap_close(p);
    }
    return frames > 0 ? 0 : 2;
}

static unsigned long frames_of(const char *path)
{
    char err[PCAP_ERRBUF_SIZE];
    pcap_t *p = pcap_open_offline(path, err);
    unsigned long n = 0;
    struct pcap_pkthdr *h;
    const u_char *data;
    while (p && pcap_next_ex(p, &h, &data) == 1) n++;
    if (p) pcap_close(p);
    return n;
}

static void run(char *const argv[], double frames, struct series *ns)
{
    const struct child c = child_run(argv);
    if (c.status != 0) {
        fprintf(stderr, "replay: %s ended with %d\n", argv[0], c.status);
        exit(2);
    }
    series_add(ns, (double)c.wall_ns / frames);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--read") == 0) return mere_reading(argv[2], strtoul(argv[3], NULL, 10));
    const char *b = getenv("B");
    if (argc != 4) {
        fprintf(stderr, "usage: replay CAPTURE RULES.pbc PASSES\n");
        return 2;
    }
    char preyrun[4200];
    snprintf(preyrun, sizeof preyrun, "%s/preyrun", b ? b : "build");
    char *ours[] = {preyrun, "--pcap", argv[1], "--repeat", argv[3], argv[2], NULL};
    char *once[] = {preyrun, "--pcap", argv[1], argv[2], NULL};
    char *theirs[] = {argv[0], "--read", argv[1], argv[3], NULL};
    char *theirs_once[] = {argv[0], "--read", argv[1], "1", NULL};
    const double frames = (double)frames_of(argv[1]), passes = strtod(argv[3], NULL);
    struct series a = {.count = 0}, b1 = {.count = 0}, c = {.count = 0}, d = {.count = 0};
    for (unsigned i = 0; i < bench_runs() && frames > 0; i++) {
        run(ours, frames * passes, &a);
        run(theirs, frames * passes, &c);
        run(once, frames, &b1);
        run(theirs_once, frames, &d);
    }
    bench_row(&(struct bench_row){"whole replay by preyrun, repeated", "ns/frame", &a, "libpcap, mere reading", &c,
                                  GOAL_RATIO, 0.5});
    bench_row(&(struct bench_row){"whole replay by preyrun, one pass", "ns/frame", &b1, "libpcap, mere reading", &d,
                                  GOAL_RATIO, 0.5});
    bench_note("replay: %.0f frames; one pass includes starting the process", frames);
    return 0;
}
