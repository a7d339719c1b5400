/* base/asan_int.h - tells AddressSanitizer which bytes nobody may touch.
 *
 * An allocator that hands out parts of one large block hides overruns from the sanitizer; marking
 * the free part by hand makes them visible again.  The conditions here are the compiler's, not a
 * system's, so they need not live in os. */
#ifndef LC_BASE_ASAN_INT_H
#define LC_BASE_ASAN_INT_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#    define LC_ASAN 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define LC_ASAN 1
#    endif
#endif

#ifdef LC_ASAN
#    include <sanitizer/asan_interface.h>
#else
#    define LC_ASAN 0
#endif

/* gcc takes the const pointer for a promise to read, and what malloc gave for uninitialised. */
#if LC_ASAN && !defined(__clang__)
#    pragma GCC diagnostic push
#    pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
static inline void lc_asan_poison(const void *p, size_t n)
{
#if LC_ASAN
    if (n != 0)
        __asan_poison_memory_region(p, n);
#else
    (void)p;
    (void)n;
#endif
}
#if LC_ASAN && !defined(__clang__)
#    pragma GCC diagnostic pop
#endif

static inline void lc_asan_unpoison(const void *p, size_t n)
{
#if LC_ASAN
    if (n != 0)
        __asan_unpoison_memory_region(p, n);
#else
    (void)p;
    (void)n;
#endif
}

#endif
