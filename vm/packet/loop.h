/* Loops as the kernel's verifier wants them (KERNEL.md, How shared code must look). Natively these are nothing; who
 * builds for the kernel defines both before: LOOP as a loop that may be left at any turn (`may_goto`), LOOSE as the
 * same value of which the verifier knows nothing, so that a loop over it converges. */
#ifndef VM_PACKET_LOOP_H
#define VM_PACKET_LOOP_H

#ifndef LOOP
#define LOOP(cond) (cond)
#define LOOSE(x)   (x)
#endif

#endif
