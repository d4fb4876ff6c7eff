/* Moved: vm/packet/wire.h has it. */
#pragma once

#include "vm/packet/wire.h"
