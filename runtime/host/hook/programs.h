/* Reasons for which a kernel refuses programs on an unusual machine */
#pragma once

/* Return the likely reason and its remedy, in a few words, for the negative errno of a refused program; NULL:
 * unknown */
const char *programs_lack(int failed);
