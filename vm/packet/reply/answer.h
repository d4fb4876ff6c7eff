/* Moved: vm/packet/reply/frame.h has it. */
#pragma once

#include "vm/packet/reply/frame.h"
