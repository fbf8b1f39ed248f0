/* Switching by a few instructions where they are known, else by ucontext, whose system calls
 * cost more than most kernels. Stacks lie far apart, since valgrind takes a small step of the
 * stack pointer for a call. */
#include "tests/support/fake/cuda/fiber.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#define STACK_BYTES  (256ul * 1024)
#define STRIDE_BYTES (4ul * 1024 * 1024)
#define FIBERS_MAX   2048

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define UNPOISON(address, size)          __asan_unpoison_memory_region((address), (size))
#define SWITCH_START(save, bottom, size) __sanitizer_start_switch_fiber((save), (bottom), (size))
#define SWITCH_END(save, bottom, size)   __sanitizer_finish_switch_fiber((save), (bottom), (size))
#else
#define UNPOISON(address, size)          ((void)(address), (void)(size))
#define SWITCH_START(save, bottom, size) ((void)(save), (void)(bottom), (void)(size))
#define SWITCH_END(save, bottom, size)   ((void)(save), (void)(bottom), (void)(size))
#endif

struct fiber {
    char *stack; /* its lowest byte */
    void (*main)(void);
    void *here, *back;           /* stack pointers while away */
    void *fake_here, *fake_back; /* the address sanitizer's */
    ucontext_t context_here, context_back;
};

static struct fiber fibers[FIBERS_MAX];
static unsigned fiber_count;
static struct fiber *starting;
static const void *scheduler_bottom;
static size_t scheduler_size;

static void fiber_begin(void)
{
    struct fiber *f = starting;

    SWITCH_END(NULL, &scheduler_bottom, &scheduler_size);
    f->main();
    abort();
}

#if defined(__x86_64__) && !defined(FIBER_UCONTEXT)
/* Keep what the calling convention wants kept, and change stacks. */
void fiber_switch(void **from, void *to);
__asm__(".text\n.local fiber_switch\n.type fiber_switch,@function\nfiber_switch:\n"
        "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "mov %rsp, (%rdi)\nmov %rsi, %rsp\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n"
        ".size fiber_switch,.-fiber_switch\n");

static void fiber_prepare(struct fiber *f)
{
    /* As if fiber_begin() had been called and had called fiber_switch(). */
    uintptr_t *top = (uintptr_t *)(f->stack + STACK_BYTES) - 1;

    *top = 0;
    *--top = (uintptr_t)fiber_begin;
    for (int i = 0; i < 6; i++)
        *--top = 0;
    f->here = top;
}

static void go(struct fiber *f)
{
    fiber_switch(&f->back, f->here);
}

static void come_back(struct fiber *f)
{
    fiber_switch(&f->here, f->back);
}
#else
static void fiber_prepare(struct fiber *f)
{
    getcontext(&f->context_here);
    f->context_here.uc_stack.ss_sp = f->stack;
    f->context_here.uc_stack.ss_size = STACK_BYTES;
    f->context_here.uc_link = NULL;
    makecontext(&f->context_here, fiber_begin, 0);
}

static void go(struct fiber *f)
{
    swapcontext(&f->context_back, &f->context_here);
}

static void come_back(struct fiber *f)
{
    swapcontext(&f->context_here, &f->context_back);
}
#endif

struct fiber *fiber_new(void (*main)(void))
{
    static char *stacks;
    struct fiber *f = &fibers[fiber_count];

    if (!stacks) {
        stacks = mmap(NULL, FIBERS_MAX * STRIDE_BYTES, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stacks == MAP_FAILED)
            abort();
    }
    if (fiber_count == FIBERS_MAX)
        abort();
    if (!f->stack) {
        f->stack = stacks + fiber_count * STRIDE_BYTES + STRIDE_BYTES - STACK_BYTES;
        if (mprotect(f->stack, STACK_BYTES, PROT_READ | PROT_WRITE) != 0)
            abort();
    }
    f->main = main;
    fiber_prepare(f);
    fiber_count++;
    return f;
}

void fiber_enter(struct fiber *f)
{
    starting = f;
    SWITCH_START(&f->fake_back, f->stack, STACK_BYTES);
    go(f);
    SWITCH_END(f->fake_back, NULL, NULL);
}

void fiber_leave(struct fiber *f)
{
    SWITCH_START(&f->fake_here, scheduler_bottom, scheduler_size);
    come_back(f);
    SWITCH_END(f->fake_here, &scheduler_bottom, &scheduler_size);
}

void fibers_forget(void)
{
    for (unsigned i = 0; i < fiber_count; i++)
        UNPOISON(fibers[i].stack, STACK_BYTES);
    fiber_count = 0;
}
