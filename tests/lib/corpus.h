/* Shared by the corpus tests: the corpus's path, frames as libpcap reads them, and one replay by the built programs.
 * The corpus is third-party data beside the tree; where it is absent a test prints one SKIP line. */
#ifndef TESTS_LIB_CORPUS_H
#define TESTS_LIB_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ${PREY_CORPUS:-../shared/corpus}, or NULL after a SKIP line that names `test`. */
const char *corpus_dir(const char *test);

/* A file of the corpus, unpacked by its ending (.gz, .xz). Exits with status 1 where it cannot be read. */
FILE *corpus_open(const char *file);
void corpus_close(FILE *f);

/* The next line without its newline, split at `separator`, into at most `most` fields; 0 at the end. The fields live
 * until the next call. */
unsigned corpus_fields(FILE *f, char separator, char *fields[], unsigned most);

struct frame {
    uint8_t *data;
    uint32_t cap_len, wire_len;
    int dlt;
};

struct frames {
    struct frame *v;
    size_t count, cap;
};

void frames_add(struct frames *all, const void *data, uint32_t cap_len, uint32_t wire_len, int dlt);
/* How libpcap got on with a capture: to its end, to an error, or to an interface that differs from the first, of which
 * it reads no more. */
enum reading { READ_WHOLE, READ_BROKEN, READ_SEVERAL };
/* Append every frame that libpcap reads from a capture. Returns its link type, or -1 (nothing added) where libpcap
 * cannot open it. `how` may be NULL. */
int frames_read(struct frames *all, const char *path, enum reading *how);
/* Append every `every`-th frame of the large capture, bench/mix.pcap.xz. Exits with status 1 where it cannot be read.
 */
void frames_read_mix(struct frames *all, unsigned every);
void frames_free(struct frames *all);
/* As one pcapng: an interface a link type. Exits with status 1 where it cannot be written. */
void frames_write(const struct frames *all, const char *path);
/* Does prey read this link type? (runtime/capture/linktype.def) */
bool dlt_known(int dlt);

/* One verdict line of a replay. */
struct line {
    char verdict[12], rule[48], reason[32];
};

/* Compile `rules` and replay `capture`; lines[i] is frame i's. Fewer or more lines than `count`, or an exit status
 * other than 0, is a failure: false, with the programs' standard error as `#` lines. */
bool replay(const char *rules, const char *capture, struct line *lines, size_t count);

/* A path in this test's own folder below $B; the folder is made. */
const char *scratch(const char *name);

/* Run a command of the shell. Returns its exit status, 128 where a signal ended it. */
int run_command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* TAP lines. Returns `good`; test_status() is 0 when all were. */
bool test_ok(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int test_status(void);

/* CRC-32 (IEEE) of the comma-joined decimal numbers: how the corpus writes a list of frames. */
uint32_t crc_of_indices(const size_t *indices, size_t count);

#endif
