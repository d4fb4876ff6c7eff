/* Moved: vm/kernel/gen/gen.h has it. */
#pragma once

#include "vm/kernel/gen/gen.h"
