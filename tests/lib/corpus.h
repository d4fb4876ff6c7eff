/* Shared by the corpus tests: the corpus's path, frames as libpcap reads them, and one replay by the built programs.
 * The corpus is third-party data beside the tree; without it a test prints one SKIP line. */
#ifndef TESTS_LIB_CORPUS_H
#define TESTS_LIB_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Return ${PREY_CORPUS:-../shared/corpus}, or NULL after printing a SKIP line that names `test`. */
const char *corpus_dir(const char *test);

/* Open a file of the corpus and unpack it by its ending (.gz, .xz). Exits with status 1 if it can't be read. */
FILE *corpus_open(const char *file);
void corpus_close(FILE *f);

/* Read the next line without its newline and split it at `separator` into at most `most` fields. Returns 0 at the
 * end. The fields live until the next call. */
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
/* How far libpcap read a capture: to its end, to an error, or to an interface that differs from the first, where it
 * stops. */
enum reading { READ_WHOLE, READ_BROKEN, READ_SEVERAL };
/* Append every frame that libpcap reads from a capture. Returns its link type, or -1 (nothing added) if libpcap
 * can't open it. `how` may be NULL. */
int frames_read(struct frames *all, const char *path, enum reading *how);
/* Append every `every`-th frame of the large capture, bench/mix.pcap.xz. Exits with status 1 if it can't be read. */
void frames_read_mix(struct frames *all, unsigned every);
void frames_free(struct frames *all);
/* Write one pcapng with an interface per link type. Exits with status 1 if it can't be written. */
void frames_write(const struct frames *all, const char *path);
/* True if prey reads this link type (runtime/capture/linktype.def). */
bool dlt_known(int dlt);

/* One verdict line of a replay. */
struct line {
    char verdict[12], rule[48], reason[32];
};

/* Compile `rules` and replay `capture`; lines[i] is frame i's. If there are fewer or more lines than `count`, or an
 * exit status other than 0, print the programs' standard error as `#` lines and return false. */
bool replay(const char *rules, const char *capture, struct line *lines, size_t count);

/* Return a path in this test's own folder below $B, and make the folder. */
const char *scratch(const char *name);

/* Run a shell command. Returns its exit status, or 128 if a signal ended it. */
int run_command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print a TAP line. Returns `good`; test_status() is 0 if all were. */
bool test_ok(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int test_status(void);

/* Return the CRC-32 (IEEE) of the comma-joined decimal numbers. The corpus writes lists of frames this way. */
uint32_t crc_of_indices(const size_t *indices, size_t count);

#endif
