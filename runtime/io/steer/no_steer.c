/* Replacement of steer.c, filter.c, deal.c and ../xdp.c in a build without clang (make KERNEL=0): --io xdp reports
 * that, and packet sockets have no filter and share frames by hash. */
#include <errno.h>
#include <unistd.h>

#include "runtime/io/io.h"
#include "runtime/io/steer/deal.h"
#include "runtime/io/steer/filter.h"
#include "runtime/io/steer/gate.h"
#include "runtime/io/steer/steer.h"

struct steer *steer_open(unsigned frame_most, char *err, size_t err_len)
{
    snprintf(err, err_len,
             "this preyrun has no --io xdp, because it was built without clang (make KERNEL=0): use --io packet");
    return NULL;
}

struct steer *steer_over(const int lent[STEER_LENT], unsigned frame_most, unsigned ifindex, char *err, size_t err_len)
{
    return steer_open(frame_most, err, err_len);
}

bool steer_lend(const struct steer *s, int lent[STEER_LENT]) { return false; }

unsigned steer_count(const struct steer_rules *r) { return r->guarded->match_count; }

int steer_rules(struct steer *s, const struct steer_rules *r) { return -ENOTSUP; }

void steer_close(struct steer *s) {}

int steer_world(struct steer *s, const struct facts *f, uint64_t mac) { return -ENOTSUP; }

int steer_begin(struct steer *s, unsigned ifindex, bool replace, bool *generic, char *err, size_t err_len)
{
    return -ENOTSUP;
}

uint64_t steer_too_long(const struct steer *s) { return 0; }

void io_maker_let_go(struct io_maker *m) {}
void io_maker_fini(struct io_maker *m) {}

unsigned umem_lend(const struct io_maker *m, unsigned worker, int lent[UMEM_LENT]) { return 0; }

bool umem_take(struct io_maker *m, unsigned worker, uint32_t slots, uint32_t slot_bytes, const int lent[],
               unsigned count)
{
    return false;
}

unsigned xdp_frame_most(uint32_t mtu) { return mtu + 22; }

bool xdp_refuses_mtu(const char *name, uint32_t mtu, unsigned in_front, struct obstacle *o) { return false; }

const struct io_ops io_RAISED = {.name = "tc"};
const struct io_ops io_RINGED = {.name = "xdp"};
const struct io_ops io_XDP = {.name = "xdp"};

struct io_port *ringed_join(struct io_port *xdp, struct io_port *ring) { return NULL; }

struct filter *filter_open(void) { return NULL; }
void filter_close(struct filter *f) {}
const uint64_t *filter_map(int memory) { return NULL; }

void filter_unmap(const uint64_t *at) {}

uint64_t filter_refused(const uint64_t *at, unsigned ifindex) { return 0; }

int filter_attach(const struct filter *f, int socket) { return -ENOTSUP; }

int filter_program(const struct filter *f) { return -1; }

int filter_attach_program(int program, int socket) { return -ENOTSUP; }

int filter_memory(const struct filter *f) { return -1; }

const char *gate_lacks(void) { return "this preyrun was built without clang (make KERNEL=0)"; }

void gate_leave(struct gate *g) {}

struct gate *gate_open(const struct filter *f) { return NULL; }

struct gate *gate_over(const struct gate_maps *maps) { return NULL; }
void gate_close(struct gate *g) {}

int gate_rules(struct gate *g, const struct guard_match *all, unsigned count, bool answers) { return -ENOTSUP; }

int gate_world(struct gate *g, const struct facts *f) { return -ENOTSUP; }

int gate_attach(struct gate *g, struct state *s, unsigned port, const char *device, unsigned ifindex, char *err,
                size_t err_len)
{
    return -ENOTSUP;
}

int gate_keep(struct gate *g, struct state *s, unsigned port, const char *device, char *err, size_t err_len)
{
    return 0;
}

void gate_detach(struct gate *g, unsigned port) {}
void gate_counts(const struct gate *g, unsigned ifindex, struct gate_count *sum) {}
void steer_counts(const struct steer *s, struct gate_count *sum) {}

struct deal *deal_open(void) { return NULL; }

struct deal *deal_adopt(int program, int memory)
{
    close(program);
    close(memory);
    return NULL;
}

void deal_close(struct deal *d) {}

int deal_program(const struct deal *d) { return -1; }

int deal_join(const struct deal *d, int socket) { return -ENOTSUP; }

int deal_join_program(int program, int socket) { return -ENOTSUP; }

bool deal_reads(int memory) { return false; }

int deal_memory(const struct deal *d) { return -1; }

struct deal_tables *deal_map(int memory, struct port_owners *ports) { return NULL; }

void deal_unmap(struct deal_tables *t) {}

bool deal_fill(struct deal_tables *t, const struct deal_world *w) { return false; }
