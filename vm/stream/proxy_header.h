/* Moved: vm/stream/first.h has it. */
#pragma once

#include "vm/stream/first.h"
