/* Servers' settings made by an operator. They go by the server's name, so that they outlive reloads while there is a
 * server of that name; they end with the process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What may be set: `file` takes all back. A drain is a weight of 0 until `until_ns`; then the server is down. */
enum by_hand_state { BY_HAND_FILE, BY_HAND_DRAIN, BY_HAND_UP, BY_HAND_DOWN, BY_HAND_STATES };
extern const char *const by_hand_words[BY_HAND_STATES];

struct by_hand {
    struct by_hand *next;
    char *server; /* POOL/SERVER */
    bool found;   /* the program of the last by_hand_apply has it */
    enum by_hand_state state;
    bool weighted, over; /* `weight` holds; the drain's time is up */
    uint16_t weight;
    uint64_t bound_ns; /* of a drain; 0: it has none */
    uint64_t until_ns; /* when that is over, monotonic */
    uint64_t at_ns;    /* when it was set last, on the wall */
    uid_t by;
};

/* What is set of a server, in a word: its state, `weight` where that alone is, `file` where nothing is (also h NULL).
 */
const char *by_hand_word(const struct by_hand *h);

struct rules;
struct ruling;

/* Bring the ruling in line with what is set; its health follows (health_agree). */
void by_hand_apply(const struct rules *rules, struct ruling *r);
/* Is the server down, by hand or, where that says nothing, by its checks? */
bool by_hand_down(const struct ruling *r, uint32_t server, bool checks_say);

/* The server of that name; PBC_NONE: the program that runs has none. */
uint32_t by_hand_server(const struct rules *rules, const char *name);
/* Set, and publish, later if memory is out for that: a weight where w->weighted, which ends a drain, else a state. 0,
 * or -ENOMEM: nothing is set. */
int by_hand_set(struct rules *rules, uint32_t server, const struct by_hand *w);
/* In force: as set, or of the file. */
unsigned by_hand_weight(const struct ruling *r, uint32_t server);
/* The setting in force, in a line. */
void by_hand_say(const struct ruling *r, uint32_t server, char *text, size_t len);

/* Once a second: drains whose time is up. False: memory is out. */
bool by_hand_tick(struct rules *rules, uint64_t now_ns);
/* After a reload, made or refused, and by_hand_apply: what is set of servers that are no more is forgotten. */
void by_hand_forget(struct rules *rules);
void by_hand_fini(struct rules *rules);
