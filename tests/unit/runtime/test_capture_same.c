/* Our reader equals libpcap on every capture that libpcap can read: the corpus, and captures made here in every
 * container of the two formats. The same files through a pipe go to the stream reader. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/runtime/made.h"
#include "tests/unit/runtime/same.h"

static unsigned files, frames, refused;

struct feed {
    const char *file;
    int into; /* closed by the feeder */
};

/* Write the file into the pipe, as a thread, until everything is written or the reader is gone. */
static void *feed(void *arg)
{
    const struct feed *f = arg;
    static char buf[65536];
    const int in = open(f->file, O_RDONLY);
    ssize_t n;

    while ((n = read(in, buf, sizeof buf)) > 0)
        if (write(f->into, buf, (size_t)n) < 0) break;
    close(in);
    close(f->into);
    return NULL;
}

static void same_by_stream(const char *file)
{
    char path[32];
    int ends[2];
    pthread_t feeder;

    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    struct feed f = {.file = file, .into = ends[1]};
    assert_int_equal(pthread_create(&feeder, NULL, feed, &f), 0);
    const struct same r = capture_same(file, path);
    close(ends[0]);
    pthread_join(feeder, NULL);
    if (r.differ[0]) fail_msg("%s through a pipe: %s", file, r.differ);
}

static void same_file(const char *file)
{
    const struct same r = capture_same(file, file);
    if (r.differ[0]) fail_msg("%s: %s", file, r.differ);
    /* We may reject a file that libpcap opens only for a link type that the vm doesn't know. */
    if (r.peer_opened && !r.opened && !strstr(r.error, "link type")) fail_msg("%s: %s", file, r.error);
    refused += r.peer_opened && !r.opened;
    files++;
    frames += r.frames;
    same_by_stream(file);
}

static bool is_capture(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (!strcmp(dot, ".pcap") || !strcmp(dot, ".pcapng") || !strcmp(dot, ".cap"));
}

static void same_folder(const char *top, const char *below)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", top, below);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (!is_capture(e->d_name)) continue;
        snprintf(path, sizeof path, "%s/%s/%s", top, below, e->d_name);
        same_file(path);
    }
    closedir(d);
}

static void corpus(void **state)
{
    (void)state;
    const char *top = getenv("PREY_CORPUS") ? getenv("PREY_CORPUS") : "../shared/corpus";
    if (access(top, R_OK)) {
        print_message("no corpus at %s\n", top);
        skip();
    }
    same_folder(top, "pcap");
    same_folder(top, "libpcap-apply/caps");
    print_message("%u files, %u frames, %u of link types that the vm doesn't know\n", files, frames, refused);
    assert_true(files > 100 && frames > 1000);
}

static void check_made(const struct made *m, const char *what, bool exact)
{
    char path[] = "/tmp/same-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, m->bytes, m->len), (ssize_t)m->len);
    close(fd);
    const struct same r = capture_same(path, path);
    if (!r.peer_opened || !r.peer_whole || !r.opened || !r.whole || r.differ[0] || r.frames != MADE_FRAMES)
        fail_msg("%s: %u frames, libpcap %d, %d, we %d, %d: %s%s", what, r.frames, r.peer_opened, r.peer_whole,
                 r.opened, r.whole, r.differ, r.error);
    if (exact && r.overflown) fail_msg("%s: %u times differ", what, r.overflown);
    same_by_stream(path);
    unlink(path);
}

static void every_pcap(void **state)
{
    (void)state;
    static const uint32_t magics[] = {0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34};
    static const uint16_t versions[][2] = {{2, 0}, {2, 2}, {2, 3}, {2, 4}, {543, 0}};
    static const uint32_t snaplens[] = {0, 20, 65535, 262144, 0x7fffffff, 0xffffffff};
    static const uint32_t types[] = {0, 1, 101, 12, 108, 113, 228, 229, 276, 0x10000001};
    char what[120];
    for (unsigned m = 0; m < 3; m++)
        for (unsigned v = 0; v < 5; v++)
            for (unsigned s = 0; s < 6; s++)
                for (unsigned t = 0; t < 10; t++)
                    for (unsigned big = 0; big < 2; big++) {
                        struct made f = {.big = big};
                        made_pcap(&f, magics[m], versions[v], snaplens[s], types[t]);
                        snprintf(what, sizeof what, "magic %x version %u.%u snaplen %u type %x big %u", magics[m],
                                 versions[v][0], versions[v][1], snaplens[s], types[t], big);
                        if (!s && !t)
                            check_made(&f, what, true);
                        else if (m == 1 || v == 3)
                            check_made(&f, what, true);
                    }
}

static void every_pcapng(void **state)
{
    (void)state;
    static const uint64_t offsets[] = {
        0, 1, 1700000000, (uint64_t)-5, (uint64_t)-1700000000, INT64_MAX, (uint64_t)INT64_MIN};
    char what[120];
    for (unsigned big = 0; big < 2; big++)
        for (unsigned o = 0; o < 7; o++)
            for (unsigned r = 0; r < 256; r++) {
                if ((r & 0x7f) > (r & 0x80 ? 63 : 19)) continue;
                struct made f = {.big = big};
                made_pcapng(&f, (uint8_t)r, offsets[o]);
                snprintf(what, sizeof what, "resolution %x offset %lld big %u", r, (long long)offsets[o], big);
                check_made(&f, what, r < 0x80 + 35);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corpus),
        cmocka_unit_test(every_pcap),
        cmocka_unit_test(every_pcapng),
    };

    signal(SIGPIPE, SIG_IGN); /* write(2) returns the error to the feeder */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
