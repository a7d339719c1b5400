/* os/shm.c - see shm.h.   Runs in: master; its children inherit what it made. */
#include "os/shm.h"

#include <sys/mman.h>

#ifndef MAP_ANONYMOUS
#    define MAP_ANONYMOUS MAP_ANON
#endif
#ifndef MAP_NORESERVE
#    define MAP_NORESERVE 0
#endif

enum lc_rc lc_shm_open(size_t size, void **map)
{
    /* Without a reservation: most of it is never touched, and a system that counts promises would refuse it. */
    void *p =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        return LC_ENOMEM;
#ifdef MADV_NOHUGEPAGE
    if (madvise(p, size, MADV_NOHUGEPAGE) != 0) {
        /* the kernel knows no huge pages: none will be used */
    }
#endif
    *map = p;
    return LC_OK;
}

void lc_shm_close(void *map, size_t size)
{
    LC_CHECK(munmap(map, size) == 0);
}
