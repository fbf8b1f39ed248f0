/* One at a time among the children of a run: some figures are only true while no other GPU of the
 * machine is measured. A child that dies lets go by dying. */
#ifndef GPU_ALONE_H
#define GPU_ALONE_H

#include "core/clock.h"

/* In the parent, before it forks: a lock that its children inherit. 0 when there is none to be
 * had; everything below accepts that. */
int alone_open(void);
void alone_close(int fd);

/* Wait until no other process has it, but not longer than `wait_ms`: a neighbour stuck in its
 * driver must not stop this one, whose figure may then be too low. False when time was up. */
bool alone_begin(int fd, struct clock *clock, int64_t wait_ms);
void alone_end(int fd);

#endif
