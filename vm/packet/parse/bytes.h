/* Moved: vm/packet/parse/read.h has it. */
#pragma once

#include "vm/packet/parse/read.h"
