/* Options of preyrun's command line, parsed (runtime/preyrun/read_options.h). */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/options/sets_group.h"
#include "runtime/base/self.h"
#include "runtime/base/when.h"

enum log_form { LOG_NONE, LOG_TEXT, LOG_JSON };

enum { OPTIONS_IFACES = 16, OPTIONS_WORKERS = 16, OPTIONS_NO_PEER = 0xff };
enum { OPTIONS_DEVICE_MOST = 16 }; /* length of a device's name with its terminating zero, as IFNAMSIZ */
enum { OPTIONS_PCAPS = 32, OPTIONS_MAPS = 64, OPTIONS_SPANS = 64, OPTIONS_ROUTES = 256, OPTIONS_ROUTE_FILES = 8 };
#define OPTIONS_RING         (UINT64_C(16) << 20)
#define OPTIONS_RING_LEAST   (UINT64_C(256) << 10)
#define OPTIONS_RING_MOST    (UINT64_C(1) << 30)
#define OPTIONS_RECORD       (UINT64_C(1) << 30)
#define OPTIONS_RECORD_LEAST (UINT64_C(1) << 20)
#define OPTIONS_SAMPLE       100
#define OPTIONS_RECORD_MOST  (UINT64_C(1) << 50)

struct options {
    const char *program, *verdicts, *write, *write_seen; /* paths; "-": standard input or output; NULL: not given */
    const char *pcaps[OPTIONS_PCAPS];
    unsigned pcap_count;
    const char *on;
    const char *maps[OPTIONS_MAPS]; /* NAME=IF, as given */
    unsigned map_count;
    const char *taps[OPTIONS_MAPS]; /* NAME=PATH, as given */
    unsigned tap_count;
    const char *routes[OPTIONS_ROUTES]; /* PREFIX=IF, as given */
    unsigned route_count;
    const char *route_files[OPTIONS_ROUTE_FILES];
    unsigned route_file_count;
    const char *only;   /* filter for the frames that get lines, as given; NULL: all frames */
    const char *replay; /* directory of a recording, or NULL */
    struct self self;
    uint64_t seed, repeat;
    uint64_t from, to; /* first and last frame, or file of a recording, counted from 1; to 0: up to the last */
    struct options_when {
        bool said;
        struct when when;
    } from_at, to_at; /* times instead of numbers, for a recording */
    struct options_span {
        uint64_t first, last;
    } explained[OPTIONS_SPANS]; /* frames to explain */
    unsigned explained_count;
    uint32_t mtu;
    const char **down; /* POOL/SERVER, as given */
    unsigned down_count;
    enum log_form log;
    const char *log_to; /* "syslog" or a file; NULL: standard error */
    /* options for live traffic */
    const char *ifaces[OPTIONS_IFACES]; /* devices, each once; none: a replay */
    unsigned iface_count;
    uint8_t peer[OPTIONS_IFACES];  /* for a bridge: index of the interface to which frames are bridged; else
                                      OPTIONS_NO_PEER */
    char *bridges[OPTIONS_IFACES]; /* texts that entries of `ifaces` point into */
    unsigned bridge_count;
    const char *name;    /* name of the instance; default: its first interface; NULL: --cleanup of all instances */
    const char *control; /* path of the control socket; NULL: the default for the name, which preyctl knows */
    unsigned workers;    /* number of workers; 0: not given */
    uint64_t ring;       /* size of each receive ring in bytes */
    const char *stats;   /* address of the statistics page as given, or NULL */
    const char
        *stats_hosts; /* accepted host names of that page, "a.example,b.example"; NULL: addresses and localhost only */
    union options_address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } stats_at;              /* address of the statistics page, parsed */
    const char *access_logs; /* directory of access logs, or NULL */
    const char *observed;    /* directory for what a replay observes, or NULL */
    const char *copies;      /* directory for a replay's copies, or NULL */
    const char *record;      /* directory of recordings, or NULL */
    uint64_t record_size;    /* most bytes of all files together */
    uint32_t record_snap;    /* recorded bytes per frame; UINT32_MAX: all */
    uint32_t record_sample; /* 1 in this many packets judged in the kernel is recorded; 0: not given (options_sample) */
    enum options_io { OPTIONS_IO_UNSET, OPTIONS_IO_AUTO, OPTIONS_IO_PACKET, OPTIONS_IO_XDP } io;
    enum options_exec {
        OPTIONS_EXEC_UNSET,
        OPTIONS_EXEC_AUTO,
        OPTIONS_EXEC_USER,
        OPTIONS_EXEC_KERNEL
    } exec; /* executor that judges */
    enum options_hook {
        OPTIONS_HOOK_UNSET,
        OPTIONS_HOOK_AUTO,
        OPTIONS_HOOK_XDP,
        OPTIONS_HOOK_TC
    } hook; /* hook at which the kernel executor takes arriving packets */
    bool monitor, preflight, cleanup, watch;
    bool takeover;              /* take over from the running instance of this name */
    uint64_t takeover_drain_ns; /* longest time for which the other instance serves proxied sessions; 0: unlimited */
    bool wait;                  /* a start does not need the interfaces to exist and be up */
    const char *allows[OPTIONS_IFACES]; /* devices that may be left unjudged, with commas, as given */
    unsigned allow_count;
    bool allows_nameless; /* --allow-unjudged was given without a name */
    struct sets_group sets_groups[SETS_GROUPS];
    unsigned sets_group_count;
    uint64_t confirm_ns; /* time after which preyrun ends unless it is confirmed; 0: no confirmation needed */
    enum options_end { OPTIONS_END_UNSET, OPTIONS_END_CLOSED, OPTIONS_END_OPEN } on_exit;
    bool busy_poll, xdp_replace;
    bool json, strict_checksum, flows, coverage, describe;
};

/* Return the number of the first frame after frame n that --explain asks for, or 0 if there is none. */
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

/* Return N: one of N packets judged in the kernel is recorded */
static inline uint32_t options_sample(const struct options *o)
{
    return o->record_sample ? o->record_sample : OPTIONS_SAMPLE;
}

/* True if -i names the device. */
static inline bool options_serve(const struct options *o, const char *device)
{
    for (unsigned i = 0; i < o->iface_count; i++)
        if (!strcmp(o->ifaces[i], device)) return true;
    return false;
}

/* Return the PATH of --tap NAME=PATH; NULL: no --tap has this NAME. */
static inline const char *options_tap(const struct options *o, const char *name)
{
    const size_t len = strlen(name);
    for (unsigned i = 0; i < o->tap_count; i++)
        if (!strncmp(o->taps[i], name, len) && o->taps[i][len] == '=') return o->taps[i] + len + 1;
    return NULL;
}

/* True if no results go to standard output, so that a summary may. */
static inline bool options_summarise(const struct options *o)
{
    const char *const results[] = {o->verdicts, o->write, o->write_seen};
    for (unsigned i = 0; i < 3; i++)
        if (results[i] && !strcmp(results[i], "-")) return false;
    return true;
}
