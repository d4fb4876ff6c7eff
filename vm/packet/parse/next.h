/* Moved: vm/packet/parse/header.h has it. */
#pragma once

#include "vm/packet/parse/header.h"
