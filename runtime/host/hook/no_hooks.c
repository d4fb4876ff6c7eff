/* Replaces clsact.c, xdp.c, hooks.c, xmit.c and across.c in a build without clang (make KERNEL=0) */
#include <errno.h>
#include <stdio.h>

#include "runtime/host/change_priv.h"
#include "runtime/host/hook/across.h"
#include "runtime/host/hook/hooks.h"
#include "runtime/host/hook/xdp.h"
#include "runtime/host/hook/xmit.h"

bool hooks_last(void) { return false; }

int hooks_undo(const char *what, const char *before, const char *after) { return -ENOTSUP; }

int gate_undo(const char *what, const char *before, const char *after) { return -ENOTSUP; }

int hooks_lack(const struct hooks_where devices[], unsigned count, char *err, size_t err_len) { return 0; }

unsigned hooks_handle(const char *name) { return 0; }

bool hooks_hidden(void) { return false; }

bool hooks_left(const char *name, const char *device, unsigned program) { return false; }

int hooks_set(struct state *s, const struct hooks_where *where, const struct hooks *h, bool replace, struct hooked *to,
              char *err, size_t err_len)
{
    snprintf(err, err_len, "this preyrun was built without clang");
    return -ENOTSUP;
}

int hooks_keep(struct state *s, const struct hooks_where *where, const struct hooks *h, struct hooked *on, char *err,
               size_t err_len)
{
    return 0;
}

unsigned hooks_standing(const char *name, const char *device) { return 0; }

void hooks_drop(struct state *s) {}

void hooks_off(struct state *s, const char *device, struct hooked *on) {}

void hooks_leave(struct hooked *h) {}

int xdp_try(unsigned ifindex) { return -ENOTSUP; }

struct xmit *xmit_open(void) { return NULL; }
void xmit_close(struct xmit *x) {}

bool xmit_takes(struct xmit *x, const struct host_link *link, bool generic, int try_send) { return true; }

bool xmit_driver_has_xdp(struct xmit *x, const struct host_link *link) { return true; }

bool across_possible(void) { return false; }

int across_set(struct state *s, const char *from, const char *to, char *err, size_t err_len)
{
    snprintf(err, err_len, "the bridge can't pass frames from %s to %s: this preyrun was built without clang", from,
             to);
    return -ENOTSUP;
}

int across_undo(const char *what, const char *before, const char *after) { return -ENOTSUP; }
