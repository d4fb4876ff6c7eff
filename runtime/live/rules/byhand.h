/* Settings that an operator makes for servers and services. They are kept by name and hold across reloads while a
 * server or service has that name; they end with the process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The states to set: `file` cancels all settings. A drain is a weight of 0 until `until_ns`; then the server is
 * down. */
enum by_hand_state { BY_HAND_FILE, BY_HAND_DRAIN, BY_HAND_UP, BY_HAND_DOWN, BY_HAND_STATES };
extern const char *const by_hand_words[BY_HAND_STATES];

struct by_hand {
    struct by_hand *next;
    char *server; /* name as POOL/SERVER */
    bool found;   /* the server is in the program of the last by_hand_apply */
    enum by_hand_state state;
    bool weighted, over; /* `weight` is set; the drain has expired */
    uint16_t weight;
    uint64_t bound_ns; /* longest duration of a drain; 0: unbounded */
    uint64_t until_ns; /* end of that duration, monotonic */
    uint64_t at_ns;    /* wall time of the last setting */
    uid_t by;
};

/* Return a word for a server's settings: its state, `weight` if only that is set, `file` if unset (also for NULL). */
const char *by_hand_word(const struct by_hand *h);

struct rules;
struct ruling;

/* Apply the settings to the ruling. Call health_agree afterwards. */
void by_hand_apply(const struct rules *rules, struct ruling *r);
/* True if the server is down: by hand, or, if no state is set, by its checks. */
bool by_hand_down(const struct ruling *r, uint32_t server, bool checks_say);

struct program;
/* Return the server of that name; PBC_NONE: none. */
uint32_t by_hand_server(const struct program *p, const char *name);
/* Set a weight if w->weighted, which ends a drain, else a state. Publish the setting, later if memory is out. Return
 * 0, or -ENOMEM with nothing set. */
int by_hand_set(struct rules *rules, uint32_t server, const struct by_hand *w);
/* Return the weight in force: set by hand, or from the file. */
unsigned by_hand_weight(const struct ruling *r, uint32_t server);
/* Write the setting in force as one line. */
void by_hand_say(const struct ruling *r, uint32_t server, char *text, size_t len);

/* End the drains that have expired. Call once per second. False: out of memory. */
bool by_hand_tick(struct rules *rules, uint64_t now_ns);
/* Drop the settings of servers that no longer exist. Call after a reload, made or refused, and by_hand_apply. */
void by_hand_forget(struct rules *rules);
void by_hand_fini(struct rules *rules);

/* Services that an operator drains: they take no new connections, and existing ones go on until they end. They are
 * kept by name, as servers are. */
struct drained {
    struct drained *next;
    char *service;
    bool found;     /* the service is in the program of the last drained_apply */
    uint64_t at_ns; /* wall time at which it was set */
    uid_t by;
};

/* True if the service can be drained: it takes connections, and is not only for connections that `mode observe` cuts
 * into. */
bool drained_can(const struct program *p, uint32_t service);
/* Return the program's service of that name; PBC_NONE: none. */
uint32_t drained_service(const struct ruling *r, const char *name);
/* Return the drain of the service with that name; NULL: not draining. */
const struct drained *drained_find(const struct rules *rules, const char *name);

/* Apply the drains to the ruling. */
void drained_apply(const struct rules *rules, struct ruling *r);
/* Begin a drain by that user, or end it (`off`). Publish the change, later if memory is out. Return 0, or -ENOMEM
 * with nothing set. */
int drained_set(struct rules *rules, uint32_t service, bool off, uid_t by);

/* Write or read all settings of servers, and all drains (vm/keyed/archive.h). The input is hostile; it applies from
 * the next by_hand_apply and drained_apply on. */
struct archive;
void by_hand_archive(struct rules *rules, struct archive *a);
void drained_archive(struct rules *rules, struct archive *a);

/* Drop the drains of services that no longer exist. Call after a reload, made or refused, and drained_apply. */
void drained_forget(struct rules *rules);
void drained_fini(struct rules *rules);
