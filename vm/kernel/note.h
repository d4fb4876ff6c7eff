/* Moved: vm/kernel/gate.h has it. */
#pragma once

#include "vm/kernel/gate.h"
