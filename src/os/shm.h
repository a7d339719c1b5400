/* os/shm.h - memory without a name that a process shares with its children. */
#ifndef LC_OS_SHM_H
#define LC_OS_SHM_H

#include "base/base.h"

/* size > 0.  Zeroed; a page takes memory once it is touched, and is given to nobody before.  LC_ENOMEM. */
LC_MUST_USE enum lc_rc lc_shm_open(size_t size, void **map);
void lc_shm_close(void *map, size_t size);

#endif
