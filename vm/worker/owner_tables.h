/* Moved: vm/worker/owner.h has it. */
#pragma once

#include "vm/worker/owner.h"
