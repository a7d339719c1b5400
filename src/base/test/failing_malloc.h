/* base/test/failing_malloc.h - memory that runs out on request.
 *
 * The linker sends the rooms' malloc and realloc here (--wrap); the test sets how many more calls
 * succeed.  Included by one .c file of a test. */
#ifndef LC_BASE_TEST_FAILING_MALLOC_H
#define LC_BASE_TEST_FAILING_MALLOC_H

#include <limits.h>
#include <stddef.h>

static int mallocs_left = INT_MAX;

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
    return mallocs_left > 0 ? (mallocs_left--, __real_malloc(n)) : NULL;
}

void *__wrap_realloc(void *p, size_t n)
{
    return mallocs_left > 0 ? (mallocs_left--, __real_realloc(p, n)) : NULL;
}

#endif
