/* One program that judges the frames of a capture, one by one, by the capture's clock. */
#pragma once

#include "compiler/traffic/reading.h"
#include "compiler/traffic/workshop.h"
#include "runtime/report/given/given_ports.h"
#include "runtime/report/said/streams.h"

/* The fate of a frame. `sent` is a sum over the places to which packets left because of the frame; equal places give
 * equal sums. */
struct outcome {
    struct verdict verdict;
    uint64_t sent;
};
struct player;
/* Called when a held frame is decided. */
typedef void player_settled_fn(void *arg, struct player *p, uint64_t frame, const struct outcome *f);

struct player {
    struct workshop shop;
    struct ports ports;
    struct known_routes routes;
    struct vm *vm;
    struct streams *streams; /* NULL: no connection ends at a proxy */
    uint64_t now_ns, tick_ns, step_ns;
    struct vm_tx tx;
    struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    player_settled_fn *settled;
    void *arg;
};

/* Return 0, or -1 after a line on standard error; call player_close in either case. */
int player_open(struct player *p, struct program *program, const struct reading *r, const char *path);
void player_close(struct player *p);
/* Set this machine's addresses from now on. The caller keeps the arrays. */
void player_self(struct player *p, const struct facts *self);
/* Judge the frame. After the verdict `held`, a later call reports the fate by player.settled. */
struct outcome player_judge(struct player *p, const struct capture_frame *f, uint64_t number);
/* Give up held frames at the end of the capture. */
void player_end(struct player *p);
/* Parse the frame as this program's worker does. */
void player_parse(struct player *p, const struct capture_frame *f, struct pkt *pkt, struct key *key);
