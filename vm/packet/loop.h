/* What shared code says so that the kernel's verifier takes it (docs/kernel.md, Rules for code). Natively these
 * are nothing; who builds for the kernel defines all of them before (vm/kernel/loop.bpf.h).
 *
 * LOOP: a loop that may be left at any turn. TURNS stands before it: how many turns it takes at most, whatever the
 * packet; kernels that know no `may_goto` count them. LOOSE: the same value, of which the verifier knows nothing, so
 * that a loop over it converges. FORGET: what was read from memory is read again, for the same end. WITHIN: the same
 * index, which the verifier sees is inside a packet's head. PKT_BYTES: a packet's first byte. */
#pragma once

#ifndef LOOP
#define TURNS(most)
#define LOOP(cond) (cond)
#define LOOSE(x)   (x)
#define WITHIN(i)  (i)
#define FORGET()
#define PKT_BYTES(pkt) ((pkt)->data)
#endif
