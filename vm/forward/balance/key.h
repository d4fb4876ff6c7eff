/* The key of a program's hashes (lb.h): its `hash key`, or the published one */
#pragma once

#include "vm/forward/balance/lb.h"
#include "vm/program/program.h"

struct lb_hash_key balance_key(const struct program *p);
