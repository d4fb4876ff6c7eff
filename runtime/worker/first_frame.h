/* The packet that began a flow, made anew from its tuple. */
#ifndef RUNTIME_WORKER_FIRST_FRAME_H
#define RUNTIME_WORKER_FIRST_FRAME_H

#include "vm/packet/reply/frame.h"
#include "vm/verdict.h"

/* As its sender wrote it; of TCP a SYN, of ICMP an echo request. */
struct frame_spec first_frame(const struct flow_record *flow);

#endif
