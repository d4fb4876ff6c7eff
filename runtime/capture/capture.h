/* Captures: a reader of pcap and pcapng, zero-copy over a mapped file, through a window over what is a pipe or
 * compressed; several merged by time; and a writer. A leaf: knows packets' link types, neither programs nor rules. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/packet/pkt.h"

struct capture;
struct stat;

struct capture_frame {
    const uint8_t *data;        /* stays valid until capture_close where capture_keeps, else until the next call */
    uint32_t cap_len, wire_len; /* as the file says; a file may claim more captured than sent */
    uint64_t time_ns;           /* since 1970; 0 where the file holds none or one before 1970 */
    uint16_t dlt;               /* LINKTYPE_ value of its interface, as in the file */
    uint8_t link;               /* enum pkt_link: what dlt means */
    uint16_t port;              /* of its interface: see capture_ports */
    uint32_t iface;             /* index of the interface in a pcapng, counted over all sections; 0 in a pcap */
    bool outbound;              /* it left: where capture_custom's fn asked for that */
};

/* Open a file, or standard input for "-": a regular file is mapped, anything else is read as a stream, and so is what
 * gzip, xz, zstd or lz4 made. A link type that the vm does not know is an error that names it: here for a pcap, at the
 * first frame that has it for a pcapng. The path is kept. On failure NULL and one line in err. */
struct capture *capture_open(const char *path, char *err, size_t err_len);
void capture_close(struct capture *c);

/* One path as it is, several merged. On failure NULL and one line in err. */
struct capture *capture_open_all(const char *const paths[], unsigned count, char *err, size_t err_len);

/* Which port frames have, before the first is read: `port`, or what `named` says of their interface's name in a pcapng
 * ("": it has none) and the capture's path; -1: there can be no more, which ends the capture with that fault. */
typedef int capture_named_fn(void *arg, const char *path, const char *name);
void capture_ports(struct capture *c, uint16_t port, capture_named_fn *named, void *arg);

/* Hear of each custom block of a pcapng when the reader passes it: its bytes from the enterprise number on, in the
 * file's byte order, which hold until `fn` returns. True: of frames behind it, in the same section, `outbound` is set.
 * Before the first frame is read. */
typedef bool capture_custom_fn(void *arg, const uint8_t *bytes, size_t len);
void capture_custom(struct capture *c, capture_custom_fn *fn, void *arg);

/* Of pipes: `fn` is called when the next frame has to be waited for, then four times a second; what can be read from
 * stop_fd (-1: nothing) ends the capture there, without a fault. Nothing of it lasts but the arguments. */
struct capture_waiting {
    void (*fn)(void *arg);
    void *arg;
    int stop_fd;
};
void capture_waiting(struct capture *c, const struct capture_waiting *w);

/* 1: a frame; 0: the end; -1: the rest cannot be read: capture_error says why (a truncated last record, say), what came
 * before is good. Advancing never reads outside the file. */
int capture_next(struct capture *c, struct capture_frame *f);
/* Up to n frames at once (of a pipe what has come); 0 at the end or a fault, which capture_error tells apart. */
unsigned capture_batch(struct capture *c, struct capture_frame *f, unsigned n);
/* "" while all is well. */
const char *capture_error(const struct capture *c);
/* What to call it: its path, or "standard input". Not of a merged one, whose faults have the name in them. */
const char *capture_name(const struct capture *c);

/* Start over (files only; false for pipes). */
bool capture_rewind(struct capture *c);
uint64_t capture_size(const struct capture *c);                  /* bytes of the file, 0 for pipes */
uint64_t capture_position(const struct capture *c);              /* bytes read of it */
uint64_t capture_copied(const struct capture *c);                /* frames that were copied on the way: 0 for files */
bool capture_keeps(const struct capture *c);                     /* frames stay valid until capture_close */
bool capture_is(const struct capture *c, const struct stat *st); /* is that the file being read? */

struct capture_writer;
/* Is a capture that is called so written as a pcapng? */
bool capture_path_is_ng(const char *path);
/* Create a capture of Ethernet frames with nanosecond times: a pcap, or a pcapng that names these interfaces where the
 * path ends in `.pcapng`; "-" is standard output. */
struct capture_writer *capture_create(const char *path, const char *const ifaces[], unsigned count, char *err,
                                      size_t err_len);
/* The same for frames as a capture had them, with its link types: a pcap has that of the first, and takes no other; a
 * pcapng an interface for each port and link type, called as `name` says. */
typedef const char *capture_name_fn(const void *arg, uint16_t port);
struct capture_writer *capture_create_as_came(const char *path, capture_name_fn *name, const void *arg, char *err,
                                              size_t err_len);
/* Append a frame: cap_len, wire_len, time_ns and data are written, iface is the index of the interface that it leaves
 * on, past the last: none of them. 0 or a negative errno, which stays: later calls return it again. */
int capture_write(struct capture_writer *w, const struct capture_frame *f);
int capture_flush(struct capture_writer *w);  /* to whoever reads it; 0 or a negative errno */
int capture_finish(struct capture_writer *w); /* flush, close, free; 0 or a negative errno */
