/* Attributes and small macros that every file may use. Knows nothing else. */
#ifndef CORE_BASE_H
#define CORE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)          (sizeof(a) / sizeof((a)[0]))
#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
/* Run fn(&variable) when the variable goes out of scope, on every return. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define UNUSED(x)   ((void)(x))

/* The struct that holds `member` at `ptr`: the checked way from an embedded
 * base (a vtable's first member) to the object around it. */
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
