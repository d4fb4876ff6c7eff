/* Messages between the service and its parent. They hold numbers and text, but no pointers, and the parent trusts
 * none of it. */
#pragma once

#include "runtime/host/device/inline_stack.h"
#include "runtime/host/file/address_file.h"
#include "runtime/host/file/past_files.h"
#include "runtime/host/file/streams.h"
#include "runtime/host/guard/guard.h"
#include "runtime/host/guard/ports.h"
#include "runtime/io/io.h"
#include "runtime/kernel/prove.h"
#include "runtime/parent/between/yielded.h"
#include "runtime/parent/dns/dns.h"
#include "vm/kernel/gate.h"

enum request_kind {
#define REQUEST(ident, ...) REQUEST_##ident,
#include "runtime/parent/request.def"
    REQUEST_COUNT
};

struct request_head {
    uint32_t kind;  /* enum request_kind */
    uint32_t count; /* number of elements behind the body */
};

/* `port` is an index into the command line's interfaces */
struct request_none {
    uint32_t zero;
};
struct request_program {
    uint64_t flows, half_open; /* bounds as program_bound takes them */
};
struct request_guard {
    uint32_t routed; /* 1: packets between two interfaces are the service's */
};
struct request_at {
    uint32_t port;
};
struct request_offloads {
    uint32_t port, which; /* enum offload */
};
struct request_steer {
    uint32_t port, frame_most;
};
struct request_take {
    uint32_t port, routed, translates; /* index of the port; rules as in struct steer_rules */
};
struct request_world {
    uint64_t mac;
    uint32_t port;
};
struct own_address { /* An own address; IPv4 as ::ffff:a.b.c.d */
    uint64_t hi, lo;
};
struct request_notify {
    uint32_t word; /* enum manager_word */
};
struct request_port {
    struct io_ask ask;
};
struct request_inline_stack {
    struct inline_stack_ask ask;
};
struct request_address {
    struct host_addr addr;
    uint32_t port;
};
struct request_listen {
    struct host_addr addr; /* address to listen at; all 0: any of the family */
    uint32_t port;         /* TCP port to listen at */
};
struct request_family {
    uint32_t family; /* 4 or 6 */
};
struct request_keypair {
    char cert[4096], key[4096];
};
struct request_path {
    char path[4096];
};
struct request_addresses {
    char path[4096];
    struct file_mark was; /* data of the file when it was read last */
    uint32_t hurry;       /* 1: read the file even if it was just written */
    uint32_t most;        /* most ranges that the answer may have */
};
struct request_stream {
    uint64_t bytes;              /* STREAM_TRIM: bytes to be freed */
    char dir[4096];              /* directory as the program names it */
    char name[STREAM_NAME_MOST]; /* STREAM_FILE: name of the file */
    uint32_t how;                /* enum stream_how */
    uint32_t again;              /* STREAM_BEGIN: find the files of earlier runs again */
};
struct request_turn {
    char path[4096];
    uint32_t turn; /* 1: PATH becomes PATH.1 first */
    uint32_t zero;
};
struct request_name {
    char name[72];
};
enum { RECORDING_MAKE, RECORDING_REMOVE, RECORDING_SHORTEN };
struct request_recording {
    uint64_t number, bytes; /* bytes: length to shorten to */
    uint32_t what;          /* RECORDING_… */
    uint32_t zero;
};
struct request_file {
    uint32_t file; /* HISTORY_… */
};
struct request_left {
    uint32_t status; /* exit status, 0 to 255 */
};
struct request_process {
    int32_t pid;
};
enum lend { LEND_PORT, LEND_MEMORY, LENDS };
enum {
    LEND_FDS = 3
}; /* LEND_PORT: as steer_lend gives them, and a socket that receives all frames; LEND_MEMORY: as umem_lend gives them
    */
struct request_lend {
    uint32_t what, at; /* enum lend; index of the interface, or of the worker */
};
struct request_check_socket {
    struct host_addr from;
    uint32_t type; /* SOCK_STREAM, SOCK_DGRAM, or SOCK_RAW for echo replies */
};

struct answer {
    int32_t failed;        /* result: 0, or a negative errno */
    char err[500];         /* one line; empty: the errno shows the reason */
    uint32_t fd_count;     /* number of descriptors that come with the answer */
    int32_t group;         /* PORT: as in struct io_made */
    uint32_t slots, ring;  /* PORT: as in struct io_made */
    uint32_t filter, deal; /* PORT: as in struct io_made */
    uint64_t value;        /* LOGIN: the user, UINT32_MAX: none; STEERING, HOOKS: 1 if generic; TOO_LONG, KEEP: number;
                            * OFFLOADS: those turned off; KERNEL: its hooks */
    struct gate_count carried; /* result of CARRIED */
    struct proof proof;        /* result of JUDGE */
    struct host_kept kept;     /* result of PORTS */
};

/* A row of request.def: sizes of the body and of an element, and the most elements and descriptors */
struct request_row {
    size_t body, each;
    uint32_t most;
    uint16_t fds_least, fds_most; /* descriptors of an answer that did not fail */
    bool answered;
};
extern const struct request_row request_rows[REQUEST_COUNT];

/* Parameters of a row's functions: the request, and the bytes behind it: for the service's side, which may pass too
 * many bytes, and for the parent's. */
#define TAKES_NO_BODY
#define TAKES_BODY(shape) , const struct request_##shape *asked
#define TAKES_PATH(of)    , const char *path
#define TAKES_ALONE
#define TAKES_LIST(thing, most) , const struct thing *all, uint32_t count
#define TAKES_BYTES(most)       , const void *bytes, size_t len
#define GETS_ALONE
#define GETS_LIST(thing, most) , const struct thing *all, uint32_t count
#define GETS_BYTES(most)       , const uint8_t *bytes, size_t len
