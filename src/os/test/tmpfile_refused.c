/* Takes the place of open: a file system that offers no nameless files. */
#include <errno.h>
#include <fcntl.h>

/* Both names: the C library takes the second where file offsets have 64 bits by choice. */
int __real_open64(const char *path, int flags, int mode);
int __wrap_open(const char *path, int flags, int mode);
int __wrap_open64(const char *path, int flags, int mode);

int __wrap_open64(const char *path, int flags, int mode)
{
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return __real_open64(path, flags, mode);
}

int __wrap_open(const char *path, int flags, int mode)
{
    return __wrap_open64(path, flags, mode);
}
