/* Captures: a reader of pcap and pcapng (zero-copy over a mapped file, through a window for a pipe or a compressed
 * file), a merge by time, and a writer. It knows link types, but neither programs nor rules. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vm/packet/pkt.h"

struct capture;
struct stat;

struct capture_frame {
    const uint8_t *data;        /* valid until capture_close if capture_keeps, else until the next call */
    uint32_t cap_len, wire_len; /* as in the file, which may report more captured bytes than sent ones */
    uint64_t time_ns;           /* nanoseconds since 1970; 0 if the file holds no time, or one before 1970 */
    uint16_t dlt;               /* LINKTYPE_ value of the interface, as in the file */
    uint8_t link;               /* enum pkt_link, the meaning of dlt */
    uint16_t port;              /* port of the interface: see capture_ports */
    uint32_t iface;             /* index of the interface in a pcapng, counted over all sections; 0 in a pcap */
    bool outbound;              /* the frame left; set only if capture_custom's fn returned true */
};

/* Open a file, or standard input for "-". A regular file is mapped; anything else, and the output of gzip, xz, zstd or
 * lz4, is read as a stream. An unsupported link type is an error that names it: at once for a pcap, at the first frame
 * with it for a pcapng. `path` must outlive the capture. On failure return NULL, with one line in err. */
struct capture *capture_open(const char *path, char *err, size_t err_len);
void capture_close(struct capture *c);

/* Open one path as it is, or several merged. On failure return NULL, with one line in err. */
struct capture *capture_open_all(const char *const paths[], unsigned count, char *err, size_t err_len);

/* Set the port of frames, before the first is read: `port`, or what `named` returns for the capture's path and the name
 * of the frame's interface in a pcapng ("": none). -1 from `named`: no more ports; the capture ends with a fault. */
typedef int capture_named_fn(void *arg, const char *path, const char *name);
void capture_ports(struct capture *c, uint16_t port, capture_named_fn *named, void *arg);

/* Call `fn` for each custom block of a pcapng as the reader passes it. bytes: from the enterprise number on, in the
 * file's byte order, valid until `fn` returns. If it returns true, `outbound` is set in later frames of the same
 * section. To be called before the first frame is read. */
typedef bool capture_custom_fn(void *arg, const uint8_t *bytes, size_t len);
void capture_custom(struct capture *c, capture_custom_fn *fn, void *arg);

/* Waiting on pipes: `fn` is called when the reader must wait for the next frame, then four times per second. When
 * stop_fd (-1: none) is readable, the capture ends there without a fault. The struct is copied, but not `arg`. */
struct capture_waiting {
    void (*fn)(void *arg);
    void *arg;
    int stop_fd;
};
void capture_waiting(struct capture *c, const struct capture_waiting *w);

/* Read the next frame. 1: a frame; 0: the end; -1: the rest cannot be read, and capture_error has the reason (such as a
 * truncated last record); earlier frames are good. Never reads outside the file. */
int capture_next(struct capture *c, struct capture_frame *f);
/* Read up to n frames (from a pipe, those that have come). 0: the end, or a fault, which capture_error returns. */
unsigned capture_batch(struct capture *c, struct capture_frame *f, unsigned n);
/* Return the fault, or "" if there is none. */
const char *capture_error(const struct capture *c);
/* Return the path, or "standard input". Not for a merged capture, because its faults contain the name. */
const char *capture_name(const struct capture *c);

/* Start over; false for pipes. */
bool capture_rewind(struct capture *c);
uint64_t capture_size(const struct capture *c);     /* return the bytes of the file; 0 for pipes */
uint64_t capture_position(const struct capture *c); /* return the number of bytes read so far */
uint64_t capture_copied(const struct capture *c);   /* return the number of frames that were copied; 0 for files */
bool capture_keeps(const struct capture *c);        /* true if frames stay valid until capture_close */
bool capture_is(const struct capture *c, const struct stat *st); /* true if that file is the one being read */

struct capture_writer;
/* True if a capture of this name is written as pcapng. */
bool capture_path_is_ng(const char *path);
/* Create a capture with nanosecond times: a pcapng with these interfaces if the path ends in `.pcapng`, else a pcap;
 * "-" is standard output. links: enum pkt_link of each, ETHER or RAW; NULL: all are ETHER. A pcap holds Ethernet
 * frames, so bare packets get a header without addresses there. */
struct capture_writer *capture_create(const char *path, const char *const ifaces[], const uint8_t links[],
                                      unsigned count, char *err, size_t err_len);
/* Create a capture of frames as read from another, with its link types. A pcap has the link type of the first frame and
 * refuses others; a pcapng has an interface for each port and link type, named by `name`. */
typedef const char *capture_name_fn(const void *arg, uint16_t port);
struct capture_writer *capture_create_as_came(const char *path, capture_name_fn *name, const void *arg, char *err,
                                              size_t err_len);
/* Append a frame: cap_len, wire_len, time_ns and data. iface: index of the interface by which the frame leaves; past
 * the last: none. Return 0 or a negative errno, which all later calls return, too. */
int capture_write(struct capture_writer *w, const struct capture_frame *f);
int capture_flush(struct capture_writer *w);  /* flush to the reader; return 0 or a negative errno */
int capture_finish(struct capture_writer *w); /* flush, close and free; return 0 or a negative errno */
