/* The key of a program's hashes (lb.h): its `hash key`, or the published one. */
#ifndef VM_FORWARD_BALANCE_KEY_H
#define VM_FORWARD_BALANCE_KEY_H

#include "vm/forward/balance/lb.h"
#include "vm/program/program.h"

struct lb_hash_key balance_key(const struct program *p);

#endif
