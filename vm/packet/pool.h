/* Moved: vm/packet/pkt.h has it. */
#pragma once

#include "vm/packet/pkt.h"
