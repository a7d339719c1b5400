/* Takes the place of the kernel's sendfile: a file system that does not offer it. */
#include <errno.h>
#include <sys/types.h>

/* The C library renames it where file offsets have 64 bits by choice; <sys/sendfile.h> would too. */
ssize_t __wrap_sendfile(int out, int in, void *off, size_t n);
ssize_t __wrap_sendfile64(int out, int in, void *off, size_t n);

ssize_t __wrap_sendfile64(int out, int in, void *off, size_t n)
{
    (void)out;
    (void)in;
    (void)off;
    (void)n;
    errno = EINVAL;
    return -1;
}

ssize_t __wrap_sendfile(int out, int in, void *off, size_t n)
{
    return __wrap_sendfile64(out, in, off, n);
}
