/* Captures: a zero-copy reader of pcap and pcapng files over mmap, libpcap for streams, and a writer by libpcap.
 * A leaf: knows packets' link types, neither programs nor rules. */
#ifndef RUNTIME_CAPTURE_H
#define RUNTIME_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/packet/pkt.h"

struct capture;
struct stat;

struct capture_frame {
    const uint8_t *data;        /* stays valid until capture_close for files, until the next call for streams */
    uint32_t cap_len, wire_len; /* as the file says; a file may claim more captured than sent */
    uint64_t time_ns;           /* since 1970; 0 where the file holds none or one before 1970 */
    uint16_t dlt;               /* LINKTYPE_ value of its interface, as in the file */
    uint8_t link;               /* enum pkt_link: what dlt means */
    uint32_t iface;             /* index of the interface in a pcapng, counted over all sections; 0 in a pcap */
};

/* Open a file, or standard input for "-": a regular file is mapped, anything else is read as a stream. A link type that
 * the vm does not know is an error that names it: here for a pcap, at the first frame that has it for a pcapng.
 * On failure NULL and one line in err. */
struct capture *capture_open(const char *path, char *err, size_t err_len);
void capture_close(struct capture *c);

/* 1: a frame; 0: the end; -1: the rest cannot be read: capture_error says why (a truncated last record, say), what came
 * before is good. Advancing never reads outside the file. */
int capture_next(struct capture *c, struct capture_frame *f);
/* Up to n frames at once (streams: one, so that a live pipe is not held up); 0 at the end or a fault, which
 * capture_error tells apart. */
unsigned capture_batch(struct capture *c, struct capture_frame *f, unsigned n);
/* "" while all is well. */
const char *capture_error(const struct capture *c);

/* Start over (files only; false for streams). */
bool capture_rewind(struct capture *c);
uint64_t capture_size(const struct capture *c);                  /* bytes, 0 for streams */
uint64_t capture_position(const struct capture *c);              /* bytes read */
uint64_t capture_copied(const struct capture *c);                /* frames that were copied on the way: 0 for files */
bool capture_is(const struct capture *c, const struct stat *st); /* is that the file being read? */

struct capture_writer;
/* Create a capture of Ethernet frames with nanosecond times: a pcap, or a pcapng that names these interfaces where the
 * path ends in `.pcapng`; "-" is standard output. */
struct capture_writer *capture_create(const char *path, const char *const ifaces[], unsigned count, char *err,
                                      size_t err_len);
/* Append a frame: cap_len, wire_len, time_ns and data are written, iface is the index of the interface that it leaves
 * on, past the last: none of them. 0 or a negative errno, which stays: later calls return it again. */
int capture_write(struct capture_writer *w, const struct capture_frame *f);
int capture_finish(struct capture_writer *w); /* flush, close, free; 0 or a negative errno */

#endif
