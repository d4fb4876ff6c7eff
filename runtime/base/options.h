/* What preyrun was asked for on its command line (runtime/preyrun/options.h). */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/self.h"
#include "runtime/base/when.h"

enum log_form { LOG_NONE, LOG_TEXT, LOG_JSON };

enum { OPTIONS_IFACES = 16, OPTIONS_WORKERS = 16, OPTIONS_NO_PEER = 0xff };
enum { OPTIONS_PCAPS = 32, OPTIONS_MAPS = 64, OPTIONS_SPANS = 64, OPTIONS_ROUTES = 256, OPTIONS_ROUTE_FILES = 8 };
#define OPTIONS_RING         (UINT64_C(16) << 20)
#define OPTIONS_RING_LEAST   (UINT64_C(256) << 10)
#define OPTIONS_RING_MOST    (UINT64_C(1) << 30)
#define OPTIONS_RECORD       (UINT64_C(1) << 30)
#define OPTIONS_RECORD_LEAST (UINT64_C(1) << 20)
#define OPTIONS_SAMPLE       100
#define OPTIONS_RECORD_MOST  (UINT64_C(1) << 50)

struct options {
    const char *program, *verdicts, *write, *write_seen; /* paths, "-" for the standard ones, NULL when not given */
    const char *pcaps[OPTIONS_PCAPS];
    unsigned pcap_count;
    const char *on;
    const char *maps[OPTIONS_MAPS]; /* NAME=IF, as given */
    unsigned map_count;
    const char *routes[OPTIONS_ROUTES]; /* PREFIX=IF, as given */
    unsigned route_count;
    const char *route_files[OPTIONS_ROUTE_FILES];
    unsigned route_file_count;
    const char *only;   /* which frames have lines, as given; NULL: all */
    const char *replay; /* directory of a recording, or NULL */
    struct self self;
    uint64_t seed, repeat;
    uint64_t from, to; /* frames, from 1; of a recording its files; to 0: the last */
    struct options_when {
        bool said;
        struct when when;
    } from_at, to_at; /* of a recording, in place of these */
    struct options_span {
        uint64_t first, last;
    } explained[OPTIONS_SPANS]; /* frames to explain */
    unsigned explained_count;
    uint32_t mtu;
    const char **down; /* POOL/SERVER, as given */
    unsigned down_count;
    enum log_form log;
    const char *log_to; /* "syslog" or a file; NULL: standard error */
    /* live */
    const char *ifaces[OPTIONS_IFACES]; /* devices, each once; none: replay */
    unsigned iface_count;
    uint8_t peer[OPTIONS_IFACES];  /* of a bridge: the interface that frames cross to; OPTIONS_NO_PEER: it is no port */
    char *bridges[OPTIONS_IFACES]; /* texts that ifaces point into */
    unsigned bridge_count;
    const char *name;    /* of the instance: else its first interface; NULL: --cleanup of all */
    const char *control; /* path of the control socket; NULL: where preyctl finds it by the name */
    unsigned workers;    /* 0: not said */
    uint64_t ring;       /* bytes of each receive ring */
    const char *stats;   /* as given, or NULL */
    union options_address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } stats_at;              /* where it is served */
    const char *access_logs; /* directory, or NULL */
    const char *record;      /* directory, or NULL */
    uint64_t record_size;    /* bytes of all its files */
    uint32_t record_snap;    /* bytes of a frame; UINT32_MAX: all */
    uint32_t record_sample;  /* one packet in so many is recorded of what the kernel judges */
    enum options_io { OPTIONS_IO_SILENT, OPTIONS_IO_AUTO, OPTIONS_IO_PACKET, OPTIONS_IO_XDP } io; /* silent: not said */
    enum options_exec {
        OPTIONS_EXEC_SILENT,
        OPTIONS_EXEC_AUTO,
        OPTIONS_EXEC_USER,
        OPTIONS_EXEC_KERNEL
    } exec; /* who judges */
    bool monitor, preflight, cleanup, watch;
    bool allow_unjudged; /* firewalls may leave an interface unjudged, and rules may name one that is not here */
    uint64_t confirm_ns; /* it ends then, unless it is confirmed; 0: it goes on without a confirmation */
    enum options_end { OPTIONS_END_SILENT, OPTIONS_END_CLOSED, OPTIONS_END_OPEN } on_exit; /* silent: not said */
    bool busy_poll, xdp_replace;
    bool json, strict_checksum, flows, coverage, describe;
};

/* The first frame after frame n that --explain asks for; 0 where there is none. */
static inline uint64_t options_explained_after(const struct options *o, uint64_t n)
{
    uint64_t first = 0;
    for (unsigned i = 0; i < o->explained_count; i++) {
        const struct options_span *s = &o->explained[i];
        if (s->last <= n) continue;
        const uint64_t next = s->first > n ? s->first : n + 1;
        if (!first || next < first) first = next;
    }
    return first;
}

/* True: no results go to standard output, so a summary may. */
static inline bool options_summarise(const struct options *o)
{
    const char *const results[] = {o->verdicts, o->write, o->write_seen};
    for (unsigned i = 0; i < 3; i++)
        if (results[i] && !strcmp(results[i], "-")) return false;
    return true;
}
