/* The first stage for devices without Ethernet, whose packets begin with IP: at traffic control only. */
#define FORM_LINK LINK_RAW
#include "vm/kernel/look/look.bpf.h"

SEC("tc") int look_bare(struct __sk_buff *ctx) { return look_at(ctx); }
SEC("tc") int look_bare_in(struct __sk_buff *ctx) { return look_arrived(ctx, STAGE_LOOK_BARE); }
