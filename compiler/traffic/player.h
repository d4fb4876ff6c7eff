/* One program that a capture's frames go through, one by one, with the capture's clock. */
#ifndef COMPILER_PLAYER_H
#define COMPILER_PLAYER_H

#include "compiler/traffic/reading.h"
#include "compiler/traffic/workshop.h"
#include "runtime/replay/ports.h"
#include "runtime/replay/streams.h"

/* What became of a frame: `sent` is a sum over where what left for it went, the same wherever that is the same. */
struct outcome {
    struct verdict verdict;
    uint64_t sent;
};
struct player;
/* A frame that was held is decided. */
typedef void player_settled_fn(void *arg, struct player *p, uint64_t frame, const struct outcome *f);

struct player {
    struct workshop shop;
    struct ports ports;
    struct vm *vm;
    struct streams *streams; /* NULL: no connection ends at a proxy */
    uint64_t now_ns, tick_ns, step_ns;
    struct vm_tx tx;
    struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    player_settled_fn *settled;
    void *arg;
};

/* 0, or -1 after a line on standard error; player_close in either case. */
int player_open(struct player *p, struct program *program, const struct reading *r, const char *path);
void player_close(struct player *p);
/* Judge the frame; verdict `held`: player.settled hears of it, by a later call. */
struct outcome player_judge(struct player *p, const struct capture_frame *f, uint64_t number);
/* The capture has ended: what waits is given up. */
void player_end(struct player *p);
/* The frame as this program's worker parses it. */
void player_parse(struct player *p, const struct capture_frame *f, struct pkt *pkt, struct key *key);

#endif
