/* Stacks that are switched by hand. */
#ifndef TESTS_SUPPORT_FAKE_CUDA_FIBER_H
#define TESTS_SUPPORT_FAKE_CUDA_FIBER_H

struct fiber;

/* Runs main on its first enter; main never returns, it leaves. Aborts when out of memory. */
struct fiber *fiber_new(void (*main)(void));
/* From the scheduler's stack: until the fiber leaves. */
void fiber_enter(struct fiber *f);
/* From the fiber: back to where it was entered. */
void fiber_leave(struct fiber *f);
/* Make all of them new again: none of them will be entered any more. */
void fibers_forget(void);

#endif
