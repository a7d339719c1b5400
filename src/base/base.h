/* base/base.h - what every room stands on: attributes, checks, small macros.
 *
 * LC_CHECK stays on in release: a broken invariant must stop the worker (its master forks another)
 * rather than let it answer with somebody else's bytes.  Costly checks go under LC_DEBUG_CHECK. */
#ifndef LC_BASE_BASE_H
#define LC_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rc.h"

#define LC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define LC_NORETURN          __attribute__((noreturn))
#define LC_UNUSED            __attribute__((unused))
#define LC_HOT               __attribute__((hot))
#define LC_COLD              __attribute__((cold, noinline))
#define LC_LIKELY(x)         __builtin_expect(!!(x), 1)
#define LC_UNLIKELY(x)       __builtin_expect(!!(x), 0)

#define LC_ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define LC_BIT(n)                          (1u << (n))
#define LC_MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define LC_MAX(a, b)                       ((a) > (b) ? (a) : (b))
#define LC_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Prints where and what to descriptor 2 and aborts. */
LC_NORETURN LC_COLD void lc_check_failed(const char *what, const char *file, int line);

#define LC_CHECK(cond)                                  \
    do {                                                \
        if (LC_UNLIKELY(!(cond)))                       \
            lc_check_failed(#cond, __FILE__, __LINE__); \
    } while (0)

#ifdef LC_DEBUG
#    define LC_DEBUG_CHECK(cond) LC_CHECK(cond)
#else
#    define LC_DEBUG_CHECK(cond) ((void)0)
#endif

/* Long-lived structs begin with `uint32_t magic`; public entries say LC_OBJ(c, CONN). */
#define LC_MAGIC_CONN     0x4c43434fu
#define LC_MAGIC_EXCHANGE 0x4c434558u
#define LC_MAGIC_LISTENER 0x4c434c49u
#define LC_MAGIC_LOOP     0x4c434c4fu
#define LC_MAGIC_OWNER    0x4c434f57u
#define LC_MAGIC_WORKER   0x4c43574bu
#define LC_MAGIC_MASTER   0x4c434d41u
#define LC_MAGIC_WATCHER  0x4c435741u
#define LC_MAGIC_SCORE    0x4c435343u
#define LC_MAGIC_ACCESS   0x4c434143u
#define LC_OBJ(p, KIND)   LC_CHECK((p) != NULL && (p)->magic == LC_MAGIC_##KIND)

#endif
