/* Live sets in a change of programs. */
#pragma once

extern const struct part part_members;
